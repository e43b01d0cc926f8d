//! What a mapping says of an HTTP app: where it is, how to sign in, which calls read and write its records.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use serde_json::Value;

use crate::scim::{filter::CompareOp, schema::Target};

use super::{
    answer::AnswerRule,
    auth::Auth,
    call::CallTemplate,
    cell::Cell,
    language::Language,
    pattern::Pattern,
    relation::{Derived, Relation},
    reply::InReply,
    rows::{Gives, Hold},
    selector::Selector,
};

/// The app.
#[derive(Debug)]
pub struct RestApp {
    /// Where it is.
    pub origin: Arc<Origin>,
    /// The roots that vouch for it, in PEM; none: those of the system.
    pub ca: Option<String>,
    /// How calls are signed.
    pub auth: Auth,
    /// The app's answer rules.
    pub answers: Vec<Arc<AnswerRule>>,
    /// The values that every client's tenant must have, where calls name them.
    pub tenant: Vec<String>,
    /// How fast and how often it is asked.
    pub pace: Pace,
}

/// How fast and how often an app is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The most calls at once, of one credential; none: any number.
    pub at_once: Option<usize>,
    /// The most calls in a second, of one credential; none: any number.
    pub per_second: Option<u32>,
    /// How often one call is sent at most, where it may be sent again.
    pub tries: u32,
    /// The time of one call with all its tries and waits; none: that of a single one.
    pub within: Option<Duration>,
    /// For how long after our own write the app may not show it yet.
    pub settles: Option<Duration>,
    /// Whether a busy app is waited for, within that time.
    pub waits: bool,
}

/// What is so where a mapping says nothing: a call whose answer was lost is sent once more, and nobody waits.
impl Default for Pace {
    fn default() -> Self {
        Self { at_once: None, per_second: None, tries: 2, within: None, settles: None, waits: false }
    }
}

/// Where an app is.
#[derive(Debug, Default)]
pub struct Origin {
    /// Scheme and authority; every call stays on it.
    pub uri: http::Uri,
    /// The path prefix, without a slash at its end.
    pub prefix: String,
}

/// The calls of one resource type.
#[derive(Debug)]
pub struct RestRecords {
    /// True of every record that exists for SCIM.
    pub only: Pattern,
    /// True of every record that may be read and never written; without entries there are none.
    pub protect: Pattern,
    /// Fields that hold more than one value.
    pub cells: Vec<Cell>,
    /// Reads one record by id.
    pub get: Get,
    /// Fetched besides, by name.
    pub parts: Vec<Part>,
    /// Read many, one after the other; none: only look-ups by id work.
    pub lists: Vec<List>,
    /// All records there are, where they exist only by name.
    pub fixed: Option<Vec<Value>>,
    /// Makes one; none: not offered.
    pub create: Option<Create>,
    /// Changes one, rule by rule from the top.
    pub update: Vec<ChangeRule>,
    /// Removes one, call by call; empty: not offered.
    pub delete: Vec<CallTemplate>,
    /// The list that other resources are members of.
    pub members: Option<Relation>,
    /// Lists that are kept in the records of those whom they name.
    pub derived: Vec<Derived>,
}

/// How one record is read.
#[derive(Debug)]
pub enum Get {
    /// By a call of its own.
    Call(Box<CallTemplate>),
    /// Out of the list, by its rule for ids or by walking.
    List,
}

/// One more reply that hangs under a name of the record.
#[derive(Debug)]
pub struct Part {
    /// The name: `people` stands at `$.people`.
    pub name: String,
    /// The call; `$.id` is the record's, `$.values` are those of many.
    pub call: CallTemplate,
    /// How its rows go on; none: one reply.
    pub pages: Option<Pages>,
    /// How it is fetched for many records at once; none: for each by itself.
    pub batch: Option<Batch>,
}

/// Rows of many records in one reply.
#[derive(Debug)]
pub struct Batch {
    /// For how many records at most.
    pub most: usize,
    /// Where a row says which record it belongs to.
    pub of: Selector,
}

/// A source of many records.
#[derive(Debug)]
pub struct List {
    /// The call; its `rows` is set.
    pub call: CallTemplate,
    /// What its rows are good for; none: for all that `get` tells.
    pub gives: Option<Gives>,
    /// What is so of all its rows.
    pub holds: Vec<Hold>,
    /// How it goes on.
    pub pages: Pages,
    /// What of a filter the app can answer.
    pub filters: Vec<FilterRule>,
    /// The language that it can be asked in.
    pub language: Option<Language>,
}

/// How a list goes on from page to page.
#[derive(Debug)]
pub struct Pages {
    /// The style.
    pub by: PageStyle,
    /// The most rows of one page.
    pub max: u32,
    /// The number of the first page, for `PageStyle::Page`.
    pub first: u32,
    /// Where it is told how many rows there are in all.
    pub total: Option<Total>,
}

