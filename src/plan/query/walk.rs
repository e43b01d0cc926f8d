//! Where the rows are checked here: the calls of a walk through all that may match, and where it goes on.

use serde_json::Value;

use crate::{
    mapping::{
        Records,
        rest::{Own, PageStyle},
        term::Scope,
    },
    plan::{
        Fault,
        call::{Call, Reply},
        fill::{fill, with},
        read,
        sql::{filter::How, order::After, select},
    },
    scim::{Refusal, ScimType, condition::Condition, sort::Sort},
};

use super::{By, Query, Source, Table};

/// How far a walk has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Position {
    /// Which side of a union.
    pub side: usize,
    /// Rows taken.
    pub taken: usize,
    /// Pages taken.
    pub page: usize,
    /// Behind which row, for tables.
    pub after: Option<After>,
    /// What the app last said that there is in all.
    pub total: Option<usize>,
    /// The token or link that the last page told.
    pub next: Option<Value>,
}

/// What a page of a walk leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// There may be more.
    Go(Box<Position>),
    /// That was all.
    End,
    /// The reply may be cut, and there is no next page.
    Cut,
    /// The list changed while it was read: rows are missing.
    Drift,
}

/// Rows that a walk over a table asks for at a time.
pub(crate) const BATCH: usize = 500;

