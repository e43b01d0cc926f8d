//! Pages by index over a walk: where the page before ended is kept for a while, so that an import by startIndex 1, 101, 201 …
//! reads on from there and not from the beginning each time. What is kept is the same [`Place`] that a cursor holds, so
//! who comes or goes in between moves nobody. A request without a bookmark is answered all the same; it only costs more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    backend::Session,
    plan::{
        follow::Place,
        query::{Query, Source},
    },
};

use super::{Error, Gateway, anew::Before, fetch::Found};

/// How long one is good for.
const LIFE: Duration = Duration::from_secs(120);

/// How many are kept. With ids of common length that is far below a megabyte.
const MOST: usize = 1000;

/// Whose query: a digest, as a filter may hold personal values.
type Asked = [u8; 32];

/// Where pages ended.
#[derive(Debug, Default)]
pub(super) struct Bookmarks(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    /// How many writes have ended since the start.
    writes: u64,
    /// By the query and the first index behind the page.
    marks: HashMap<(Asked, usize), Bookmark>,
}

#[derive(Debug, Clone, PartialEq)]
struct Bookmark {
    place: Place,
    /// How many match, as this run through the pages has it.
    total: usize,
    made: Instant,
}

/// A write under way: when it ends, however it ends, all bookmarks go, as a total may be another one now. Of every type: who
/// joins a group has other `groups` too.
#[derive(Debug)]
pub(super) struct Writing<'b>(&'b Bookmarks);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut shelf = self.0.shelf();
        shelf.writes += 1;
        shelf.marks.clear();
    }
}

impl Bookmarks {
    /// To be held during a write.
    pub(super) fn writing(&self) -> Writing<'_> {
        Writing(self)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writes(&self) -> u64 {
        self.shelf().writes
    }

    fn at(&self, asked: Asked, index: usize, now: Instant) -> Option<Bookmark> {
        self.shelf().marks.get(&(asked, index)).filter(|mark| now.duration_since(mark.made) < LIFE).cloned()
    }

    /// Keeps one, unless somebody wrote since there were so many `writes`: its page may have been read before.
    fn keep(&self, asked: Asked, index: usize, mark: Bookmark, writes: u64) {
        let mut shelf = self.shelf();
        if shelf.writes != writes {
            return;
        }
        if shelf.marks.len() >= MOST {
            let oldest = shelf.marks.iter().min_by_key(|(_, mark)| mark.made).map(|(key, _)| *key);
            oldest.and_then(|key| shelf.marks.remove(&key));
        }
        shelf.marks.insert((asked, index), mark);
    }
}

impl Gateway {
    /// A page by index. The first is always read anew, and with it all that matches is counted.
    pub(super) async fn by_index(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        asker: (&str, Option<&str>),
    ) -> Result<Found, Error> {
        let (client, _) = asker;
        let Some(asked) = asked(query, asker) else { return self.query(session, query, client).await };
        let writes = self.bookmarks.writes();
        let mark = match query.skip {
            0 => None,
            skip => self.bookmarks.at(asked, skip, Instant::now()),
        };
        let mut before = Before::default();
        let found = match mark {
            Some(mark) => before.round(self.read_on(session, query, mark, client).await)?,
            None => None,
        };
        let mut found = match found {
            Some(found) => found,
            None => self.query_after(before, session, query, client).await?,
        };
        if let Some(place) = found.next.take() {
            let mark = Bookmark { place, total: found.total, made: Instant::now() };
            self.bookmarks.keep(asked, query.skip + found.resources.len(), mark, writes);
        }
        Ok(found)
    }

    /// The page behind a bookmark; nothing where its place is gone, or rows shift so that it cannot be told.
    async fn read_on(
        &self,
        session: &mut Session,
        query: &Query<'_>,
        mark: Bookmark,
        client: &str,
    ) -> Result<Option<Found>, Error> {
        let page = match self.behind(session, query, Some(mark.place), false, client).await {
            Ok(Some(page)) => page,
            Ok(None) | Err(Error::LostPlace) => return Ok(None),
            Err(error) => return Err(error),
        };
        let told = query.skip + page.resources.len();
        // Who went meanwhile is still in the total of this run. At its end the total is what was told, so that a client that
        // counts up to it comes to an end too.
        let total = match page.next {
            Some(_) => mark.total.max(told),
            None => told,
        };
        Ok(Some(Found { resources: page.resources, total, next: page.next.filter(|_| told < total) }))
    }
}

/// What a bookmark belongs to; none where the page costs the same without: the app's own pages, one record, no page at
/// all. Nor in an order that is made here: there all that matches is read anyway, and keeping that would be keeping people.
fn asked(query: &Query<'_>, asker: (&str, Option<&str>)) -> Option<Asked> {
    let streams = query.source.is_stream() && !matches!(query.source, Source::Fixed(_));
    let walks = (streams || matches!(query.source, Source::Table(..))) && !query.native;
    if !walks || query.sorts_here().is_some() || query.count == 0 {
        return None;
    }
    let sort = query.sort.as_ref().map(|sort| (sort.target().to_string(), sort.descending()));
    let asked = json!([asker, query.resource.kind.name, query.condition.to_string(), sort]);
    Some(Sha256::digest(asked.to_string()).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::Value;

    use super::*;
    use crate::plan::sql::order::After;

    fn mark(made: Instant) -> Bookmark {
        Bookmark { place: Place::Row(After { key: json!(1), by: Value::Null }), total: 7, made }
    }

    #[test]
    fn a_bookmark_is_good_for_two_minutes() {
        let (marks, now) = (Bookmarks::default(), Instant::now());
        marks.keep([1; 32], 100, mark(now), 0);
        let second = Duration::from_secs(1);
        assert_eq!(marks.at([1; 32], 100, now + LIFE - second), Some(mark(now)));
        assert_eq!(marks.at([1; 32], 100, now + LIFE), None);
        assert_eq!(marks.at([1; 32], 101, now), None);
        assert_eq!(marks.at([2; 32], 100, now), None);
    }

    #[test]
    fn there_are_never_more_than_so_many_and_the_oldest_goes() {
        let (marks, now) = (Bookmarks::default(), Instant::now());
        for index in 0..=MOST {
            marks.keep([1; 32], index, mark(now + Duration::from_millis(index as u64)), 0);
        }
        assert_eq!(marks.shelf().marks.len(), MOST);
        assert_eq!(marks.at([1; 32], 0, now), None);
        assert!(marks.at([1; 32], 1, now).is_some() && marks.at([1; 32], MOST, now).is_some());
    }

    #[test]
    fn a_write_drops_them_all_and_what_was_read_before_it_ended_is_not_kept() {
        let (marks, now) = (Bookmarks::default(), Instant::now());
        marks.keep([1; 32], 1, mark(now), marks.writes());
        let writes = marks.writes();
        drop(marks.writing());
        assert_eq!(marks.at([1; 32], 1, now), None);
        marks.keep([1; 32], 1, mark(now), writes);
        assert_eq!(marks.at([1; 32], 1, now), None);
        marks.keep([1; 32], 1, mark(now), marks.writes());
        assert!(marks.at([1; 32], 1, now).is_some());
    }
}
