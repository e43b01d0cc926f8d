//! A query in words: what of the filter the app answers, what is checked here, whose pages they are, and what it costs.

use crate::{
    mapping::{
        Resource,
        rest::{List, PageStyle, Pages},
        rows::Hold,
    },
    plan::{
        Context, Fault,
        query::{self, BATCH, By, Named, Position, Query, Source, Union},
        read::{self, Needs, View},
        sql::filter::{How, Pushed},
    },
    scim::{condition::Condition, projection::Projection, request},
};

use super::{Cost, Explained, counted, unknown};

const SORTED: &str = "all rows are read and sorted here";

const UNCOUNTED: &str = "a page by cursor costs no count";
const FOLLOWS: &str = "read on from where the last page ended, until this one is full";

const MARKED: &str = "N: the rows behind the page before, if it was just read, until this one is full; else all";

/// Whether it goes on where the page before ended.
fn marked(plan: &Query<'_>) -> bool {
    plan.skip > 0 && plan.count > 0 && plan.sorted_here.is_none() && !plan.follows
}

pub(super) fn explain(
    resource: &Resource,
    asked: request::Query,
    projection: Projection,
    context: &Context<'_>,
) -> Result<Explained, Fault> {
    let from = match asked.cursor {
        None => format!("startIndex {}", asked.start_index),
        Some(_) => "by cursor".to_owned(),
    };
    let plan = query::plan(resource, asked, projection, context)?;
    let title = format!("query {}, {from}, count {}", resource.kind.name, plan.count);
    let mut said = Explained::new(title, context.limits);
    said.several = true;
    match &plan.source {
        Source::Nothing => {
            said.noted("answer", "an empty list", "no record can fulfil the filter");
            said.add("cost", "nothing");
        }
        Source::Key(call) => {
            said.several = false;
            said.call(call, "");
            let mut cost = said.parts(resource, &unknown(resource), &plan.looks_and_shows())?;
            cost.calls += 1;
            filter_by_key(&mut said, &plan);
            said.add("cost", &cost.words(resource));
        }
        Source::Fixed(_) => {
            said.noted("rows", "those that the mapping names", "every one is checked here");
            let mut cost = Cost::default();
            parts(&mut said, &plan, &mut cost)?;
            sorted(&mut said, &plan);
            said.add("cost", &cost.words(resource));
        }
        Source::Union(union) if union.serves.is_empty() => of_lists(&mut said, &plan, union)?,
        Source::Union(union) => of_union(&mut said, &plan, union)?,
        Source::Named(named) => of_named(&mut said, &plan, named)?,
        Source::List(list, narrowed) => of_list(&mut said, &plan, list, narrowed.as_ref())?,
        Source::Table(table) => of_table(&mut said, &plan, &table.pushed)?,
    }
    Ok(said)
}

fn filter_by_key(said: &mut Explained, plan: &Query<'_>) {
    let mut by_key = false;
    for conjunct in plan.condition.conjuncts() {
        if !by_key && query::key_in(plan.resource, conjunct).is_some() {
            by_key = true;
            said.noted("pushed", &conjunct.to_string(), "it names the one record");
        } else {
            said.noted("residual", &conjunct.to_string(), "checked here");
        }
    }
}

