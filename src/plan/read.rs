//! Reading one record and its parts.

use serde_json::Value;

use crate::{
    mapping::{
        Records, Resource,
        line::Line,
        relation::Derived,
        reply::At,
        rest::{Get, PageStyle, Pages, Part},
        rows::Gives,
        term::Scope,
    },
    scim::{condition::Condition, projection::Projection, schema::Target, version},
};

use super::{
    Fault, Limits,
    call::{Call, Reply},
    fill::fill,
    link,
    query::{self, Position, Query},
    sql::select,
};

/// Which attributes a request needs: for its answer, and for its filter.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a> {
    /// What is shown or compared of it.
    pub shown: Shown<'a>,
    /// What is checked.
    pub condition: Option<&'a Condition>,
    /// What it is sorted by.
    pub order: Option<&'a Target>,
}

/// What is shown or compared of a record.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// Nothing: it is only checked.
    Nothing,
    /// What the answer holds.
    These(&'a Projection),
    /// All that the version is made of, and what the answer holds, where there is one.
    Versioned(Option<&'a Projection>),
    /// All but the lists of other resources: the record is about to be changed, and those by what goes in and out.
    Own,
    /// Everything: the record is about to be changed.
    All,
}

impl Needs<'_> {
    /// Everything, and nothing is checked.
    pub const ALL: Needs<'static> = Needs { shown: Shown::All, condition: None, order: None };

    /// All but the lists of other resources, and nothing is checked.
    pub const OWN: Needs<'static> = Needs { shown: Shown::Own, condition: None, order: None };

    /// Nothing but that it is there.
    pub const NOTHING: Needs<'static> = Needs { shown: Shown::Nothing, condition: None, order: None };

    /// What an answer with one resource needs. In SQL it always has a version, as the lists that the answer leaves out are
    /// one statement each; over HTTP it has one where all that it is made of is shown anyway.
    #[must_use]
    pub fn one<'p>(resource: &Resource, projection: &'p Projection) -> Needs<'p> {
        let shown = match resource.records {
            Records::Sql(_) => Shown::Versioned(Some(projection)),
            Records::Rest(_) => Shown::These(projection),
        };
        Needs { shown, condition: None, order: None }
    }

    /// What this is checked by, and nothing is shown.
    #[must_use]
    pub const fn checking(condition: &Condition) -> Needs<'_> {
        Needs { condition: Some(condition), ..Needs::NOTHING }
    }

    fn target(&self, target: &Target) -> bool {
        let same = |t: &Target| t.extension == target.extension && t.attribute.name == target.attribute.name;
        let shown = match self.shown {
            Shown::Nothing | Shown::Versioned(None) => false,
            Shown::These(projection) | Shown::Versioned(Some(projection)) => projection.wants(target),
            Shown::Own | Shown::All => true,
        };
        shown || self.order.is_some_and(same) || self.condition.is_some_and(|c| c.targets().iter().any(|t| same(t)))
    }

    /// Whether a line must be read. A resource names the schemas of what it has, so their lines go with it.
    fn line(&self, line: &Line, versioned: bool) -> bool {
        let named = |target: &&Target| target.extension.is_none() && target.attribute.name == "schemas";
        match self.shown {
            Shown::All => true,
            Shown::Own => !line.relates(),
            _ if self.target(&line.target) || versioned && line.counts() => true,
            _ if line.target.extension.is_none() => false,
            Shown::These(_) | Shown::Versioned(Some(_)) => true,
            Shown::Nothing | Shown::Versioned(None) => self.condition.is_some_and(|c| c.targets().iter().any(named)),
        }
    }

    /// Whether the part of that name must be fetched: some line that is needed reads from it.
    #[must_use]
    pub fn part(&self, resource: &Resource, name: &str) -> bool {
        let versioned = self.must_version(resource) && resource.version().is_none();
        let own = matches!(self.shown, Shown::Own);
        let needed = |line: &Line| match own {
            true => !line.relates(),
            false => self.target(&line.target) || versioned && line.counts(),
        };
        resource.lines.iter().any(|line| line.reads_from(name) && needed(line))
    }

    /// Whether the resource gets a version: it is of use, and all that it is made of is there.
    #[must_use]
    pub fn version(&self, resource: &Resource) -> bool {
        let of_use = !matches!(self.shown, Shown::Nothing) || self.must_version(resource);
        let counts = |part: &str| {
            resource.version().is_none() && resource.lines.iter().any(|line| line.counts() && line.reads_from(part))
        };
        let there = |part: &str| !counts(part) || self.part(resource, part);
        of_use
            && match &resource.records {
                Records::Rest(records) => records.parts.iter().all(|p| there(&p.name)),
                Records::Sql(records) => {
                    let beside = records.beside.iter().map(|b| &b.name);
                    beside.chain(records.children.iter().map(|c| &c.name)).all(|name| there(name))
                }
            }
    }

    /// Whether the version is needed so much that parts are fetched for it alone.
    fn must_version(&self, resource: &Resource) -> bool {
        let Some(version) = version::attribute(&resource.kind) else { return false };
        let shown = match self.shown {
            Shown::Nothing => false,
            Shown::These(projection) => matches!(resource.records, Records::Sql(_)) && projection.wants(&version),
            Shown::Versioned(_) | Shown::Own | Shown::All => true,
        };
        let checked = |c: &Condition| c.targets().iter().any(|t| **t == version);
        shown || self.order.is_some_and(|key| *key == version) || self.condition.is_some_and(checked)
    }
}

