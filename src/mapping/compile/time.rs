//! Reading how an app writes an instant: `time: unix`, `time: { local: Europe/Berlin }`, `time: { text: "%d.%m.%Y" }`.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    diagnostic::Faults,
    mapping::time::TimeForm,
    yaml::{Fields, Node},
};

pub(super) fn form(node: &Node, faults: &mut Faults) -> Option<TimeForm> {
    if node.as_map().is_none() {
        let words = [("iso", 0), ("utc", 1), ("unix", 2), ("unix_ms", 3)];
        let forms = [TimeForm::Iso, TimeForm::Utc, TimeForm::Unix, TimeForm::UnixMs];
        return node.choice(faults, "`time`", &words).and_then(|at: usize| forms.into_iter().nth(at));
    }
    let mut fields = node.map(faults, "`time`")?;
    let local = fields.take("local").map(|node| zone(node, faults));
    let form = match (local, fields.take("text")) {
        (Some(zone), None) => zone.map(TimeForm::Local),
        (None, Some(node)) => text(node, &mut fields, faults),
        _ => {
            faults
                .error(node.span, "bad-value", "this is no way to write a time")
                .help("write `{ local: Europe/Berlin }`, or `{ text: \"%d.%m.%Y %H:%M:%S\", zone: Europe/Berlin }`");
            None
        }
    };
    fields.finish(faults);
    form
}

/// A format by which a time that is written can be read again.
fn text(node: &Node, fields: &mut Fields<'_>, faults: &mut Faults) -> Option<TimeForm> {
    let zone = fields.take("zone").map_or(Some(TimeZone::UTC), |node| zone(node, faults))?;
    let form = TimeForm::Text(node.text(faults, "`text`")?.to_owned(), zone);
    if form.say(Timestamp::UNIX_EPOCH).and_then(|said| form.read(&said)).is_none() {
        faults
            .error(node.span, "bad-value", "a time that is written like this cannot be read again")
            .help("name year, month and day, as strftime does: `\"%Y-%m-%d %H:%M:%S\"`");
        return None;
    }
    Some(form)
}

fn zone(node: &Node, faults: &mut Faults) -> Option<TimeZone> {
    let name = node.text(faults, "a time zone")?;
    let zone = TimeZone::get(name);
    if zone.is_err() {
        faults
            .error(node.span, "bad-value", format!("`{name}` is no time zone that this system knows"))
            .help("write a place such as `Europe/Berlin`; the system's own list of zones (tzdata) is used");
    }
    zone.ok()
}
