//! Resource types and schemas that a mapping declares: every type and characteristic of RFC 7643 §2 and §7, over the
//! example that has one attribute of each.

use serde_json::{Map, Value, json};

use super::door::{Answer, Door, LIMITS, USER, encoded, values};

const TEST: &str = "urn:ietf:params:scim:schemas:test:2.0:TestResource";
const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource";

/// A thing with these attributes besides what must be there.
fn thing(name: &str, more: Value) -> Value {
    let mut body = json!({"schemas": [TEST, EXTENSION], "identifier": name, EXTENSION: {"extRequired": "here"}});
    let Value::Object(more) = more else { panic!("{more} is no object") };
    for (key, value) in more {
        body[key] = value;
    }
    body
}

async fn make(door: &Door, name: &str, more: Value) -> Value {
    door.ask("POST", "/TestResources", thing(name, more)).await.is(201)
}

fn at(thing: &Value) -> String {
    format!("/TestResources/{}", thing["id"].as_str().unwrap())
}

async fn set(door: &Door, thing: &Value, path: &str, value: Value) -> Answer {
    door.patch(&at(thing), json!([{"op": "replace", "path": path, "value": value}])).await
}

#[tokio::test]
async fn what_is_published_is_what_was_declared() {
    let door = Door::example("testresource").await.strict();
    let text = std::fs::read_to_string("examples/testresource/mapping.yaml").unwrap();
    for (urn, count) in [(TEST, 17), (EXTENSION, 3)] {
        let schema = door.get(&format!("/Schemas/{urn}")).await.is(200);
        assert_eq!(schema["attributes"].as_array().unwrap().len(), count, "{urn}");
        for attribute in schema["attributes"].as_array().unwrap() {
            let name = attribute["name"].as_str().unwrap();
            let declared =
                text.lines().find(|l| l.contains(&format!("name: {name},")) || l.ends_with(&format!("name: {name}")));
            let declared = declared.unwrap_or_else(|| panic!("{name} is not declared"));
            for (key, default) in [("mutability", "readWrite"), ("returned", "default"), ("uniqueness", "none")] {
                let written =
                    declared.split_once(&format!("{key}: ")).map(|(_, rest)| rest.split([',', ' ']).next().unwrap());
                assert_eq!(attribute[key], written.unwrap_or(default), "{name}.{key}");
            }
            for key in ["required", "caseExact"] {
                assert_eq!(attribute[key], declared.contains(&format!("{key}: true")), "{name}.{key}");
            }
        }
    }
    let kind = door.get("/ResourceTypes/TestResource").await.is(200);
    assert_eq!((&kind["endpoint"], &kind["schema"]), (&json!("/TestResources"), &json!(TEST)));
    assert_eq!(kind["schemaExtensions"], json!([{"schema": EXTENSION, "required": true}]));
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_sent() {
    let door = Door::example("testresource").await.strict();
    let all = json!({
        "caseExactString": "Ab", "caseInsensitiveString": "Cd", "integerAttr": 9_007_199_254_740_993_i64, "booleanAttr": false,
        "dateTimeAttr": "2026-01-31T08:30:00.25+05:30", "binaryAttr": "3q2+7w==", "referenceAttr": "https://example.com/a?b=c",
        "immutableAttr": "once", "multiStrings": ["b", "a"], "complexAttr": {"sub1": "x", "sub2": -7, "sub3": true},
        "multiComplex": [{"value": "v", "type": "work", "primary": true}, {"value": "w", "primary": false}],
        "uniqueString": "mine", EXTENSION: {"extRequired": "r", "extString": "s", "extInteger": 0},
    });
    let made = make(&door, "one", all.clone()).await;
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    // Times and bytes as they were spelled, whatever else would mean the same.
    let spelled = json!({"dateTimeAttr": "2026-01-31T03:00:00.250Z", "binaryAttr": "3q2-7w"});
    let other = make(&door, "two", spelled.clone()).await;
    assert_eq!((&other["dateTimeAttr"], &other["binaryAttr"]), (&spelled["dateTimeAttr"], &spelled["binaryAttr"]));
    assert_eq!(made["readOnlyAttr"], "made by the app");
    assert_eq!(made["schemas"], json!([TEST, EXTENSION]));
    assert_eq!(made["meta"]["resourceType"], "TestResource");
    let mut read = door.get(&at(&made)).await.is(200);
    assert_eq!(read, made);

    // What is put back as it came changes nothing, and an empty body of it clears what can be cleared.
    read.as_object_mut().unwrap().retain(|key, _| key != "meta" && key != "id");
    assert_eq!(door.ask("PUT", &at(&made), read).await.is(200), made, "its time of change too");
    let cleared: Map<String, Value> = all
        .as_object()
        .unwrap()
        .keys()
        .filter(|k| *k != EXTENSION && *k != "immutableAttr")
        .map(|k| (k.clone(), Value::Null))
        .collect();
    let after = door.ask("PUT", &at(&made), thing("one", Value::Object(cleared.clone()))).await.is(200);
    assert!(cleared.keys().all(|key| after.get(key).is_none()), "{after}");
    assert_eq!(door.sql("select (select count(*) from word) + (select count(*) from item)").await, ["0"]);
}

#[tokio::test]
async fn wrong_values_are_refused() {
    let door = Door::example("testresource").await.strict();
    let made = make(&door, "one", json!({})).await;
    for (name, wrong) in [
        ("identifier", json!(7)),
        ("integerAttr", json!(1.5)),
        ("integerAttr", json!("1")),
        ("booleanAttr", json!("true")),
        ("dateTimeAttr", json!("yesterday")),
        ("binaryAttr", json!("not base64!")),
        ("referenceAttr", json!(1)),
        ("multiStrings", json!([1])),
        ("complexAttr", json!("x")),
        ("complexAttr", json!({"sub2": "x"})),
        ("multiComplex", json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}])),
    ] {
        door.ask("POST", "/TestResources", thing("two", json!({name: wrong}))).await.fails(400, "invalidValue");
        set(&door, &made, name, wrong).await.fails(400, "invalidValue");
    }
    let too_long: Value = serde_json::from_str("{\"integerAttr\": 12345678901234567890123}").unwrap();
    door.ask("POST", "/TestResources", thing("two", too_long)).await.fails(400, "invalidValue");
    let no_list = thing("two", json!({"multiStrings": "one"}));
    door.ask("POST", "/TestResources", no_list).await.fails(400, "invalidValue");
    let unknown = thing("two", json!({"colour": "red"}));
    door.ask("POST", "/TestResources", unknown).await.fails(400, "invalidSyntax");
}

