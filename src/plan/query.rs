//! Reading many: which way in is the narrowest, what of the filter the app answers, what is checked here, and whether the
//! app's own pages and totals can be believed (law 4).

use serde_json::Value;

use crate::{
    mapping::{
        Records, Resource,
        codec::Codec,
        line::{FieldSource, Line, Source as LineSource},
        rest::{FilterRule, List, PageStyle, RestRecords},
        template::Place,
        term::Scope,
    },
    scim::{
        Refusal, ScimType,
        condition::{Condition, Literal},
        filter::CompareOp,
        projection::Projection,
        request,
        schema::Target,
        sort::Sort,
    },
};

use super::{
    Context, Fault, Limits,
    call::{Call, Reply},
    fill::fill,
    read,
    sql::{
        filter::{Pushed, push},
        select,
    },
};

/// A plan for a query.
#[derive(Debug)]
pub struct Query<'a> {
    /// The resource type.
    pub resource: &'a Resource,
    /// What every row in hand is checked against, always.
    pub condition: Condition,
    /// The order of the answer; none: the app's own.
    pub sort: Option<Sort>,
    /// What the answer holds.
    pub projection: Projection,
    /// The first resource, from 0.
    pub skip: usize,
    /// How many.
    pub count: usize,
    /// The way in.
    pub source: Source<'a>,
    /// Whether the app answers the filter exactly, and says how many there are.
    pub exact: bool,
    /// Whether the app's own pages are the answer's pages.
    pub native: bool,
    /// Whether it is asked by cursor: a walk that goes on behind the last page.
    pub follows: bool,
}

/// A way in.
#[derive(Debug)]
pub enum Source<'a> {
    /// Nothing can match.
    Nothing,
    /// One record, by its key.
    Key(Box<Call>),
    /// The list of an HTTP app, narrowed by a rule or not.
    List(&'a List, Option<Narrowed<'a>>),
    /// A table.
    Table(&'a crate::mapping::sql::SqlRecords, Pushed),
}

/// A filter rule and the value it is used with.
#[derive(Debug)]
pub struct Narrowed<'a> {
    /// The rule.
    pub rule: &'a FilterRule,
    /// `$.value`.
    pub value: Value,
    /// The conjunct that it serves, in SCIM's words.
    pub serves: String,
}

/// How far a walk has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Position {
    /// Rows taken.
    pub taken: usize,
    /// Pages taken.
    pub page: usize,
    /// The last key, for tables.
    pub after: Option<Value>,
    /// What the app last said that there is in all.
    pub total: Option<usize>,
}

/// What a page of a walk leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// There may be more.
    Go(Position),
    /// That was all.
    End,
    /// The reply may be cut, and there is no next page.
    Cut,
    /// The list changed while it was read: rows are missing.
    Drift,
}

/// Rows that a walk over a table asks for at a time.
pub(super) const BATCH: usize = 500;

/// Plans a query.
///
/// # Errors
/// [`Fault::NotOffered`] where the mapping has no list.
pub fn plan<'a>(
    resource: &'a Resource,
    query: request::Query,
    projection: Projection,
    context: &Context<'_>,
) -> Result<Query<'a>, Fault> {
    let Limits { page, max_page, .. } = context.limits;
    let count = query.count.unwrap_or(page).min(max_page);
    // Nothing has an order of its own.
    let sort = query.sort.filter(|_| count > 0);
    let condition = query.condition;
    let source = match &resource.records {
        _ if condition == Condition::Never => Source::Nothing,
        Records::Rest(records) => rest_source(resource, records, &condition)?,
        Records::Sql(records) => {
            let pushed =
                if condition == Condition::Always { Pushed::everything() } else { push(&condition, resource, records) };
            Source::Table(records, pushed)
        }
    };
    let exact = match &source {
        Source::Nothing | Source::Key(_) => false,
        Source::Table(_, pushed) => pushed.exact,
        Source::List(list, narrowed) => {
            let exact = match narrowed {
                None => condition == Condition::Always,
                // A rule serves one term of an item; the others are checked here.
                Some(n) => n.rule.exactly && matches!(condition, Condition::Compare { .. }),
            };
            exact && list.pages.total.is_some() && !matches!(list.pages.by, PageStyle::Whole)
        }
    };
    let follows = query.cursor.is_some();
    // Whose letters come first is for us to say: the app's page would be another one.
    let native = exact && sort.is_none() && !follows;
    let count = match &source {
        // More than one page of the app is not worth a second call: fewer than asked is allowed (RFC 7644 §3.4.2.4).
        Source::List(list, _) if native => count.min(list.pages.max as usize),
        _ => count,
    };
    let skip = query.start_index.saturating_sub(1);
    Ok(Query { resource, condition, sort, projection, skip, count, source, exact, native, follows })
}

