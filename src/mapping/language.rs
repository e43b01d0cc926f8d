//! A filter language of an app, as far as one list can be asked in it: what the comparisons of each attribute become, and
//! how they are joined. Values stand in it behind quotes or as leaves of a tree, so that none can become an operator.

use http::HeaderName;

use crate::scim::{filter::CompareOp, schema::Target};

use super::term::Term;

/// What of a filter a list can be asked, and how.
#[derive(Debug)]
pub struct Language {
    /// Its name, for people.
    pub name: String,
    /// Single comparisons.
    pub leaves: Vec<Leaf>,
    /// What all of several become: `$.all`, or `{{left}}` and `{{right}}` two by two.
    pub and: Option<Term>,
    /// What one of several becomes.
    pub or: Option<Term>,
    /// What the opposite of `{{one}}` becomes, where the app takes what is absent for the opposite too.
    pub not: Option<Term>,
    /// What `$.filter` is, made of `$.all` that must hold; none: the one, or what `and` makes of several.
    pub whole: Option<Term>,
    /// Whether parameters of several comparisons may be sent at once: all of them must hold then.
    pub together: bool,
}

/// What one comparison with one field becomes.
#[derive(Debug)]
pub struct Leaf {
    /// The attribute.
    pub target: Target,
    /// Which of its fields: an attribute may have several, of which one must fit.
    pub place: usize,
    /// The comparison; none: it has a value.
    pub op: Option<CompareOp>,
    /// The kinds of values that it is for.
    pub kinds: Vec<Kind>,
    /// The words of the filter; none: only parameters are sent.
    pub is: Option<Term>,
    /// Parameters that are sent with it.
    pub query: Vec<(String, Term)>,
    /// Headers that are sent with it.
    pub headers: Vec<(HeaderName, Term)>,
    /// Whether the app adds no row that does not match.
    pub exactly: bool,
    /// Whether the app ignores letter case.
    pub any_case: bool,
}

/// What kind of value is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number, also one that means a time.
    Number,
    /// Yes or no.
    Bool,
    /// A time, as text.
    Time,
}

impl Language {
    /// What a comparison may become, in the order in which it is tried.
    pub fn of<'a>(&'a self, target: &'a Target, op: Option<CompareOp>) -> impl Iterator<Item = &'a Leaf> {
        self.leaves.iter().filter(move |leaf| leaf.op == op && leaf.target.compares_as(target))
    }
}
