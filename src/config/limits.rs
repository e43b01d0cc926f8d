//! Bounds on what one request or the process may use. All have defaults, and bounds of their own: a limit set to nothing
//! or to everything is a fault, not a choice.

use std::time::Duration;

use crate::diagnostic::Faults;
use crate::yaml::Fields;

/// The limits, as `limits` in `portolan.yaml` names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of a request's head.
    pub header: usize,
    /// Header lines in a request.
    pub headers: usize,
    /// Time to send a request's head.
    pub header_time: Duration,
    /// Time from a request's head to its answer.
    pub request_time: Duration,
    /// Time for one call to the app.
    pub upstream_time: Duration,
    /// Bytes of one reply of the app.
    pub answer: usize,
    /// Records read from the app for one request.
    pub rows: usize,
    /// Calls to the app for one request.
    pub calls: usize,
    /// Resources in a page when the client does not say.
    pub page: usize,
    /// Resources in a page at most.
    pub max_page: usize,
    /// Open connections.
    pub connections: usize,
    /// Requests being answered.
    pub in_flight: usize,
    /// Those of one client.
    pub client_in_flight: usize,
    /// Walks under way: queries that read on beyond the first page of the app.
    pub walks: usize,
    /// Those of one client.
    pub client_walks: usize,
    /// Time to finish requests at shutdown.
    pub drain: Duration,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 1 << 20,
            header: 64 << 10,
            headers: 100,
            header_time: 5 * SECOND,
            request_time: 30 * SECOND,
            upstream_time: 10 * SECOND,
            answer: 16 << 20,
            rows: 20_000,
            calls: 200,
            page: 100,
            max_page: 1000,
            connections: 1024,
            in_flight: 256,
            client_in_flight: 128,
            walks: 32,
            client_walks: 16,
            drain: 25 * SECOND,
        }
    }
}

impl Limits {
    /// Operations of one bulk request: as many as fit into `request_time` at 50 ms each, which few apps need for a write,
    /// and 1000 at most. Whoever sends more would be told 503 while the writes go on.
    #[must_use]
    pub fn operations(&self) -> usize {
        usize::try_from(self.request_time.as_millis() / 50).unwrap_or(usize::MAX).clamp(1, 1000)
    }

    pub(super) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Limits {
        let span = fields.span();
        let mut limits = Limits::default();
        let set = |place: &mut usize, value: Option<u64>| {
            *place = value.map_or(*place, |value| usize::try_from(value).unwrap_or(usize::MAX));
        };
        set(&mut limits.body, fields.size(faults, "body", KIB..=64 * MIB));
        set(&mut limits.header, fields.size(faults, "header", KIB..=MIB));
        set(&mut limits.headers, fields.integer(faults, "headers", 10..=1000));
        set(&mut limits.answer, fields.size(faults, "answer", KIB..=1024 * MIB));
        set(&mut limits.rows, fields.integer(faults, "rows", 1..=10_000_000));
        set(&mut limits.calls, fields.integer(faults, "calls", 1..=100_000));
        set(&mut limits.page, fields.integer(faults, "page", 1..=10_000));
        set(&mut limits.max_page, fields.integer(faults, "max_page", 1..=10_000));
        set(&mut limits.connections, fields.integer(faults, "connections", 1..=1_000_000));
        set(&mut limits.in_flight, fields.integer(faults, "in_flight", 1..=100_000));
        set(&mut limits.walks, fields.integer(faults, "walks", 1..=100_000));
        limits.client_in_flight = limits.in_flight.div_ceil(2);
        limits.client_walks = limits.walks.div_ceil(2);
        set(&mut limits.client_in_flight, fields.integer(faults, "client_in_flight", 1..=100_000));
        set(&mut limits.client_walks, fields.integer(faults, "client_walks", 1..=100_000));

        let mut time = |place: &mut Duration, key, least| {
            *place = fields.duration(faults, key, least..=HOUR).unwrap_or(*place);
        };
        let short = Duration::from_millis(100);
        time(&mut limits.header_time, "header_time", short);
        time(&mut limits.request_time, "request_time", short);
        time(&mut limits.upstream_time, "upstream_time", short);
        time(&mut limits.drain, "drain", Duration::ZERO);

        for (part, of, whole, most) in [
            ("page", limits.page, "max_page", limits.max_page),
            ("client_in_flight", limits.client_in_flight, "in_flight", limits.in_flight),
            ("client_walks", limits.client_walks, "walks", limits.walks),
        ] {
            if of > most {
                let message = format!("`{part}` ({of}) is more than `{whole}` ({most})");
                faults.error(span, "bad-value", message).help(format!("raise `{whole}` or lower `{part}`"));
            }
        }
        fields.finish(faults);
        limits
    }
}
