//! The table of writes through the stack, in front of an app that a test holds.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;

use http_body_util::Full;
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;

use super::*;
use crate::metrics;
use crate::scim::profile::Profile;
use crate::server::Inner;
use crate::server::drain::Drain;
use crate::server::settings::{Bearer, Client, Limits};
use crate::server::stack::{Stack, stack};

/// A stack in front of an app that says what it begins, and then waits to be let go on. It counts its answers.
struct Held {
    stack: Stack<Full<Bytes>>,
    gate: Arc<Semaphore>,
    begun: mpsc::UnboundedReceiver<String>,
    drain: Drain,
}

fn held(answer_time: Duration) -> Held {
    let (say, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let (inside, count) = (gate.clone(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let inner = Inner::new(tower::service_fn(move |request: Request<Bytes>| {
        let (say, gate, count) = (say.clone(), inside.clone(), count.clone());
        async move {
            say.send(format!("{} {}", request.method(), request.uri())).unwrap();
            gate.acquire().await.unwrap().forget();
            assert_ne!(request.uri().path(), "/scim/v2/Users/panic", "on purpose");
            let number = 1 + count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let answer = Response::builder().header(LOCATION, "https://scim.example/tenant/scim/v2/Users/a%40b");
            Ok::<_, Infallible>(answer.body(Bytes::from(number.to_string())).unwrap())
        }
    }));
    let client = |name: &str| {
        let sha256 = Sha256::digest(name).into();
        Client {
            name: name.into(),
            profile: Profile::STRICT,
            bearers: vec![Bearer { sha256, until: None }],
            tenant: None,
        }
    };
    let limits = Limits { answer_time, ..Limits::default() };
    let drain = Drain::new();
    let stack = stack("/scim/v2", vec![client("one"), client("two")], limits, drain.clone(), inner);
    Held { stack, gate, begun, drain }
}

impl Held {
    fn send(&self, line: &str, more: &str) -> impl Future<Output = (u16, String)> + Send + use<> {
        let (client, line) = line.split_once(' ').unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let (header, body) = more.split_once('|').unwrap_or(("", more));
        let mut request = Request::builder().method(method).uri(format!("/scim/v2{path}"));
        request = request.header("authorization", format!("Bearer {client}"));
        if let Some((name, value)) = header.split_once(": ") {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let answer = self.stack.clone().oneshot(request);
        async move {
            let answer = answer.await.unwrap();
            let wait = answer.headers().get("retry-after").map_or("", |v| v.to_str().unwrap());
            let body = std::str::from_utf8(answer.body()).unwrap();
            let said = if answer.status() == 200 { body.to_owned() } else { format!("after {wait}") };
            (answer.status().as_u16(), said)
        }
    }

    /// What the app begins with next.
    async fn begins(&mut self) -> String {
        tokio::time::timeout(LONG, self.begun.recv()).await.unwrap().unwrap()
    }

    /// Sends until there is another answer than that the write goes on.
    async fn send_until(&self, line: &str, more: &str) -> (u16, String) {
        loop {
            match self.send(line, more).await {
                (503, _) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    }
}

const LATE: fn() -> (u16, String) = || (503, "after 5".to_owned());
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn who_hangs_up_and_asks_again_hears_the_end_of_the_first() {
    let mut held = held(LONG);
    {
        let mut first = pin!(held.send("one POST /Users", "ann"));
        tokio::select! {
            answer = &mut first => panic!("{answer:?}"),
            begun = held.begins() => assert_eq!(begun, "POST /scim/v2/Users"),
        }
    }
    let mut second = pin!(held.send("one POST /Users", "ann"));
    let third = tokio::spawn(held.send("one POST /Users", "ann"));
    tokio::select! {
        biased;
        answer = &mut second => panic!("{answer:?}"),
        () = tokio::task::yield_now() => {}
    }
    held.gate.add_permits(9);
    assert_eq!(second.await, (200, "1".to_owned()));
    assert_eq!(third.await.unwrap(), (200, "1".to_owned()));
    assert!(held.begun.try_recv().is_err(), "it was done once");
    assert_eq!(held.send("one POST /Users", "ann").await, (200, "2".to_owned()), "told once, it is forgotten");
}

#[tokio::test]
async fn a_write_that_takes_too_long_is_503_and_asked_for_again() {
    for line in ["one POST /Users", "one PUT /Users/1?attributes=a", "one PATCH /Users/1", "one POST /Bulk"] {
        let mut held = held(Duration::ZERO);
        assert_eq!(held.send(line, "ann").await, LATE(), "{line}");
        held.begins().await;
        assert_eq!(held.send(line, "ann").await, LATE(), "{line}");
        assert_eq!(held.drain.in_flight(), 1, "the end of the process waits for it, {line}");
        held.gate.add_permits(9);
        assert_eq!(held.send_until(line, "ann").await, (200, "1".to_owned()), "{line}");
        assert!(held.begun.try_recv().is_err(), "{line}: done once");
        for counter in ["late", "joined"] {
            let none = format!("portolan_{counter}_writes_total 0");
            assert!(!metrics::text().lines().any(|line| line == none), "{counter}");
        }
        tokio::time::timeout(LONG, held.drain.empty()).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_504_and_stopped() {
    for line in ["one GET /Users", "one HEAD /Users/1", "one POST /Users/.search", "one POST /.search"] {
        let held = held(Duration::ZERO);
        assert_eq!(held.send(line, "").await.0, 504, "{line}");
        tokio::time::timeout(LONG, held.drain.empty()).await.unwrap();
    }
}

#[tokio::test]
async fn what_differs_is_another_write() {
    let mut held = held(Duration::ZERO);
    let lines = [
        ("one PATCH /Users/1", "body"),
        ("two PATCH /Users/1", "body"),
        ("one PUT /Users/2", "body"),
        ("one PATCH /Users/3?attributes=a", "body"),
        ("one PATCH /Users/4", "if-match: W/\"1\"|body"),
        ("one PATCH /Users/5", "if-none-match: W/\"1\"|body"),
        ("one DELETE /Users/6", ""),
        ("one POST /Users", "a"),
        ("one POST /Users", "b"),
    ];
    for (line, more) in lines {
        assert_eq!(held.send(line, more).await, LATE());
        held.begins().await;
    }
    for (line, more) in lines {
        assert_eq!(held.send(line, more).await, LATE());
        assert!(held.begun.try_recv().is_err(), "{line} joins its own");
    }
    for (line, more) in [
        ("one PUT /Users/1", "body"),
        ("one PATCH /Users/1?attributes=a", "body"),
        ("one PATCH /Users/1", "if-match: W/\"1\"|body"),
        ("one PATCH /Users/1", "other"),
        ("two POST /Users", "a"),
    ] {
        assert_eq!(held.send(line, more).await, LATE());
        assert!(held.begins().await.contains("/scim/v2/Users"), "{line} {more} is new");
    }
}

#[tokio::test]
async fn what_is_meant_anew_is_done_anew() {
    let (on, off) = ("{\"active\": true}", "{\"active\": false}");
    for (first, then, anew) in [
        (("PATCH /Users/1", off), ("PATCH /Users/1", on), true),
        (("PATCH /Users/1", off), ("DELETE /Users/%31/", ""), true),
        (("PATCH /Users/1", off), ("POST /Bulk", on), true),
        (("POST /Bulk", off), ("PATCH /Users/1", on), true),
        // The first made the user with this id.
        (("POST /Users", "ann"), ("DELETE /Users/a@b", ""), true),
        (("POST /Users", "ann"), ("POST /Users", "bob"), false),
        (("POST /Users", "ann"), ("PUT /Users/2", ""), false),
        (("PATCH /Users/1", off), ("PATCH /Groups/1", on), false),
    ] {
        let mut held = held(Duration::ZERO);
        let send = |(line, body): (&str, &str)| held.send(&format!("one {line}"), body);
        assert_eq!(send(first).await, LATE());
        held.begins().await;
        held.gate.add_permits(1);
        while held.drain.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(held.send(&format!("one {}", then.0), then.1).await, LATE());
        held.begins().await;
        held.gate.add_permits(9);
        let again = held.send_until(&format!("one {}", first.0), first.1).await;
        assert_eq!(again.1, if anew { "3" } else { "1" }, "{first:?} {then:?}");
    }
}

#[tokio::test]
async fn a_panic_is_told_to_all_who_wait_and_kept_for_nobody() {
    let mut held = held(LONG);
    let mut first = pin!(held.send("one PATCH /Users/panic", ""));
    tokio::select! {
        answer = &mut first => panic!("{answer:?}"),
        _ = held.begins() => {}
    }
    let second = held.send("one PATCH /Users/panic", "");
    held.gate.add_permits(9);
    assert_eq!(tokio::join!(first, second).0.0, 500);
    assert_eq!(held.send("one PATCH /Users/panic", "").await.0, 500);
    assert!(held.begins().await.contains("panic"), "it is tried again");
}

fn entered(late: &Arc<Late>, body: &str) -> Run {
    let request = Request::post("/scim/v2/Users").body(Bytes::from(body.to_owned())).unwrap();
    match late.enter(&"one".into(), Endpoint::Collection, &request) {
        Entry::First(run, _) => run,
        Entry::Joined(_) => panic!("joined"),
    }
}

fn held_by(late: &Late) -> usize {
    late.writes().by_digest.len()
}

#[tokio::test]
async fn answers_that_nobody_hears_have_bounds() {
    let late = Late::new([1; 32], Duration::ZERO);
    let run = entered(&late, "ann");
    assert!(!run.ended(Response::new(Bytes::from_static(b"Ann"))), "nobody waits");
    assert_eq!(held_by(&late), 1);
    run.told().await;
    assert_eq!(held_by(&late), 0, "its time is over");

    let late = Late::new([1; 32], LONG);
    let running = entered(&late, "running");
    let runs: Vec<Run> = (0..=ANSWERS).map(|n| entered(&late, &n.to_string())).collect();
    assert!(!runs.iter().any(|run| run.ended(Response::default())));
    assert_eq!(held_by(&late), 1 + ANSWERS, "what runs, and the last ones");
    assert!(!late.writes().by_digest.contains_key(&runs[0].digest));
    let large = || Response::new(Bytes::from(vec![b'x'; BYTES / 2 + 1]));
    runs[1].ended(large());
    assert_eq!(held_by(&late), 1 + ANSWERS);
    runs[2].ended(large());
    assert_eq!(held_by(&late), ANSWERS, "the older of the two large ones went");
    runs[3].ended(Response::new(Bytes::from(vec![b'x'; BYTES + 1])));
    drop((running, runs));
    assert_eq!(held_by(&late), 0);
}
