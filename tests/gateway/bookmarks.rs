//! An import by startIndex 1, 101, 201 …, over an app that must be walked: what it costs, and that everybody is told once.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    door::{Answer, Door, LIMITS, encoded, user},
    easy_app::EasyApp,
};
use portolan::plan::Limits;

/// No rule of the app's serves it, and everybody matches.
const RESIDUAL: &str = "emails[type eq \"work\"].value co \"@\" or displayName pr";
/// No column holds it. Half of those who are read match.
const RESIDUAL_SQL: &str = "meta.location co \"/\" and displayName co \"É\" or meta.location co \"nowhere\"";

async fn rest() -> (Arc<EasyApp>, Door) {
    let (app, url) = EasyApp::start(1000).await;
    let door = Door::acme(&url, Limits { rows: 5000, ..LIMITS }).await;
    app.calls();
    (app, door)
}

/// A thousand of whom every second one is found.
async fn sql() -> Door {
    let many: String = (1..=2000)
        .map(|n| {
            let letter = if n % 2 == 0 { "é" } else { "e" };
            format!("insert into staff_person (person_no, logon, fore_nm, sur_nm, known_as, made_at, chg_at) values ({n}, 'u{n}', 'U', 'N', '{letter}{n}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');")
        })
        .collect();
    let script = format!("delete from mailbox; delete from team_person; delete from staff_person;\n{many}");
    Door::over_more(&script, Limits { rows: 5000, ..LIMITS }).await
}

fn page(filter: &str, start: usize) -> String {
    format!("/Users?attributes=userName&count=100&startIndex={start}&filter={}", encoded(filter))
}

/// The ten pages, with something done after each; what each cost, and who was told.
async fn import(door: &Door, filter: &str) -> (Vec<u64>, Vec<String>) {
    let (mut costs, mut seen) = (Vec::new(), Vec::new());
    for start in (1..1000).step_by(100) {
        let (answer, cost) = door.cost("GET", &page(filter, start), Value::Null).await;
        assert_eq!(answer.body["totalResults"], 1000);
        costs.push(cost);
        seen.extend(answer.ids());
    }
    (costs, seen)
}

fn once_each(seen: &[String]) -> BTreeSet<&String> {
    let told: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(told.len(), seen.len(), "somebody is told twice");
    told
}

#[tokio::test]
async fn an_import_costs_a_walk_and_a_little_for_each_page() {
    let (_app, door) = rest().await;
    let (costs, seen) = import(&door, RESIDUAL).await;
    assert_eq!(once_each(&seen).len(), 1000);
    assert_eq!(costs[0], 10);
    // The app's page that holds the place, and the next one.
    assert_eq!(costs[1..], [2, 2, 2, 2, 2, 2, 2, 2, 2]);

    let door = sql().await;
    let (costs, seen) = import(&door, RESIDUAL_SQL).await;
    assert_eq!(once_each(&seen).len(), 1000);
    assert_eq!(costs[0], 5);
    assert_eq!(costs[1..], [1, 1, 1, 1, 1, 1, 1, 1, 1]);
}

/// Wherever the pages begin, and however large they are, they are those of a walk from the beginning.
#[tokio::test]
async fn a_page_is_the_same_with_and_without_a_bookmark() {
    let (_app, rest) = rest().await;
    for (door, filter) in [(&rest, RESIDUAL), (&sql().await, RESIDUAL_SQL)] {
        for sizes in [[7, 130, 1, 99], [100, 100, 30, 200], [200, 1, 1, 1]] {
            let mut start = 1;
            for size in sizes {
                let ask = |start: usize| {
                    format!("/Users?attributes=userName&count={size}&startIndex={start}&filter={}", encoded(filter))
                };
                let mut marked = door.get(&ask(start)).await.is(200);
                // Not the words the bookmarks are kept under, but the same question.
                let mut walked = door.get(&ask(start).replace("filter=", "filter=id%20pr%20and%20")).await.is(200);
                assert_eq!(marked["Resources"].take(), walked["Resources"].take());
                assert_eq!(marked, walked);
                start += size;
            }
        }
    }
}