#[tokio::test]
async fn who_may_write_and_who_may_see() {
    let door = Door::example("testresource").await.strict();
    let sent = json!({"readOnlyAttr": "mine", "immutableAttr": "once", "writeOnlyAttr": "hush", "requestOnlyAttr": "ask",
        "alwaysReturnedAttr": "always"});
    let made = make(&door, "one", sent).await;
    assert_eq!(made["readOnlyAttr"], "made by the app", "what a client says of it is ignored");
    assert!(made.get("writeOnlyAttr").is_none());
    assert_eq!(made["requestOnlyAttr"], "ask", "who writes it has asked for it");
    assert_eq!(door.sql("select hidden from thing").await, ["hush"]);

    // Returned: never, on request, always.
    let read = door.get(&at(&made)).await.is(200);
    assert!(read.get("requestOnlyAttr").is_none() && read.get("writeOnlyAttr").is_none());
    let read = door.get(&format!("{}?attributes=requestOnlyAttr,writeOnlyAttr", at(&made))).await.is(200);
    assert_eq!((&read["requestOnlyAttr"], &read["alwaysReturnedAttr"]), (&json!("ask"), &json!("always")));
    assert!(read.get("writeOnlyAttr").is_none() && read.get("identifier").is_none());
    let read = door.get(&format!("{}?excludedAttributes=alwaysReturnedAttr,identifier", at(&made))).await.is(200);
    assert_eq!(read["alwaysReturnedAttr"], "always");
    assert!(read.get("identifier").is_none());
    let listed = door.get("/TestResources?attributes=requestOnlyAttr").await.is(200);
    assert_eq!(listed["Resources"][0]["requestOnlyAttr"], "ask");
    door.find("/TestResources", "writeOnlyAttr eq \"hush\"").await.fails(400, "invalidFilter");
    assert_eq!(door.find("/TestResources", "requestOnlyAttr eq \"ask\"").await.ids().len(), 1);

    // A PATCH shows what it wrote, and no more.
    let after = set(&door, &made, "requestOnlyAttr", json!("now")).await.is(200);
    assert_eq!(after["requestOnlyAttr"], "now");
    let after = set(&door, &made, "caseExactString", json!("x")).await.is(200);
    assert!(after.get("requestOnlyAttr").is_none());

    // What is always returned is never without a value: this app puts its own there.
    let after = door.patch(&at(&made), json!([{"op": "remove", "path": "alwaysReturnedAttr"}])).await.is(200);
    assert_eq!(after["alwaysReturnedAttr"], "said by the app");

    // Written once, never by a client, and without being seen.
    set(&door, &made, "readOnlyAttr", json!("x")).await.fails(400, "mutability");
    set(&door, &made, "immutableAttr", json!("twice")).await.fails(400, "mutability");
    set(&door, &made, "immutableAttr", json!("once")).await.is(200);
    door.patch(&at(&made), json!([{"op": "remove", "path": "immutableAttr"}])).await.fails(400, "mutability");
    door.ask("PUT", &at(&made), thing("one", json!({"immutableAttr": "twice"}))).await.fails(400, "mutability");
    let later = make(&door, "two", json!({})).await;
    assert_eq!(set(&door, &later, "immutableAttr", json!("late")).await.is(200)["immutableAttr"], "late");
    door.patch(&at(&made), json!([{"op": "remove", "path": "writeOnlyAttr"}])).await.is(200);
    assert_eq!(door.sql("select hidden from thing where identifier = 'one'").await, ["-"]);
}

