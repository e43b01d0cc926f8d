//! A write in words: what is read before and why, the steps in order, and where the answer comes from.

use serde_json::{Map, Value};

use crate::{
    mapping::{Existing, Records, Resource, call::CallTemplate},
    plan::{
        Context, Fault,
        call::Call,
        change::{self, Ask},
        create::{self, Made},
        read::Needs,
        scope,
        sql::guard,
        step::{Act, Step, Wish},
    },
    scim::{
        self,
        change::{Change as Changed, To},
        projection::Projection,
        schema::Target,
        value::texts,
    },
};

use super::{Cost, Explained, quoted, unknown};

pub(super) fn create(
    resource: &Resource,
    sent: &Map<String, Value>,
    projection: &Projection,
    context: &Context<'_>,
) -> Result<Explained, Fault> {
    let sent = create::with_defaults(resource, sent, context)?;
    let plan = create::plan(resource, &sent, context)?;
    let mut said = Explained::new(format!("create {}", resource.kind.name), context.limits);
    let mut queries = 0;
    if let (Existing::Adopt, Some(line)) = (resource.existing, resource.naming()) {
        queries += usize::from(scim::resource::get(&sent, &line.target).is_some());
        let what = format!("a query, `{} eq …`", line.target);
        said.noted("before", &what, "who is found becomes as was sent, and what follows is not done");
    }
    if let (Existing::Revive, Some(line)) = (resource.existing, resource.naming()) {
        let what = format!("a query among the deleted, `{} eq …`", line.target);
        said.noted("before", &what, "who is found exists again and becomes as was sent; what follows is not done");
    }
    if let (true, Some(line)) = (plan.probes(), resource.naming()) {
        queries += usize::from(scim::resource::get(&sent, &line.target).is_some());
        let what = format!("a query, `{} eq …`", line.target);
        said.noted("before", &what, "nobody may have the name, so that who has it after a lost answer was made");
    }
    let lines = resource.lines.iter().filter(|line| line.create);
    let values = lines.filter_map(|line| Some((&line.target, scim::resource::get(&sent, &line.target)?)));
    queries += looks(&mut said, resource, values);
    let first = steps_in_order(&mut said, &plan.first)?;
    let id = unknown(resource);
    let made = Made { id: id.clone(), record: None, found: false };
    let steps = plan.rest(&made, context)?;
    let mut cost = steps_in_order(&mut said, &steps)?;
    cost.calls += first.calls + turns(resource);
    cost.besides.extend(first.besides);
    cost.look_up(queries);
    if let (Records::Rest(_), false) = (&resource.records, steps.is_empty()) {
        match plan.undo(&made, context) {
            Some(steps) => {
                for call in steps.iter().filter_map(Step::shown) {
                    let call = call.to_string().replace(super::PLACE_ENCODED, super::PLACE);
                    said.noted("undo", &call, "if a later step is refused");
                }
            }
            None => said.noted(
                "undo",
                "nothing",
                "the app has no call that deletes it; the error then says that it was made",
            ),
        }
    }
    answer(&mut said, resource, &id, plan.tells_record() && steps.is_empty(), projection, &mut cost)?;
    said.add("cost", &cost.words(resource));
    Ok(said)
}

