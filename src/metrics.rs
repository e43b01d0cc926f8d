//! What this process counts of its work, in the text form that Prometheus reads, and the only home of the crate that writes it.
//!
//! One set for the process, as there is one process to look at: nothing is handed around to count. Every label is a word of ours,
//! a client's name from `portolan.yaml`, or an attribute of a published schema: no value of a person, and nothing a client
//! could make many of (law 12).

use std::{
    borrow::Cow,
    sync::{LazyLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// What [`text()`] is written in.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a row in memory to what outlasts every limit, in seconds.
const BUCKETS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

type Label = (&'static str, Cow<'static, str>);
type Counters<const N: usize> = Family<[Label; N], Counter<u64, AtomicU64>>;
type Histograms<const N: usize> = Family<[Label; N], Histogram, fn() -> Histogram>;

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

struct Metrics {
    registry: Registry,
    requests: Counters<4>,
    request_time: Histograms<2>,
    in_flight: Gauge,
    call_time: Histograms<1>,
    ignored: Counters<2>,
    sign_ins: Counters<1>,
    held_back: Gauge,
    walks: Counter,
    late: Counter,
    joined: Counter,
}

impl Metrics {
    fn new() -> Self {
        let histograms: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("portolan"),
            requests: Family::default(),
            request_time: Family::new_with_constructor(histograms),
            in_flight: Gauge::default(),
            call_time: Family::new_with_constructor(histograms),
            ignored: Family::default(),
            sign_ins: Family::default(),
            held_back: Gauge::default(),
            walks: Counter::default(),
            late: Counter::default(),
            joined: Counter::default(),
        };
        let registry = &mut metrics.registry;
        let requests = "SCIM requests; the status is `left` where the client hung up first";
        registry.register("requests", requests, metrics.requests.clone());
        registry.register("request_duration_seconds", "From head to answer", metrics.request_time.clone());
        let in_flight = "SCIM requests worked on, late writes among them";
        registry.register("requests_in_flight", in_flight, metrics.in_flight.clone());
        let calls = "Calls to the app, by what they came to";
        registry.register("call_duration_seconds", calls, metrics.call_time.clone());
        let ignored = "Attributes that were sent and passed over, as the mapping has them not";
        registry.register("ignored_attributes", ignored, metrics.ignored.clone());
        let sign_ins = "Calls that sign in to the app, by what they came to";
        registry.register("sign_ins", sign_ins, metrics.sign_ins.clone());
        let held_back = "1 while calls are held back, as the app gave no answer many times in a row";
        registry.register("calls_held_back", held_back, metrics.held_back.clone());
        registry.register("walks", "Queries that read beyond the first page of the app", metrics.walks.clone());
        registry.register("late_writes", "Writes answered with 503 that went on", metrics.late.clone());
        registry.register("joined_writes", "Writes that joined the same one before", metrics.joined.clone());
        metrics
    }
}

/// All that was counted.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    // Writing into a text does not fail.
    let _ = text::encode(&mut text, &METRICS.registry);
    text
}

/// A request that ended: whose, where, how, and with which status unless its client had left.
pub fn request(client: Option<&str>, endpoint: &'static str, method: &str, status: Option<u16>, took: Duration) {
    // A method is a word of the client's choice.
    let method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].into_iter().find(|m| *m == method);
    let (endpoint, method) = (("endpoint", endpoint.into()), ("method", method.unwrap_or("other").into()));
    let client = ("client", client.map_or("".into(), |client| client.to_owned().into()));
    let status = ("status", status.map_or("left".into(), |status| status.to_string().into()));
    METRICS.requests.get_or_create(&[client, Clone::clone(&endpoint), Clone::clone(&method), status]).inc();
    METRICS.request_time.get_or_create(&[endpoint, method]).observe(took.as_secs_f64());
}

/// A call to the app that ended; `outcome` is its class, or why there is none.
pub fn call(outcome: &'static str, took: Duration) {
    METRICS.call_time.get_or_create(&[("outcome", outcome.into())]).observe(took.as_secs_f64());
}

/// An attribute of a published schema that was passed over.
pub fn ignored(client: &str, attribute: String) {
    METRICS.ignored.get_or_create(&[("client", client.to_owned().into()), ("attribute", attribute.into())]).inc();
}

/// A call that signs in to the app ended.
pub fn signed_in(outcome: &'static str) {
    METRICS.sign_ins.get_or_create(&[("outcome", outcome.into())]).inc();
}

/// The app gave no answer many times in a row, or answers again.
pub fn held_back(now: bool) {
    METRICS.held_back.set(now.into());
}

/// A query reads on beyond its first page.
pub fn walk() {
    METRICS.walks.inc();
}

/// A write outlasted its limit.
pub fn late() {
    METRICS.late.inc();
}

/// A write joined the same one before.
pub fn joined() {
    METRICS.joined.inc();
}

/// A request being worked on, until dropped.
#[derive(Debug)]
pub struct InFlight(());

impl InFlight {
    /// One more.
    #[must_use]
    pub fn enter() -> Self {
        METRICS.in_flight.inc();
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        METRICS.in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        request(Some("a\"b"), "resource", "GET", Some(200), Duration::from_millis(3));
        request(None, "collection", "BREW-1234", None, Duration::ZERO);
        call("absent", Duration::from_secs(60));
        ignored("okta", "urn:x:nickName".to_owned());
        let text = text();
        for line in [
            "# TYPE portolan_requests counter",
            r#"portolan_requests_total{client="a\"b",endpoint="resource",method="GET",status="200"} 1"#,
            r#"portolan_requests_total{client="",endpoint="collection",method="other",status="left"} 1"#,
            r#"portolan_request_duration_seconds_bucket{le="0.005",endpoint="resource",method="GET"} 1"#,
            r#"portolan_call_duration_seconds_count{outcome="absent"} 1"#,
            r#"portolan_ignored_attributes_total{client="okta",attribute="urn:x:nickName"} 1"#,
            "portolan_late_writes_total 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && !text.contains("BREW"), "{text}");
    }
}
