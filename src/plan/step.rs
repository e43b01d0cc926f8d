//! The steps of a write: calls in order, each with the state that it wishes for. Most are made before the first is sent; a
//! step that sends the record as just read is made when it is its turn, from what is then there.

use serde_json::Value;

use crate::{
    mapping::{
        Records, Resource,
        call::CallTemplate,
        cell::{self, Cell},
        relation::Derived,
        rest::ChangeRule,
        selector::Selector,
        term::Scope,
        translate,
    },
    scim::change::Change as Changed,
};

use super::{
    Fault,
    call::{Call, Reply, Statement},
    fill::fill,
    joining::Member,
    sql::own::{ForEach, OwnCall},
};

/// One call of a write, and what of its answer counts as success.
#[derive(Debug)]
pub struct Step<'a> {
    /// The call.
    pub act: Act<'a>,
    /// The state that is wished for.
    pub wish: Wish,
    /// The same for each of the call's values alone: sent when the app refuses them together.
    pub singly: Vec<Call>,
    /// What it does, for the sentence that says what took effect when a later step fails; of a step among others, what all of
    /// them do together.
    pub does: String,
    /// Which it is of those, and how many they are.
    pub nth: (usize, usize),
    /// Where an ok reply holds the record as it is now.
    pub record: Option<Selector>,
    /// Whether it is left out where no step before it wrote a row.
    pub if_changed: bool,
    /// Who joins or leaves by it, where that is kept in their own records: taking the group away leaves it there.
    pub elsewhere: Option<Elsewhere<'a>>,
}

/// Who joins or leaves in their own records.
#[derive(Debug)]
pub struct Elsewhere<'a> {
    /// What.
    pub derived: &'a Derived,
    /// Who.
    pub ids: Vec<String>,
}