#[tokio::test]
async fn the_required_extension_and_attributes() {
    let door = Door::example("testresource").await.strict();
    let bare = json!({"schemas": [TEST], "identifier": "one"});
    assert!(door.ask("POST", "/TestResources", bare).await.fails(400, "invalidValue").contains(EXTENSION));
    let half = thing("one", json!({EXTENSION: {"extString": "x"}}));
    assert!(door.ask("POST", "/TestResources", half).await.fails(400, "invalidValue").contains("extRequired"));
    let nameless = json!({"schemas": [TEST, EXTENSION], EXTENSION: {"extRequired": "x"}});
    assert!(door.ask("POST", "/TestResources", nameless).await.fails(400, "invalidValue").contains("identifier"));
    let made = make(&door, "one", json!({})).await;
    for path in [EXTENSION, &format!("{EXTENSION}:extRequired"), "identifier"] {
        let refused = door.patch(&at(&made), json!([{"op": "remove", "path": path}])).await;
        assert_eq!(refused.status, 400, "{path}: {:?}", refused.body);
    }
    let after = set(&door, &made, &format!("{EXTENSION}:extInteger"), json!(5)).await.is(200);
    assert_eq!(after[EXTENSION], json!({"extRequired": "here", "extInteger": 5}));
}

#[tokio::test]
async fn what_is_unique_is_nobody_elses() {
    let door = Door::example("testresource").await.strict();
    make(&door, "one", json!({"uniqueString": "mine"})).await;
    let two = make(&door, "two", json!({})).await;
    make(&door, "three", json!({})).await;
    for taken in [thing("ONE", json!({})), thing("four", json!({"uniqueString": "Mine"}))] {
        door.ask("POST", "/TestResources", taken).await.fails(409, "uniqueness");
    }
    set(&door, &two, "uniqueString", json!("mine")).await.fails(409, "uniqueness");
    assert_eq!(door.get("/TestResources").await.is(200)["totalResults"], 3);
}

