//! Filter rules with a call of their own: rows, one record, or ids alone; what they find is checked like all rows.

use std::sync::Arc;

use portolan::plan::Limits;
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS},
    odd_app::{Asked, OddApp, Told, told},
};

const MAPPING: &str = include_str!("../explain/rules-mapping.yml");

fn parameter<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    let query = asked.target.split_once('?')?.1;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn user(n: u64) -> Value {
    let kind = if n == 4 { "robot" } else { "person" };
    json!({"id": n, "login": format!("u{n}"), "name": format!("N{n}"), "on": n.is_multiple_of(2), "mails": [format!("u{n}@x.org")], "kind": kind})
}

fn group(n: u64) -> Value {
    json!({"id": format!("g{n}"), "name": format!("G{n}"), "people": (1..=7).filter(|user: &u64| user.is_multiple_of(n)).collect::<Vec<u64>>()})
}

fn page(rows: &[Value], asked: &Asked) -> Vec<Value> {
    let number = |name| parameter(asked, name).unwrap().parse::<usize>().unwrap();
    rows.iter().skip((number("page") - 1) * number("n")).take(number("n")).cloned().collect()
}

/// Seven users, of whom the fourth is hidden, and six groups: in the nth is whom n divides.
fn act(asked: &Asked) -> Told {
    let uri: http::Uri = asked.target.parse().unwrap();
    let path: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let users: Vec<Value> = (1..=7).map(user).collect();
    let groups: Vec<Value> = (1..=6).map(group).collect();
    let ok = |body: Value| told(200, &body);
    let found = |all: &[Value], key: &str, wanted: &str| {
        all.iter().find(|one| one[key].to_string().trim_matches('"') == wanted).cloned()
    };
    match path.as_slice() {
        ["users"] => {
            let on = parameter(asked, "on");
            let rows: Vec<Value> =
                users.into_iter().filter(|u| on.is_none_or(|on| u["on"] == (on == "true"))).collect();
            ok(json!({"rows": page(&rows, asked), "total": rows.len()}))
        }
        ["users", id] => found(&users, "id", id).map_or(told(404, &json!({})), ok),
        // by a join: somebody in two of them comes twice
        ["users", who @ ("twice" | "stuck"), "groups"] => {
            let of = |n: u64| json!({"id": format!("g{n}"), "name": format!("G{n}"), "people": [who]});
            let rows: Vec<Value> = [1, 2, 2, 3, 1, 4].into_iter().map(of).collect();
            let shown = if *who == "stuck" { rows[..2].to_vec() } else { page(&rows, asked) };
            ok(json!({"value": shown, "count": rows.len()}))
        }
        ["users", id, "groups"] => match id.parse::<u64>() {
            Ok(id) if id < 8 => {
                let rows: Vec<Value> =
                    groups.into_iter().filter(|g| g["people"].as_array().unwrap().contains(&json!(id))).collect();
                ok(json!({"value": page(&rows, asked), "count": rows.len()}))
            }
            _ => told(404, &json!({})),
        },
        // whoever has two accounts: only one of them is told
        ["threepid", mail] => match mail.replace("%40", "@").to_lowercase().as_str() {
            "gone@x.org" => ok(json!({"user_id": 99})),
            "odd@x.org" => ok(json!({"user_id": 1})),
            mail => users
                .iter()
                .find(|u| u["mails"][0] == mail)
                .map_or(told(404, &json!({})), |u| ok(json!({"user_id": u["id"]}))),
        },
        ["by-login"] => match parameter(asked, "login").unwrap() {
            "liar" => ok(json!({"user": user(1)})),
            login => ok(json!({"user": found(&users, "login", login)})),
        },
        ["search"] => {
            let begins = parameter(asked, "begins").unwrap();
            if begins == "fault" {
                return ok(json!({"ok": false, "error": "try later"}));
            }
            let rows = users.iter().filter(|u| u["name"].as_str().unwrap().starts_with(begins));
            let mut rows: Vec<Value> = rows.map(|u| json!({"user": {"id": u["id"]}})).collect();
            rows.extend(rows.first().cloned());
            ok(json!({"found": rows}))
        }
        ["groups"] => ok(json!(groups)),
        ["groups", id] => found(&groups, "id", id).map_or(told(404, &json!({})), ok),
        ["named", "broken"] => told(500, &json!({})),
        ["named", "odd"] => ok(json!({"name": "odd"})),
        ["named", "G6"] => ok(json!([group(6), group(6)])),
        ["named", name] => ok(json!(groups.iter().filter(|g| g["name"] == *name).collect::<Vec<_>>())),
        ["short", name] => ok(json!([{"id": name.to_lowercase(), "name": name}])),
        ["bare", name] => ok(json!([name.to_lowercase()])),
        _ => told(405, &json!({})),
    }
}

