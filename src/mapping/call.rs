//! A call: one HTTP exchange as the mapping writes it, with holes. `plan::call` fills it.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, Method};

use super::{answer::AnswerRule, pattern::Pattern, reply::InReply, selector::Selector, template::Template, term::Term};

/// One exchange with holes.
#[derive(Debug)]
pub struct CallTemplate {
    /// Method and path as written, for people.
    pub line: String,
    /// The method.
    pub method: Method,
    /// What is sent; shared, as what of it only the sender knows is put in late.
    pub sends: Arc<Sends>,
    /// The call's own answer rules, then the app's.
    pub answers: Arc<[Arc<AnswerRule>]>,
    /// Where an ok reply holds the record.
    pub record: Option<Selector>,
    /// Where an ok reply holds rows.
    pub rows: Option<Selector>,
    /// Where an ok reply holds the new record's id.
    pub id: Option<InReply>,
    /// Whether a lost answer may be followed by the same call again.
    pub repeat: bool,
    /// Whether it is looked for what it did, where its answer is lost.
    pub probe: bool,
    /// It is left out where this does not hold of the names in sight.
    pub when: Option<Pattern>,
    /// What calls behind it may use of its reply, by name.
    pub keep: Vec<(String, InReply)>,
    /// It is sent again until this holds of its reply.
    pub until: Option<Until>,
    /// Takes back what it did, if a call behind it fails.
    pub undo: Option<Box<CallTemplate>>,
}

/// What a call sends, with holes.
#[derive(Debug)]
pub struct Sends {
    /// The path below the app's URL, segment by segment; no value can add one.
    pub path: Vec<Segment>,
    /// Query parameters in order; keys are literal.
    pub query: Vec<(String, Term)>,
    /// Headers.
    pub headers: Vec<(HeaderName, Term)>,
    /// The body.
    pub body: Option<BodyTemplate>,
    /// What of it only the sender knows: fields of `tenant` and `session`, each with its name.
    pub open: Vec<(String, String)>,
}

impl Sends {
    /// Notes what of it is open until it is sent.
    #[must_use]
    pub fn new(
        path: Vec<Segment>,
        query: Vec<(String, Term)>,
        headers: Vec<(HeaderName, Term)>,
        body: Option<BodyTemplate>,
    ) -> Arc<Self> {
        let mut sends = Self { path, query, headers, body, open: Vec::new() };
        let late = |(name, field): (String, Option<String>)| {
            (name == "tenant" || name == "session").then(|| field.map(|field| (name, field)))?
        };
        sends.open = sends.uses().into_iter().filter_map(late).collect();
        Arc::new(sends)
    }

    /// The names that it uses, each with the field below it.
    #[must_use]
    pub fn uses(&self) -> Vec<(String, Option<String>)> {
        let mut found = Vec::new();
        for segment in &self.path {
            if let Segment::Text(text) = segment {
                text.uses(&mut found);
            }
        }
        self.query.iter().for_each(|(_, t)| t.uses(&mut found));
        self.headers.iter().for_each(|(_, t)| t.uses(&mut found));
        self.body.iter().for_each(|b| b.term().uses(&mut found));
        found
    }
}

/// Waiting for what an app does in its own time.
#[derive(Debug)]
pub struct Until {
    /// What holds of the reply when it is done.
    pub holds: Pattern,
    /// How long between two looks.
    pub every: Duration,
    /// How long altogether.
    pub within: Duration,
}

impl CallTemplate {
    /// The names that it uses, each with the field below it.
    #[must_use]
    pub fn uses(&self) -> Vec<(String, Option<String>)> {
        self.sends.uses()
    }

    /// Whether it needs the record as it is just before the call: `before`, or `whole`, which is made of that.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.names("before") || self.names("whole")
    }

    /// Whether it is asked of the record as it was before the write whether it is sent at all.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.tests("before"))
    }

    /// Whether a header holds something of the record as just read: the app then sees that it was changed meanwhile.
    #[must_use]
    pub fn guarded(&self) -> bool {
        let mut used = Vec::new();
        self.sends.headers.iter().for_each(|(_, t)| t.uses(&mut used));
        used.iter().any(|(name, _)| name == "before")
    }

    /// Whether it uses this name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.uses().iter().any(|(used, _)| used == name)
    }
}

/// A body with holes.
#[derive(Debug)]
pub enum BodyTemplate {
    /// JSON.
    Json(Term),
    /// A form: `a=1&b[c]=2&d[]=3`.
    Form(Term),
    /// A text as it is: one value, or no value at all.
    Text(Term),
}

impl BodyTemplate {
    /// What it is made of.
    #[must_use]
    pub fn term(&self) -> &Term {
        match self {
            Self::Json(term) | Self::Form(term) | Self::Text(term) => term,
        }
    }
}

/// One segment of a call's path.
#[derive(Debug)]
pub enum Segment {
    /// As written.
    Literal(String),
    /// A text with holes, each percent-encoded; `.`, `..` and empty results are refused.
    Text(Template),
}