fn of_list(said: &mut Explained, plan: &Query<'_>, list: &List, by: Option<&By<'_>>) -> Result<(), Fault> {
    let calls =
        if plan.native { plan.page_calls()? } else { plan.walk_call(&Position::default())?.into_iter().collect() };
    calls.iter().for_each(|call| said.call(call, ""));
    let mut cost = said.each(plan)?;
    let checked = parts(said, plan, &mut cost)?;
    let mut used = false;
    for conjunct in plan.condition.conjuncts() {
        let text = conjunct.to_string();
        let once = matches!(by, Some(By::Rule(_)));
        match by.filter(|_| !used).and_then(|by| by.serves(&text)) {
            Some(exactly) => {
                used = once;
                let how = if exactly { "exactly" } else { "wider; every row is checked here" };
                said.noted("pushed", &text, how);
            }
            None if plan.source.is_served(conjunct) => said.noted("pushed", &text, "it holds of all rows of this list"),
            None => said.noted("residual", &text, why_not(plan.resource, list, conjunct)),
        }
    }
    sorted(said, plan);
    let pages = plan.source.pages();
    let whole = pages.is_none_or(|pages| matches!(pages.by, PageStyle::Whole));
    let max = pages.map_or(1, |pages| pages.max);
    let total = pages.and_then(|pages| pages.total.as_ref());
    if plan.native {
        said.noted("paging", "native", "the app's pages are the answer's");
    } else {
        let why = match by {
            _ if whole => "the app gives everything in one reply",
            _ if plan.sorted_here.is_some() => SORTED,
            _ if plan.follows => FOLLOWS,
            _ if total.is_none() => "the app does not tell how many there are",
            _ if !pages.is_some_and(Pages::at_random) => "the app's pages are reached one from another",
            Some(By::Rule(by)) if !by.rule.exactly => "the app may add rows that do not match",
            _ => "because something is left to check",
        };
        said.noted("paging", "walk", why);
    }
    let follows = plan.follows && plan.sorted_here.is_none();
    match total {
        Some(at) if plan.native || follows && plan.exact => {
            said.noted("total", &at.text(), "as the app's reply tells it");
        }
        _ if follows => said.noted("total", "not told", UNCOUNTED),
        _ => said.noted("total", "counted", "over the rows that fulfil the filter"),
    }
    let rows = match (plan.native, total) {
        (true, _) => counted(plan.resource, calls.len()),
        // The page and one resource more; it may begin in the middle of a page of the app.
        (false, _) if follows && plan.exact => format!("at most {} calls", (plan.count + 1).div_ceil(max as usize) + 1),
        (false, _) if whole => "1 call".to_owned(),
        (false, Some(_)) => format!("⌈N/{max}⌉ calls, at least 1"),
        (false, None) => format!("1 + ⌈N/{max}⌉ calls"),
    };
    let note = match plan.native || whole || follows && plan.exact {
        true => "",
        false if marked(plan) => MARKED,
        false if follows => "N: the rows behind the cursor, until the page is full",
        false => "N: the rows that the app lists",
    };
    said.noted("cost", &format!("{rows}{}", cost.more()), note);
    let unseen = match (plan.native, total) {
        (true, _) if calls.len() > 1 => "a row that comes or goes between the two pages is not noticed",
        (false, None) if !whole => {
            "a row that goes while pages are read can hide another one; only repeats are noticed"
        }
        _ if checked => "what hangs under the rows is read after them",
        _ => "",
    };
    if !unseen.is_empty() {
        said.noted("drift", "not all seen", unseen);
    }
    Ok(())
}

fn of_union(said: &mut Explained, plan: &Query<'_>, union: &Union<'_>) -> Result<(), Fault> {
    let mut lists = false;
    for (side, way) in union.sides.iter().enumerate() {
        let by = match way {
            Source::List(_, Some(by)) => format!("for {}", by.served()),
            _ => "by id".to_owned(),
        };
        lists |= matches!(way, Source::List(..));
        if let Some(call) = plan.walk_call(&Position { side, ..Position::default() })? {
            said.call(&call, &by);
        }
    }
    let mut cost = Cost { calls: union.sides.len(), ..Cost::default() };
    if (0..union.sides.len()).any(|side| plan.gives_ids(&Position { side, ..Position::default() })) {
        cost = cost.and(said.ids(plan.resource)?);
    }
    parts(said, plan, &mut cost)?;
    for conjunct in plan.condition.conjuncts().into_iter().map(ToString::to_string) {
        match conjunct == union.serves {
            true => said.noted("union", &conjunct, "each side is looked up by itself; every row is checked here"),
            false => said.noted("residual", &conjunct, "checked here"),
        }
    }
    sorted(said, plan);
    said.noted("paging", "walk", "all that the sides find is in hand");
    said.noted("total", "counted", "over the rows that fulfil the filter");
    let note = if lists { "more where a side takes more than one page of the app" } else { "" };
    said.noted("cost", &cost.words(plan.resource), note);
    said.noted("drift", "not all seen", "the sides are read one after the other");
    Ok(())
}