fn rest_source<'a>(
    resource: &'a Resource,
    records: &'a RestRecords,
    condition: &Condition,
) -> Result<Source<'a>, Fault> {
    for conjunct in condition.conjuncts() {
        if let Some(id) = key_in(resource, conjunct) {
            return Ok(match read::by_id(resource, &id) {
                Ok(call) => Source::Key(Box::new(call)),
                Err(Fault::Absent) => Source::Nothing,
                Err(fault) => return Err(fault),
            });
        }
    }
    let Some(list) = &records.list else {
        return Err(Fault::NotOffered(format!("the app has no list of {}s that can be read", resource.kind.name)));
    };
    let fitting = condition
        .conjuncts()
        .into_iter()
        .flat_map(|c| list.filters.iter().filter_map(move |rule| narrowed(resource, rule, c)));
    let best = fitting.min_by_key(|n| (!n.rule.exactly, n.rule.op != CompareOp::Equal));
    Ok(Source::List(list, best))
}

/// `id eq "x"`, or the same of an attribute that stands where the id stands: it tells letters apart as the id does, or the
/// app folds them, so that only the folded spelling can be an id.
pub(super) fn key_in(resource: &Resource, conjunct: &Condition) -> Option<String> {
    let Condition::Compare { target, op: CompareOp::Equal, value: Literal::Text(text) } = conjunct else { return None };
    if target.extension.is_none() && target.attribute.name == "id" {
        return Some(text.clone());
    }
    let line = resource.line(target)?;
    match &line.value {
        LineSource::At { at, codec: Codec::Plain } if *at == resource.id.at => match line.fold {
            Some(fold) => Some(fold.apply(text)),
            None => target.leaf().case_exact.then(|| text.clone()),
        },
        _ => None,
    }
}

/// The rule for this part of a filter, if it is one for it.
pub(super) fn narrowed<'a>(resource: &Resource, rule: &'a FilterRule, conjunct: &Condition) -> Option<Narrowed<'a>> {
    let (target, op, value) = comparison(conjunct)?;
    if !same_attribute(target, &rule.target) || op != rule.op {
        return None;
    }
    let line = resource.line(&rule.target)?;
    let value = literal(value);
    match &rule.literal {
        Some(fixed) if *fixed != value => return None,
        _ => {}
    }
    let value = stored(line, &rule.target, &value)?;
    // A value that no query can hold, such as one with a tab, is looked for here.
    let scope = Scope::default().lend("value", &value);
    if rule.query.iter().any(|(_, term)| term.text(Place::Query, &scope).is_err()) {
        return None;
    }
    Some(Narrowed { rule, value, serves: conjunct.to_string() })
}

/// The app's own word for a value: what the line would write. None where that is not one word.
fn stored(line: &Line, target: &Target, value: &Value) -> Option<Value> {
    let sub = target.sub.as_ref().map_or("value", |s| s.name.as_str());
    let codec = match &line.value {
        LineSource::At { codec, .. } => codec,
        LineSource::Each(each) => match &each.fields.iter().find(|f| f.sub == sub)?.value {
            FieldSource::At { codec, .. } => codec,
            FieldSource::Constant(_) => return None,
        },
        LineSource::Slots(slots) => match slots.as_slice() {
            [only] => &only.codec,
            several => several.iter().all(|s| matches!(s.codec, Codec::Plain)).then_some(&Codec::Plain)?,
        },
        LineSource::Constant(_) => return None,
        LineSource::Text(_) | LineSource::From { .. } => &Codec::Plain,
    };
    codec.write(&line.folded(value))
}

