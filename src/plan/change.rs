//! Changing a record: PUT and PATCH become one change set, the mapping's change rules claim the changes they name, and
//! what no rule can send is first compared with what is there (law 7). DELETE stands here as well.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    mapping::{
        Records, Resource,
        call::CallTemplate,
        line::{Line, Source},
        relation::Relation,
        rest::{Becomes, ChangeRule},
        sql::Delete,
        term::Scope,
        translate,
    },
    scim::{
        Refusal, ScimType,
        change::{Change as Changed, To, apply_changes, diff},
        patch::Patch,
        resource,
        schema::{Mutability, Target},
    },
};

use super::{
    Context, Fault,
    deal::{claimed, claims, deal},
    read::{Needs, Shown},
    scope,
    sql::{
        self,
        write::{self, Stamps},
    },
    step::{Step, edits},
};

/// What a client asks to change.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// The steps of a PATCH.
    Patch(&'a Patch),
    /// What a PUT sets and clears.
    Replace(&'a [Changed]),
}

/// A plan for a PUT or PATCH.
#[derive(Debug)]
pub struct Change<'a> {
    /// The resource type.
    pub resource: &'a Resource,
    /// The resource.
    pub id: &'a str,
    ask: Ask<'a>,
    /// The change set, where nothing of the old state is needed.
    pub blind: Option<Vec<Changed>>,
    /// Whether what is read leaves out the lists of other resources, as they change by what goes in and out.
    own: bool,
}

/// Plans a PUT or PATCH.
#[must_use]
pub fn plan<'a>(resource: &'a Resource, id: &'a str, ask: Ask<'a>) -> Change<'a> {
    let set = set(ask).filter(|changes| !changes.is_empty());
    let by_delta = match &resource.records {
        Records::Sql(records) => !records.members.is_empty(),
        Records::Rest(_) => set.iter().flatten().any(|c| is_derived(resource, c)),
    };
    let own = by_delta && set.iter().flatten().all(|c| !relates(resource, c) || !needs_old(resource, c));
    let own = own && set.is_some();
    let reads = |changes: &[Changed]| reading_rule(resource, changes).is_some();
    let blind = set.filter(|changes| !changes.iter().any(|c| needs_before(resource, c)) && !reads(changes));
    Change { resource, id, ask, blind, own }
}

/// The first rule of those that take these changes, or may, whose call needs the record as it is before.
fn reading_rule<'a>(resource: &'a Resource, changes: &[Changed]) -> Option<&'a ChangeRule> {
    let Records::Rest(records) = &resource.records else { return None };
    let changes: Vec<&Changed> = changes.iter().filter(|c| !relates(resource, c)).collect();
    let looks_back = |rule: &&ChangeRule| {
        let of_these = |(target, becomes): &(Target, Becomes)| {
            becomes.from.is_some() && changes.iter().any(|c| c.target == *target)
        };
        rule.when.iter().any(of_these)
    };
    let dealt = claimed(&records.update, changes.clone(), None).0;
    let sends = |(rule, mine): &(&ChangeRule, Vec<&Changed>)| {
        sends_what_was(resource, rule, mine) || rule.ahead.iter().chain([&rule.call]).any(CallTemplate::looks_back)
    };
    dealt.into_iter().find(sends).map(|(rule, _)| rule).or_else(|| records.update.iter().find(looks_back))
}

/// Whether a rule's call holds something of the record as it is before.
fn sends_what_was(resource: &Resource, rule: &ChangeRule, mine: &[&Changed]) -> bool {
    rule.call.reads() || mine.iter().any(|change| edits(resource, change))
}

/// What is asked for, where that is said without the old state.
fn set(ask: Ask<'_>) -> Option<Vec<Changed>> {
    match ask {
        Ask::Patch(patch) => patch.blind(),
        Ask::Replace(changes) => Some(changes.to_vec()),
    }
}

/// Whether a PUT or PATCH is answered with the resource. A group's answer would list all its members; 204 spares that
/// (RFC 7644 §3.5.2 allows either).
#[must_use]
pub fn shows(resource: &Resource, wants_answer: bool) -> bool {
    wants_answer || !resource.has_members()
}

/// Whether a change cannot be sent without reading the record.
fn needs_before(resource: &Resource, change: &Changed) -> bool {
    // Of a list that is kept elsewhere nobody else would say that its owner is not there.
    needs_old(resource, change) || is_derived(resource, change)
}