/// Where it is told how many rows there are in all.
#[derive(Debug)]
pub enum Total {
    /// In every reply.
    Told(InReply),
    /// By a call of its own, for the list without a filter.
    Call(Box<CallTemplate>, InReply),
}

impl Pages {
    /// How many rows there are in all, where a reply of the list tells it.
    #[must_use]
    pub fn told_total(&self, body: &Value, headers: &HeaderMap) -> Option<usize> {
        match self.total.as_ref()? {
            Total::Told(at) => Total::read(at, body, headers),
            Total::Call(..) => None,
        }
    }

    /// Whether any page can be asked for, and not only the one behind the last.
    #[must_use]
    pub fn at_random(&self) -> bool {
        matches!(self.by, PageStyle::Page | PageStyle::Offset)
    }
}

impl Total {
    /// The number that a reply tells there.
    #[must_use]
    pub fn read(at: &InReply, body: &Value, headers: &HeaderMap) -> Option<usize> {
        let told = match at.find(body, headers)?.as_ref() {
            Value::Number(n) => n.as_u64(),
            Value::String(s) => s.parse().ok(),
            _ => None,
        };
        usize::try_from(told?).ok()
    }

    /// As written, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Told(at) => at.text(),
            Self::Call(call, at) => format!("{} of {}", at.text(), call.line),
        }
    }
}

/// The styles of paging.
#[derive(Debug)]
pub enum PageStyle {
    /// Pages are numbered.
    Page,
    /// Rows are skipped.
    Offset,
    /// Everything comes in one reply; a full reply may be cut.
    Whole,
    /// A reply tells the value that the next call sends as `next`; none tells the end.
    Next {
        /// Where.
        at: InReply,
        /// What the first call sends, if anything.
        first: Option<Value>,
    },
    /// A reply links to the next page; no link is the end.
    Url {
        /// Where.
        at: InReply,
        /// Where it must lead.
        origin: Arc<Origin>,
    },
}

/// What of a filter the app can answer.
#[derive(Debug)]
pub struct FilterRule {
    /// As written: `userName eq ?`.
    pub text: String,
    /// The attribute.
    pub target: Target,
    /// The operator.
    pub op: CompareOp,
    /// The value it is for; none: any (`?`).
    pub literal: Option<Value>,
    /// The list's call with what the rule lays over it, or one of its own; `$.value` is the literal.
    pub call: CallTemplate,
    /// What a call of its own answers with; none: what the list's does.
    pub own: Option<Own>,
    /// Whether the app adds no row that does not match.
    pub exactly: bool,
    /// Whether the app's comparison ignores letter case.
    pub any_case: bool,
}

/// What the call of a rule's own answers with.
#[derive(Debug)]
pub enum Own {
    /// Records, at the call's `rows`.
    Rows(Box<OwnRows>),
    /// One record, at the call's `record`.
    Record,
    /// Ids, at the call's `id`; each is then read by `get`.
    Ids,
}

/// The rows of a rule's own call.
#[derive(Debug)]
pub struct OwnRows {
    /// How they go on; none: all come in one reply.
    pub pages: Option<Pages>,
    /// What they are good for; none: for what those of the list are.
    pub gives: Option<Gives>,
}

/// How a record is made.
#[derive(Debug)]
pub struct Create {
    /// Calls that come before it.
    pub ahead: Vec<CallTemplate>,
    /// The call, whose reply tells the record or its id.
    pub call: CallTemplate,
    /// The record a new one begins from.
    pub start: Value,
    /// The attributes the call takes, whole; none: all. The rest follows as an update.
    pub takes: Option<Vec<Target>>,
}

impl Create {
    /// Whether the call takes this attribute.
    #[must_use]
    pub fn takes(&self, target: &Target) -> bool {
        let same = |t: &Target| t.extension == target.extension && t.attribute.name == target.attribute.name;
        self.takes.as_ref().is_none_or(|takes| takes.iter().any(same))
    }
}

/// One way to change a record.
#[derive(Debug)]
pub struct ChangeRule {
    /// Attributes and what must become of them; empty: takes what is left.
    pub when: Vec<(Target, Becomes)>,
    /// Calls that come before it.
    pub ahead: Vec<CallTemplate>,
    /// The call.
    pub call: CallTemplate,
    /// Fields that `whole` is sent without: the app does not take them back.
    pub drop: Vec<Selector>,
}

/// What must become of an attribute for a change rule to claim it.
#[derive(Debug)]
pub struct Becomes {
    /// What it is before; none: anything.
    pub from: Option<To>,
    /// What it is then; none: anything.
    pub to: Option<To>,
}

/// A value that an attribute has before or after a change.
#[derive(Debug)]
pub enum To {
    /// Any of these values.
    AnyOf(Vec<Value>),
    /// Some value, or none.
    Given(bool),
}