#[tokio::test]
async fn filters_know_each_type() {
    let door = Door::example("testresource").await.strict();
    let full = json!({
        "caseExactString": "Ab", "caseInsensitiveString": "Ab", "integerAttr": 9_007_199_254_740_993_i64, "booleanAttr": true,
        "dateTimeAttr": "2026-01-31T10:30:00+02:00", "binaryAttr": "3q2+7w==", "referenceAttr": "https://example.com/A",
        "multiStrings": ["Red", "Blue"], "complexAttr": {"sub1": "x", "sub2": 7},
        "multiComplex": [{"value": "v", "type": "work", "primary": true}, {"value": "w", "type": "home"}],
        EXTENSION: {"extRequired": "r", "extInteger": 3},
    });
    let made = make(&door, "full", full).await;
    make(&door, "bare", json!({})).await;
    let found = [
        "caseExactString eq \"Ab\"",
        "caseInsensitiveString eq \"aB\"",
        "caseInsensitiveString co \"B\"",
        "integerAttr eq 9007199254740993",
        "integerAttr gt 9007199254740992",
        "booleanAttr eq true",
        "dateTimeAttr eq \"2026-01-31T08:30:00Z\"",
        "dateTimeAttr lt \"2026-01-31T08:30:01Z\"",
        "binaryAttr eq \"3q2+7w==\"",
        "referenceAttr sw \"https://example.com/A\"",
        "multiStrings eq \"red\"",
        "multiStrings co \"LU\"",
        "multiStrings[value eq \"blue\"]",
        "multiStrings pr",
        "complexAttr.sub2 ge 7",
        "complexAttr pr",
        "complexAttr[sub1 eq \"X\"]",
        "multiComplex[type eq \"work\" and value eq \"v\"]",
        "multiComplex.value eq \"w\"",
        "readOnlyAttr pr and integerAttr pr",
        &format!("{EXTENSION}:extInteger eq 3"),
        &format!("{TEST}:complexAttr.sub1 eq \"x\""),
        "not (multiStrings ne \"red\") or multiStrings ne \"green\" and booleanAttr pr",
    ];
    for filter in found {
        assert_eq!(door.find("/TestResources", filter).await.ids(), [made["id"].as_str().unwrap()], "{filter}");
    }
    for filter in [
        "caseExactString eq \"ab\"",
        "integerAttr eq 9007199254740992",
        "integerAttr lt 9007199254740993",
        "binaryAttr eq \"3Q2+7W==\"",
        "referenceAttr eq \"https://example.com/a\"",
        "multiStrings eq \"green\"",
        "multiComplex[type eq \"home\" and value eq \"v\"]",
        "multiStrings[value eq \"red\" and value eq \"blue\"]",
    ] {
        assert_eq!(door.find("/TestResources", filter).await.ids(), [""; 0], "{filter}");
    }
    for filter in ["integerAttr eq \"7\"", "booleanAttr gt true", "dateTimeAttr co \"2026\"", "binaryAttr lt \"a\""] {
        door.find("/TestResources", filter).await.fails(400, "invalidFilter");
    }
}

#[tokio::test]
async fn lists_change_item_by_item() {
    let door = Door::example("testresource").await.strict();
    let made =
        make(&door, "one", json!({"multiStrings": ["a", "b"], "multiComplex": [{"value": "v", "type": "work"}]})).await;
    let before = door.sql("select id from word where word = 'b'").await;
    let steps = json!([
        {"op": "add", "path": "multiStrings", "value": ["c"]}, {"op": "remove", "path": "multiStrings[value eq \"a\"]"},
        {"op": "replace", "path": "multiComplex[type eq \"work\"].value", "value": "w"},
    ]);
    let after = door.patch(&at(&made), steps).await.is(200);
    assert_eq!((&after["multiStrings"], &after["multiComplex"][0]["value"]), (&json!(["b", "c"]), &json!("w")));
    assert_eq!(door.sql("select id from word where word = 'b'").await, before, "what stays is not written again");
    let after = door.patch(&at(&made), json!([{"op": "remove", "path": "multiStrings"}])).await.is(200);
    assert!(after.get("multiStrings").is_none());
    door.ask("DELETE", &at(&made), Value::Null).await.is(204);
    assert_eq!(door.sql("select (select count(*) from word) + (select count(*) from item)").await, ["0"]);
}