#[tokio::test]
async fn a_write_through_this_gateway_drops_all_bookmarks() {
    let (app, door) = rest().await;
    let writes = [
        ("POST", "/Users", user("new")),
        (
            "PATCH",
            "/Users/3",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "name.givenName", "value": "Ute"}]}),
        ),
        ("DELETE", "/Users/2", Value::Null),
        ("DELETE", "/Groups/900", Value::Null),
        // This one fails, and who knows what it did before.
        ("DELETE", "/Users/2", Value::Null),
    ];
    for (method, path, body) in writes {
        door.get(&page(RESIDUAL, 1)).await.is(200);
        door.ask(method, path, body).await;
        app.calls();
        let total = app.state().users.values().filter(|user| user.contains_key("email")).count();
        assert_eq!(door.get(&page(RESIDUAL, 101)).await.is(200)["totalResults"], total, "{method} {path}");
        assert!(app.calls().len() >= 10, "{method} {path}");
    }
}

#[tokio::test]
async fn a_bookmark_is_for_one_client_one_type_and_one_filter() {
    let (app, door) = rest().await;
    let calls = async |path: &str, door: &Door| {
        app.calls();
        let answer: Answer = door.get(path).await;
        assert_eq!(answer.status, 200);
        app.calls().len()
    };
    assert_eq!(calls(&page(RESIDUAL, 1), &door).await, 10);
    assert_eq!(calls(&page(RESIDUAL, 101), &door).await, 2);
    assert_eq!(calls(&page(&RESIDUAL.replace('@', "e"), 101), &door).await, 10);
    assert_eq!(calls(&page(RESIDUAL, 102), &door).await, 10);
    assert_eq!(calls(&format!("{}&sortBy=id", page(RESIDUAL, 101)), &door).await, 10);
    // The first page is always a walk.
    assert_eq!(calls(&page(RESIDUAL, 1), &door).await, 10);
    let door = door.by("other");
    assert_eq!(calls(&page(RESIDUAL, 101), &door).await, 10);
}

/// Who goes in the app between two pages loses nobody else, and who comes makes nobody be told twice.
#[tokio::test]
async fn who_goes_in_the_app_moves_nobody() {
    let (app, rest) = rest().await;
    let sql = sql().await;
    for (door, filter, first) in [(&rest, RESIDUAL, 1), (&sql, RESIDUAL_SQL, 2)] {
        let mut seen = Vec::new();
        let mut stay: BTreeSet<String> = (0..1000).map(|n| (n * first + first).to_string()).collect();
        let mut start = 1;
        loop {
            let answer = door.get(&page(filter, start)).await;
            let total = usize::try_from(answer.body["totalResults"].as_u64().unwrap()).unwrap();
            let ids = answer.ids();
            start += ids.len();
            seen.extend(ids);
            if start > total {
                break;
            }
            // The first, and the last that was told; and the next one's neighbour.
            for gone in [first * (start / 100), seen.last().unwrap().parse().unwrap(), first * (start + 1)] {
                stay.remove(&gone.to_string());
                match first {
                    1 => app.set(|state| _ = state.users.remove(&(gone as u64))),
                    _ => _ = sql.sql(&format!("delete from staff_person where person_no = {gone}")).await,
                }
            }
        }
        let told = once_each(&seen);
        let missing: Vec<_> = stay.iter().filter(|id| !told.contains(id)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        // At the end the total is what was told.
        assert_eq!(start, seen.len() + 1);
    }
}

#[tokio::test]
async fn who_comes_in_front_makes_nobody_be_told_twice() {
    let (app, door) = rest().await;
    app.set(|state| {
        state.users = std::mem::take(&mut state.users).into_iter().map(|(id, user)| (id + 100, user)).collect();
    });
    let mut seen = Vec::new();
    for turn in 0..9 {
        seen.extend(door.get(&page(RESIDUAL, seen.len() + 1)).await.ids());
        app.set(|state| {
            let somebody = state.users[&500].clone();
            for id in 0..turn {
                state.users.insert(turn * 10 + id, somebody.clone());
            }
        });
    }
    assert_eq!(once_each(&seen).len(), 900);
    assert_eq!(seen[899], "1000");
}

/// Where the last rows of a page are all gone there is no place to go on from: the page is counted from the beginning.
#[tokio::test]
async fn a_lost_place_is_a_walk_again() {
    let (app, door) = rest().await;
    assert_eq!(door.get(&page(RESIDUAL, 1)).await.ids().len(), 100);
    app.set(|state| state.users.retain(|id, _| !(80..=100).contains(id)));
    let answer = door.get(&page(RESIDUAL, 101)).await;
    assert_eq!(answer.body["totalResults"], 979);
    assert_eq!(answer.ids()[0], "122");
}