/// Whether a change cannot be sent without knowing the old value.
fn needs_old(resource: &Resource, change: &Changed) -> bool {
    let Some(line) = resource.line(&change.target) else { return true };
    let mut required = resource.kind.extensions.iter().filter(|e| e.required).map(|e| e.schema.id.as_str());
    let may_go =
        matches!(change.to, To::Unassigned) && required.any(|urn| change.target.extension.as_deref() == Some(urn));
    if !line.update || may_go || is_immutable(&change.target) {
        return true;
    }
    match &resource.records {
        Records::Rest(records) => match relates(resource, change) {
            true => !matches!(change.to, To::Delta { .. }),
            false if edits(resource, change) => true,
            false if line.checked || scope::tested(records, line) => true,
            false => !records.update.iter().any(|rule| rule.when.is_empty() || claims(rule, change)),
        },
        // Reading a row is cheap, and what is so already must not move the time of change (RFC 7644 §3.5.2.1). Members
        // are not read for that, as they may be many: their statements tell whether they wrote anything.
        Records::Sql(_) => !line.relates(),
    }
}

/// Whether a change is one of a list of other resources that changes by what goes in and out. One that an HTTP app takes
/// whole, with the record, is like any other list.
pub(super) fn relates(resource: &Resource, change: &Changed) -> bool {
    let by_calls = |relation: &Relation| relation.target.covers(&change.target);
    match &resource.records {
        Records::Rest(records) => records.members.as_ref().is_some_and(by_calls) || is_derived(resource, change),
        Records::Sql(_) => resource.line(&change.target).is_some_and(Line::relates),
    }
}

/// Whether a change is one of a list of others whose own records say whether they are meant.
fn is_scoped(resource: &Resource, change: &Changed) -> bool {
    resource.line(&change.target).is_some_and(|line| line.scoped().is_some())
}

/// Whether a change is one of a list that is kept in the records of those whom it names.
fn is_derived(resource: &Resource, change: &Changed) -> bool {
    let Records::Rest(records) = &resource.records else { return false };
    records.derived.iter().any(|derived| derived.target.covers(&change.target))
}

impl<'a> Change<'a> {
    /// The change set, where it can be said without the old state; some of it may be so already.
    #[must_use]
    pub fn set(&self) -> Option<Vec<Changed>> {
        set(self.ask)
    }