impl Query<'_> {
    /// What a walk must know of every row, for the check and for the order.
    #[must_use]
    pub fn looks(&self) -> read::Needs<'_> {
        let order = self.sort.as_ref().map(Sort::target);
        read::Needs { condition: Some(&self.condition), order, ..read::Needs::NOTHING }
    }

    /// What the answer shows of a row that was looked at before.
    #[must_use]
    pub fn shows(&self) -> read::Needs<'_> {
        read::Needs { shown: read::Shown::These(&self.projection), ..read::Needs::NOTHING }
    }

    /// Both together, where the app's pages are the answer's.
    #[must_use]
    pub fn looks_and_shows(&self) -> read::Needs<'_> {
        read::Needs { shown: read::Shown::These(&self.projection), ..self.looks() }
    }

    /// The way in that a walk is on.
    #[must_use]
    pub fn way(&self, at: &Position) -> &Source<'_> {
        match &self.source {
            Source::Union(union) => union.sides.get(at.side).unwrap_or(&Source::Nothing),
            one => one,
        }
    }

    /// The next call of a walk.
    ///
    /// # Errors
    /// A call that cannot be made.
    pub fn walk_call(&self, at: &Position) -> Result<Option<Call>, Fault> {
        match self.way(at) {
            Source::Nothing | Source::Fixed(_) | Source::Union(_) | Source::Named(_) => Ok(None),
            Source::Key(call) => Ok(Some((**call).clone())),
            way @ Source::List(..) => self.list_call(at, way.pages().map_or(1, |pages| pages.max as usize)).map(Some),
            Source::Table(Table { records, pushed, order }) => {
                Ok(Some(Call::Sql(select::walk(records, pushed, order, at.after.as_ref(), self.batch()))))
            }
        }
    }

    /// Rows of a table that are asked for at a time: no more than a page by cursor and one to see whether there is another.
    fn batch(&self) -> usize {
        let page = self.follows && self.exact && self.sorted_here.is_none();
        if page { BATCH.min(self.count.saturating_add(1)) } else { BATCH }
    }

    pub(super) fn list_call(&self, at: &Position, size: usize) -> Result<Call, Fault> {
        let way = self.way(at);
        let Source::List(list, by) = way else { return Err(Fault::Unmade("no list".to_owned())) };
        let scope = match way.pages() {
            Some(pages) => read::paged(Scope::default(), pages, at).with("size", Value::from(size)),
            None => Scope::default(),
        };
        let asked = match by {
            None => fill(&list.call, &scope)?,
            Some(By::Rule(n)) => fill(&n.rule.call, &scope.lend("value", &n.value))?,
            Some(By::Language(asked)) => {
                let scope = match &asked.filter {
                    Some(filter) => scope.lend("filter", filter),
                    None => scope,
                };
                match fill(&list.call, &scope)? {
                    Call::Http(call) => Call::Http(with(call, &asked.query, &asked.headers)),
                    call => call,
                }
            }
        };
        match way.pages() {
            Some(pages) => read::linked(asked, pages, at),
            None => Ok(asked),
        }
    }

    /// The rows that no call is needed for: those that the mapping itself names, and none where nothing can match, which is
    /// no end of the other sides.
    #[must_use]
    pub fn rows_at_hand(&self, at: &Position) -> Option<Vec<Value>> {
        match self.way(at) {
            Source::Fixed(rows) => Some(rows.to_vec()),
            Source::Nothing => Some(Vec::new()),
            _ => None,
        }
    }

    /// Whether a page of the walk holds the ids of rows alone.
    #[must_use]
    pub fn gives_ids(&self, at: &Position) -> bool {
        matches!(self.way(at).own(), Some(Own::Ids))
    }

    /// Whether a walk that has come there may be answered with `absent`: what is looked up need not be there. A list is.
    #[must_use]
    pub fn may_be_absent(&self, at: &Position) -> bool {
        let way = self.way(at);
        matches!(way, Source::Key(_)) || way.own().is_some() && at.page == 0
    }

    /// The rows in an ok reply, or the ids of the rows.
    ///
    /// # Errors
    /// A reply in which the rows are no list.
    pub fn rows(&self, at: &Position, reply: Reply) -> Result<Vec<Value>, Fault> {
        let way = self.way(at);
        let call = match way {
            Source::Key(_) => return Ok(read::record(self.resource, reply)?.into_iter().collect()),
            Source::List(_, Some(By::Rule(narrowed))) => Some(&narrowed.rule.call),
            Source::List(list, _) => Some(&list.call),
            _ => None,
        };
        let found = match (way.own(), call) {
            (Some(Own::Ids), Some(call)) => {
                // a reply of another kind is no news that nobody is there
                if let Some(id) = call.id.as_ref().filter(|id| id.misses_list(&reply.body)) {
                    let (name, at) = (&self.resource.kind.name, id.text());
                    return Err(Fault::Unmade(format!("the app's reply has no list of {name}s at {at}")));
                }
                return Ok(call.id.as_ref().map(|id| id.all(&reply.body, &reply.headers)).unwrap_or_default());
            }
            (Some(Own::Record), Some(call)) => {
                let found = call.record.as_ref().and_then(|at| at.one(&reply.body));
                return Ok(found.filter(|record| !record.is_null()).cloned().into_iter().collect());
            }
            (_, call) => match call.and_then(|call| call.rows.as_ref()) {
                Some(at) if !at.is_whole() => at.one(&reply.body).cloned(),
                _ => Some(reply.body),
            },
        };
        let bare = self.told(at).and_then(|rows| rows.gives).is_some_and(|gives| gives.only_id);
        match found {
            Some(Value::Array(rows)) if bare => Ok(rows.into_iter().map(|row| self.of_bare(row)).collect()),
            Some(Value::Array(rows)) => {
                if let Records::Sql(records) = &self.resource.records {
                    select::once_each(records, &rows)?;
                }
                Ok(rows)
            }
            _ => Err(Fault::Unmade(format!(
                "the app's reply holds no list of {}s where the mapping says",
                self.resource.kind.name
            ))),
        }
    }

    /// A row that gives the id alone may be that id.
    fn of_bare(&self, row: Value) -> Value {
        let mut made = Value::Null;
        match row {
            Value::Number(_) | Value::String(_) => self.resource.id.at.set(&mut made, row),
            other => made = other,
        }
        made
    }

    /// Where a walk goes on after a page of `rows` rows. `last` is the last row; `total` and `next` are what the reply told.
    ///
    /// # Errors
    /// A reply that leads to where it came from.
    pub fn next(
        &self,
        at: &Position,
        rows: usize,
        last: Option<&Value>,
        total: Option<usize>,
        next: Option<Value>,
    ) -> Result<Next, Fault> {
        Ok(match (self.next_here(at, rows, last, total, next)?, &self.source) {
            (Next::End, Source::Union(union)) if at.side + 1 < union.sides.len() => {
                Next::Go(Box::new(Position { side: at.side + 1, ..Position::default() }))
            }
            (next, _) => next,
        })
    }

    /// The same on one way in.
    fn next_here(
        &self,
        at: &Position,
        rows: usize,
        last: Option<&Value>,
        total: Option<usize>,
        next: Option<Value>,
    ) -> Result<Next, Fault> {
        let (side, taken) = (at.side, at.taken + rows);
        let on = |more: Position| Next::Go(Box::new(Position { side, taken, page: at.page + 1, ..more }));
        Ok(match self.way(at) {
            Source::Nothing | Source::Key(_) | Source::Fixed(_) | Source::Union(_) | Source::Named(_) => Next::End,
            Source::Table(Table { records, .. }) => match last.and_then(|row| After::row(records, row)) {
                Some(after) if rows == self.batch() => on(Position { after: Some(after), ..Position::default() }),
                _ => Next::End,
            },
            way @ Source::List(..) => {
                let Some(pages) = way.pages() else { return Ok(Next::End) };
                let max = pages.max as usize;
                match (&pages.by, total) {
                    (PageStyle::Whole, _) if rows >= max => Next::Cut,
                    (PageStyle::Whole, _) => Next::End,
                    // The total moved, or rows ran out before it was reached: somebody came or went meanwhile.
                    (_, Some(now)) if at.total.is_some_and(|before| before != now) => Next::Drift,
                    // Neither a short nor an empty page is the end where the reply tells what comes next.
                    (PageStyle::Next { .. } | PageStyle::Url { .. }, _) => match next {
                        Some(next) if at.next.as_ref() == Some(&next) => return Err(read::in_circles(self.resource)),
                        Some(next) => on(Position { total, next: Some(next), ..Position::default() }),
                        None if total.is_some_and(|total| taken < total) => Next::Drift,
                        None => Next::End,
                    },
                    (_, Some(now)) if rows == 0 && taken < now => Next::Drift,
                    // A short page is no end: the app may give less than it was asked for.
                    (_, Some(now)) if taken >= now => Next::End,
                    _ if rows == 0 => Next::End,
                    _ => on(Position { total, ..Position::default() }),
                }
            }
        })
    }
}

