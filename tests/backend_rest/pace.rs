//! What of a call's time is left when its turn comes, and what says that the app is away.

use tokio::join;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

async fn asked(backend: &Backend, target: &str) -> Result<Class, (Kind, bool)> {
    let call = Call::Http(HttpCall { repeat: true, ..get(target) });
    let reply = backend.read().await.unwrap().call(&call).await;
    reply.map(|reply| reply.class).map_err(|failure| (failure.kind, failure.sent))
}

/// The time for which an app that is away is left alone has passed.
async fn later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
}

/// Ten calls that come to no answer, and the app is left alone; then one looks.
#[tokio::test]
async fn an_app_that_is_away_is_left_alone_for_a_while() {
    let (origin, heads) = misbehave([vec![Act::Reset; 11], vec![Act::Say(OK); 3]].concat()).await;
    let backend = Backend::open(&app(&origin, vec![]), LIMITS).await.unwrap();
    let ask = async || backend.read().await.unwrap().call(&Call::Http(get("/"))).await.map_err(|f| (f.kind, f.sent));
    for _ in 0..10 {
        assert_eq!(ask().await.unwrap_err(), (Kind::Lost, true));
    }
    assert_eq!(ask().await.unwrap_err(), (Kind::Unreachable, false));
    assert!(backend.ping().await.is_err(), "not ready either");
    assert_eq!(heads.lock().unwrap().len(), 10);
    later().await;
    assert_eq!(ask().await.unwrap_err(), (Kind::Lost, true));
    assert_eq!(ask().await.unwrap_err(), (Kind::Unreachable, false));
    assert_eq!(heads.lock().unwrap().len(), 11);
    later().await;
    backend.ping().await.unwrap();
    assert_eq!(ask().await.unwrap().class, Class::Ok);
    assert_eq!(ask().await.unwrap().class, Class::Ok);
    assert_eq!(heads.lock().unwrap().len(), 14);
}

/// Two that begin together and go one after the other, by number in a second or by number at once: the second one's turn
/// comes, and its time is as good as over.
#[tokio::test]
async fn a_call_with_next_to_no_time_left_is_not_sent() {
    let ms = Duration::from_millis;
    let seconds = Pace { per_second: Some(1), within: Some(ms(1020)), waits: true, ..Pace::default() };
    let at_once = Pace { at_once: Some(1), within: Some(ms(520)), tries: 1, waits: true, ..Pace::default() };
    for (act, pace, first) in
        [(Act::Say(OK), seconds, Ok(Class::Ok)), (Act::Hang, at_once, Err((Kind::TimedOut, true)))]
    {
        let (origin, heads) = misbehave(vec![act; 2]).await;
        let limits = Limits { call_time: ms(500), ..LIMITS };
        let backend = Backend::open(&paced(&origin, vec![], pace), limits).await.unwrap();
        let (one, two) = join!(asked(&backend, "/"), asked(&backend, "/"));
        assert_eq!((one, two), (first, Ok(Class::Busy)));
        assert_eq!(heads.lock().unwrap().len(), 1);
    }
}

/// The second try of each has what the first one has left of its time, which says nothing of the app: only the first counts.
#[tokio::test]
async fn a_call_that_had_too_little_time_does_not_make_the_app_away() {
    let (origin, _) = misbehave(vec![Act::Hang; 30]).await;
    let limits = Limits { call_time: Duration::from_millis(300), ..LIMITS };
    let pace = Pace { tries: 2, within: Some(Duration::from_millis(450)), waits: true, ..Pace::default() };
    let backend = Backend::open(&paced(&origin, vec![], pace), limits).await.unwrap();
    let hung = Err((Kind::TimedOut, true));
    let ask = || asked(&backend, "/");
    let (a, b, c, d, e) = join!(ask(), ask(), ask(), ask(), ask());
    assert_eq!([a, b, c, d, e], [hung; 5]);
    assert_eq!(ask().await, hung, "six are not ten");
    let _ = join!(ask(), ask(), ask(), ask());
    assert_eq!(ask().await, Err((Kind::Unreachable, false)), "ten are");
}

/// It is the mapping's fault: neither a sign of life nor the one call that looks.
#[tokio::test]
async fn a_call_that_cannot_be_sent_says_nothing_of_the_app() {
    let (origin, heads) = misbehave(vec![Act::Reset; 11]).await;
    let pace = Pace { tries: 1, ..Pace::default() };
    let backend = Backend::open(&paced(&origin, vec![], pace), LIMITS).await.unwrap();
    let (lost, bad) = (Err((Kind::Lost, true)), Err((Kind::BadCall, false)));
    for _ in 0..9 {
        assert_eq!(asked(&backend, "/").await, lost);
    }
    assert_eq!(asked(&backend, "/a#b").await, bad);
    assert_eq!(asked(&backend, "/").await, lost);
    assert_eq!(asked(&backend, "/").await, Err((Kind::Unreachable, false)));
    later().await;
    assert_eq!(asked(&backend, "/a#b").await, bad);
    assert_eq!(asked(&backend, "/").await, lost, "the one that looks");
    assert_eq!(heads.lock().unwrap().len(), 11);
}
