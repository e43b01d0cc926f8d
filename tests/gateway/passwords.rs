//! Passwords: given and never shown, and in the app's table as the app's own sign-in wants them.

use serde_json::json;

use super::door::{Door, USER, user};

const MAPPING: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
resources:
  User:
    table: person
    key: id
    attributes:
      userName: login
      displayName: shown
      password: { column: pw, hash: HOW }
"#;

async fn door(how: &str) -> Door {
    let script = "create table person (id integer primary key, login text unique, shown text, pw text)";
    Door::over_tables(&MAPPING.replace("HOW", how), script).await
}

async fn stored(door: &Door) -> String {
    door.sql("select pw from person").await.remove(0)
}

#[tokio::test]
async fn each_way_in_brings_a_new_hash_and_none_shows_it() {
    let door = door("{ bcrypt: 8, prefix: $2y$ }").await.strict();
    let mut sent = user("ann");
    sent["password"] = json!("first");
    let made = door.ask("POST", "/Users", sent.clone()).await.is(201);
    assert!(made.get("password").is_none(), "{made}");
    let version = made["meta"]["version"].clone();

    let mut known = vec![stored(&door).await];
    let with_path = json!([{"op": "replace", "path": "password", "value": "second"}]);
    let without = json!([{"op": "add", "value": {"password": "third", "displayName": "Ann"}}]);
    let by_urn = json!([{"op": "replace", "path": format!("{USER}:PassWord"), "value": "fourth"}]);
    for (password, body) in [("second", with_path), ("third", without), ("fourth", by_urn)] {
        let after = door.patch("/Users/1", body).await.is(200);
        assert!(after.get("password").is_none(), "{after}");
        known.push(stored(&door).await);
        assert!(bcrypt::verify(password, known.last().unwrap()).unwrap(), "{password}");
    }
    sent["password"] = json!("fifth");
    door.ask("PUT", "/Users/1", sent.clone()).await.is(200);
    known.push(stored(&door).await);
    assert!(bcrypt::verify("fifth", known.last().unwrap()).unwrap());
    sent.as_object_mut().unwrap().remove("password");
    door.ask("PUT", "/Users/1", sent).await.is(200);
    assert_eq!(&stored(&door).await, known.last().unwrap(), "what is not sent stays");
    known.dedup();
    assert_eq!(known.len(), 5, "{known:?}");
    assert!(known.iter().all(|hash| hash.starts_with("$2y$08$")), "{known:?}");
    assert!(!door.get("/Users/1").await.is(200).to_string().contains("$2y"));
    let before_name = door.patch("/Users/1", json!([{"op": "remove", "path": "displayName"}])).await.is(200);
    assert_eq!(before_name["meta"]["version"], version, "a version tells nothing of a password");
    for filter in ["password eq \"fifth\"", "password pr", "password sw \"$2y\""] {
        door.find("/Users", filter).await.fails(400, "invalidFilter");
    }
}

#[tokio::test]
async fn a_password_that_the_hash_would_cut_is_refused() {
    let door = door("bcrypt").await;
    for password in ["x".repeat(73), "a\0b".to_owned(), String::new()] {
        let mut sent = user("ann");
        sent["password"] = json!(password);
        let answer = door.ask("POST", "/Users", sent).await;
        if password.is_empty() && answer.status == 201 {
            assert_eq!(door.sql("select pw from person").await, ["-"], "no password, not an empty one");
            continue;
        }
        let detail = answer.fails(400, "invalidValue");
        assert!(!detail.contains("xxx"), "{detail}");
    }
}

#[tokio::test]
async fn all_ways_of_hashing_reach_the_table() {
    for (how, begins) in
        [("argon2id", "$argon2id$v=19$"), ("{ pbkdf2-sha256: 100000 }", "pbkdf2_sha256$100000$"), ("phpass", "$P$B")]
    {
        let door = door(how).await;
        let mut sent = user("ann");
        sent["password"] = json!("s3cret");
        door.ask("POST", "/Users", sent).await.is(201);
        let stored = stored(&door).await;
        assert!(stored.starts_with(begins) && !stored.contains("s3cret"), "{stored}");
    }
}

/// Nobody sent it, and it is kept as a hash all the same; who is adopted keeps the one that is there.
#[tokio::test]
async fn a_random_password_is_hashed_as_well() {
    let script = "create table person (id integer primary key, login text unique, shown text, pw text);
        insert into person values (9, 'bo', 'Bo', 'old')";
    let mapping = MAPPING
        .replace("HOW }", "{ bcrypt: 8 }, default: { random: 16 } }")
        .replace("    attributes:\n", "    existing: adopt\n    attributes:\n");
    let door = Door::over_tables(&mapping, script).await;
    for name in ["ann", "bo"] {
        door.ask("POST", "/Users", user(name)).await.is(201);
    }
    let stored = door.sql("select pw from person where login = 'ann'").await.remove(0);
    assert!(stored.starts_with("$2b$08$"), "{stored}");
    assert_eq!(door.sql("select pw from person where login = 'bo'").await, ["old"]);
}