/// The comparison that a rule may serve: a plain one, or one term of an item (which it then serves as *more*).
fn comparison(conjunct: &Condition) -> Option<(&Target, CompareOp, &Literal)> {
    match conjunct {
        Condition::Compare { target, op, value } => Some((target, *op, value)),
        Condition::Item { condition, .. } => condition.conjuncts().into_iter().find_map(|c| match c {
            Condition::Compare { target, op, value } if target.leaf().name == "value" => Some((target, *op, value)),
            _ => None,
        }),
        _ => None,
    }
}

fn same_attribute(a: &Target, b: &Target) -> bool {
    let sub = |t: &Target| t.sub.as_ref().map(|s| s.name.clone());
    let plain =
        |t: &Target| if t.attribute.multi_valued { sub(t).or_else(|| Some("value".to_owned())) } else { sub(t) };
    a.extension == b.extension && a.attribute.name == b.attribute.name && plain(a) == plain(b)
}

fn literal(value: &Literal) -> Value {
    match value {
        Literal::Boolean(b) => Value::Bool(*b),
        Literal::Number(n) => Value::Number(n.clone()),
        Literal::Text(text) | Literal::Instant { text, .. } => Value::String(text.clone()),
    }
}

impl Query<'_> {
    /// The calls that read the page itself, where the app's pages are the answer's; one, or two where the page begins
    /// inside a page of the app.
    ///
    /// # Errors
    /// A call that cannot be made.
    pub fn page_calls(&self) -> Result<Vec<Call>, Fault> {
        let size = self.count.max(1);
        match &self.source {
            Source::Table(records, pushed) if self.count > 0 => {
                Ok(vec![Call::Sql(select::page(records, pushed, self.skip, self.count))])
            }
            Source::List(list, _) => match list.pages.by {
                PageStyle::Page => {
                    let first = self.skip / size;
                    let last = if self.count == 0 { first } else { (self.skip + self.count - 1) / size };
                    (first..=last)
                        .map(|page| self.list_call(&Position { page, taken: page * size, ..Position::default() }, size))
                        .collect()
                }
                PageStyle::Offset | PageStyle::Whole => {
                    Ok(vec![self.list_call(&Position { taken: self.skip, ..Position::default() }, size)?])
                }
            },
            Source::Nothing | Source::Key(_) | Source::Table(..) => Ok(Vec::new()),
        }
    }

    /// How many rows of the first of [`Query::page_calls`] come before the answer's first.
    #[must_use]
    pub fn page_offset(&self) -> usize {
        match &self.source {
            Source::List(list, _) if matches!(list.pages.by, PageStyle::Page) => self.skip % self.count.max(1),
            _ => 0,
        }
    }

    /// Whether the `nth` of [`Query::page_calls`] was answered with what was asked for. Rows that the total does not know
    /// of, or fewer than were asked for, would make clients that count on in steps (`startIndex` 1, 101, 201 …) pass people
    /// over.
    ///
    /// # Errors
    /// A reply that does not fit the mapping's `pages`.
    pub fn check_page(&self, nth: usize, rows: usize, total: Option<usize>) -> Result<(), Fault> {
        let Source::List(list, _) = &self.source else { return Ok(()) };
        let total =
            total.ok_or_else(|| Fault::Unmade("the app's reply tells no total where the mapping says".to_owned()))?;
        let size = self.count.max(1);
        let by_page = matches!(list.pages.by, PageStyle::Page);
        let first = if by_page { (self.skip / size + nth) * size } else { self.skip };
        let left = total.saturating_sub(first);
        if rows == size.min(left) {
            return Ok(());
        }
        Err(Fault::Unmade(format!(
            "the app was asked for {size} rows from row {first} on, says that there are {total} in all, and gave {rows}; is `pages.max` more than it allows?"
        )))
    }

    /// The call that counts, where the app's count is the answer's total and the page's rows do not tell it already.
    #[must_use]
    pub fn count_call(&self, rows_on_page: usize) -> Option<Call> {
        match &self.source {
            Source::Table(records, pushed) if self.native => {
                let told = rows_on_page < self.count && (rows_on_page > 0 || self.skip == 0);
                (!told).then(|| Call::Sql(select::count(records, pushed)))
            }
            _ => None,
        }
    }

    /// The total that a page's reply tells.
    #[must_use]
    pub fn told_total(&self, reply: &Reply) -> Option<usize> {
        match &self.source {
            Source::List(list, _) => list.pages.told_total(&reply.body),
            _ => None,
        }
    }

    /// What a walk must know of every row, for the check and for the order.
    #[must_use]
    pub fn looks(&self) -> read::Needs<'_> {
        let shown = self.sort.as_ref().map_or(read::Shown::Nothing, |sort| read::Shown::Key(sort.target()));
        read::Needs { shown, condition: Some(&self.condition) }
    }

    /// The next call of a walk.
    ///
    /// # Errors
    /// A call that cannot be made.
    pub fn walk_call(&self, at: &Position) -> Result<Option<Call>, Fault> {
        match &self.source {
            Source::Nothing => Ok(None),
            Source::Key(call) => Ok(Some((**call).clone())),
            Source::List(list, _) => self.list_call(at, list.pages.max as usize).map(Some),
            Source::Table(records, pushed) => {
                Ok(Some(Call::Sql(select::walk(records, pushed, at.after.as_ref(), self.batch()))))
            }
        }
    }

    /// Rows of a table that are asked for at a time: no more than a page by cursor and one to see whether there is another.
    fn batch(&self) -> usize {
        let page = self.follows && self.exact && self.sort.is_none();
        if page { BATCH.min(self.count.saturating_add(1)) } else { BATCH }
    }

    fn list_call(&self, at: &Position, size: usize) -> Result<Call, Fault> {
        let Source::List(list, narrowed) = &self.source else { return Err(Fault::Unmade("no list".to_owned())) };
        let scope = read::paged(Scope::default(), &list.pages, at.taken, at.page).with("size", Value::from(size));
        match narrowed {
            None => fill(&list.call, &[], &scope),
            Some(n) => fill(&list.call, &n.rule.query, &scope.lend("value", &n.value)),
        }
    }

    /// The rows in an ok reply.
    ///
    /// # Errors
    /// A reply in which the rows are no list.
    pub fn rows(&self, reply: Reply) -> Result<Vec<Value>, Fault> {
        let found = match &self.source {
            Source::Key(_) => return Ok(read::record(self.resource, reply).into_iter().collect()),
            Source::List(list, _) => match &list.call.rows {
                Some(at) if !at.is_whole() => at.one(&reply.body).cloned(),
                _ => Some(reply.body),
            },
            Source::Table(..) | Source::Nothing => Some(reply.body),
        };
        match found {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(Fault::Unmade(format!(
                "the app's reply holds no list of {}s where the mapping says",
                self.resource.kind.name
            ))),
        }
    }

    /// Where a walk goes on after a page of `rows` rows. `last` is the last row, `total` what the reply told.
    #[must_use]
    pub fn next(&self, at: &Position, rows: usize, last: Option<&Value>, total: Option<usize>) -> Next {
        let taken = at.taken + rows;
        match &self.source {
            Source::Nothing | Source::Key(_) => Next::End,
            Source::Table(records, _) => match last.and_then(|r| r.get(&records.key.column.0)) {
                Some(key) if rows == self.batch() => {
                    Next::Go(Position { taken, page: at.page + 1, after: Some(key.clone()), total: None })
                }
                _ => Next::End,
            },
            Source::List(list, _) => {
                let max = list.pages.max as usize;
                match (&list.pages.by, total) {
                    (PageStyle::Whole, _) if rows >= max => Next::Cut,
                    (PageStyle::Whole, _) => Next::End,
                    // The total moved, or rows ran out before it was reached: somebody came or went meanwhile.
                    (_, Some(now)) if at.total.is_some_and(|before| before != now) => Next::Drift,
                    (_, Some(now)) if rows == 0 && taken < now => Next::Drift,
                    // A short page is no end: the app may give less than it was asked for.
                    (_, Some(now)) if taken >= now => Next::End,
                    _ if rows == 0 => Next::End,
                    _ => Next::Go(Position { taken, page: at.page + 1, after: None, total }),
                }
            }
        }
    }
}

/// Past a limit the answer is `tooMany`, never a short list.
#[must_use]
pub fn too_many(limit: &str) -> Fault {
    Fault::Refused(Refusal::new(
        ScimType::TooMany,
        format!("answering this takes more than {limit}; narrow the filter"),
    ))
}