/// Several lists of the app, each asked as far as it can be.
fn of_lists(said: &mut Explained, plan: &Query<'_>, union: &Union<'_>) -> Result<(), Fault> {
    let mut cost = Cost::default();
    for (side, way) in union.sides.iter().enumerate() {
        let at = Position { side, ..Position::default() };
        let held = plan.told(&at).map(|told| held(told.holds)).filter(|held| !held.is_empty());
        let by = match way {
            Source::List(_, Some(by)) => Some(format!("for {}", by.served())),
            _ => None,
        };
        if let Some(call) = plan.walk_call(&at)? {
            said.call(&call, &[held, by].into_iter().flatten().collect::<Vec<_>>().join(", "));
        }
        records(said, plan, &at, &mut cost)?;
        if plan.gives_ids(&at) {
            cost = cost.and(said.ids(plan.resource)?);
        }
        cost.besides.push(match way.pages() {
            Some(pages) if !matches!(pages.by, PageStyle::Whole) => format!("1 + ⌈N/{}⌉ calls", pages.max),
            _ => "1 call".to_owned(),
        });
    }
    of_parts(said, plan, &mut cost)?;
    for conjunct in plan.condition.conjuncts() {
        said.noted("residual", &conjunct.to_string(), "checked here, where a list is not asked for it");
    }
    sorted(said, plan);
    let why =
        if union.stream { "one list after the other" } else { "a record may come twice: all are read and sorted here" };
    said.noted("paging", "walk", why);
    match plan.follows && plan.sorted_here.is_none() {
        true => said.noted("total", "not told", UNCOUNTED),
        false => said.noted("total", "counted", "over the rows that fulfil the filter"),
    }
    said.noted("cost", &cost.besides.join(" + "), "N: the rows that each lists");
    said.noted("drift", "not all seen", "who moves from one list to the other meanwhile can be missed");
    Ok(())
}

/// What is so of all rows of a list.
fn held(holds: &[Hold]) -> String {
    holds.iter().map(|hold| hold.is.to_string()).collect::<Vec<_>>().join(" and ")
}

fn of_named(said: &mut Explained, plan: &Query<'_>, named: &Named<'_>) -> Result<(), Fault> {
    let derived = named.derived;
    let keeper = &derived.keeper;
    let note = format!("its `{}` names those who are meant", derived.list);
    let read = said.by_id(keeper, &named.keeper, &note)?;
    let mut cost = read.and(said.parts(keeper, &named.keeper, &named.needs())?);
    let each = named.each(plan.resource, &unknown(plan.resource))?;
    if let Some((few, call)) = &each {
        said.call(call, &format!("for each of them, where they are {few} at most"));
    }
    let many = plan.among_many(named)?;
    match (many.walk_call(&Position::default())?, &each) {
        (Some(call), Some(_)) => {
            said.call(&call, "where they are more, page by page");
            cost.besides.push("1 for each of them, or the list".to_owned());
        }
        (Some(call), None) => {
            said.call(&call, "page by page");
            cost.besides.push("the list".to_owned());
        }
        (None, _) => {}
    }
    parts(said, &many, &mut cost)?;
    said.noted("named", &named.serves, "held against what was read; all else in the filter is checked here");
    sorted(said, plan);
    said.noted("paging", "walk", "who is meant is known when the other record is read");
    said.noted("total", "counted", "over the rows that fulfil the filter");
    said.add("cost", &cost.words(plan.resource));
    Ok(())
}

/// Who brings the answer into its order.
fn sorted(said: &mut Explained, plan: &Query<'_>) {
    let Some(sort) = &plan.sort else { return };
    let turned = if sort.descending() { " descending" } else { "" };
    let by = format!("{}{turned}", sort.target());
    match plan.sorted_here {
        None => said.noted("sort", &by, "by the database"),
        Some(why) => said.noted("sort", &by, &format!("here: {why}")),
    }
}

/// Why no rule serves this part of the filter.
fn why_not(resource: &Resource, list: &List, conjunct: &Condition) -> &'static str {
    match list.filters.iter().any(|rule| query::narrowed(resource, rule, conjunct).is_some()) {
        true => "another rule is used; checked here",
        false if list.language.is_some() => "not asked for in the app's language; checked here",
        false => "no rule for it; checked here",
    }
}

/// The reads for each row of an HTTP app; whether there are some for the check alone.
fn parts(said: &mut Explained, plan: &Query<'_>, cost: &mut Cost) -> Result<bool, Fault> {
    let checked = records(said, plan, &Position::default(), cost)?;
    Ok(of_parts(said, plan, cost)? || checked)
}