pub(super) fn change(
    resource: &Resource,
    id: &str,
    ask: Ask<'_>,
    shown: bool,
    projection: &Projection,
    context: &Context<'_>,
) -> Result<Explained, Fault> {
    let plan = change::plan(resource, id, ask);
    let mut said = Explained::new(format!("change {} {}", resource.kind.name, quoted(id)), context.limits);
    for asked in plan.set().iter().flatten() {
        said.add("change", &in_words(asked));
    }
    let set = plan.set();
    let guards = |c: &&Changed| resource.line(&c.target).is_some_and(|line| line.guards().is_some());
    let mut reads = Vec::new();
    for asked in set.iter().flatten().filter(guards) {
        let who = format!("who joins or leaves `{}`", asked.target);
        said.noted("looks", &who, "nobody joins who is not there, nor joins or leaves who is protected");
        reads.push(format!("a read for each {who}"));
    }
    let values = set.iter().flatten().filter_map(|change| match &change.to {
        To::Value(value) => Some((&change.target, value)),
        To::Unassigned | To::Delta { .. } => None,
    });
    let queries = looks(&mut said, resource, values);
    let turns = if plan.looks() { turns(resource) } else { 0 };
    let guards = scope::guards(resource, id)?;
    guards.iter().for_each(|guard| said.call(guard, "before all else"));
    let Some(why) = plan.why_before() else {
        let steps = plan.decide(None, context)?;
        said.noted("before", "nothing is read", "what is sent does not depend on what is there");
        let mut cost = steps_in_order(&mut said, &steps)?;
        cost.calls += guards.len() + turns;
        cost.look_up(queries);
        cost.besides.extend(reads);
        if steps.iter().any(|step| step.wish != Wish::Done) {
            said.noted(
                "or",
                "the record is read",
                "if the app answers `absent`, which may be said of the member or of it",
            );
        }
        if shown {
            let told = steps.last().is_some_and(|s| s.record.is_some());
            answer(&mut said, resource, id, told, projection, &mut cost)?;
        } else {
            no_answer(&mut said);
        }
        said.add("cost", &cost.words(resource));
        return Ok(said);
    };
    said.noted("before", "read", &why);
    let read = said.by_id(resource, id, "")?;
    let mut cost = read.and(said.parts(resource, id, &plan.needs().unwrap_or(Needs::ALL))?);
    cost.calls += guards.len() + turns;
    cost.look_up(queries);
    for rule in plan.edits() {
        edits(&mut said, &rule.call, "if anything differs", !rule.call.reads());
    }
    cost.besides.extend(reads);
    let joins = plan.joins(context)?;
    cost = cost.and(steps_in_order(&mut said, &joins)?);
    said.noted("steps", "decided after the read", "what differs is sent; where nothing does, nothing is");
    cost.besides.push("the steps".to_owned());
    if shown {
        let from = match plan.reads_all() {
            true => "as read before where nothing differs, else from the last reply or read again",
            false => "from the last reply, or read again",
        };
        said.noted("answer", "the record", from);
        cost.besides.push("the read".to_owned());
    } else {
        no_answer(&mut said);
    }
    said.add("cost", &cost.words(resource));
    Ok(said)
}

pub(super) fn delete(resource: &Resource, id: &str, context: &Context<'_>) -> Result<Explained, Fault> {
    let steps = change::delete(resource, id, context)?;
    let mut said = Explained::new(format!("delete {} {}", resource.kind.name, quoted(id)), context.limits);
    let guards = scope::guards(resource, id)?;
    guards.iter().for_each(|guard| said.call(guard, "before all else"));
    let mut cost = Cost::default();
    if steps.iter().any(Step::looks_back) {
        said.noted("before", "read", "a step looks at what is there");
        cost = said.by_id(resource, id, "")?;
    }
    cost = cost.and(steps_in_order(&mut said, &steps)?);
    cost.calls += guards.len();
    said.add("answer", "204");
    said.add("cost", &cost.words(resource));
    Ok(said)
}

