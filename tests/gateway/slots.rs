//! Lists of which an app keeps one item of each kind, in a field of its own.

use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS},
    easy_app::EasyApp,
};

async fn doors() -> [Door; 2] {
    let (_app, url) = EasyApp::start(1).await;
    let lines =
        "emails[type eq \"work\" and primary eq true].value: $.email\n      emails[type eq \"home\"].value: $.private";
    let mapping = std::fs::read_to_string("benches/acme.yaml").unwrap();
    let mapping = mapping.replace("emails[type eq \"work\"].value: { at: $.email, unique: app }", lines);
    [Door::over_text(&mapping, &url, LIMITS).await.strict(), Door::over_text(&mapping, &url, LIMITS).await]
}

fn replace(items: &Value) -> Value {
    json!([{"op": "replace", "path": "emails", "value": items}])
}

#[tokio::test]
async fn an_item_may_leave_out_what_is_always_so_in_its_place() {
    for door in doors().await {
        let sent = json!([{"value": "h", "type": "home"}, {"value": "w", "type": "work"}]);
        let now = door.patch("/Users/1", replace(&sent)).await.is(200);
        let kept = json!([{"value": "w", "type": "work", "primary": true}, {"value": "h", "type": "home"}]);
        assert_eq!(now["emails"], kept);
        // What says nothing is nothing lost.
        let sent = json!([{"value": "h", "type": "Home", "primary": false}]);
        let now = door.patch("/Users/1", replace(&sent)).await.is(200);
        assert_eq!(now["emails"], json!([{"value": "h", "type": "home"}]));
    }
}

/// Strictly, what an app has no place for is refused. Tolerantly the rest is kept, as providers send what no app has.
#[tokio::test]
async fn what_would_be_lost_or_guessed_is_refused_by_the_letter() {
    let [strict, tolerant] = doors().await;
    for (sent, kept) in [
        // The home address is never the primary one.
        (json!([{"value": "h", "type": "home", "primary": true}]), json!([{"value": "h", "type": "home"}])),
        // At home or at work?
        (json!([{"value": "x"}]), json!([{"value": "x", "type": "work", "primary": true}])),
        (
            json!([{"value": "a", "type": "home"}, {"value": "b", "type": "home"}]),
            json!([{"value": "a", "type": "home"}]),
        ),
    ] {
        let before = strict.get("/Users/1").await.is(200);
        let detail = strict.patch("/Users/1", replace(&sent)).await.fails(400, "invalidValue");
        assert!(detail.contains("no place for"), "{detail}");
        assert_eq!(strict.get("/Users/1").await.is(200), before);
        assert_eq!(tolerant.patch("/Users/1", replace(&sent)).await.is(200)["emails"], kept, "{sent}");
    }
}