/// Past a limit the answer is `tooMany`, never a short list.
#[must_use]
pub fn too_many(limit: &str) -> Fault {
    refused(format!("answering this takes more than {limit}; narrow the filter"))
}

impl Query<'_> {
    /// The same, naming what makes the rows many: attributes and operators, never the values that they are compared with.
    #[must_use]
    pub fn too_many(&self, limit: &str) -> Fault {
        let mut left = Vec::new();
        self.left().into_iter().for_each(|conjunct| in_words(conjunct, &mut left));
        left.dedup();
        let why = match (left.as_slice(), self.sorts_here()) {
            ([], None) => String::new(),
            ([], Some(sort)) => format!(": the app cannot sort by `{}`, so all that matches is read", sort.target()),
            (left, _) => format!(": the app cannot be asked for {}", left.join(", ")),
        };
        refused(format!("answering this takes more than {limit}; narrow the filter{why}"))
    }

    /// The conjuncts of the filter that are left to be checked here.
    fn left(&self) -> Vec<&Condition> {
        let conjuncts = self.condition.conjuncts().into_iter();
        match &self.source {
            Source::Named(named) => conjuncts.filter(|c| named.serves != c.to_string()).collect(),
            Source::Table(table) => {
                conjuncts.zip(&table.pushed.notes).filter(|(_, note)| note.how != How::Exact).map(|(c, _)| c).collect()
            }
            Source::Union(union) if !union.serves.is_empty() => {
                conjuncts.filter(|c| union.serves != c.to_string()).collect()
            }
            Source::Union(union) => conjuncts.filter(|c| !union.sides.iter().all(|side| side.is_served(c))).collect(),
            one => conjuncts.filter(|c| !one.is_served(c)).collect(),
        }
    }
}

fn in_words(condition: &Condition, words: &mut Vec<String>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().for_each(|part| in_words(part, words)),
        Condition::Not(inner) | Condition::Item { condition: inner, .. } => in_words(inner, words),
        Condition::Compare { target, op, .. } => words.push(format!("`{target} {}`", op.keyword())),
        Condition::Present(target) => words.push(format!("`{target} pr`")),
        Condition::Always | Condition::Never => {}
    }
}

fn refused(detail: String) -> Fault {
    Fault::Refused(Refusal::new(ScimType::TooMany, detail))
}
