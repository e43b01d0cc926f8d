//! Every row of `tests/vectors/patch.jsonl`: a resource, the operations of one PATCH, and what must come of it. A row that needs a
//! tolerance must succeed with the tolerant profile, and come to something else with the strict one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use portolan::scim::{
    Refusal,
    body::{read_create, read_replace},
    change::{apply_changes, diff},
    message::PATCH_OP,
    patch::Patch,
    profile::Profile,
    published,
    schema::{Extension, ResourceType},
};
use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value, json};

type Resource = Map<String, Value>;

fn resource_type(name: &str) -> ResourceType {
    let (schema, extensions) = match name {
        "User" => {
            let schema = published::enterprise_user().as_ref().clone();
            (published::user(), vec![Extension { schema, required: false }])
        }
        _ => (published::group(), vec![]),
    };
    ResourceType {
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        description: String::new(),
        schema: schema.as_ref().clone(),
        extensions,
        common: published::common().to_vec(),
        published: published::all().into_iter().cloned().collect(),
    }
}

/// Rows where our tolerant profile departs on purpose: what nobody offers is passed over there.
const PASSED_OVER: [&str; 2] = ["P085", "P086"];

/// Rows that the tolerant profile answers as P104 wants it: the item that the path describes is created.
const CREATED: [&str; 3] = ["P067", "P071", "P073"];

/// Rows whose tolerance the strict profile shares, because the RFC allows it: letter case of `op`, a rename, a JSON text as a
/// role, a whole list, a password, and a different id, which everybody refuses.
const STRICT_TOO: [&str; 6] = ["P116", "P119", "P121", "P122", "P124", "P125"];

struct Row(Value);

impl Row {
    fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn before(&self) -> Resource {
        self.0["before"].as_object().unwrap().clone()
    }

    fn resource_type(&self) -> ResourceType {
        resource_type(self.0["resourceType"].as_str().unwrap())
    }

    fn parse(&self, profile: &Profile) -> Result<Patch, Refusal> {
        let body = json!({"schemas": [PATCH_OP], "Operations": self.0["ops"]});
        Patch::parse(&body, &self.resource_type(), profile, "{{id}}")
    }

    fn patched(&self, profile: &Profile) -> Result<Resource, Refusal> {
        let patch = self.parse(profile)?;
        let mut after = self.before();
        patch.apply(&mut after)?;
        let changes = patch.blind();
        if let Some(changes) = changes {
            let mut blind = self.before();
            apply_changes(&changes, &mut blind);
            assert_eq!(blind, after, "{} blind", self.id());
        }
        let mut again = self.before();
        apply_changes(&diff(&self.before(), &after, &self.resource_type()), &mut again);
        assert_eq!(again, after, "{} diff", self.id());
        Ok(self.shown(after))
    }

    /// Without what an answer must omit, and which the row's `after` therefore lacks.
    fn shown(&self, mut after: Resource) -> Resource {
        for name in self.0["response_must_omit"].as_array().into_iter().flatten() {
            assert!(after.shift_remove(name.as_str().unwrap()).is_some(), "{}: {name} was not taken", self.id());
        }
        after
    }

    fn meets(&self, outcome: &Result<Resource, Refusal>) -> bool {
        match (outcome, self.0.get("error")) {
            (Ok(after), None) => {
                let others = self.0["alternatives"].as_array().into_iter().flatten();
                let unmodified = self.0["unmodified"] != json!(true) || *after == self.before();
                unmodified && others.chain([&self.0["after"]]).any(|expected| expected.as_object() == Some(after))
            }
            (Err(refusal), Some(error)) => {
                assert_eq!(error["status"], json!(400));
                let also = self.0["also"].as_array().into_iter().flatten();
                also.chain([&error["scimType"]]).any(|keyword| keyword == refusal.scim_type.keyword())
            }
            _ => false,
        }
    }
}

fn rows() -> Vec<Row> {
    include_str!("vectors/patch.jsonl").lines().map(|line| Row(serde_json::from_str(line).unwrap())).collect()
}

#[test]
fn every_row() {
    let mut wrong = Vec::new();
    let rows = rows();
    assert_eq!(rows.len(), 92);
    for row in &rows {
        for profile in Profile::ALL {
            let outcome = row.patched(&profile);
            let tolerated = row.0.get("tolerance").is_some() && !STRICT_TOO.contains(&row.id());
            let expected = match profile.name {
                "strict" => row.meets(&outcome) != tolerated,
                _ if PASSED_OVER.contains(&row.id()) => outcome == Ok(row.before()),
                _ if CREATED.contains(&row.id()) => outcome.as_ref().is_ok_and(|after| *after != row.before()),
                _ => row.meets(&outcome),
            };
            if !expected {
                wrong.push(format!("{} {}: {} gave {outcome:?}", row.id(), profile.name, row.0["why"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Most rows need no read; which do is worth knowing when it changes.
#[test]
fn rows_that_need_the_old_resource() {
    let needs = |row: &&Row| row.parse(&Profile::TOLERANT).is_ok_and(|patch| patch.blind().is_none());
    let rows = rows();
    let ids: Vec<&str> = rows.iter().filter(needs).map(Row::id).collect();
    let expected = [
        "P007", "P008", "P010", "P011", "P013", "P028", "P029", "P046", "P047", "P049", "P061", "P067", "P071", "P073",
        "P104", "P106", "P107", "P116", "P133",
    ];
    assert_eq!(ids, expected);
}

/// A refusal that only the old resource can give comes after the other steps were made: the caller's copy takes them.
#[test]
fn a_refused_patch_changes_nothing_but_the_copy() {
    let mut seen = 0;
    for row in rows().iter().filter(|row| row.0.get("after_unchanged").is_some()) {
        let before = row.before();
        assert!(row.patched(&Profile::STRICT).is_err(), "{}", row.id());
        assert_eq!(before, row.before());
        seen += 1;
    }
    assert_eq!(seen, 2);
}

const WORDS: [&str; 19] = [
    "userName",
    "name",
    "name.givenName",
    "emails",
    "Emails[type eq \"work\"].value",
    "emails[primary eq true]",
    "value",
    "type",
    "primary",
    "members",
    "$ref",
    "active",
    "schemas",
    "id",
    "False",
    "é[",
    "",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
];

fn word() -> impl Strategy<Value = String> {
    sample::select(WORDS.to_vec()).prop_map(str::to_owned)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::vec((word(), inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nothing that a client sends panics, and what is accepted without a read is accepted with one.
    #[test]
    fn any_message_is_answered(
        operations in collection::vec((sample::select(vec!["add", "remove", "replace"]), word(), any_json()), 1..4),
        body in any_json(),
        tolerant in any::<bool>(),
    ) {
        let profile = if tolerant { Profile::TOLERANT } else { Profile::STRICT };
        let operations: Vec<Value> =
            operations.into_iter().map(|(op, path, value)| json!({"op": op, "path": path, "value": value})).collect();
        for name in ["User", "Group"] {
            let resource_type = resource_type(name);
            let _ = read_replace(&body, &resource_type, &profile);
            let message = json!({"schemas": [PATCH_OP], "Operations": operations});
            let Ok(patch) = Patch::parse(&message, &resource_type, &profile, "id") else { continue };
            let mut resource = read_create(&body, &resource_type, &profile).unwrap_or_default();
            let refused = patch.apply(&mut resource).is_err();
            prop_assert!(!refused || patch.blind().is_none());
        }
    }
}