/// The call of a step.
#[derive(Debug)]
pub enum Act<'a> {
    /// Made already.
    Call(Call),
    /// Made of what the steps before it kept.
    Later(Later<'a>),
    /// Made of the record as it is just before.
    Edit(Edit<'a>),
    /// Somebody joins or leaves, in their own record.
    Member(Member<'a>),
    /// A statement of the app's own.
    Own(OwnCall<'a>),
    /// One for each member that is found first.
    ForEach(ForEach<'a>),
}

/// What steps keep for those behind them.
pub type Kept = [(String, Value)];

/// A call that may use what earlier ones kept.
#[derive(Debug)]
pub struct Later<'a> {
    template: &'a CallTemplate,
    names: Scope<'static>,
    /// As far as it is known, names that are kept later standing for themselves.
    pub shown: Call,
}

/// A call that sends the record as just read, or a list of it, with changes in it.
#[derive(Debug)]
pub struct Edit<'a> {
    resource: &'a Resource,
    rule: &'a ChangeRule,
    id: Value,
    changes: Vec<Changed>,
    /// The part of the record that it writes, as far as that is known before.
    changed: Value,
    lenient: bool,
}

/// The state that a step wishes for: where it is there already, that is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Just done.
    Done,
    /// A member is in: `exists` is success.
    There,
    /// A member is out, or a record is gone: `absent` is success.
    Gone,
}

impl<'a> Step<'a> {
    /// A statement: part of a transaction, so it needs no words for what took effect without the rest.
    #[must_use]
    pub fn statement(statement: Statement) -> Self {
        Self::sql(Act::Call(Call::Sql(statement)))
    }

    /// Another part of a transaction.
    pub(super) fn sql(act: Act<'a>) -> Self {
        Self::new(act, String::new())
    }

    /// A step that is just done, with words for it.
    fn new(act: Act<'a>, does: String) -> Self {
        let (wish, singly) = (Wish::Done, Vec::new());
        Self { act, wish, singly, does, nth: (1, 1), record: None, if_changed: false, elsewhere: None }
    }

    /// Calls in order, each of which may use what those before it kept. What cannot be sent is found before anything is;
    /// names that are not kept yet stand for themselves.
    ///
    /// # Errors
    /// A value that cannot be sent.
    pub(super) fn sequence(
        ahead: &'a [CallTemplate],
        last: &'a CallTemplate,
        names: &Scope<'static>,
        does: &str,
    ) -> Result<Vec<Self>, Fault> {
        let stand_in = |name: &String| (name.clone(), Value::from(format!("{{{name}}}")));
        let kept: Vec<(String, Value)> =
            ahead.iter().chain([last]).flat_map(|call| call.keep.iter().map(|(name, _)| stand_in(name))).collect();
        let all = ahead.len() + 1;
        let one = |(at, template): (usize, &'a CallTemplate)| {
            let shown = fill(template, &with(names.clone(), &kept))?;
            let alone = all == 1 && template.keep.is_empty() && template.until.is_none() && template.undo.is_none();
            let alone = alone && template.when.is_none();
            let act = match alone {
                true => Act::Call(shown),
                false => Act::Later(Later { template, names: names.clone(), shown }),
            };
            Ok(Self { record: template.record.clone(), nth: (at + 1, all), ..Self::new(act, does.to_owned()) })
        };
        ahead.iter().chain([last]).enumerate().map(one).collect()
    }

    /// Somebody joins or leaves.
    #[must_use]
    pub fn member(member: Member<'a>) -> Self {
        let does = super::members::does(member.joins, 1);
        let elsewhere = Elsewhere { derived: member.derived, ids: vec![member.id.clone()] };
        Self { elsewhere: Some(elsewhere), ..Self::new(Act::Member(member), does) }
    }

    /// Members that join or leave by calls for that.
    pub(super) fn members(call: Call, singly: Vec<Call>, wish: Wish, count: usize) -> Self {
        let does = super::members::does(wish == Wish::There, count);
        Self { wish, singly, ..Self::new(Act::Call(call), does) }
    }

    /// What took effect of it when only so many of its calls for one did.
    #[must_use]
    pub fn partly(&self, done: usize) -> String {
        let joins = match &self.act {
            Act::Member(member) => member.joins,
            _ => self.wish == Wish::There,
        };
        super::members::does(joins, done)
    }

    /// What it does by itself.
    #[must_use]
    pub fn note(&self) -> String {
        match self.nth {
            (_, 1) => self.does.clone(),
            (nth, all) => format!("step {nth} of {all} of {}", self.does),
        }
    }

    /// The same, where it is success that nothing is there to be done any more; what is kept for later steps must be told.
    #[must_use]
    pub fn gone(self) -> Self {
        let keeps = self.template().is_some_and(|call| !call.keep.is_empty());
        match self.only_reads() || keeps {
            true => self,
            false => Self { wish: Wish::Gone, ..self },
        }
    }

    /// Whether it only reads.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        self.template().is_some_and(|call| call.method == http::Method::GET)
    }

    /// Whether it is asked of the record as it was before the write whether it is done.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.template().is_some_and(CallTemplate::looks_back)
    }

    /// How many calls it takes at least.
    #[must_use]
    pub fn calls(&self) -> usize {
        match &self.act {
            Act::Call(_) | Act::Later(_) | Act::Own(_) | Act::ForEach(_) => 1,
            Act::Edit(_) => 2,
            Act::Member(member) => super::joining::calls(member.derived),
        }
    }

    /// The changes that a rule of an HTTP app takes. `before`: the record as just read, where it was; a value that cannot
    /// be sent is then found before anything is.
    ///
    /// # Errors
    /// A value that cannot be sent.
    pub(super) fn change(
        resource: &'a Resource,
        rule: &'a ChangeRule,
        id: &Value,
        mine: &[&Changed],
        before: Option<&Value>,
        lenient: bool,
    ) -> Result<Vec<Self>, Fault> {
        let mut changed = translate::changed(resource, mine.iter().copied(), before, lenient)?;
        cell::join(cells(resource), &mut changed)?;
        let names: Vec<String> = mine.iter().map(|c| format!("`{}`", c.target)).collect();
        let does = format!("the change of {}", names.join(", "));
        let scope = Scope::default().with("id", id.clone()).with("changed", changed.clone());
        if !rule.call.reads() && !mine.iter().any(|c| edits(resource, c)) {
            return Self::sequence(&rule.ahead, &rule.call, &scope, &does);
        }
        let mut steps = match rule.ahead.split_last() {
            Some((last, ahead)) => Self::sequence(ahead, last, &scope, &does)?,
            None => Vec::new(),
        };
        let changes = mine.iter().copied().cloned().collect();
        let edit = Edit { resource, rule, id: id.clone(), changes, changed, lenient };
        if let (Some(before), true) = (before, rule.ahead.is_empty()) {
            edit.call(before, &[])?;
        }
        steps.push(Self { record: rule.call.record.clone(), ..Self::new(Act::Edit(edit), does) });
        let all = steps.len();
        steps.iter_mut().enumerate().for_each(|(at, step)| step.nth = (at + 1, all));
        Ok(steps)
    }

    /// The call as far as it is known before, where it stands by itself.
    #[must_use]
    pub fn shown(&self) -> Option<&Call> {
        match &self.act {
            Act::Call(call) => Some(call),
            Act::Later(later) => Some(&later.shown),
            _ => None,
        }
    }

    /// The call as the mapping has it, where it is made when it is its turn: what it keeps, waits for and is taken back by.
    #[must_use]
    pub fn template(&self) -> Option<&'a CallTemplate> {
        match &self.act {
            Act::Call(_) | Act::Member(_) | Act::Own(_) | Act::ForEach(_) => None,
            Act::Later(later) => Some(later.template),
            Act::Edit(edit) => Some(edit.template()),
        }
    }

    /// Whether it is left out: `before` is the record as it was before the first step, where a step asks for it.
    #[must_use]
    pub fn is_left_out(&self, before: Option<&Value>, kept: &Kept) -> bool {
        let Some(when) = self.template().and_then(|call| call.when.as_ref()) else { return false };
        let names = match &self.act {
            Act::Later(later) => later.names.clone(),
            Act::Edit(edit) => Scope::default().lend("id", &edit.id).lend("changed", &edit.changed),
            _ => Scope::default(),
        };
        let names = before.into_iter().fold(with(names, kept), |names, before| names.lend("before", before));
        !when.holds(&names.to_value(), None)
    }

    /// What its reply keeps for the steps behind it.
    ///
    /// # Errors
    /// It does not tell it.
    pub fn kept(&self, reply: &Reply) -> Result<Vec<(String, Value)>, Fault> {
        if let Act::Own(own) = &self.act {
            return own.kept(reply);
        }
        let keep = self.template().into_iter().flat_map(|call| &call.keep);
        keep.map(|(name, at)| {
            let found = at.find(&reply.body, &reply.headers).ok_or_else(|| {
                let at = at.text();
                Fault::Unmade(format!("the app's reply does not tell `{name}`, which a later step needs, at {at}"))
            })?;
            Ok((name.clone(), found.into_owned()))
        })
        .collect()
    }

    /// The call that takes back what this one did, from what was kept till then.
    ///
    /// # Errors
    /// A value that cannot be sent.
    pub fn undo(&self, kept: &Kept) -> Result<Option<Call>, Fault> {
        match &self.act {
            Act::Later(later) => {
                later.template.undo.as_ref().map(|undo| fill(undo, &with(later.names.clone(), kept))).transpose()
            }
            Act::Edit(edit) => {
                let names = Scope::default().lend("id", &edit.id);
                edit.rule.call.undo.as_ref().map(|undo| fill(undo, &with(names, kept))).transpose()
            }
            _ => Ok(None),
        }
    }
}

