//! Reading what the rows of a list are good for, and what is so of all of them. All else is read from the record, so a row that gives
//! less than was said would make wrong answers, and one that gives more costs calls and nothing else.

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        Id,
        codec::Codec,
        line::{Line, Source},
        pattern::{Pattern, Subject},
        rest::{Get, List, Part},
        rows::{Gives, Hold, apart},
        selector::Selector,
    },
    scim::{
        condition::Condition,
        filter::{CompareOp, Filter},
        profile::Profile,
        schema::{Resolution, ResourceType, Target},
    },
    yaml::{Fields, Node},
};

use super::{
    check::places,
    draft::Draft,
    name::{attribute, in_full},
};

/// How one record is read, and what is looked at besides the lines.
pub(super) struct Reads<'a> {
    pub(super) id: Option<&'a Id>,
    pub(super) get: Option<&'a Get>,
    pub(super) parts: &'a [Part],
    pub(super) only: &'a Pattern,
    pub(super) protect: &'a Pattern,
}

/// Reads `gives` and `holds`.
pub(super) fn rows(
    fields: &mut Fields<'_>,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
    reads: &Reads<'_>,
    faults: &mut Faults,
) -> (Option<Gives>, Vec<Hold>) {
    let mut holds = fields.take("holds").and_then(|node| holds(node, kind, drafts, faults)).unwrap_or_default();
    let gives = fields.take("gives").and_then(|node| gives(node, kind, drafts, &mut holds, reads, faults));
    (gives, holds)
}

/// What rows are good for, of which this holds.
pub(super) fn gives(
    node: &Node,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
    holds: &mut [Hold],
    reads: &Reads<'_>,
    faults: &mut Faults,
) -> Option<Gives> {
    if matches!(reads.get, Some(Get::List)) {
        faults
            .error(node.span, "missing-key", "rows that give less are read from `get`, and records are read from the list")
            .help("say which call reads one record: `get: GET /users/{{id}}`; or leave `gives` out, if rows give all there is");
        return None;
    }
    let nodes = node.list(faults, "`gives`")?;
    let beside = |line: &Line| {
        matches!(line.value, Source::From { .. }) || reads.parts.iter().any(|part| line.reads_from(&part.name))
    };
    let mut given: Vec<Target> = Vec::new();
    for node in nodes {
        let Some(target) = attribute(node, kind, faults) else { continue };
        let lines: Vec<&Line> = drafts.iter().map(|d| &d.line).filter(|line| target.covers(&line.target)).collect();
        if !lines.is_empty() && lines.iter().all(|line| beside(line)) {
            faults
                .error(
                    node.span,
                    "no-effect",
                    format!("`{target}` is not in the record: it is fetched besides, whatever a row gives"),
                )
                .help("leave it out");
        }
        if target.attribute.multi_valued && target.sub.is_some() {
            let list = Target { sub: None, ..target.clone() };
            faults
                .error(node.span, "bad-value", format!("a row gives the list `{list}` as the record does, or not"))
                .help(format!("write `{list}`, if all that its line reads is there"));
        }
        given.push(target);
    }
    for hold in &mut *holds {
        hold.told = given.iter().any(|target| target.covers(&hold.target));
    }
    let is_given = |line: &Line| {
        line.write_only
            || holds.iter().any(|hold| hold.written && hold.target.is(&line.target))
            || matches!(line.value, Source::Constant(_))
            || beside(line)
            || given.iter().any(|target| target.covers(&line.target))
    };
    let lacks = drafts.iter().map(|d| &d.line).filter(|line| !is_given(line)).map(|line| line.target.clone()).collect();
    let shown: Vec<&Selector> = drafts.iter().filter(|d| is_given(&d.line)).flat_map(looked_at).collect();
    let shows = |pattern: &Pattern| {
        pattern.entries.iter().all(|(subject, _)| match subject {
            Subject::At(at) => reads.id.is_some_and(|id| id.at == *at) || shown.contains(&at),
            Subject::Status | Subject::Header(_) => false,
        })
    };
    let (scope, guard) = (shows(reads.only), shows(reads.protect));
    Some(Gives { lacks, scope, guard, only_id: given.is_empty() })
}

/// The places of a row that its lines read.
fn looked_at<'d>(draft: &'d Draft<'_>) -> Vec<&'d Selector> {
    match &draft.line.value {
        Source::Each(each) => vec![&each.items],
        _ => places(draft),
    }
}

/// Reads `active eq false and userType eq "guest"`.
fn holds(node: &Node, kind: &ResourceType, drafts: &[Draft<'_>], faults: &mut Faults) -> Option<Vec<Hold>> {
    const HELP: &str = "write what every row of this list has: `active eq false`, or several such, joined by `and`";
    let text = node.text(faults, "`holds`")?;
    let text = text.split(" and ").map(in_full).collect::<Vec<_>>().join(" and ");
    let Ok(filter) = Filter::parse(&text, &Profile::STRICT) else {
        faults.error(node.span, "bad-holds", format!("`{text}` is no filter")).help(HELP);
        return None;
    };
    let mut held: Vec<Hold> = Vec::new();
    for part in joined(&filter) {
        let Filter::Compare { path, op: CompareOp::Equal, value } = part else {
            faults
                .error(node.span, "bad-holds", format!("`{part}` does not say which value an attribute has"))
                .help(HELP);
            continue;
        };
        let target = match kind.resolve(path) {
            Resolution::Offered(target) => target,
            _ => {
                faults
                    .error(node.span, "unknown-attribute", format!("`{path}` is not an attribute with a line"))
                    .help("name what `attributes` has");
                continue;
            }
        };
        let line = drafts.iter().map(|d| &d.line).find(|line| line.target.is(&target));
        let (Some(line), false) = (line, target.attribute.multi_valued) else {
            faults
                .error(node.span, "bad-holds", format!("`{target}` is no single value that a line reads"))
                .help("name attributes that have one value and a line of their own");
            continue;
        };
        let Ok(is) = Condition::resolve(part, kind, &Profile::STRICT) else {
            faults
                .error(node.span, "bad-holds", format!("`{part}` is never so"))
                .help("write a value that the attribute can have");
            continue;
        };
        if held.iter().any(|other| other.target.is(&target)) {
            faults.error(node.span, "bad-holds", format!("`{target}` has one value")).help(HELP);
            continue;
        }
        let written = match &line.value {
            Source::At { at, codec } if at.writes() && codec.writes() => {
                if !matches!(codec, Codec::Holds(..)) && codec.write(value).is_none() {
                    faults
                        .error(node.span, "bad-holds", format!("the line of `{target}` has no word for {value}"))
                        .help("add it to the line's `values`, or name a value that the line knows");
                }
                true
            }
            _ => false,
        };
        held.push(Hold { target, value: value.clone(), is, told: true, written });
    }
    Some(held)
}

/// What must all hold.
fn joined(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::And(left, right) => [joined(left), joined(right)].concat(),
        one => vec![one],
    }
}

/// Lists in which the same record may be are read wholly, and brought into an order here.
pub(super) fn check_apart(lists: &[(Span, List)], faults: &mut Faults) {
    for (at, (span, list)) in lists.iter().enumerate() {
        if lists[..at].iter().any(|(_, before)| !apart(&before.holds, &list.holds)) {
            faults
                .warning(*span, "overlapping-lists", "nothing says that no record is in this list and in one before it")
                .help(
                    "say what is so of all rows of each, `holds: active eq true` and `holds: active eq false`; else all are \
                     read for every page, and who comes twice is dropped by the id",
                );
        }
    }
}
