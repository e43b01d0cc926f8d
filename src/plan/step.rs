//! The steps of a write: calls in order, each with the state that it wishes for. Most are made before the first is sent; a
//! step that sends the record as just read is made when it is its turn, from what is then there.

use serde_json::Value;

use crate::{
    mapping::{Resource, call::CallTemplate, rest::ChangeRule, selector::Selector, term::Scope, translate},
    scim::change::Change as Changed,
};

use super::{
    Fault,
    call::{Call, Statement},
    fill::fill,
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
    /// What it does, for the sentence that says what took effect when a later step fails.
    pub does: String,
    /// Where an ok reply holds the record as it is now.
    pub record: Option<Selector>,
    /// Whether it is left out where no step before it wrote a row.
    pub if_changed: bool,
}

/// The call of a step.
#[derive(Debug)]
pub enum Act<'a> {
    /// Made already.
    Call(Call),
    /// Made of the record as it is just before.
    Edit(Edit<'a>),
}

/// A call that sends the record as just read, with changes in it.
#[derive(Debug)]
pub struct Edit<'a> {
    resource: &'a Resource,
    rule: &'a ChangeRule,
    id: Value,
    changed: Value,
    changes: Vec<Changed>,
    lenient: bool,
}

/// The state that a step wishes for: where it is there already, that is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Just done.
    Done,
    /// A member is in: `exists` is success.
    There,
    /// A member is out: `absent` is success.
    Gone,
}

impl<'a> Step<'a> {
    /// A statement: part of a transaction, so it needs no words for what took effect without the rest.
    #[must_use]
    pub fn statement(statement: Statement) -> Self {
        let act = Act::Call(Call::Sql(statement));
        Self { act, wish: Wish::Done, singly: Vec::new(), does: String::new(), record: None, if_changed: false }
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
    ) -> Result<Self, Fault> {
        let changed = translate::changed(resource, mine.iter().copied(), lenient)?;
        let act = if rule.call.reads() {
            let changes = mine.iter().copied().cloned().collect();
            let edit = Edit { resource, rule, id: id.clone(), changed, changes, lenient };
            before.map(|before| edit.call(before)).transpose()?;
            Act::Edit(edit)
        } else {
            Act::Call(fill(&rule.call, &Scope::default().lend("id", id).lend("changed", &changed))?)
        };
        let names: Vec<String> = mine.iter().map(|c| format!("`{}`", c.target)).collect();
        let does = format!("the change of {}", names.join(", "));
        let record = rule.call.record.clone();
        Ok(Self { act, wish: Wish::Done, singly: Vec::new(), does, record, if_changed: false })
    }
}

impl<'a> Edit<'a> {
    /// The call, from the record as just read.
    ///
    /// # Errors
    /// A value that cannot be sent, or a field that the record does not have.
    pub fn call(&self, before: &Value) -> Result<Call, Fault> {
        let mut whole = translate::edited(self.resource, before.clone(), &self.changes, self.lenient)?;
        self.rule.drop.iter().for_each(|field| field.unset(&mut whole));
        let scope = Scope::default().lend("id", &self.id).lend("changed", &self.changed);
        fill(&self.rule.call, &scope.lend("before", before).lend("whole", &whole))
    }

    /// The call with its holes.
    #[must_use]
    pub fn template(&self) -> &'a CallTemplate {
        &self.rule.call
    }
}