#[tokio::test]
async fn a_user_may_have_everything() {
    let door = Door::example("everything").await.strict();
    let enterprise = super::door::ENTERPRISE;
    let boss = door
        .ask("POST", "/Users", json!({"schemas": [USER], "userName": "boss", "displayName": "The Boss"}))
        .await
        .is(201);
    let item = |value: &str| json!([{"value": value, "display": "d", "type": "work", "primary": true}, {"value": "other", "primary": false}]);
    let sent = json!({
        "schemas": [USER, enterprise], "userName": "all", "externalId": "e", "displayName": "All", "nickName": "a", "title": "t",
        "profileUrl": "https://example.com/all", "userType": "u", "preferredLanguage": "de", "locale": "de-DE", "timezone": "Europe/Berlin",
        "active": true, "name": {"formatted": "f", "familyName": "n", "givenName": "g", "middleName": "m", "honorificPrefix": "p", "honorificSuffix": "s"},
        "emails": item("a@example.com"), "phoneNumbers": item("tel:1"), "ims": item("im"), "photos": item("https://example.com/p"),
        "entitlements": item("en"), "roles": item("ro"), "x509Certificates": [{"value": "3q2+7w==", "primary": false}],
        "addresses": [{"streetAddress": "1 Way", "locality": "Town", "type": "work", "primary": true}, {"country": "DE", "primary": false}],
        enterprise: {"employeeNumber": "1", "costCenter": "c", "organization": "o", "division": "di", "department": "de",
            "manager": {"value": boss["id"], "$ref": "../Users/1"}},
    });
    let made = door.ask("POST", "/Users", sent.clone()).await.is(201);
    for (name, value) in sent.as_object().unwrap().iter().filter(|(name, _)| *name != enterprise) {
        assert_eq!(&made[name], value, "{name}");
    }
    assert_eq!(made[enterprise]["manager"]["displayName"], "The Boss");
    for filter in [
        "addresses.locality eq \"town\"",
        "addresses[type eq \"work\" and streetAddress sw \"1\"]",
        "addresses pr",
        "roles.value eq \"RO\" and phoneNumbers.value eq \"tel:1\" and emails.type eq \"work\"",
    ] {
        let found = door.get(&format!("/Users?filter={}", encoded(filter))).await;
        assert_eq!(found.ids(), [made["id"].as_str().unwrap()], "{filter}");
    }
    assert_eq!(
        door.find("/Users", "roles.value eq \"a@example.com\"").await.ids(),
        [""; 0],
        "another list of the same table"
    );
    let at = format!("/Users/{}", made["id"].as_str().unwrap());
    let moved = json!([{"op": "replace", "path": "addresses[type eq \"work\"].locality", "value": "City"}]);
    let after = door.patch(&at, moved).await.is(200);
    assert_eq!(
        after["addresses"][0],
        json!({"streetAddress": "1 Way", "locality": "City", "type": "work", "primary": true})
    );
    let without = door.patch(&at, json!([{"op": "remove", "path": "roles"}])).await.is(200);
    assert!(without.get("roles").is_none());
    assert_eq!(values(&without["emails"]), ["a@example.com", "other"]);
    // An item that only says what kind it is, is none.
    let empty = json!([{"op": "replace", "path": "addresses", "value": [{"type": "home"}]}]);
    assert!(door.patch(&at, empty).await.is(200).get("addresses").is_none());
}