/// How records of one type are read for some needs: worked out once, for all rows of a page.
#[derive(Debug)]
pub struct View<'r> {
    /// The resource type.
    pub resource: &'r Resource,
    /// The lines that are read.
    pub lines: Vec<&'r Line>,
    /// Whether each resource gets a version.
    pub version: bool,
}

impl<'r> View<'r> {
    /// What these needs come to.
    #[must_use]
    pub fn new(resource: &'r Resource, needs: &Needs<'_>) -> Self {
        Self::with(resource, needs, needs.version(resource))
    }

    /// What they come to for a row that gives only this; none where that is not enough. A version is of use, and not worth a
    /// call.
    #[must_use]
    pub fn of_row(resource: &'r Resource, needs: &Needs<'_>, gives: &Gives) -> Option<Self> {
        let enough = |view: &Self| view.lines.iter().all(|line| gives.line(line));
        let versioned = Self::new(resource, needs);
        if enough(&versioned) || needs.must_version(resource) {
            return Some(versioned).filter(enough);
        }
        Some(Self::with(resource, needs, false)).filter(enough)
    }

    fn with(resource: &'r Resource, needs: &Needs<'_>, version: bool) -> Self {
        let of_values = version && resource.version().is_none();
        Self { resource, lines: resource.lines.iter().filter(|line| needs.line(line, of_values)).collect(), version }
    }
}

/// How one record is read by its id.
#[derive(Debug)]
pub enum ById<'a> {
    /// By a call.
    Call(Call),
    /// Out of the list.
    Query(Box<Query<'a>>),
}

/// How the record of this id is read.
///
/// # Errors
/// [`Fault::Absent`] for an id that no record can have.
pub fn by_id<'a>(resource: &'a Resource, id: &str, limits: Limits) -> Result<ById<'a>, Fault> {
    match call_by_id(resource, id)? {
        Some(call) => Ok(ById::Call(call)),
        None => Ok(ById::Query(Box::new(query::own::by_id(resource, id, limits)?))),
    }
}

/// The call that reads a record by its id, if there is one for that.
///
/// # Errors
/// As [`by_id`].
pub fn call_by_id(resource: &Resource, id: &str) -> Result<Option<Call>, Fault> {
    match &resource.records {
        Records::Rest(records) => {
            let Get::Call(get) = &records.get else { return Ok(None) };
            let stored = resource.id.codec.write(&Value::String(id.to_owned())).ok_or(Fault::Absent)?;
            let scope = Scope::default().lend("id", &stored);
            // An id that cannot stand in a path is nobody's: the app could never have given it out.
            let call = fill(get, &scope).map_err(|fault| match fault {
                Fault::Refused(_) => Fault::Absent,
                other => other,
            });
            call.map(Some)
        }
        Records::Sql(records) => select::by_id(resource, records, id).map(|s| Some(Call::Sql(s))).ok_or(Fault::Absent),
    }
}

/// The record in an ok reply to [`call_by_id`]; none means that there is no such record.
///
/// # Errors
/// There are several.
pub fn record(resource: &Resource, reply: Reply) -> Result<Option<Value>, Fault> {
    match &resource.records {
        Records::Rest(records) => {
            let at = match &records.get {
                Get::Call(call) => call.record.as_ref(),
                Get::List => None,
            };
            let found = match at {
                Some(at) => at.one(&reply.body).cloned(),
                None => Some(reply.body),
            };
            Ok(found.filter(|r| !r.is_null()))
        }
        Records::Sql(records) => {
            select::once_each(records, reply.rows())?;
            match reply.body {
                Value::Array(rows) => Ok(rows.into_iter().next()),
                _ => Ok(None),
            }
        }
    }
}

