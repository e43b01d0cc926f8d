//! The law of filter languages: whatever a list is asked in the app's own language, the app finds at least the records whose
//! resource fulfils the filter, and precisely those where it is said to be exact. The app's side reads what was sent by
//! parsers of the test's own and compares by rules of its own, harsh ones: what is null is unknown.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod app;
mod odata;

use std::borrow::Cow;

use jiff::Timestamp;
use portolan::{
    config::Limits,
    diagnostic::Source,
    mapping::{self, Mapping, Resource, term::not_random, translate, vars::Vars},
    plan::{
        Context,
        query::{self, Asked, By, Query, Source as Way},
    },
    scim::{
        condition::Condition,
        evaluate::evaluate,
        filter::{CompareOp, Filter},
        path::AttrPath,
        profile::Profile,
        projection::Projection,
        request,
    },
};
use serde_json::{Value, json};

use app::Case;

const LINES: &str = r#"
mapping: 1
LANGUAGES
app: { rest: { url: "https://app.example.com" } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, unique: app }
      externalId: { at: $.ext, case: exact }
      nickName: { at: $.nick, prefix: "n:", empty: none }
      title: { at: $.job.title, values: { Lead: L, Staff: [S, s], else: Other } }
      displayName: { at: $.shown, fold: lower }
      active: { at: $.state, values: { true: on, false: [off, locked] } }
      emails[type eq "work"].value: $.mail
      emails[type eq "home"].value: $.mail2
      meta.created: { at: $.made, time: unix }
      meta.lastModified: { at: $.seen, time: iso }
    get: GET /users/{{id}}
    list:
      call: GET /users?page={{page}}&n={{size}}
      query: { filter: $.filter }
      rows: $
      pages: { by: page, max: 100 }
      filters: { FILTERS }
    update: { call: "PATCH /users/{{id}}", json: $.changed }
"#;

/// A language in JSON, as Directus has it, and parameters with suffixes, as Django has them.
const OWN: &str = r#"languages:
  tree:
    eq: [{ is: { "{{name}}": { _eq: $.value } }, case: exact, matches: exactly }, { is: { "{{name}}": { _icontains: $.value } }, case: any }]
    co: { is: { "{{name}}": { _icontains: $.value } }, case: any }
    sw: { is: { "{{name}}": { _icontains: $.value } }, case: any }
    gt: { is: { "{{name}}": { _gt: $.value } }, types: [number, time], matches: exactly }
    lt: { is: { "{{name}}": { _lt: $.value } }, types: [number, time], matches: exactly }
    pr: { is: { "{{name}}": { _nnull: true } } }
    and: { _and: $.all }
    or: { _or: $.all }
  suffixes:
    together: true
    eq: { query: { "{{name}}": $.value }, matches: exactly }
    co: { query: { "{{name}}__contains": $.value }, matches: exactly }
    lt: { query: { "{{name}}__lt": $.value }, types: [number, time], matches: exactly }
"#;

fn compiled(filters: &str) -> Mapping {
    let text = LINES.replace("LANGUAGES", OWN).replace("FILTERS", filters);
    match mapping::compile(Source::new("language.yaml", &text), &Vars::Open) {
        Ok((mapping, _)) => mapping,
        Err(faults) => panic!("{}", faults.render(false)),
    }
}

/// One number after another, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Of each language, for each seed.
const FILTERS: usize = 1200;

const TEXTS: [&str; 12] =
    ["Ann", "ann", "a'b", "a' or 'x' eq 'x", "\"x\"", "%", "a_b", "ÄRA", "n:x", "none", "x) or (1 eq 1", "\\"];