const TEAMS: &str = r#"
mapping: 1
app: { sql: { url: "${DATABASE}" } }
schemas:
  urn:example:params:scim:schemas:2.0:Badge:
    name: Badge
    attributes:
      - { name: number, type: string, required: true, caseExact: true }
      - { name: weight, type: decimal }
      - name: holders
        type: complex
        multiValued: true
        subAttributes:
          - { name: value, type: string, caseExact: true, mutability: immutable }
          - { name: type, type: string, mutability: immutable }
          - { name: $ref, type: reference, referenceTypes: [User], mutability: immutable }
  urn:example:params:scim:schemas:2.0:UserBadge:
    attributes:
      - { name: favourite, type: string }
resources:
  Badge:
    endpoint: /Badges
    schema: urn:example:params:scim:schemas:2.0:Badge
    table: badge
    key: id
    attributes:
      number: number
      weight: weight
      holders: { table: badge_person, link: badge, value: person, of: User }
  Group:
    table: team
    key: id
    attributes: { displayName: label, members: { table: team_person, link: team, value: person, of: User } }
  User:
    extensions: { "urn:example:params:scim:schemas:2.0:UserBadge": {} }
    table: person
    key: id
    attributes:
      userName: login
      urn:example:params:scim:schemas:2.0:UserBadge:favourite: favourite
      enterprise:department: department
"#;

const TEAM_TABLES: &str = "
create table person (id integer primary key, login text not null, favourite text, department text);
create table badge (id integer primary key, number text not null, weight real);
create table badge_person (badge integer references badge, person integer references person);
create table team (id integer primary key, label text not null);
create table team_person (team integer references team, person integer references person);
";

/// A list of members under another name, beside the members of groups; an extension beside the enterprise one.
#[tokio::test]
async fn members_of_another_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mapping.yaml");
    std::fs::write(&file, TEAMS).unwrap();
    let door = Door::over_file(file.to_str().unwrap(), TEAM_TABLES, LIMITS).await.strict();
    let urn = "urn:example:params:scim:schemas:2.0:UserBadge";
    let kind = door.get("/ResourceTypes/User").await.is(200);
    assert_eq!(kind["schemaExtensions"].as_array().unwrap().len(), 2);
    let user = json!({"schemas": [USER, urn], "userName": "ann", urn: {"favourite": "red"}});
    let ann = door.ask("POST", "/Users", user).await.is(201);
    assert_eq!(ann[urn], json!({"favourite": "red"}));
    let id = ann["id"].as_str().unwrap();
    let badge = json!({"schemas": ["urn:example:params:scim:schemas:2.0:Badge"], "number": "B1", "weight": 2.5, "holders": [{"value": id}]});
    let badge = door.ask("POST", "/Badges", badge).await.is(201);
    assert_eq!(badge["weight"], 2.5);
    let holder = json!({"value": id, "type": "User", "$ref": format!("https://scim.test/scim/v2/Users/{id}")});
    assert_eq!(badge["holders"], json!([holder]));
    let team = super::door::group("team", &[id]);
    door.ask("POST", "/Groups", team).await.is(201);
    let groups = door.get(&format!("/Users/{id}")).await.is(200)["groups"].clone();
    assert_eq!((groups.as_array().unwrap().len(), &groups[0]["display"]), (1, &json!("team")), "a badge is no group");
    assert_eq!(door.find("/Badges", &format!("holders.value eq \"{id}\"")).await.ids().len(), 1);
    let at = format!("/Badges/{}", badge["id"].as_str().unwrap());
    let nobody = json!([{"op": "add", "path": "holders", "value": [{"value": "77"}]}]);
    door.patch(&at, nobody).await.fails(400, "invalidValue");
    door.ask("DELETE", &format!("/Users/{id}"), Value::Null).await.is(204);
    assert_eq!(
        door.sql("select (select count(*) from badge_person) + (select count(*) from team_person)").await,
        ["0"]
    );
    assert!(door.get(&at).await.is(200).get("holders").is_none());
}
