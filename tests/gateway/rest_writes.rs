//! Writing over an HTTP app: what it takes, what it costs, and what is there afterwards.

use serde_json::json;

use super::{
    door::{Door, LIMITS, group, user, values},
    easy_app::{EasyApp, Mood, State},
};

async fn with(users: u64) -> (std::sync::Arc<EasyApp>, Door) {
    let (app, url) = EasyApp::start(users).await;
    let door = Door::acme(&url, LIMITS).await;
    (app, door)
}

fn writes(calls: Vec<String>) -> Vec<String> {
    calls.into_iter().filter(|c| !c.starts_with("GET ")).collect()
}

fn members(state: &State, team: u64) -> Vec<u64> {
    let mut members = state.teams[&team].1.clone();
    members.sort_unstable();
    members
}

#[tokio::test]
async fn a_user_from_first_day_to_last() {
    let (app, door) = with(0).await;
    let sent = json!({"userName": "mara", "name": {"givenName": "Mara", "familyName": "Quill"}, "active": true,
        "emails": [{"value": "mara@example.com", "type": "work", "primary": true}]});
    let answer = door.ask("POST", "/Users", sent).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let made = answer.is(201);
    assert_eq!(made["meta"]["location"], location);
    assert_eq!(made["displayName"], "Mara Quill");
    assert_eq!(app.calls(), ["POST /users"]);
    let at = format!("/Users/{}", made["id"].as_str().unwrap());
    assert_eq!(door.get(&at).await.is(200), made);
    app.calls();

    let off = door.patch(&at, json!([{"op": "replace", "path": "active", "value": false}])).await.is(200);
    assert_eq!(off["active"], false);
    assert_eq!(app.calls().first().unwrap(), "POST /users/1001/deactivate");
    let both = json!([{"op": "Replace", "value": {"active": "True", "name.givenName": "Marah"}}]);
    let on = door.patch(&at, both).await.is(200);
    assert_eq!((&on["active"], &on["name"]["givenName"]), (&json!(true), &json!("Marah")));
    assert_eq!(writes(app.calls()), ["POST /users/1001/reactivate", "PATCH /users/1001"]);

    let replaced = door.ask("PUT", &at, json!({"userName": "mara", "name": {"familyName": "Q"}})).await.is(200);
    assert_eq!(replaced["name"], json!({"givenName": "Marah", "familyName": "Q"}), "what a PUT does not mention stays");
    assert_eq!(replaced["active"], true);
    app.calls();

    assert!(door.ask("DELETE", &at, json!(null)).await.is(204).is_null());
    assert_eq!(app.calls(), ["DELETE /users/1001"]);
    door.ask("DELETE", &at, json!(null)).await.fails(404, "");
    door.get(&at).await.fails(404, "");
    door.patch(&at, json!([{"op": "replace", "path": "active", "value": false}])).await.fails(404, "");
    door.ask("PUT", &at, user("mara")).await.fails(404, "");
    assert_eq!(app.state().users.len(), 0, "a PUT never makes a user");
}

#[tokio::test]
async fn what_the_app_refuses_is_said_as_far_as_the_mapping_lets_it() {
    let (app, door) = with(3).await;
    let before = app.state();
    let detail = door.ask("POST", "/Users", user("U2")).await.fails(409, "uniqueness");
    assert!(!detail.contains("Secret"), "the app's words stay here unless the mapping lets them through: {detail}");
    let detail = door.ask("POST", "/Users", user("a b")).await.fails(400, "invalidValue");
    assert_eq!(detail, "login must not hold a blank");
    door.patch("/Users/1", json!([{"op": "replace", "path": "userName", "value": "u2"}]))
        .await
        .fails(409, "uniqueness");
    door.ask("PUT", "/Users/1", user("u2")).await.fails(409, "uniqueness");
    assert_eq!(app.state(), before);
}

#[tokio::test]
async fn one_member_is_one_call_in_a_group_of_any_size() {
    let (app, door) = with(2000).await;
    app.set(|state| state.teams.get_mut(&900).unwrap().1 = (1..=1999).collect());
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "2000"}]}]);
    assert!(door.patch("/Groups/900", add.clone()).await.is(204).is_null());
    assert_eq!(app.calls(), ["PUT /teams/900/people/2000"]);
    door.patch("/Groups/900", add).await.is(204);
    assert_eq!(app.calls().len(), 1, "again is no fault");
    for remove in [
        json!([{"op": "remove", "path": "members[value eq \"2000\"]"}]),
        json!([{"op": "remove", "path": "members", "value": [{"value": "1999"}]}]),
    ] {
        door.patch("/Groups/900", remove.clone()).await.is(204);
        assert_eq!(app.calls().len(), 1);
        // Who is out already may be so because there is no such group: one look, without its members.
        door.patch("/Groups/900", remove).await.is(204);
        assert_eq!(app.calls().last().unwrap(), "GET /teams/900");
    }
    assert_eq!(app.state().teams[&900].1.len(), 1998);
    for (path, op, status, scim_type) in [
        ("/Groups/900", json!({"op": "add", "path": "members", "value": [{"value": "7777"}]}), 400, "invalidValue"),
        ("/Groups/901", json!({"op": "add", "path": "members", "value": [{"value": "1"}]}), 404, ""),
        ("/Groups/901", json!({"op": "remove", "path": "members[value eq \"1\"]"}), 404, ""),
    ] {
        door.patch(path, json!([op])).await.fails(status, scim_type);
    }
}