/// Whether a change puts something into a list of the record, or takes it out, and leaves the rest of the list as it is.
pub(super) fn edits(resource: &Resource, change: &Changed) -> bool {
    resource.line(&change.target).is_some_and(|line| translate::edited_list(resource, line).is_some())
}

fn cells(resource: &Resource) -> &[Cell] {
    match &resource.records {
        Records::Rest(records) => &records.cells,
        Records::Sql(records) => &records.cells,
    }
}

fn with<'n>(names: Scope<'n>, kept: &'n Kept) -> Scope<'n> {
    kept.iter().fold(names, |scope, (name, value)| scope.lend(name, value))
}

impl Later<'_> {
    /// The call, from what the steps before it kept.
    ///
    /// # Errors
    /// A value that cannot be sent.
    pub fn call(&self, kept: &Kept) -> Result<Call, Fault> {
        fill(self.template, &with(self.names.clone(), kept))
    }
}

impl<'a> Edit<'a> {
    /// The call, from the record as just read.
    ///
    /// # Errors
    /// A value that cannot be sent, or a field that the record does not have.
    pub fn call(&self, before: &Value, kept: &Kept) -> Result<Call, Fault> {
        let mut whole = translate::edited(self.resource, before.clone(), &self.changes, self.lenient)?;
        cell::join(cells(self.resource), &mut whole)?;
        self.rule.drop.iter().for_each(|field| field.unset(&mut whole));
        let mut changed = translate::changed(self.resource, &self.changes, Some(before), self.lenient)?;
        cell::join(cells(self.resource), &mut changed)?;
        let scope = Scope::default().lend("id", &self.id).lend("changed", &changed);
        fill(&self.rule.call, &with(scope.lend("before", before).lend("whole", &whole), kept))
    }

    /// Whether a list of the record is sent whole.
    #[must_use]
    pub fn lists(&self) -> bool {
        self.changes.iter().any(|change| edits(self.resource, change))
    }

    /// The call with its holes.
    #[must_use]
    pub fn template(&self) -> &'a CallTemplate {
        &self.rule.call
    }
}