    /// What is read of the record first; none where it is not read.
    #[must_use]
    pub fn needs(&self) -> Option<Needs<'static>> {
        match self.blind {
            Some(_) => None,
            None if self.own || self.only_derived() => Some(Needs::OWN),
            None => Some(Needs::ALL),
        }
    }

    /// Whether the lists of other resources are all derived from theirs: nothing here changes by them, or changes them.
    fn only_derived(&self) -> bool {
        matches!(&self.resource.records, Records::Sql(records) if records.members.is_empty() && records.groups.is_some())
    }

    /// Whether all of the record is read first, so that it is the answer where nothing changes.
    #[must_use]
    pub fn reads_all(&self) -> bool {
        self.needs().is_some_and(|needs| matches!(needs.shown, Shown::All))
    }

    /// Why the record is read first; none where it is not.
    #[must_use]
    pub fn why_before(&self) -> Option<String> {
        if self.blind.is_some() {
            return None;
        }
        let Some(set) = self.set() else {
            return Some("a step of the PATCH depends on what is there".to_owned());
        };
        let Some(change) = set.iter().find(|c| needs_before(self.resource, c)) else {
            return Some(match reading_rule(self.resource, &set) {
                Some(rule) if rule.call.names("whole") => "the app takes the whole record".to_owned(),
                Some(_) if set.iter().any(|c| edits(self.resource, c)) => "the app takes the whole list".to_owned(),
                Some(_) => "a change rule looks at what is there".to_owned(),
                None => "to see whether it is there; nothing else is asked for".to_owned(),
            });
        };
        let target = &change.target;
        Some(match self.resource.line(target) {
            Some(line) if matches!(line.value, Source::From { .. }) => {
                format!("`{target}` is kept in other records, which do not tell whether this one is there")
            }
            Some(line) if line.update && matches!(line.value, Source::Each(_)) => {
                format!("only what differs in `{target}` is written")
            }
            Some(line) if line.update && matches!(self.resource.records, Records::Sql(_)) => {
                "what is so already is not written, so its time of change stays".to_owned()
            }
            Some(line) if line.update => format!("no change rule takes `{target}` like this, unless it is so already"),
            Some(line) if self.takes(line) => {
                format!("`{target}` is written where it has no value yet, and never again")
            }
            _ => format!("`{target}` cannot be changed, so it must be so already"),
        })
    }

    /// Who joins and leaves in their own records, as far as that is said without the old state.
    ///
    /// # Errors
    /// An id that no record can have.
    pub fn joins(&self, context: &Context<'_>) -> Result<Vec<Step<'a>>, Fault> {
        let Records::Rest(records) = &self.resource.records else { return Ok(Vec::new()) };
        let said = |c: &Changed| is_derived(self.resource, c) && matches!(c.to, To::Delta { .. });
        let changes: Vec<Changed> = self.set().into_iter().flatten().filter(said).collect();
        deal(self.resource, records, self.id, &changes, None, context.profile.ignore_unmapped)
    }

    /// The rules that take what is asked for, as far as that is known, and send the record, or a list of it, as just read.
    #[must_use]
    pub fn edits(&self) -> Vec<&'a ChangeRule> {
        let Records::Rest(records) = &self.resource.records else { return Vec::new() };
        match &self.set() {
            Some(set) => {
                let single = set.iter().filter(|c| !relates(self.resource, c)).collect();
                let sends = |(rule, mine): &(&ChangeRule, Vec<&Changed>)| sends_what_was(self.resource, rule, mine);
                let dealt = claimed(&records.update, single, None).0;
                dealt.into_iter().filter(sends).map(|(rule, _)| rule).collect()
            }
            None => records.update.iter().filter(|rule| rule.call.reads()).collect(),
        }
    }

    /// What changes, from what is there.
    ///
    /// # Errors
    /// A change that cannot be made.
    pub fn changes(&self, before: Option<&Map<String, Value>>) -> Result<Vec<Changed>, Fault> {
        match (&self.blind, before) {
            (Some(blind), None) => Ok(blind.clone()),
            (_, Some(resource)) => self.differences(resource),
            (None, None) => Err(Fault::Unmade("the record was not read before the change".to_owned())),
        }
    }

    /// Whether it may write a value that is looked for before.
    #[must_use]
    pub fn looks(&self) -> bool {
        let checked = |change: &Changed| self.resource.line(&change.target).is_none_or(|line| line.checked);
        self.set().is_none_or(|set| set.iter().any(checked))
    }

    /// The steps, from what is there: the record (of an HTTP app as it came, without parts) and the resource it reads as.
    /// None of them: nothing is to be done.
    ///
    /// # Errors
    /// A change that cannot be made, with nothing sent.
    pub fn decide(
        &self,
        before: Option<(&Value, &Map<String, Value>)>,
        context: &Context<'_>,
    ) -> Result<Vec<Step<'a>>, Fault> {
        self.steps(&self.changes(before.map(|b| b.1))?, before, context)
    }

    /// The steps for these changes.
    ///
    /// # Errors
    /// As [`Change::decide`].
    pub fn steps(
        &self,
        changes: &[Changed],
        before: Option<(&Value, &Map<String, Value>)>,
        context: &Context<'_>,
    ) -> Result<Vec<Step<'a>>, Fault> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        for change in changes {
            if !self.resource.line(&change.target).is_some_and(|line| self.takes(line)) {
                return Err(immutable(change));
            }
        }
        match &self.resource.records {
            Records::Rest(records) => {
                if let Some((record, _)) = before.filter(|_| self.resource.is_guarded()) {
                    let own = changes.iter().filter(|c| !relates(self.resource, c));
                    let lenient = context.profile.ignore_unmapped;
                    let changed = translate::changed(self.resource, own, Some(record), lenient)?;
                    scope::stays(self.resource, &scope::merged(record, &changed))?;
                }
                deal(self.resource, records, self.id, changes, before, context.profile.ignore_unmapped)
            }
            Records::Sql(records) => sql::change::steps(self.resource, records, self.id, changes, before, context),
        }
    }

    /// Whether the app takes a new value of this line. What it takes at creation only, it takes in a column that is
    /// still empty, too (RFC 7644 §3.5.2 on `immutable`; that it is empty, `differences` has seen, where it can be seen);
    /// over HTTP there is no call for that.
    fn takes(&self, line: &Line) -> bool {
        let column = matches!(self.resource.records, Records::Sql(_));
        line.update || column && line.create && !line.write_only
    }

    /// What the request changes of this resource, and nothing that is so already.
    fn differences(&self, before: &Map<String, Value>) -> Result<Vec<Changed>, Fault> {
        let mut after = before.clone();
        let (lists, own): (Vec<Changed>, Vec<Changed>) =
            self.set().filter(|_| self.own).into_iter().flatten().partition(|c| relates(self.resource, c));
        match self.ask {
            _ if self.own => apply_changes(&own, &mut after),
            Ask::Patch(patch) => patch.apply(&mut after)?,
            Ask::Replace(changes) => apply_changes(changes, &mut after),
        }
        self.check_extensions(before, &after)?;
        let mut changes = diff(before, &after, &self.resource.kind);
        changes.retain(|change| !same_but_case(self.resource, change, before));
        let set_once = |c: &&Changed| is_immutable(&c.target) && resource::get(before, &c.target).is_some();
        if let Some(change) = changes.iter().find(set_once) {
            return Err(immutable(change));
        }
        for change in changes.iter_mut().filter(|c| matches!(c.to, To::Delta { .. })) {
            // Only a list of members is changed by what goes in and out; any other is written as it becomes. Who is hidden
            // stays in what is written.
            if !relates(self.resource, change) && !is_scoped(self.resource, change) {
                let list = resource::get(&after, &change.target);
                change.to = list.map_or(To::Unassigned, |list| To::Value(list.clone()));
            }
        }
        // What is never shown may be there: taking it away is a change whatever was read.
        let hidden = |c: &Changed| self.resource.line(&c.target).is_some_and(|line| line.write_only);
        let gone = self.set().into_iter().flatten().filter(|c| matches!(c.to, To::Unassigned) && hidden(c));
        changes.extend(gone);
        changes.extend(lists);
        Ok(changes)
    }

    /// An extension that every resource must have does not go (RFC 7643 §6).
    fn check_extensions(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), Fault> {
        let lost = |urn: &str| before.contains_key(urn) && !after.contains_key(urn);
        let extensions = self.resource.kind.extensions.iter().filter(|e| e.required).map(|e| e.schema.id.as_str());
        match extensions.into_iter().find(|urn| lost(urn)) {
            Some(urn) => {
                let detail = format!("the extension \"{urn}\" is required; its last value cannot be removed");
                Err(Refusal::new(ScimType::Mutability, detail).into())
            }
            None => Ok(()),
        }
    }
}