#[tokio::test]
async fn a_whole_list_becomes_what_goes_in_and_what_goes_out() {
    let (app, door) = with(9).await;
    let mut put = group("first", &["2", "3", "4", "5"]);
    let body = door.ask("PUT", "/Groups/900", put.clone()).await.is(200);
    assert_eq!(values(&body["members"]), ["2", "3", "4", "5"]);
    assert_eq!(
        writes(app.calls()),
        ["PUT /teams/900/people/4", "PUT /teams/900/people/5", "DELETE /teams/900/people/1"]
    );
    door.ask("PUT", "/Groups/900", put.clone()).await.is(200);
    assert_eq!(writes(app.calls()), [""; 0], "nothing new, nothing to do");
    put["members"] = json!([]);
    put["displayName"] = json!("second");
    assert!(door.ask("PUT", "/Groups/900", put).await.is(200).get("members").is_none());
    assert_eq!((members(&app.state(), 900), app.state().teams[&900].0.as_str()), (vec![], "second"));
    let made = door.ask("POST", "/Groups", group("third", &["1", "9"])).await.is(201);
    assert_eq!((&made["displayName"], values(&made["members"])), (&json!("third"), vec!["1", "9"]));
    assert_eq!(members(&app.state(), 1001), [1, 9]);
}

#[tokio::test]
async fn a_group_with_an_unknown_member_is_not_made() {
    let (app, door) = with(3).await;
    let before = app.state().teams;
    let detail = door.ask("POST", "/Groups", group("new", &["1", "77"])).await.fails(400, "invalidValue");
    assert!(detail.contains("member"), "{detail}");
    assert_eq!(app.state().teams, before, "taken back");
    // Where it cannot be taken back, the answer says what is left.
    app.misbehave("DELETE /teams", Mood::Say(500, "text/plain", "no".into(), None));
    let detail = door.ask("POST", "/Groups", group("new", &["1", "77"])).await.fails(400, "invalidValue");
    assert!(detail.contains("Group was made"), "{detail}");
}

#[tokio::test]
async fn a_later_step_that_is_refused_says_what_took_effect() {
    let (app, door) = with(5).await;
    let steps = json!([{"op": "replace", "path": "displayName", "value": "renamed"},
        {"op": "add", "path": "members", "value": [{"value": "4"}, {"value": "77"}]}]);
    let detail = door.patch("/Groups/900", steps).await.fails(400, "invalidValue");
    assert!(detail.contains("displayName") && detail.contains("took effect"), "{detail}");
    assert_eq!(app.state().teams[&900].0, "renamed");
    // A step that came to no answer: the same, and that this one is unsure.
    app.misbehave("PUT /teams/900/people/4", Mood::Say(200, "text/html", "<html>".into(), None));
    let steps = json!([{"op": "replace", "path": "displayName", "value": "again"},
        {"op": "add", "path": "members", "value": [{"value": "4"}]}]);
    let detail = door.patch("/Groups/900", steps).await.fails(502, "");
    assert!(detail.contains("displayName") && detail.contains("took effect"), "{detail}");
    assert!(detail.contains("not known"), "{detail}");
    // All is done and cannot be shown.
    app.misbehave("GET /users/1", Mood::Lose);
    let detail =
        door.patch("/Users/1", json!([{"op": "replace", "path": "active", "value": false}])).await.fails(502, "");
    assert!(detail.contains("`active`") && detail.contains("took effect"), "{detail}");
}

#[tokio::test]
async fn nothing_is_begun_that_the_budget_cannot_finish() {
    let (app, door) = with(100).await;
    let all: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let before = app.state();
    door.ask("PUT", "/Groups/900", group("first", &all)).await.fails(400, "tooMany");
    door.patch("/Groups/900", json!([{"op": "add", "path": "members", "value": group("x", &all)["members"]}]))
        .await
        .fails(400, "tooMany");
    assert_eq!(writes(app.calls()), [""; 0]);
    door.ask("POST", "/Groups", group("new", &all)).await.fails(400, "tooMany");
    assert_eq!(app.state().teams, before.teams);
    assert_eq!(writes(app.calls()), [""; 0], "what cannot be finished is not begun");
}

#[tokio::test]
async fn writers_of_one_record_go_one_after_another() {
    let (app, door) = with(60).await;
    let door = std::sync::Arc::new(door);
    // Each wants its own two members and no others. Were they read beside each other, somebody's would stay behind.
    let wanted: Vec<[u64; 2]> = (1..=20).map(|n| [n, n + 30]).collect();
    let writers = wanted.clone().into_iter().map(|[one, two]| {
        let door = door.clone();
        tokio::spawn(async move {
            door.ask("PUT", "/Groups/900", group("first", &[&one.to_string(), &two.to_string()])).await.is(200);
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert!(wanted.iter().any(|pair| members(&app.state(), 900) == pair), "{:?}", members(&app.state(), 900));
    // Who adds reads nothing, and nobody's is lost.
    let adders = (1..=20_u64).map(|id| {
        let door = door.clone();
        let add = json!([{"op": "add", "path": "members", "value": [{"value": id.to_string()}]}]);
        tokio::spawn(async move { door.patch("/Groups/900", add).await.is(204) })
    });
    for adder in adders.collect::<Vec<_>>() {
        adder.await.unwrap();
    }
    assert!((1..=20).all(|id| members(&app.state(), 900).contains(&id)));
}