fn steps_in_order(said: &mut Explained, steps: &[Step<'_>]) -> Result<Cost, Fault> {
    let mut cost = Cost::default();
    for step in steps {
        let note = step.note();
        let note = if step.if_changed { "if a step before wrote a row" } else { &note };
        cost.calls += 1;
        match &step.act {
            Act::Call(call) => said.call(call, note),
            Act::Later(later) => said.call(&later.shown, note),
            Act::Own(own) => said.call(&Call::Sql(own.shown()), note),
            Act::ForEach(each) => {
                said.call(&Call::Sql(each.which.clone()), "who is meant");
                said.call(&Call::Sql(each.shown()), "for each of them");
                cost.besides.push("a statement for each member".to_owned());
            }
            Act::Edit(edit) => {
                cost.calls += 1;
                edits(said, edit.template(), note, edit.lists());
            }
            Act::Member(member) => {
                let of_member = said.member(member, note)?;
                cost = cost.and(of_member);
                cost.calls -= 1;
            }
        }
        if let Some(when) = step.template().and_then(|template| template.when.as_ref()) {
            said.noted("when", &when.places().join(", "), "the call is left out where this is not as the mapping says");
        }
        if let Some(until) = step.template().and_then(|template| template.until.as_ref()) {
            said.noted("wait", &format!("at most {:?}", until.within), &format!("asked again every {:?}", until.every));
            cost.besides.push("the looks while waiting".to_owned());
        }
        if let Some(undo) = step.template().and_then(|template| template.undo.as_ref()) {
            said.noted("undo", &undo.line, "if a later step fails");
        }
        if !step.singly.is_empty() {
            said.noted("or", "one by one", "if the app refuses them together");
            cost.besides.push(format!("{} if they are refused together", step.singly.len()));
        }
    }
    Ok(cost)
}

/// A call that sends what was just read, and what becomes of an edit that somebody makes in the app meanwhile.
pub(super) fn edits(said: &mut Explained, call: &CallTemplate, does: &str, list: bool) {
    let what = match (call.names("whole"), list) {
        (true, _) => "the whole record as just read, with the change in it",
        (false, true) => "the whole list as just read, with the change in it",
        (false, false) => "something of the record as just read",
    };
    said.noted("call", &call.line, &format!("{what}; {does}"));
    match call.guarded() {
        true => said.noted("rival", "seen by the app", "it is told which version was read"),
        false => said.noted("rival", "not seen", "an edit made in the app between the read and this call is lost"),
    }
}

/// Where the answer comes from: the last reply, or one more read.
fn answer(
    said: &mut Explained,
    resource: &Resource,
    id: &str,
    told: bool,
    projection: &Projection,
    cost: &mut Cost,
) -> Result<(), Fault> {
    let more = if told {
        said.add("answer", "the record in the last reply");
        said.parts(resource, id, &Needs::one(resource, projection))?
    } else {
        said.add("answer", "the record, read back");
        said.record(resource, id, projection)?
    };
    cost.calls += more.calls;
    cost.besides.extend(more.besides);
    Ok(())
}

/// What is looked for before it is written, and how many queries that takes.
fn looks<'v>(
    said: &mut Explained,
    resource: &Resource,
    written: impl Iterator<Item = (&'v Target, &'v Value)>,
) -> usize {
    let mut queries = 0;
    for (target, value) in written {
        let Some(line) = resource.line(target).filter(|line| line.checked) else { continue };
        let what = format!("a query for each value of `{}`", line.target);
        said.noted("looks", &what, "refused with 409 where another one has it");
        queries += texts(value).len();
    }
    queries
}

/// The statement by which those who look take turns, where there is one.
fn turns(resource: &Resource) -> usize {
    match &resource.records {
        Records::Sql(records) if resource.lines.iter().any(|line| line.checked) => {
            usize::from(guard::turn(records).is_some())
        }
        _ => 0,
    }
}

fn no_answer(said: &mut Explained) {
    said.noted("answer", "204", "a list of members is read back only where `attributes` asks for it");
}

fn in_words(changed: &Changed) -> String {
    let target = &changed.target;
    match &changed.to {
        To::Value(value) => format!("{target} = {value}"),
        To::Unassigned => format!("{target} is cleared"),
        To::Delta { add, remove } => {
            let word = |value: &Value| value.get("value").unwrap_or(value).to_string();
            let joined = |words: Vec<String>| words.join(", ");
            let add = (!add.is_empty()).then(|| format!("+ {}", joined(add.iter().map(word).collect())));
            let remove =
                (!remove.is_empty()).then(|| format!("- {}", joined(remove.iter().map(|v| quoted(v)).collect())));
            format!("{target} {}", add.into_iter().chain(remove).collect::<Vec<_>>().join(" "))
        }
    }
}
