//! Reading `pace`: how fast and how often the app is asked.

use std::time::Duration;

use crate::{diagnostic::Faults, mapping::rest::Pace, yaml::Node};

pub(super) fn pace(node: &Node, faults: &mut Faults) -> Option<Pace> {
    let mut fields = node.map(faults, "`pace`")?;
    let (short, minute) = (Duration::from_millis(50), Duration::from_secs(60));
    let pace = Pace {
        at_once: fields.integer(faults, "at_once", 1..=1000).and_then(|n| usize::try_from(n).ok()),
        per_second: fields.integer(faults, "per_second", 1..=10_000).and_then(|n| u32::try_from(n).ok()),
        tries: fields.integer(faults, "tries", 1..=10).and_then(|n| u32::try_from(n).ok()).unwrap_or(3),
        within: fields.duration(faults, "within", short..=minute * 10),
        settles: fields.duration(faults, "settles", short..=minute),
        waits: true,
    };
    fields.finish(faults);
    Some(pace)
}
