//! The same as `sql_index` on the engine that `PORTOLAN_TEST_ENGINE` names: over the quickstart's tables as its apps have
//! them, with thousands of people in them and after ANALYZE, what is looked up is searched for by an index.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/database.rs"]
mod database;

use std::{path::Path, time::Duration};

use database::{Database, engine};
use portolan::{
    backend::{Backend, Limits, Session},
    gateway,
    mapping::{
        self, Mapping, Records, Resource,
        sql::Engine,
        vars::{Var, Vars},
    },
    plan::{
        call::{Call, Statement},
        sql::{filter::push, order::Order, select},
    },
    scim::{condition::Condition, filter::Filter, profile::Profile},
};

/// The quickstart with a crowd in it, and its mapping as the gateway has it there.
async fn crowd(engine: Engine) -> (Mapping, Backend) {
    let database = Database::quickstart("").await;
    let (numbers, at, text, analyze) = match engine {
        Engine::Postgres => ("generate_series(10001, 16000) as n(i)", "now()", "concat", "analyze"),
        _ => (
            "(select seq as i from seq_10001_to_16000) as n",
            "now()",
            "concat",
            "analyze table staff_person, mailbox, team, team_person",
        ),
    };
    let script = format!(
        "insert into staff_person (person_no, logon, idp_ref, made_at, chg_at) select i, {text}('p', i), {text}('e', i), {at}, {at} from {numbers};
        insert into mailbox (person_no, addr, kind) select i, {text}('w', i, '@x'), 'work' from {numbers};
        insert into team (team_no, label, made_at, chg_at) select i, {text}('t', i), {at}, {at} from {numbers};
        insert into team_person (team_no, person_no) select i, i from {numbers};
        {analyze};"
    );
    database.run(&script).await;
    let var = Var { value: database.url.clone(), secret: true, place: None };
    let vars = Vars::Given([("DATABASE".to_owned(), var)].into_iter().collect());
    let loaded = mapping::load(Path::new("examples/quickstart/mapping.yaml"), &vars);
    let (mut mapping, _) = loaded.unwrap_or_else(|faults| panic!("{}", faults.to_json()));
    let limits = Limits { call_time: Duration::from_secs(20), answer_bytes: 1 << 20, depth: 8 };
    let backend = Backend::open(&mapping.app, limits).await.unwrap();
    let catalog = gateway::catalog(&backend, &mapping).await.unwrap();
    mapping.learn(catalog);
    (mapping, backend)
}

/// The steps that read a whole table of the app.
async fn scans(engine: Engine, session: &mut Session, statement: Statement) -> Vec<String> {
    let told = format!("{}\n{:?}", statement.sql, statement.binds);
    let asked = Statement { sql: format!("EXPLAIN {}", statement.sql).into(), ..statement };
    let reply = session.call(&Call::Sql(asked)).await.unwrap_or_else(|e| panic!("{e}\n{told}"));
    let all = reply.rows().iter().map(|row| match engine {
        Engine::Postgres => row["QUERY PLAN"].as_str().unwrap().to_owned(),
        _ => format!("{} of {}", row["type"].as_str().unwrap_or_default(), row["table"].as_str().unwrap_or_default()),
    });
    let steps: Vec<String> = all.collect();
    let whole = |(n, step): (usize, &String)| match engine {
        // an index without a condition is walked from one end to the other
        Engine::Postgres => {
            let searched = steps.get(n + 1).is_some_and(|next| next.contains("Index Cond"));
            step.contains("Seq Scan") || step.contains("Index") && step.contains(" Scan ") && !searched
        }
        // what stands in angles is what other steps have found
        _ => (step.starts_with("ALL of ") || step.starts_with("index of ")) && !step.contains('<'),
    };
    if steps.iter().enumerate().any(whole) { std::iter::once(told).chain(steps).collect() } else { Vec::new() }
}

async fn found(engine: Engine, session: &mut Session, resource: &Resource, filter: &str) -> Vec<String> {
    let Records::Sql(records) = &resource.records else { panic!("not SQL") };
    let condition = Filter::parse(filter, &Profile::STRICT).unwrap();
    let condition = Condition::resolve(&condition, &resource.kind, &Profile::STRICT).unwrap();
    let pushed = push(&condition, resource, records);
    assert!(pushed.exact, "{filter}");
    scans(engine, session, select::page(records, &pushed, &Order::by_key(records), 0, 100)).await
}

#[tokio::test]
#[ignore = "needs a server; tests/run.sh starts them"]
async fn look_ups_are_searches() {
    let engine = engine();
    let (mapping, backend) = crowd(engine).await;
    let mut session = backend.read().await.unwrap();
    let of = |name: &str| mapping.resources.iter().find(|r| r.kind.name == name).unwrap();
    let (user, group) = (of("User"), of("Group"));
    for (resource, filter) in [
        (user, "id eq \"10007\""),
        (user, "userName eq \"P10007\""),
        (user, "externalId eq \"e10007\""),
        (user, "emails.value eq \"W10007@x\""),
        (user, "emails[type eq \"work\" and value eq \"w10007@x\"]"),
        (user, "groups.value eq \"10007\""),
        (user, "userName eq \"p10007\" or externalId eq \"e10008\""),
        (user, "userName eq \"p10007\" or emails.value eq \"w10008@x\""),
        (group, "displayName eq \"t10007\""),
    ] {
        let steps = found(engine, &mut session, resource, filter).await;
        assert!(steps.is_empty(), "{filter}:\n{}", steps.join("\n"));
    }
    // what no index serves is a scan, so that the test can tell one
    assert!(!found(engine, &mut session, user, "title co \"p\"").await.is_empty());
}
