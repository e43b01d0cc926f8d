//! Reading what the rows of a list are good for. All else is read from the record, so a row that gives less than was said
//! would make wrong answers, and one that gives more costs calls and nothing else.

use crate::{
    diagnostic::Faults,
    mapping::{
        Id,
        line::{Line, Source},
        pattern::{Pattern, Subject},
        rest::{Get, Gives, Part},
        selector::Selector,
    },
    scim::schema::{ResourceType, Target},
    yaml::Node,
};

use super::{attributes::Draft, check::places, filter::attribute};

/// How one record is read, and what is looked at besides the lines.
pub(super) struct Reads<'a> {
    pub(super) id: Option<&'a Id>,
    pub(super) get: Option<&'a Get>,
    pub(super) parts: &'a [Part],
    pub(super) only: &'a Pattern,
}

pub(super) fn gives(
    node: &Node,
    kind: &ResourceType,
    drafts: &[Draft<'_>],
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
    let is_given = |line: &Line| {
        line.write_only
            || matches!(line.value, Source::Constant(_))
            || beside(line)
            || given.iter().any(|target| target.covers(&line.target))
    };
    let lacks = drafts.iter().map(|d| &d.line).filter(|line| !is_given(line)).map(|line| line.target.clone()).collect();
    let shown: Vec<&Selector> = drafts.iter().filter(|d| is_given(&d.line)).flat_map(looked_at).collect();
    let scope = reads.only.entries.iter().all(|(subject, _)| match subject {
        Subject::At(at) => reads.id.is_some_and(|id| id.at == *at) || shown.contains(&at),
        Subject::Status | Subject::Header(_) => false,
    });
    Some(Gives { lacks, scope, only_id: given.is_empty() })
}

/// The places of a row that its lines read.
fn looked_at<'d>(draft: &'d Draft<'_>) -> Vec<&'d Selector> {
    match &draft.line.value {
        Source::Each(each) => vec![&each.items],
        _ => places(draft),
    }
}
