//! `fold`: an app that makes letters small, or large, is written to and asked in such letters, and nobody else notices.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::Timestamp;
use portolan::{
    config::Limits,
    diagnostic::Source,
    mapping::{self, Mapping, Records, Resource, term::not_random, translate, vars::Vars},
    plan::{
        Context,
        query::{self, Position, Query},
    },
    scim::{
        change::{Change, To},
        condition::Condition,
        filter::Filter,
        profile::Profile,
        projection::Projection,
        request,
    },
};
use serde_json::{Value, json};

const REST: &str = r#"
mapping: 1
app: { rest: { url: "https://app.example.com" } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, fold: lower }
      nickName: $.nick
      userType: { at: $.type, fold: lower, prefix: "T:" }
      emails[type eq "work"].value: { at: $.mail, fold: lower }
    get: GET /users/{{id}}
    list:
      call: GET /users
      rows: $
      pages: { by: whole, max: 1000 }
      filters:
        userName eq ?: { query: { login: $.value } }
        emails.value eq ?: { query: { mail: $.value } }
    create: { call: POST /users, json: $.record, record: $ }
    update: { call: "PATCH /users/{{id}}", json: $.changed }
"#;

const SQL: &str = "
mapping: 1
app: { sql: { url: 'sqlite:app.sqlite' } }
resources:
  User:
    table: person
    key: id
    protect: { login: root }
    attributes:
      userName: { column: login, fold: lower }
      emails: { table: mail, link: person, value: address, type: kind, fold: lower }
";

fn compiled(text: &str) -> Mapping {
    match mapping::compile(Source::new("fold.yaml", text), &Vars::Open) {
        Ok((mapping, warnings)) => {
            assert!(warnings.is_empty(), "{}", warnings.render(false));
            mapping
        }
        Err(faults) => panic!("{}", faults.render(false)),
    }
}

fn record(mapping: &Mapping, attributes: &Value) -> Value {
    let user = mapping.resource("User").unwrap();
    translate::record(user, attributes.as_object().unwrap(), &Value::Null, |_| true, false).unwrap()
}

#[test]
fn values_are_folded_before_they_are_written() {
    let sent = json!({"userName": "ANN Łuć", "nickName": "Ann", "userType": "Staff",
        "emails": [{"value": "Ann@Example.COM", "type": "work"}]});
    let rest = compiled(REST);
    let expected = json!({"login": "ann łuć", "nick": "Ann", "type": "T:staff", "mail": "ann@example.com"});
    assert_eq!(record(&rest, &sent), expected);
    let sql = record(&compiled(SQL), &json!({"userName": "ANN", "emails": [{"value": "A@B.C", "type": "Work"}]}));
    assert_eq!(sql, json!({"login": "ann", "emails": [{"address": "a@b.c", "kind": "Work"}]}));

    let user = rest.resource("User").unwrap();
    let line = user.lines.iter().find(|l| l.target.to_string() == "userName").unwrap();
    let change = Change { target: line.target.clone(), to: To::Value(json!("BEN")) };
    assert_eq!(translate::changed(user, [&change], None, false).unwrap(), json!({"login": "ben"}));
}

#[test]
fn letters_are_still_not_told_apart_for_clients() {
    let mapping = compiled(REST);
    let kind = &mapping.resource("User").unwrap().kind;
    let name = kind.schema.attributes.iter().find(|a| a.name == "userName").unwrap();
    assert!(!name.case_exact);
}

/// A rule may compare letter by letter where the line folds them, and not where it does not.
#[test]
fn folded_lines_need_no_rule_for_any_case() {
    let mapping = compiled(REST);
    let Records::Rest(records) = &mapping.resource("User").unwrap().records else { panic!() };
    assert_eq!(records.lists[0].filters.len(), 2);
    let without = REST.replace("fold: lower ", "unique: app ");
    let faults = mapping::compile(Source::new("fold.yaml", &without), &Vars::Open).unwrap_err();
    assert_eq!(faults.sorted().iter().filter(|f| f.code == "narrower-filter").count(), 2);
}

/// Of a wiki's names the first letter alone is folded; where a part begins is not known.
#[test]
fn what_is_asked_is_folded_as_what_is_written() {
    let mapping = compiled(&REST.replace("$.login, fold: lower", "$.login, fold: first-upper, case: exact").replace(
        "userName eq ?: { query: { login: $.value } }",
        "userName eq ?: { query: { login: $.value } }\n        userName co ?: { query: { part: $.value } }",
    ));
    assert_eq!(record(&mapping, &json!({"userName": "éa bC"})), json!({"login": "Éa bC"}));
    let user = mapping.resource("User").unwrap();
    for (filter, asked) in [("userName eq \"ann\"", "login=Ann"), ("userName co \"nN\"", "part=nN")] {
        let plan = planned(user, filter);
        let call = plan.walk_call(&Position::default()).unwrap().unwrap().to_string();
        assert!(call.contains(asked), "{call}");
    }
    assert_eq!(planned(user, "userName eq \"ann\"").condition.to_string(), "userName eq \"Ann\"");
}

fn planned<'m>(user: &'m Resource, filter: &str) -> Query<'m> {
    let filter = Filter::parse(filter, &Profile::STRICT).unwrap();
    let condition = Condition::resolve(&filter, &user.kind, &Profile::STRICT).unwrap();
    let asked = request::Query { condition, sort: None, start_index: 1, cursor: None, count: Some(2) };
    let limits = (&Limits::default()).into();
    let (client, now, random) = ("client", Timestamp::UNIX_EPOCH, not_random as _);
    let context = Context { profile: Profile::STRICT, client, tenant: None, now, base: "", limits, random };
    let projection = Projection::parse(None, None, &user.kind).unwrap();
    query::plan(user, asked, projection, &context).unwrap()
}