/// A read of something that hangs under records.
#[derive(Debug)]
pub enum PartRead<'a> {
    /// For some records, by calls: for one, or as many as fit into one call.
    Some {
        /// The part, as the mapping has it.
        part: &'a Part,
        /// The places of the records in the list, and the app's ids of them.
        of: Vec<(usize, Value)>,
    },
    /// For all records at once, by a statement.
    All(select::PartRead),
    /// Who names them, in records of another type.
    Derived(&'a Derived),
}

/// The reads of the parts that are needed for these records.
#[must_use]
pub fn parts<'a>(resource: &'a Resource, needs: &Needs<'_>, records: &[Value]) -> Vec<PartRead<'a>> {
    if records.is_empty() {
        return Vec::new();
    }
    match &resource.records {
        Records::Rest(rest) => {
            let needed = rest.parts.iter().filter(|p| needs.part(resource, &p.name));
            let ids: Vec<(usize, Value)> = records
                .iter()
                .enumerate()
                .filter_map(|(at, record)| Some((at, resource.id.at.one(record)?.clone())))
                .collect();
            let of_all = |part: &'a Part| -> Vec<PartRead<'a>> {
                let most = part.batch.as_ref().map_or(1, |batch| batch.most);
                ids.chunks(most).map(|some| PartRead::Some { part, of: some.to_vec() }).collect()
            };
            let derived = rest.derived.iter().filter(|d| needs.part(resource, &d.part)).map(PartRead::Derived);
            needed.flat_map(of_all).chain(derived).collect()
        }
        Records::Sql(sql) => {
            let keys: Vec<Value> = records.iter().filter_map(|r| r.get(&sql.key.column.0).cloned()).collect();
            let wanted = |name: &str| needs.part(resource, name);
            select::parts(sql, &wanted, &keys).into_iter().map(PartRead::All).collect()
        }
    }
}

/// The call for one page of a part of an HTTP app; of one that is not for many at once the first of the records counts.
///
/// # Errors
/// As [`fill`].
pub fn part_call(part: &Part, of: &[(usize, Value)], at: &Position) -> Result<Call, Fault> {
    let ids = of.iter().map(|(_, id)| id);
    let scope = match &part.batch {
        Some(_) => Scope::default().with("values", ids.cloned().collect()),
        None => ids.take(1).fold(Scope::default(), |scope, id| scope.lend("id", id)),
    };
    match &part.pages {
        None => fill(&part.call, &scope),
        Some(pages) => linked(fill(&part.call, &paged(scope, pages, at))?, pages, at),
    }
}

/// The names that say which page is meant.
pub(super) fn paged<'a>(scope: Scope<'a>, pages: &Pages, at: &Position) -> Scope<'a> {
    let scope = scope.with("size", Value::from(pages.max));
    match &pages.by {
        PageStyle::Page => scope.with("page", Value::from(at.page + pages.first as usize)),
        PageStyle::Offset => scope.with("offset", Value::from(at.taken)),
        PageStyle::Next { first, .. } => match at.next.as_ref().or(first.as_ref()) {
            Some(next) => scope.with("next", next.clone()),
            None => scope,
        },
        PageStyle::Whole | PageStyle::Url { .. } => scope,
    }
}

/// The call for a page: the call itself, or where the last page linked to.
pub(super) fn linked(call: Call, pages: &Pages, at: &Position) -> Result<Call, Fault> {
    let (PageStyle::Url { origin, .. }, Some(Value::String(next)), Call::Http(mut call)) =
        (&pages.by, &at.next, call.clone())
    else {
        return Ok(call);
    };
    call.target = link::target(origin, &call.target, next).ok_or_else(|| {
        Fault::Unmade("the app links to a next page outside its own URL, which is not followed".to_owned())
    })?;
    call.linked = true;
    Ok(Call::Http(call))
}

/// The token or link to the next page that a page's reply tells.
#[must_use]
pub fn told_next(pages: &Pages, reply: &Reply) -> Option<Value> {
    let (PageStyle::Next { at, .. } | PageStyle::Url { at, .. }) = &pages.by else { return None };
    let found = at.find(&reply.body, &reply.headers)?.into_owned();
    match (&pages.by, &at.at, &found) {
        (PageStyle::Url { .. }, At::Header(_), Value::String(text)) => link::of_header(text).map(Value::from),
        _ => Some(found),
    }
}

/// A page that leads to itself.
pub(super) fn in_circles(resource: &Resource) -> Fault {
    Fault::Unmade(format!("a page of {}s leads to itself again; see `pages`", resource.kind.name))
}