/// The same of what hangs under them.
fn of_parts(said: &mut Explained, plan: &Query<'_>, cost: &mut Cost) -> Result<bool, Fault> {
    let id = unknown(plan.resource);
    let (check, show, both) = (plan.looks(), plan.shows(), plan.looks_and_shows());
    let mut checked = false;
    let rounds: &[(&Needs<'_>, &str)] =
        if plan.native { &[(&both, "shown")] } else { &[(&check, "read"), (&show, "shown")] };
    for (needs, rows) in rounds {
        let each = said.parts(plan.resource, &id, needs)?;
        let each = each.for_each(&format!("row {rows}"), &format!("rows {rows}"));
        checked |= !each.is_empty() && *rows == "read";
        cost.besides.extend(each);
    }
    Ok(checked)
}

/// The records of the rows of one way in, where these are not enough; whether they are read for the check alone.
fn records(said: &mut Explained, plan: &Query<'_>, at: &Position, cost: &mut Cost) -> Result<bool, Fault> {
    let look = plan.look(at);
    if let Some((first, _)) = look.first.as_ref().filter(|_| !plan.native) {
        said.noted("row", &first.to_string(), "whoever fails it is dropped before more is read");
    }
    let Some(gives) = look.gives else { return Ok(false) };
    let needs = if plan.native { plan.looks_and_shows() } else { plan.shows() };
    let shows = plan.count > 0 && View::of_row(plan.resource, &needs, gives).is_none();
    let reads = look.reads && !plan.native;
    if reads || shows {
        let rows = if reads { "that may match" } else { "shown" };
        if let Some(call) = read::call_by_id(plan.resource, &unknown(plan.resource))? {
            said.call(&call, &format!("the record of each row {rows}"));
        }
        cost.besides.push(format!("1 for each row {rows}"));
    }
    Ok(reads)
}

fn of_table(said: &mut Explained, plan: &Query<'_>, pushed: &Pushed) -> Result<(), Fault> {
    let count = if plan.native { plan.count_call(plan.count) } else { None };
    let first =
        if plan.native { plan.page_calls()? } else { plan.walk_call(&Position::default())?.into_iter().collect() };
    let certain = first.len();
    first.iter().for_each(|call| said.call(call, ""));
    if let Some(call) = &count {
        said.call(call, "");
    }
    let id = unknown(plan.resource);
    let (check, show, both) = (plan.looks(), plan.shows(), plan.looks_and_shows());
    let checks = if plan.native { 0 } else { said.parts(plan.resource, &id, &check)?.calls };
    let shows = match (plan.count, plan.native) {
        (0, _) => 0,
        (_, true) => said.parts(plan.resource, &id, &both)?.calls,
        (_, false) => said.parts(plan.resource, &id, &show)?.calls,
    };
    for note in &pushed.notes {
        match note.how {
            How::Exact if note.united => said.noted("union", &note.text, "exactly; each side is looked up by itself"),
            How::Exact => said.noted("pushed", &note.text, "exactly"),
            How::Wider => said.noted("pushed", &note.text, &format!("wider: {}; every row is checked here", note.why)),
            How::Residual => said.noted("residual", &note.text, &format!("{}; checked here", note.why)),
        }
    }
    sorted(said, plan);
    if plan.native {
        said.noted("paging", "native", "the database selects what fulfils the filter, and nothing else");
        let told = if plan.count == 0 { "" } else { "unless the page is not full and tells it" };
        said.noted("total", &format!("sql {}", certain + 1), told);
        let bound = if plan.count == 0 { "" } else { "at most " };
        said.add("cost", &format!("{bound}{}", counted(plan.resource, certain + 1 + shows)));
    } else {
        let why = match plan.sorted_here {
            Some(_) => SORTED,
            None if plan.follows => FOLLOWS,
            None => "because something is left to check",
        };
        said.noted("paging", "walk", why);
        let follows = plan.follows && plan.sorted_here.is_none();
        match follows {
            true => said.noted("total", "not told", UNCOUNTED),
            false => said.noted("total", "counted", "over the rows that fulfil the filter"),
        }
        if follows && plan.exact {
            said.add("cost", &counted(plan.resource, 1 + checks + shows));
            return Ok(());
        }
        let of_batch = if checks == 0 { String::new() } else { format!("{} × ", checks + 1) };
        let besides = if shows == 0 { String::new() } else { format!(" + {shows}") };
        let text = format!("{of_batch}(1 + ⌊N/{BATCH}⌋){besides} statements in one transaction");
        said.noted("cost", &text, if marked(plan) { MARKED } else { "N: the rows that the database selects" });
    }
    Ok(())
}