async fn door(limits: Limits) -> (Arc<OddApp>, Door) {
    let (app, url) = OddApp::start(act).await;
    (app, Door::over_text(MAPPING, &url, limits).await)
}

#[tokio::test]
async fn ids_a_record_or_rows_are_found_by_a_call_of_their_own() {
    let (app, door) = door(LIMITS).await;
    let walk = ["GET /users?page=1&n=3", "GET /users?page=2&n=3", "GET /users?page=3&n=3"];
    for (path, filter, ids, calls) in [
        // an id, then its record
        ("/Users", "emails.value eq \"u5@x.org\"", "5", vec!["GET /threepid/u5%40x.org", "GET /users/5"]),
        ("/Users", "emails.value eq \"U5@X.org\"", "5", vec!["GET /threepid/U5%40X.org", "GET /users/5"]),
        ("/Users", "emails.value eq \"nobody@x.org\"", "", vec!["GET /threepid/nobody%40x.org"]),
        // the id of a record that is gone, of one that is hidden, of one that does not match
        ("/Users", "emails.value eq \"gone@x.org\"", "", vec!["GET /threepid/gone%40x.org", "GET /users/99"]),
        ("/Users", "emails.value eq \"u4@x.org\"", "", vec!["GET /threepid/u4%40x.org", "GET /users/4"]),
        ("/Users", "emails.value eq \"odd@x.org\"", "", vec!["GET /threepid/odd%40x.org", "GET /users/1"]),
        ("/Users", "emails[value eq \"u5@x.org\"]", "5", vec!["GET /threepid/u5%40x.org", "GET /users/5"]),
        // several ids, one of them twice
        ("/Users", "displayName sw \"N5\"", "5", vec!["GET /search?begins=N5", "GET /users/5"]),
        // one record, or none
        ("/Users", "userName eq \"u2\"", "2", vec!["GET /by-login?login=u2"]),
        ("/Users", "userName eq \"nobody\"", "", vec!["GET /by-login?login=nobody"]),
        // the narrowest rule is asked, the rest is checked here
        (
            "/Users",
            "active eq true and emails.value eq \"u6@x.org\"",
            "6",
            vec!["GET /threepid/u6%40x.org", "GET /users/6"],
        ),
        (
            "/Users",
            "active eq false and emails.value eq \"u6@x.org\"",
            "",
            vec!["GET /threepid/u6%40x.org", "GET /users/6"],
        ),
        ("/Users", "userName eq \"u2\" and emails.value eq \"u6@x.org\"", "", vec!["GET /by-login?login=u2"]),
        // an `or`, each of whose sides has one
        (
            "/Users",
            "userName eq \"u2\" or emails.value eq \"u1@x.org\" or id eq \"7\"",
            "1 2 7",
            vec!["GET /by-login?login=u2", "GET /threepid/u1%40x.org", "GET /users/1", "GET /users/7"],
        ),
        // what no path can hold is looked for here
        ("/Users", "emails.value eq \"a/b\"", "", walk.to_vec()),
        // rows, in the rule's own pages; its total makes them the answer's
        ("/Groups", "members.value eq \"7\"", "g1", vec!["GET /users/7/groups?page=1&n=2"]),
        ("/Groups", "members.value eq \"6\"", "g1 g2", vec!["GET /users/6/groups?page=1&n=2"]),
        (
            "/Groups",
            "members.value eq \"6\" and displayName ne \"G2\"",
            "g1 g3 g6",
            vec!["GET /users/6/groups?page=1&n=2", "GET /users/6/groups?page=2&n=2"],
        ),
        // nobody of that id
        ("/Groups", "members.value eq \"9\" and displayName pr", "", vec!["GET /users/9/groups?page=1&n=2"]),
        // rows in one reply
        ("/Groups", "displayName eq \"G3\"", "g3", vec!["GET /named/G3"]),
        (
            "/Groups",
            "displayName eq \"G3\" or members.value eq \"5\"",
            "g1 g3 g5",
            vec!["GET /named/G3", "GET /users/5/groups?page=1&n=2"],
        ),
    ] {
        app.calls();
        let answer = door.find(path, filter).await;
        assert_eq!(answer.ids().join(" "), ids, "{filter}");
        assert_eq!(app.calls(), calls, "{filter}");
    }
}

