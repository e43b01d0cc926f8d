//! Random writes against a model: what a list of typed changes should leave behind, worked out in the simplest way. After
//! each write the answer, the resource and at the end everything are compared.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use super::{
    acts::{Act, Field, Mail, Step, act, put, written},
    door::{Door, ENTERPRISE, GROUP, USER},
};

#[derive(Debug, Clone, Default, PartialEq)]
struct User {
    name: &'static str,
    fields: BTreeMap<Field, &'static str>,
    active: Option<bool>,
    mails: Vec<Mail>,
}

#[derive(Debug, Clone, PartialEq)]
struct Group {
    name: &'static str,
    members: BTreeSet<String>,
}

/// What becomes of it: the status and the keyword of a refusal.
type Refused = (u16, &'static str);

#[derive(Debug, Default)]
struct Model {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    /// Every id there ever was.
    known: Vec<String>,
    formed: Vec<String>,
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl User {
    fn step(&mut self, step: &Step) -> Result<(), Refused> {
        match step {
            Step::Name(name) => self.name = name,
            Step::Set(field, text) => {
                self.fields.insert(*field, text);
            }
            Step::Clear(field) => {
                self.fields.remove(field);
            }
            Step::Active(to) => self.active = Some(*to),
            Step::AddMail(mail) => {
                // What is there already takes the new one's word on whether it is primary (RFC 7644 §3.5.2.1).
                if mail.primary {
                    self.mails.iter_mut().for_each(|m| m.primary = false);
                }
                match self.mails.iter_mut().find(|m| (m.value, m.kind) == (mail.value, mail.kind)) {
                    Some(old) => old.primary = mail.primary,
                    None => self.mails.push(mail.clone()),
                }
            }
            Step::SetMails(mails) => self.mails.clone_from(mails),
            Step::MoveMail(kind, value) => {
                let mut moved = self.mails.iter_mut().filter(|m| m.kind == Some(kind)).peekable();
                if moved.peek().is_none() {
                    return Err((400, "noTarget"));
                }
                moved.for_each(|m| m.value = value);
            }
            Step::DropMail(value) => self.mails.retain(|m| m.value != *value),
            Step::DropKind(kind) => self.mails.retain(|m| m.kind != Some(kind)),
        }
        Ok(())
    }
}

impl Model {
    fn id(&self, who: usize) -> String {
        one_of(&self.known, who)
    }

    fn group(&self, which: usize) -> String {
        one_of(&self.formed, which)
    }

    /// Whether this user may stand there.
    fn check(&self, id: &str, user: &User) -> Result<(), Refused> {
        if self.users.iter().any(|(other, u)| other != id && same(u.name, user.name)) {
            return Err((409, "uniqueness"));
        }
        let typed: Vec<_> = user.mails.iter().filter(|m| m.kind.is_some()).map(|m| (m.value, m.kind)).collect();
        if typed.iter().collect::<BTreeSet<_>>().len() < typed.len() {
            return Err((409, "uniqueness"));
        }
        Ok(())
    }

    fn check_group(&self, id: &str, group: &Group) -> Result<(), Refused> {
        if group.members.iter().any(|m| !self.users.contains_key(m)) {
            return Err((400, "invalidValue"));
        }
        if self.groups.iter().any(|(other, g)| other != id && same(g.name, group.name)) {
            return Err((409, "uniqueness"));
        }
        Ok(())
    }

    fn shown_user(&self, id: &str) -> Value {
        let user = &self.users[id];
        let mut body = json!({"id": id, "userName": user.name});
        for (field, text) in &user.fields {
            put(&mut body, *field, &json!(text));
        }
        let extended = body.get(ENTERPRISE).is_some();
        body["schemas"] = if extended { json!([USER, ENTERPRISE]) } else { json!([USER]) };
        if let Some(active) = user.active {
            body["active"] = json!(active);
        }
        if !user.mails.is_empty() {
            body["emails"] = sorted(user.mails.iter().map(written).collect());
        }
        let of: Vec<Value> =
            self.groups.iter().filter(|(_, g)| g.members.contains(id)).map(|(group, _)| json!(group)).collect();
        if !of.is_empty() {
            body["groups"] = sorted(of);
        }
        body
    }

    fn shown_group(&self, id: &str) -> Value {
        let group = &self.groups[id];
        let mut body = json!({"schemas": [GROUP], "id": id, "displayName": group.name});
        if !group.members.is_empty() {
            body["members"] = sorted(group.members.iter().map(|m| json!(m)).collect());
        }
        body
    }
}

/// One that there is or was; the last number is nobody's.
fn one_of(ids: &[String], number: usize) -> String {
    if ids.is_empty() || number == 7 { "4711".to_owned() } else { ids[number % ids.len()].clone() }
}

fn sorted(mut list: Vec<Value>) -> Value {
    list.sort_by_key(ToString::to_string);
    Value::Array(list)
}

/// A resource as the model shows it: without meta, lists of references as their ids, lists in one order.
fn plain(mut body: Value) -> Value {
    let object: &mut Map<String, Value> = body.as_object_mut().unwrap();
    object.remove("meta");
    for key in ["groups", "members"] {
        if let Some(Value::Array(list)) = object.get_mut(key) {
            list.iter_mut().for_each(|item| *item = item["value"].take());
        }
    }
    for key in ["emails", "groups", "members"] {
        if let Some(Value::Array(list)) = object.get_mut(key) {
            *list = match sorted(std::mem::take(list).into_iter().map(in_order).collect()) {
                Value::Array(list) => list,
                _ => unreachable!(),
            };
        }
    }
    body
}

/// The keys of an e-mail as [`written`] has them.
fn in_order(item: Value) -> Value {
    let Value::Object(item) = item else { return item };
    let mut ordered = Map::new();
    for key in ["value", "primary", "type"] {
        if let Some(value) = item.get(key) {
            ordered.insert(key.to_owned(), value.clone());
        }
    }
    assert_eq!(ordered.len(), item.len());
    Value::Object(ordered)
}

async fn run(acts: Vec<Act>) {
    let door = Door::nobody().await.strict();
    let mut model = Model::default();
    for act in acts {
        one(&door, &mut model, &act).await;
    }
    let shown = |list: Value| -> BTreeMap<String, Value> {
        let list = list["Resources"].as_array().unwrap().clone().into_iter().map(plain);
        list.map(|body| (body["id"].as_str().unwrap().to_owned(), body)).collect()
    };
    let users = model.users.keys().map(|id| (id.clone(), model.shown_user(id))).collect();
    assert_eq!(shown(door.get("/Users?count=200").await.is(200)), users);
    let groups = model.groups.keys().map(|id| (id.clone(), model.shown_group(id))).collect();
    assert_eq!(shown(door.get("/Groups?count=200").await.is(200)), groups);
}

async fn one(door: &Door, model: &mut Model, act: &Act) {
    match act {
        Act::Create { name, fields, active, mails } => {
            let user =
                User { name, fields: fields.clone(), active: Some(active.unwrap_or(true)), mails: mails.clone() };
            let mut body = json!({"schemas": [USER, ENTERPRISE], "userName": name});
            fields.iter().for_each(|(field, text)| put(&mut body, *field, &json!(text)));
            if let Some(active) = active {
                body["active"] = json!(active);
            }
            if !mails.is_empty() {
                body["emails"] = mails.iter().map(written).collect();
            }
            let answer = door.ask("POST", "/Users", body).await;
            match model.check("", &user) {
                Err((status, keyword)) => drop(answer.fails(status, keyword)),
                Ok(()) => {
                    let made = answer.is(201);
                    let id = made["id"].as_str().unwrap().to_owned();
                    assert!(!model.known.contains(&id), "an id is never given twice");
                    model.known.push(id.clone());
                    model.users.insert(id.clone(), user);
                    assert_eq!(plain(made), model.shown_user(&id));
                }
            }
        }
        Act::Put { who, name, fields, mails } => {
            let id = model.id(*who);
            let mut body = json!({"schemas": [USER, ENTERPRISE], "userName": name});
            fields.iter().for_each(|(field, text)| put(&mut body, *field, &json!(text)));
            if let Some(mails) = mails {
                body["emails"] = mails.iter().map(written).collect();
            }
            let answer = door.ask("PUT", &format!("/Users/{id}"), body).await;
            let after = model.users.get(&id).cloned().ok_or((404, "")).and_then(|mut user| {
                user.name = name;
                for (field, text) in fields {
                    match text {
                        Some(text) => drop(user.fields.insert(*field, text)),
                        None => drop(user.fields.remove(field)),
                    }
                }
                user.mails = mails.clone().unwrap_or(user.mails);
                model.check(&id, &user).map(|()| user)
            });
            settle(door, model, &id, after, answer.status, answer.body).await;
        }
        Act::Patch { who, steps } => {
            let id = model.id(*who);
            let answer = door.patch(&format!("/Users/{id}"), steps.iter().map(Step::written).collect()).await;
            let after = model.users.get(&id).cloned().ok_or((404, "")).and_then(|mut user| {
                steps.iter().try_for_each(|step| user.step(step))?;
                model.check(&id, &user).map(|()| user)
            });
            settle(door, model, &id, after, answer.status, answer.body).await;
        }
        Act::Delete { who } => {
            let id = model.id(*who);
            let there = model.users.remove(&id).is_some();
            model.groups.values_mut().for_each(|group| group.members.retain(|m| *m != id));
            let answer = door.ask("DELETE", &format!("/Users/{id}"), Value::Null).await;
            assert_eq!(answer.status, if there { 204 } else { 404 });
            door.get(&format!("/Users/{id}")).await.fails(404, "");
        }
        Act::Form { name, members } => {
            let members: BTreeSet<String> = members.iter().map(|m| model.id(*m)).collect();
            let group = Group { name, members };
            let answer = door.ask("POST", "/Groups", body(&group)).await;
            match model.check_group("", &group) {
                Err((status, _)) if status == answer.status => {}
                // Both at once: which is found first is not said.
                Err(_) => assert!(matches!(answer.status, 400 | 409), "{}", answer.body),
                Ok(()) => {
                    let made = answer.is(201);
                    let id = made["id"].as_str().unwrap().to_owned();
                    model.formed.retain(|known| *known != id);
                    model.formed.push(id.clone());
                    model.groups.insert(id.clone(), group);
                    assert_eq!(plain(made), model.shown_group(&id));
                }
            }
        }
        Act::Reform { which, name, members } => {
            let id = model.group(*which);
            let ids: Option<BTreeSet<String>> = members.as_ref().map(|m| m.iter().map(|m| model.id(*m)).collect());
            let mut sent = body(&Group { name, members: ids.clone().unwrap_or_default() });
            if ids.is_none() {
                sent.as_object_mut().unwrap().remove("members");
            }
            let answer = door.ask("PUT", &format!("/Groups/{id}"), sent).await;
            let members = ids.or_else(|| model.groups.get(&id).map(|g| g.members.clone())).unwrap_or_default();
            regroup(door, model, &id, Group { name, members }, answer.status).await;
        }
        Act::Join { which, members, name } => {
            let id = model.group(*which);
            let ids: Vec<String> = members.iter().map(|m| model.id(*m)).collect();
            let items: Vec<Value> = ids.iter().map(|m| json!({"value": m})).collect();
            let mut steps = vec![json!({"op": "add", "path": "members", "value": items})];
            steps.extend(name.map(|name| json!({"op": "replace", "path": "displayName", "value": name})));
            let answer = door.patch(&format!("/Groups/{id}"), json!(steps)).await;
            let was = model.groups.get(&id).cloned().unwrap_or(Group { name: "", members: BTreeSet::new() });
            let group = Group { name: name.unwrap_or(was.name), members: was.members.into_iter().chain(ids).collect() };
            regroup(door, model, &id, group, answer.status).await;
        }
        Act::Leave { which, member } => {
            let (id, member) = (model.group(*which), model.id(*member));
            let step = json!([{"op": "remove", "path": format!("members[value eq \"{member}\"]")}]);
            let answer = door.patch(&format!("/Groups/{id}"), step).await;
            let mut group = model.groups.get(&id).cloned().unwrap_or(Group { name: "", members: BTreeSet::new() });
            group.members.remove(&member);
            regroup(door, model, &id, group, answer.status).await;
        }
        Act::Empty { which } => {
            let id = model.group(*which);
            let answer = door.patch(&format!("/Groups/{id}"), json!([{"op": "remove", "path": "members"}])).await;
            let mut group = model.groups.get(&id).cloned().unwrap_or(Group { name: "", members: BTreeSet::new() });
            group.members.clear();
            regroup(door, model, &id, group, answer.status).await;
        }
        Act::Disband { which } => {
            let id = model.group(*which);
            let there = model.groups.remove(&id).is_some();
            let answer = door.ask("DELETE", &format!("/Groups/{id}"), Value::Null).await;
            assert_eq!(answer.status, if there { 204 } else { 404 });
            door.get(&format!("/Groups/{id}")).await.fails(404, "");
        }
    }
}

fn body(group: &Group) -> Value {
    let members: Vec<Value> = group.members.iter().map(|m| json!({"value": m})).collect();
    json!({"schemas": [GROUP], "displayName": group.name, "members": members})
}

async fn settle(door: &Door, model: &mut Model, id: &str, after: Result<User, Refused>, status: u16, body: Value) {
    match after {
        Ok(user) => {
            assert_eq!(status, 200, "{body}");
            model.users.insert(id.to_owned(), user);
            assert_eq!(plain(body), model.shown_user(id), "the answer");
        }
        Err((expected, keyword)) => {
            assert_eq!((status, body["scimType"].as_str().unwrap_or_default()), (expected, keyword), "{body}");
        }
    }
    if model.users.contains_key(id) {
        assert_eq!(plain(door.get(&format!("/Users/{id}")).await.is(200)), model.shown_user(id), "the resource");
    }
}

async fn regroup(door: &Door, model: &mut Model, id: &str, group: Group, status: u16) {
    let after = if model.groups.contains_key(id) { model.check_group(id, &group) } else { Err((404, "")) };
    match after {
        Ok(()) => {
            assert!(matches!(status, 200 | 204), "{status}");
            model.groups.insert(id.to_owned(), group);
        }
        Err((404, _)) => assert_eq!(status, 404),
        Err(_) => assert!(matches!(status, 400 | 409), "{status}"),
    }
    if model.groups.contains_key(id) {
        assert_eq!(plain(door.get(&format!("/Groups/{id}")).await.is(200)), model.shown_group(id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_there(acts in vec(act(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(acts));
    }
}