fn records(dice: &mut Dice) -> Vec<Value> {
    let mut made = Vec::new();
    for id in 0..60 {
        let text = |dice: &mut Dice| match dice.below(6) {
            0 => Value::Null,
            1 => json!(""),
            _ => json!(dice.one(&TEXTS)),
        };
        let seen = json!(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:06Z"]);
        let mut record = json!({
            "id": id.to_string(), "login": format!("{}{id}", dice.one(&TEXTS)), "ext": text(dice), "shown": text(dice),
            "nick": *dice.one(&["n:Ann", "n:a'b", "none", "n:n:x"]), "job": {"title": *dice.one(&["L", "S", "s", "x"])},
            "state": *dice.one(&["on", "off", "locked"]), "mail": text(dice), "mail2": text(dice),
            "made": 1_767_323_045 + i64::try_from(dice.below(3)).unwrap(), "seen": *dice.one(seen.as_array().unwrap()),
        });
        let fields = record.as_object_mut().unwrap();
        let shown = fields["shown"].as_str().map(str::to_lowercase);
        fields.insert("shown".into(), json!(shown));
        if dice.below(4) == 0 {
            fields.remove(*dice.one(&["nick", "state", "made", "mail", "seen"]));
        }
        made.push(record);
    }
    made
}

fn leaf(dice: &mut Dice) -> Filter {
    use CompareOp::{Contains, EndsWith, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, StartsWith};
    let path = |name: &str, sub: Option<&str>| AttrPath { urn: None, name: name.into(), sub: sub.map(str::to_owned) };
    let texts = [Equal, Equal, NotEqual, Contains, StartsWith, EndsWith, Greater, LessOrEqual];
    let order = [Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual];
    let times = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.25Z", "2026-01-02T03:04:06Z"];
    let (path, op, value) = match dice.below(8) {
        0 => (path("active", None), *dice.one(&[Equal, NotEqual]), json!(dice.below(2) == 0)),
        1 => (path("meta", Some("created")), *dice.one(&order), json!(dice.one(&times))),
        2 => (path("meta", Some("lastModified")), *dice.one(&order), json!(dice.one(&times))),
        3 => (path("title", None), *dice.one(&texts), json!(dice.one(&["Lead", "Staff", "Other", "S", "x"]))),
        n => {
            let all = ["userName", "externalId", "nickName", "displayName", "emails"];
            let name = *dice.one(&all);
            let text = dice.one(&TEXTS).to_string();
            let text = if n == 4 { text.to_uppercase() } else { text };
            let cut = if dice.below(2) == 0 { text } else { text.chars().take(2).collect() };
            (path(name, (name == "emails").then_some("value")), *dice.one(&texts), json!(cut))
        }
    };
    match dice.below(8) {
        0 => Filter::Present(path),
        _ => Filter::Compare { path, op, value },
    }
}

fn filter(dice: &mut Dice, depth: usize) -> Filter {
    match dice.below(if depth == 0 { 1 } else { 6 }) {
        0 => leaf(dice),
        1 | 2 => Filter::And(Box::new(filter(dice, depth - 1)), Box::new(filter(dice, depth - 1))),
        3 | 4 => Filter::Or(Box::new(filter(dice, depth - 1)), Box::new(filter(dice, depth - 1))),
        _ => Filter::Not(Box::new(filter(dice, depth - 1))),
    }
}

fn planned(user: &Resource, condition: Condition) -> Query<'_> {
    let limits = (&Limits::default()).into();
    let (client, now) = ("client", Timestamp::UNIX_EPOCH);
    let context = Context { profile: Profile::STRICT, client, tenant: None, now, base: "", limits, random: not_random };
    let asked = request::Query { condition, sort: None, start_index: 1, cursor: None, count: Some(10) };
    query::plan(user, asked, Projection::parse(None, None, &user.kind).unwrap(), &context).unwrap()
}

/// How often each was so: exact, wider, not asked.
fn held(filters: &str, seed: u64, app: &dyn Fn(&Asked, &Value) -> bool) -> [usize; 3] {
    let mapping = compiled(filters);
    let user = mapping.resource("User").unwrap();
    let mut dice = Dice(seed);
    let records = records(&mut dice);
    let lines: Vec<_> = user.lines.iter().filter(|line| !line.write_only).collect();
    let resources: Vec<_> =
        records.iter().map(|r| translate::resource(user, &lines, Cow::Borrowed(r), "").unwrap()).collect();
    let mut seen = [0; 3];
    for _ in 0..FILTERS {
        let depth = dice.below(4);
        let filter = filter(&mut dice, depth);
        let condition = Condition::resolve(&filter, &user.kind, &Profile::STRICT).unwrap();
        let plan = planned(user, condition);
        let sides: Vec<&Asked> = match &plan.source {
            Way::List(_, Some(By::Language(asked))) => vec![asked],
            Way::Union(union) => {
                let asked = |side| match side {
                    &Way::List(_, Some(By::Language(ref asked))) => &**asked,
                    other => panic!("{other:?}"),
                };
                union.sides.iter().map(asked).collect()
            }
            _ => {
                seen[2] += 1;
                continue;
            }
        };
        let exact = matches!(&plan.source, Way::List(_, Some(By::Language(asked))) if asked.is_exact());
        seen[usize::from(!exact)] += 1;
        for (record, resource) in records.iter().zip(&resources) {
            let (wanted, found) = (evaluate(&plan.condition, resource), sides.iter().any(|asked| app(asked, record)));
            let told = || format!("seed {seed}: {filter}\n{:?}\n{record}", sides[0]);
            assert!(found || !wanted, "lost: {}", told());
            assert!(wanted || !found || !exact, "added: {}", told());
        }
    }
    seen
}

#[test]
fn nothing_is_lost_in_any_language_and_exact_ones_add_nothing() {
    for seed in [20_261_122, 7, 99] {
        for (filters, case, least) in [
            ("language: odata, case: any, matches: exactly", Case::Any, [150, 300]),
            ("language: odata, case: any", Case::Any, [0, 450]),
            ("language: odata", Case::Exact, [0, 300]),
            ("language: { like: odata, can: [eq, and] }, case: any, matches: exactly", Case::Any, [25, 40]),
        ] {
            let seen = held(filters, seed, &|asked, record| {
                let text = asked.filter.as_ref().unwrap().as_str().unwrap();
                odata::parse(text).unwrap_or_else(|| panic!("no OData: {text}")).holds(record, case)
            });
            assert!(seen[0] >= least[0] && seen[1] >= least[1], "{filters}: the test has lost its teeth: {seen:?}");
        }
        let seen = held("language: tree", seed, &|asked, record| {
            app::tree(asked.filter.as_ref().unwrap(), record) == Some(true)
        });
        assert!(seen[0] > 30 && seen[1] > 200, "{seen:?}");
        let seen = held("language: suffixes, case: any", seed, &|asked, record| app::suffixes(&asked.query, record));
        assert!(seen[0] > 30 && seen[1] > 60, "{seen:?}");
    }
}
