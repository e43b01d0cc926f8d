//! What reading costs over a database, in statements, as its own side counts them: nothing grows with the number of rows.

use std::collections::BTreeSet;

use portolan::mapping::sql::Engine;
use portolan::plan::Limits;
use portolan::scim::message::PATCH_OP;
use serde_json::{Value, json};

use super::{
    database::engine,
    door::{Door, LIMITS, encoded},
};

const PEOPLE: usize = 5000;

/// The quickstart with thousands of people more, each with two addresses, in a team of all of them; fewer rows may be read
/// for one request than there are.
async fn crowd() -> Door {
    let script = format!(
        "insert into staff_person (person_no, logon, fore_nm, known_as, acct_state, made_at, chg_at)
          with recursive n(i) as (select 10001 union all select i + 1 from n where i < 10000 + {})
          select i, 'p' || (i * 7919 % 5000), 'P', case i % 4 when 0 then null when 1 then 'É' || (i % 97) else 'é' || (i % 97) end,
            case i % 3 when 0 then 'L' else 'A' end, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z' from n;
        insert into mailbox (person_no, addr, kind) select person_no, 'w' || person_no || '@x', 'work' from staff_person where person_no > 10000;
        insert into mailbox (person_no, addr, kind) select person_no, 'h' || person_no || '@x', 'home' from staff_person where person_no > 10000;
        insert into team (team_no, label, made_at, chg_at) values (99, 'all', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z');
        insert into team_person (team_no, person_no) select 99, person_no from staff_person where person_no > 10000;",
        PEOPLE - 7
    );
    Door::over_more(&script, Limits { rows: 1500, ..LIMITS }).await
}

/// PostgreSQL does not sort texts as SCIM does, so all of them are read.
fn sorts_texts(query: &str) -> bool {
    let texts = ["sortBy=userName", "sortBy=displayName"];
    engine() == Engine::Postgres && texts.iter().any(|sort| query.contains(sort))
}

#[tokio::test]
async fn every_page_by_cursor_costs_the_same_to_the_end() {
    let door = crowd().await;
    for (query, cost) in [
        ("attributes=userName", 1),
        ("attributes=userName&sortBy=userName", 1),
        ("attributes=emails,groups&sortBy=displayName&sortOrder=descending", 3),
        ("attributes=userName&sortBy=active&sortOrder=descending", 1),
        ("attributes=userName&sortBy=id&sortOrder=descending", 1),
    ] {
        if sorts_texts(query) {
            door.get(&format!("/Users?count=200&{query}&cursor=")).await.fails(400, "tooMany");
            continue;
        }
        let (mut cursor, mut seen, mut keys) = (Some(String::new()), Vec::new(), Vec::new());
        while let Some(here) = cursor {
            let (answer, made) =
                door.cost("GET", &format!("/Users?count=200&{query}&cursor={here}"), Value::Null).await;
            assert_eq!(made, cost, "{query} after {}", seen.len());
            cursor = answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned());
            keys.extend(answer.body["Resources"].as_array().unwrap().iter().map(|r| r["userName"].clone()));
            seen.extend(answer.ids());
        }
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (PEOPLE, PEOPLE), "{query}");
        if query.ends_with("sortBy=userName") {
            assert!(keys.is_sorted_by_key(|key| key.as_str().unwrap().to_lowercase()), "{query}");
        }
    }
}

#[tokio::test]
async fn a_page_by_index_is_a_page_a_count_and_one_statement_for_each_list() {
    let door = crowd().await;
    let residual = encoded("meta.location co \"/\" and userName sw \"p4\"");
    for (query, cost) in [
        ("count=100".to_owned(), 4),
        ("count=10".to_owned(), 4),
        ("startIndex=4901&count=100&attributes=userName".to_owned(), 2),
        ("startIndex=4902&count=100&attributes=userName".to_owned(), 1),
        ("startIndex=4902&count=100&attributes=userName&sortBy=displayName".to_owned(), 1),
        ("count=0".to_owned(), 1),
        ("count=100&sortBy=userName".to_owned(), 4),
        ("startIndex=2000&count=100&sortBy=displayName&attributes=emails".to_owned(), 3),
        (format!("filter={}", encoded("userName eq \"P1\"")), 3),
        (format!("filter={}&attributes=userName", encoded("userName eq \"p1\"")), 1),
        (format!("filter={}&attributes=userName", encoded("emails.value eq \"h10007@x\"")), 2),
        (format!("filter={residual}&count=100&attributes=userName&sortBy=userName"), 3),
        (format!("filter={residual}&startIndex=101&count=100&attributes=userName&sortBy=userName"), 1),
    ] {
        if sorts_texts(&query) && !query.contains("filter") {
            door.get(&format!("/Users?{query}")).await.fails(400, "tooMany");
            continue;
        }
        let (answer, made) = door.cost("GET", &format!("/Users?{query}"), Value::Null).await;
        answer.is(200);
        // one page is behind the other only where the database has the order
        assert_eq!(made, if sorts_texts(&query) { 3 } else { cost }, "{query}");
    }
    for (path, cost) in
        [("/Users/10001", 3), ("/Users/10001?attributes=userName", 2), ("/Groups/99?excludedAttributes=members", 1)]
    {
        let (answer, made) = door.cost("GET", path, Value::Null).await;
        answer.is(200);
        assert_eq!(made, cost, "{path}");
    }
}

#[tokio::test]
async fn a_change_reads_what_it_may_change_and_its_answer() {
    let door = crowd().await;
    let patch = |path: &str, value: Value| json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": value}]});
    let members =
        json!({"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "members", "value": [{"value": "1001"}]}]});
    for (path, body, cost) in [
        // The row and the addresses, the change, and then the answer: the same, and the groups.
        ("/Users/10001", patch("active", json!(false)), 6),
        ("/Users/10001", patch("active", json!(false)), 5),
        ("/Users/10001", patch("emails[type eq \"work\"].value", json!("new@x")), 9),
        ("/Groups/99", members.clone(), 4),
        ("/Groups/99", members, 3),
    ] {
        let (answer, made) = door.cost("PATCH", path, body.clone()).await;
        assert!(answer.status < 300, "{}", answer.body);
        // on a server the row is held first, as others may write beside; where only members change that is its lock anyway
        let held = u64::from(engine() != Engine::Sqlite && path.starts_with("/Users"));
        assert_eq!(made, cost + held, "{path} {body}");
    }
}

#[tokio::test]
async fn what_is_too_much_is_told_with_what_made_it_so() {
    let door = crowd().await;
    for (query, told) in [
        ("filter=meta.location%20co%20%222001%22%20and%20active%20eq%20true", "`meta.location co`"),
        ("sortBy=meta.location", "cannot sort by `meta.location`"),
    ] {
        let detail = door.get(&format!("/Users?{query}")).await.fails(400, "tooMany");
        assert!(detail.contains(told) && detail.contains("1500 rows"), "{detail}");
        assert!(!detail.contains("2001") && !detail.contains("active"), "{detail}");
    }
}
