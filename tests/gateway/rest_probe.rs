//! A create whose answer is lost, over an app where it is looked for what became of it.

use serde_json::json;

use super::{
    door::{Door, LIMITS, user},
    easy_app::{EasyApp, Mood},
};

/// The easy app, whose creates are probed, and its calls as words: what looks, and what makes.
async fn probed(unique: &str) -> (std::sync::Arc<EasyApp>, Door) {
    let text = std::fs::read_to_string("benches/acme.yaml").unwrap();
    let (line, call) = ("userName: { at: $.login, unique: app", "create: { call: POST /users,");
    assert!(text.contains(line) && text.contains(call), "{text}");
    let text = text.replace(line, &line.replace("app", unique)).replace(call, &format!("{call} repeat: probe,"));
    let (app, url) = EasyApp::start(3).await;
    (app, Door::over_text(&text, &url, LIMITS).await)
}

fn made(app: &EasyApp) -> (usize, usize) {
    let calls = app.calls();
    let posts = calls.iter().filter(|call| call.starts_with("POST /users")).count();
    (posts, calls.iter().filter(|call| call.starts_with("GET /users?")).count())
}

#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    for unique in ["app", "checked"] {
        let (app, door) = probed(unique).await;
        // It was made: the client gets it as if nothing had been.
        for mood in [Mood::Lose, Mood::Half, Mood::Lose] {
            let name = format!("new{}", app.state().users.len());
            app.misbehave("POST /users", mood);
            let body = door.ask("POST", "/Users", user(&name)).await.is(201);
            app.behave();
            assert_eq!(body["userName"], json!(name));
            assert_eq!(made(&app).0, 1, "{unique}: it is not made twice");
        }
        assert_eq!(app.state().users.len(), 6);
        // Nobody knows: sent again only where the app refuses a second one.
        app.misbehave("POST /users", Mood::Hang);
        let detail = door.ask("POST", "/Users", user("slow")).await.fails(504, "");
        assert!(detail.contains("not known"), "{detail}");
        assert_eq!(made(&app).0, if unique == "app" { 2 } else { 1 });
        app.behave();
        // The app itself said no: there is nothing to look for.
        app.misbehave("POST /users", Mood::Say(422, "application/json", "{}".into(), None));
        door.ask("POST", "/Users", user("bad")).await.fails(400, "invalidValue");
        assert_eq!(made(&app).0, 1);
        app.behave();
        // Whose name is taken is not made, whatever the app would say.
        door.ask("POST", "/Users", user("u1")).await.fails(409, "uniqueness");
        assert_eq!(made(&app).0, 0);
        assert_eq!(app.state().users.len(), 6);
    }
}
