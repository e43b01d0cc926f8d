//! Reading several calls in order: what each keeps for those behind it, what it waits for, and how it is taken back.

use std::time::Duration;

use crate::{
    diagnostic::{Faults, Span},
    mapping::{
        call::{CallTemplate, Until},
        pattern::{Pattern, Subject},
        term::NAMES,
    },
    yaml::{Fields, Node},
};

use super::{
    call::{self, in_reply},
    setting::Setting,
};

/// Takes `steps`, or the one call whose keys stand in their place: the calls ahead, and the last.
pub(super) fn calls(
    fields: &mut Fields<'_>,
    setting: &Setting<'_>,
    faults: &mut Faults,
) -> Option<(Vec<CallTemplate>, CallTemplate)> {
    match fields.take("steps") {
        None => call::from_fields(fields, setting, faults).map(|call| (Vec::new(), call)),
        Some(node) => {
            let mut steps = steps(node, setting, faults)?;
            let last = steps.pop()?;
            Some((steps, last))
        }
    }
}

/// Reads the calls that open a session. What they keep is used elsewhere, and signing in twice does no harm.
pub(super) fn opening(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Vec<CallTemplate>> {
    let (read, _) = read(node, setting, faults)?;
    let odd = |call: &CallTemplate| call.until.is_some() || call.undo.is_some() || call.when.is_some();
    for (_, span) in read.iter().filter(|(call, _)| odd(call)) {
        faults
            .error(*span, "bad-call", "a call that signs in is not waited for, nor taken back, nor left out")
            .help("leave it out");
    }
    Some(read.into_iter().map(|(call, _)| call).collect())
}

/// Reads a list of calls.
fn steps(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<Vec<CallTemplate>> {
    let (read, whole) = read(node, setting, faults)?;
    for (at, (call, span)) in read.iter().enumerate() {
        advise(call, at + 1 == read.len(), *span, faults);
    }
    for (call, span) in &read {
        for (name, _) in &call.keep {
            let uses =
                |call: &CallTemplate| call.names(name) || call.undo.as_ref().is_some_and(|undo| undo.names(name));
            if !read.iter().any(|(call, _)| uses(call)) {
                faults
                    .warning(*span, "no-effect", format!("no call uses `{name}`, which is kept here"))
                    .help("leave it out");
            }
        }
    }
    check_left_out(&read, setting, node.span, faults);
    let calls: Vec<CallTemplate> = read.into_iter().map(|(call, _)| call).collect();
    whole.then_some(calls).filter(|calls| !calls.is_empty())
}

/// What is done when steps are left out: a write does something, and nobody uses what a step would have kept.
fn check_left_out(read: &[(CallTemplate, Span)], setting: &Setting<'_>, span: Span, faults: &mut Faults) {
    if !read.is_empty() && read.iter().all(|(call, _)| call.when.is_some()) {
        faults
            .error(span, "bad-call", "each of these steps may be left out, and the write would then do nothing")
            .help("have one step without `when`");
    }
    for (at, (call, span)) in read.iter().enumerate().filter(|(_, (call, _))| call.when.is_some()) {
        if setting.makes && at + 1 == read.len() {
            faults
                .error(*span, "bad-call", "the last step of `create` tells who was made, and may not be left out")
                .help("leave `when` out, or put another step last");
        }
        let kept =
            |other: &CallTemplate| call.keep.iter().map(|(name, _)| name).find(|name| other.names(name)).cloned();
        let untested =
            |other: &CallTemplate| kept(other).filter(|name| !other.when.as_ref().is_some_and(|when| when.tests(name)));
        for (other, span) in read.iter().skip(at + 1) {
            if let Some(name) = untested(other) {
                faults
                    .error(*span, "bad-call", format!("`{name}` is not there when the step that keeps it is left out"))
                    .help(format!("send this one only with it: `when: {{ $.{name}: {{ given: true }} }}`"));
            }
        }
    }
}

/// The calls that could be read, and whether those are all.
fn read(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<(Vec<(CallTemplate, Span)>, bool)> {
    let nodes = node.list(faults, "`steps`")?;
    if nodes.is_empty() {
        faults.error(node.span, "missing-key", "`steps` has no call").help("write one call after the other");
    }
    let mut kept: Vec<String> = Vec::new();
    let mut read = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let names: Vec<&str> = setting.names.iter().copied().chain(kept.iter().map(String::as_str)).collect();
        let last = at + 1 == nodes.len();
        let inner = Setting { names: &names, holds: if last { setting.holds } else { &[] }, ..*setting };
        let call = step(node, &inner, faults);
        if let Some(call) = call {
            kept.extend(call.keep.iter().map(|(name, _)| name.clone()));
            read.push((call, node.span));
        }
    }
    let whole = read.len() == nodes.len();
    Some((read, whole))
}

fn step(node: &Node, setting: &Setting<'_>, faults: &mut Faults) -> Option<CallTemplate> {
    let framed = setting.shared.framed(node, setting.holds);
    if framed.as_text().is_some() {
        return call::call(&framed, setting, faults);
    }
    let mut fields = framed.map(faults, "a step")?;
    let mut keep = Vec::new();
    for (key, node) in fields.entries(faults, "keep") {
        if NAMES.contains(&key.name.as_str()) || setting.names.contains(&key.name.as_str()) {
            faults
                .error(key.span, "bad-name", format!("`{}` is a name of calls already", key.name))
                .help("take another");
        }
        keep.extend(in_reply(node, faults).map(|at| (key.name.clone(), at)));
    }
    let when = when(&mut fields, setting, faults);
    let until = until(&mut fields, faults);
    let names: Vec<&str> = setting.names.iter().copied().chain(keep.iter().map(|(name, _)| name.as_str())).collect();
    let undo =
        fields.take("undo").and_then(|n| call::call(n, &Setting { names: &names, holds: &[], ..*setting }, faults));
    let call = call::from_fields(&mut fields, setting, faults);
    fields.finish(faults);
    let call = CallTemplate { when, keep, until, undo: undo.map(Box::new), ..call? };
    if call.until.is_some() && !call.repeat {
        faults
            .error(framed.span, "bad-call", "this call would be sent again and again, and may not be repeated")
            .help("wait with a GET, or say `repeat: safe`");
    }
    Some(call)
}

/// Takes `when`: of the record as it was before the write, and of what this call may send.
fn when(fields: &mut Fields<'_>, setting: &Setting<'_>, faults: &mut Faults) -> Option<Pattern> {
    let node = fields.take("when")?;
    let when = super::pattern::pattern(node, "`when`", false, faults)?;
    let before = (!setting.makes).then_some("before");
    let sent = setting.names.iter().copied().filter(|name| !matches!(*name, "before" | "whole"));
    let known: Vec<&str> = sent.chain(before).collect();
    for (subject, _) in &when.entries {
        let Subject::At(at) = subject else { continue };
        if !at.first_field().is_some_and(|field| known.contains(&field)) {
            let known = known.iter().map(|name| format!("`$.{name}`")).collect::<Vec<_>>().join(", ");
            faults
                .error(node.span, "unknown-name", format!("`{}` is nothing that is known before this call", at.text()))
                .help(format!("a path begins with one of {known}"));
        }
    }
    Some(when)
}

/// Takes `until`, `every` and `within`.
fn until(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Until> {
    let (second, most) = (Duration::from_secs(1), Duration::from_secs(60));
    let every = fields.duration(faults, "every", Duration::from_millis(50)..=most);
    let within = fields.duration(faults, "within", Duration::from_millis(50)..=most);
    let holds = super::pattern::pattern(fields.take("until")?, "`until`", true, faults)?;
    if within.is_none() {
        faults
            .error(fields.span(), "missing-key", "`until` needs `within`")
            .help("say how long to wait at most: `within: 30 s`");
    }
    Some(Until { holds, every: every.unwrap_or(second), within: within? })
}

/// What becomes of a step when its answer is lost, or a later one fails (law 9).
fn advise(call: &CallTemplate, last: bool, span: Span, faults: &mut Faults) {
    let again = match call.repeat {
        true => "this step is repeatable: it is sent again if its answer is lost",
        false => "this step is sent once: if its answer is lost, whether it took effect is not known",
    };
    let back = match &call.undo {
        _ if last || call.method == http::Method::GET => String::new(),
        Some(undo) => format!("; if a later step fails, it is taken back by {}", undo.line),
        None => "; if a later step fails, what it did stays, and the error says so".to_owned(),
    };
    let fault = faults.advice(span, "step", format!("{again}{back}"));
    if !last && call.undo.is_none() && call.method != http::Method::GET {
        fault.help("give it an `undo`, or put it last");
    }
}