#[tokio::test]
async fn pages_of_a_rule_are_walked_by_cursor_and_by_index() {
    let (app, door) = door(LIMITS).await;
    let filter = super::door::encoded("members.value eq \"6\" and displayName pr");
    for (start, ids) in [(1, ["g1", "g2", "g3"].as_slice()), (4, &["g6"])] {
        let found = door.get(&format!("/Groups?filter={filter}&startIndex={start}&count=3")).await;
        assert_eq!(found.body["totalResults"], 4);
        assert_eq!(found.ids(), ids);
    }
    let (mut cursor, mut seen) = (Some(String::new()), Vec::new());
    while let Some(here) = cursor {
        let answer = door.get(&format!("/Groups?filter={filter}&count=1&cursor={here}")).await;
        cursor = answer.body.get("nextCursor").map(|cursor| cursor.as_str().unwrap().to_owned());
        seen.extend(answer.ids());
    }
    assert_eq!(seen, ["g1", "g2", "g3", "g6"]);
    app.calls();
    let native = super::door::encoded("members.value eq \"6\"");
    let second = door.get(&format!("/Groups?filter={native}&startIndex=3&count=2")).await;
    assert_eq!(
        (&second.body["totalResults"], app.calls()),
        (&json!(4), vec!["GET /users/6/groups?page=2&n=2".to_owned()])
    );
    assert_eq!(second.ids(), ["g3", "g6"]);
}

#[tokio::test]
async fn what_a_rule_answers_wrongly_is_a_fault_and_never_a_short_list() {
    let (app, door) = door(LIMITS).await;
    for (filter, status) in [("displayName eq \"broken\"", 502), ("displayName eq \"odd\"", 502)] {
        door.find("/Groups", filter).await.fails(status, "");
    }
    assert_eq!(door.find("/Users", "userName eq \"liar\"").await.ids(), [""; 0], "who does not match is no answer");
    app.calls();
    // seven ids, each of which is a call
    let found = door.find("/Users", "displayName sw \"N\"").await.ids();
    assert_eq!(found, ["1", "2", "3", "5", "6", "7"]);
    assert_eq!(app.calls().len(), 8);
    let (app, few) = self::door(Limits { calls: 7, ..LIMITS }).await;
    few.find("/Users", "displayName sw \"N\"").await.fails(400, "tooMany");
    assert_eq!(app.calls(), ["GET /search?begins=N"], "what cannot be read to the end is not begun");
}

#[tokio::test]
async fn rows_of_a_rule_may_give_less_than_the_record() {
    let own = "call: \"GET /named/{{value}}\", rows: $ }";
    assert!(MAPPING.contains(own));
    let find = "displayName eq \"G3\"";
    for (rule, path, calls) in [
        (
            "call: \"GET /short/{{value}}\", rows: $, gives: [displayName] }",
            "/Groups?attributes=displayName",
            vec!["GET /short/G3"],
        ),
        (
            "call: \"GET /short/{{value}}\", rows: $, gives: [displayName] }",
            "/Groups",
            vec!["GET /short/G3", "GET /groups/g3"],
        ),
        ("call: \"GET /bare/{{value}}\", rows: $, gives: [] }", "/Groups", vec!["GET /bare/G3", "GET /groups/g3"]),
    ] {
        let (app, url) = OddApp::start(act).await;
        let door = Door::over_text(&MAPPING.replace(own, rule), &url, LIMITS).await;
        let found = door.find(path, find).await.is(200);
        assert_eq!(found["Resources"][0]["displayName"], "G3");
        assert_eq!(found["Resources"][0]["members"].is_array(), calls.len() == 2, "{rule}");
        assert_eq!(app.calls(), calls, "{rule}");
    }
}

#[tokio::test]
async fn a_reply_without_the_list_of_ids_is_no_news_that_nobody_is_there() {
    let (_, door) = door(LIMITS).await;
    assert_eq!(door.find("/Users", "displayName sw \"X\"").await.ids(), [""; 0]);
    door.find("/Users", "displayName sw \"fault\"").await.fails(502, "");
}

#[tokio::test]
async fn whom_a_look_up_finds_twice_is_one() {
    let (app, door) = door(LIMITS).await;
    let find = format!("/Groups?filter={}", super::door::encoded("displayName eq \"G6\""));
    for more in ["", "&cursor=", "&startIndex=1&count=1"] {
        let found = door.get(&format!("{find}{more}")).await;
        assert_eq!(found.body["totalResults"], 1, "{more}");
        assert_eq!(found.ids(), ["g6"], "{more}");
    }
    app.calls();
    // over several pages
    let joined = door.find("/Groups", "members.value eq \"twice\" and displayName pr").await;
    assert_eq!(joined.ids(), ["g1", "g2", "g3", "g4"]);
    // the same page for ever
    door.find("/Groups", "members.value eq \"stuck\" and displayName pr").await.fails(503, "");
}
