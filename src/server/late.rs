//! Writes under way, so that one which nobody heard the end of can be asked for again: the same request joins it and gets
//! its answer, where a second POST would make a second account or be told that the first is there already.
//!
//! A write is found by a keyed digest of what makes it the same request; nothing of it is held in clear but its answer, and that
//! only until somebody was told, or for a while. A later write of the same client to the same resource ends it: what is
//! sent again after that is meant anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::scim::endpoint::Endpoint;

/// The most answers that are kept, and their bytes. Beyond, the oldest go.
const ANSWERS: usize = 256;
const BYTES: usize = 4 << 20;

/// What a request joins, or is found by.
type Digest = [u8; 32];

/// The answer of a write, once it is there; dropped without one if the write's task ends in a panic.
type Awaited = watch::Receiver<Option<Response<Bytes>>>;

/// All writes under way, and those that nobody heard the end of.
pub(super) struct Late {
    key: [u8; 32],
    keep: Duration,
    writes: Mutex<Writes>,
}

#[derive(Default)]
struct Writes {
    by_digest: HashMap<Digest, Write>,
    begun: u64,
}

struct Write {
    number: u64,
    client: Arc<str>,
    about: About,
    answer: Awaited,
    /// The bytes of the answer, once it is there.
    ended: Option<usize>,
}

/// What a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// What nobody can name yet: it is being made.
    New,
    /// One resource.
    One(Digest),
    /// Whatever its operations say.
    Many,
}

/// What became of a request that writes.
pub(super) enum Entry {
    /// It is the first: do it, then say how it [ended](Run::ended).
    First(Run, Waiting),
    /// It is under way, or done and nobody heard.
    Joined(Waiting),
}

/// A write that is being done.
pub(super) struct Run {
    late: Arc<Late>,
    digest: Digest,
    number: u64,
    answer: watch::Sender<Option<Response<Bytes>>>,
}

/// Somebody who waits for an answer.
pub(super) struct Waiting {
    late: Arc<Late>,
    digest: Digest,
    number: u64,
    answer: Awaited,
}

impl Late {
    /// `key` is by chance: digests cannot be compared with guesses from outside.
    pub(super) fn new(key: [u8; 32], keep: Duration) -> Arc<Self> {
        Arc::new(Self { key, keep, writes: Mutex::default() })
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a write of this client, or joins it to the one that it repeats.
    pub(super) fn enter(self: &Arc<Self>, client: &Arc<str>, endpoint: Endpoint, request: &Request<Bytes>) -> Entry {
        let digest = self.digest(client, request);
        let about = match (endpoint, request.method()) {
            (Endpoint::Bulk, _) => About::Many,
            (_, &Method::POST) => About::New,
            _ => About::One(self.resource(client, request.uri().path())),
        };
        let mut writes = self.writes();
        if let Some(same) = writes.by_digest.get(&digest) {
            let (number, answer) = (same.number, same.answer.clone());
            return Entry::Joined(Waiting { late: self.clone(), digest, number, answer });
        }
        writes.by_digest.retain(|_, other| other.client != *client || !about.meets(other.about));
        writes.begun += 1;
        let number = writes.begun;
        let (sender, answer) = watch::channel(None);
        let write = Write { number, client: client.clone(), about, answer: answer.clone(), ended: None };
        writes.by_digest.insert(digest, write);
        drop(writes);
        let run = Run { late: self.clone(), digest, number, answer: sender };
        Entry::First(run, Waiting { late: self.clone(), digest, number, answer })
    }

    /// What makes a request the same: who asks for what, under which condition, with which body.
    fn digest(&self, client: &str, request: &Request<Bytes>) -> Digest {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let mut parts: Vec<&[u8]> = vec![client.as_bytes(), request.method().as_str().as_bytes(), target.as_bytes()];
        for name in &[IF_MATCH, IF_NONE_MATCH] {
            parts.push(name.as_str().as_bytes());
            parts.extend(request.headers().get_all(name).iter().map(http::HeaderValue::as_bytes));
        }
        parts.push(b"body");
        parts.push(request.body());
        self.hash(&parts)
    }

    /// A resource by its type's endpoint and its id, as they end a path or a URL.
    fn resource(&self, client: &str, path: &str) -> Digest {
        let mut ends = path.trim_end_matches('/').rsplit('/').map(|end| percent_decode_str(end).collect::<Vec<u8>>());
        let (id, endpoint) = (ends.next().unwrap_or_default(), ends.next().unwrap_or_default());
        self.hash(&[client.as_bytes(), &endpoint, &id])
    }

    /// Each part goes with its length, so that no two lists of parts are one text.
    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = Sha256::new_with_prefix(self.key);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn forget(&self, digest: &Digest, number: u64) {
        let mut writes = self.writes();
        if writes.by_digest.get(digest).is_some_and(|write| write.number == number) {
            writes.by_digest.remove(digest);
        }
    }
}

impl About {
    /// Whether what was done before may be undone by this.
    fn meets(self, before: Self) -> bool {
        match (self, before) {
            (Self::New, _) | (_, Self::New) => false,
            (Self::One(mine), Self::One(other)) => mine == other,
            (Self::Many, _) | (_, Self::Many) => true,
        }
    }
}

impl Writes {
    /// Lets the oldest answers go until the rest is within its bounds.
    fn shrink(&mut self) {
        loop {
            let ended =
                || self.by_digest.iter().filter_map(|(digest, write)| Some((digest, write.number, write.ended?)));
            if ended().count() <= ANSWERS && ended().map(|(_, _, bytes)| bytes).sum::<usize>() <= BYTES {
                return;
            }
            let Some(oldest) = ended().min_by_key(|(_, number, _)| *number).map(|(digest, ..)| *digest) else { return };
            self.by_digest.remove(&oldest);
        }
    }
}

impl Run {
    /// Gives the answer to all who wait, and says whether anybody does. Where nobody does, it is there for who asks again.
    pub(super) fn ended(&self, answer: Response<Bytes>) -> bool {
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let mut writes = self.late.writes();
        let mut waiting = self.answer.receiver_count();
        if let Some(write) = writes.by_digest.get_mut(&self.digest).filter(|write| write.number == self.number) {
            waiting -= 1;
            write.ended = Some(answer.body().len());
            if let (About::New, Some(location)) = (write.about, location) {
                write.about = About::One(self.late.resource(&write.client, location));
            }
            writes.shrink();
        }
        drop(writes);
        self.answer.send_replace(Some(answer));
        waiting > 0
    }

    /// Waits until somebody was told, or nobody asked for too long.
    pub(super) async fn told(self) {
        let _ = tokio::time::timeout(self.late.keep, self.answer.closed()).await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.late.forget(&self.digest, self.number);
    }
}

impl Waiting {
    /// The answer; none if the write ended in a panic. Whoever is told is told for all: it is kept no longer.
    pub(super) async fn answer(mut self) -> Option<Response<Bytes>> {
        let answer = self.answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        self.late.forget(&self.digest, self.number);
        answer
    }
}

#[cfg(test)]
mod tests;