fn is_immutable(target: &Target) -> bool {
    [&target.attribute, target.leaf()].iter().any(|a| a.mutability == Mutability::Immutable)
}

/// Where letter case does not matter, or the app makes the same of it, another spelling of what cannot be changed is no change.
fn same_but_case(kind: &Resource, change: &Changed, before: &Map<String, Value>) -> bool {
    let leaf = change.target.leaf();
    match (&change.to, resource::get(before, &change.target)) {
        (To::Value(new), Some(old)) => {
            let kept = kind.line(&change.target).map_or(Cow::Borrowed(new), |line| line.folded(new));
            leaf.mutability == Mutability::Immutable && leaf.is_same(old, &kept)
        }
        _ => false,
    }
}

fn immutable(change: &Changed) -> Fault {
    Refusal::new(ScimType::Mutability, format!("`{}` cannot be changed any more", change.target)).into()
}

/// The steps that delete a record.
///
/// # Errors
/// [`Fault::Absent`] for an id that no record can have, [`Fault::NotOffered`] where the mapping has no call.
pub fn delete<'a>(resource: &'a Resource, id: &str, context: &Context<'_>) -> Result<Vec<Step<'a>>, Fault> {
    match &resource.records {
        Records::Rest(records) => {
            let Some((last, ahead)) = records.delete.split_last() else {
                return Err(Fault::NotOffered(format!("the app cannot delete a {}", resource.kind.name)));
            };
            let stored = resource.id.codec.write(&Value::String(id.to_owned())).ok_or(Fault::Absent)?;
            match Step::sequence(
                ahead,
                last,
                &Scope::default().with("id", stored),
                if ahead.is_empty() { "" } else { "the deletion" },
            ) {
                Err(Fault::Refused(_)) => Err(Fault::Absent),
                // of several steps one may find nothing to delete while the record is there
                Ok(steps) if steps.len() > 1 => Ok(steps.into_iter().map(Step::gone).collect()),
                steps => steps,
            }
        }
        Records::Sql(records) => {
            if matches!(records.delete, Delete::Never) {
                return Err(Fault::NotOffered(format!("the app cannot delete a {}", resource.kind.name)));
            }
            let key = sql::key(resource, records, id).ok_or(Fault::Absent)?;
            let stamps = Stamps { now: context.now, client: context.client };
            Ok(write::delete(resource, records, &key, &stamps))
        }
    }
}
