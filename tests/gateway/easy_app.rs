//! The easy app: users and teams in memory behind plain HTTP, as `benches/acme.yaml` maps them. It writes down every call
//! and can be told to misbehave.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// What a call whose text begins so gets instead of an honest answer.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    /// This status, type, body and perhaps `Retry-After`, without acting.
    Say(u16, &'static str, String, Option<&'static str>),
    /// No answer at all, without acting.
    Hang,
    /// Half of the honest answer, after acting.
    Half,
    /// The connection closes after acting.
    Lose,
    /// The honest list, but this is its total.
    Total(usize),
    /// Everybody, whatever is asked.
    Everybody,
    /// The first page, whatever page is asked.
    FirstPage,
    /// No more rows on a page than these, whatever is asked.
    Cap(usize),
    /// After each page the first user is gone; so often.
    Shrink(usize),
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) users: BTreeMap<u64, Map<String, Value>>,
    pub(crate) teams: BTreeMap<u64, (String, Vec<u64>)>,
    next: u64,
}

#[derive(Debug, Default)]
pub(crate) struct EasyApp {
    state: Mutex<State>,
    moods: Mutex<Vec<(String, Mood)>>,
    calls: Mutex<Vec<String>>,
}

impl EasyApp {
    /// With so many users `u1`, `u2` … and one team that holds the first three.
    pub(crate) async fn start(users: u64) -> (Arc<Self>, String) {
        let app = Arc::new(Self::default());
        {
            let mut state = app.state.lock().unwrap();
            for id in 1..=users {
                let user = json!({"login": format!("u{id}"), "first_name": "Una", "last_name": format!("N{id}"),
                    "email": format!("u{id}@example.com"), "state": if id % 2 == 0 { "disabled" } else { "enabled" }});
                state.users.insert(id, user.as_object().unwrap().clone());
            }
            state.teams.insert(900, ("first".into(), (1..=users.min(3)).collect()));
            state.next = 1000;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = app.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let app = served.clone();
                let service = service_fn(move |request| app.clone().serve(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (app, url)
    }

    pub(crate) fn misbehave(&self, call: &str, mood: Mood) {
        self.moods.lock().unwrap().push((call.to_owned(), mood));
    }

    pub(crate) fn behave(&self) {
        self.moods.lock().unwrap().clear();
    }

    pub(crate) fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// The calls since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> io::Result<Response<BoxBody<Bytes, io::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let target = head.uri.path_and_query().unwrap().to_string();
        let call = format!("{} {target}", head.method);
        self.calls.lock().unwrap().push(call.clone());
        if head.headers.get("authorization").is_none_or(|value| value != "Bearer s3cret") {
            return Ok(whole(401, "application/json", "{}".into()));
        }
        let mood = self.moods.lock().unwrap().iter().find(|(begin, _)| call.starts_with(begin)).map(|m| m.1.clone());
        match &mood {
            Some(Mood::Say(status, kind, text, retry_after)) => {
                let mut response = whole(*status, kind, text.clone());
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert("retry-after", seconds.parse().unwrap());
                }
                return Ok(response);
            }
            Some(Mood::Hang) => std::future::pending().await,
            _ => {}
        }
        let (status, answer) = {
            let mut state = self.state.lock().unwrap();
            let answer =
                state.act(&head.method, head.uri.path(), head.uri.query().unwrap_or_default(), &body, mood.as_ref());
            if let Some(Mood::Shrink(times)) = &mood
                && *times > 0
            {
                state.users.pop_first();
                let mut moods = self.moods.lock().unwrap();
                *moods = vec![("GET /users".into(), Mood::Shrink(times - 1))];
            }
            answer
        };
        let text = if answer.is_null() { String::new() } else { answer.to_string() };
        match mood {
            Some(Mood::Lose) => Err(io::Error::other("lost")),
            Some(Mood::Half) => {
                let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
                let frames = [Ok(Frame::data(half)), Err(io::Error::other("broken"))];
                let mut response = Response::new(BoxBody::new(StreamBody::new(futures_util::stream::iter(frames))));
                response.headers_mut().insert("content-length", text.len().into());
                Ok(response)
            }
            _ => Ok(whole(status, "application/json", text)),
        }
    }
}

fn whole(status: u16, kind: &str, text: String) -> Response<BoxBody<Bytes, io::Error>> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed();
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

const GONE: (u16, Value) = (404, Value::Null);
const DONE: (u16, Value) = (204, Value::Null);

impl State {
    fn act(&mut self, method: &Method, path: &str, query: &str, body: &Value, mood: Option<&Mood>) -> (u16, Value) {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let number = |at: usize| segments.get(at).and_then(|s| s.parse::<u64>().ok()).unwrap_or_default();
        match (method.as_str(), segments.as_slice()) {
            ("GET", ["users"]) => self.list_users(query, mood),
            ("GET", ["users", _]) => self.user(number(1)),
            ("POST", ["users"]) => self.write_user(None, body),
            ("PATCH", ["users", _]) if self.users.contains_key(&number(1)) => self.write_user(Some(number(1)), body),
            ("POST", ["users", _, act]) => match self.users.get_mut(&number(1)) {
                Some(user) => {
                    user.insert("state".into(), json!(if *act == "deactivate" { "disabled" } else { "enabled" }));
                    DONE
                }
                None => GONE,
            },
            ("DELETE", ["users", _]) => match self.users.remove(&number(1)) {
                Some(_) => {
                    self.teams.values_mut().for_each(|team| team.1.retain(|id| *id != number(1)));
                    DONE
                }
                None => GONE,
            },
            ("GET", ["teams"]) => {
                let teams = self.teams.iter().map(|(id, team)| json!({"id": id, "name": team.0})).collect();
                (200, json!({"data": page(teams, query, mood)}))
            }
            ("GET", ["teams", _]) => match self.teams.get(&number(1)) {
                Some(team) => (200, json!({"id": number(1), "name": team.0})),
                None => GONE,
            },
            ("POST", ["teams"]) => {
                self.next += 1;
                self.teams.insert(self.next, (body["name"].as_str().unwrap_or_default().to_owned(), vec![]));
                (201, json!({"id": self.next, "name": body["name"]}))
            }
            ("PATCH", ["teams", _]) => match self.teams.get_mut(&number(1)) {
                Some(team) => {
                    team.0 = body["name"].as_str().unwrap_or_default().to_owned();
                    (200, json!({"id": number(1), "name": team.0}))
                }
                None => GONE,
            },
            ("DELETE", ["teams", _]) => self.teams.remove(&number(1)).map_or(GONE, |_| DONE),
            ("GET", ["teams", _, "people"]) => match self.teams.get(&number(1)) {
                Some(team) => (200, page(team.1.iter().map(|id| json!({"id": id})).collect(), query, mood)),
                None => GONE,
            },
            ("PUT" | "DELETE", ["teams", _, "people", _]) => {
                let known = self.users.contains_key(&number(3));
                match self.teams.get_mut(&number(1)) {
                    Some(team) if known => {
                        let was = team.1.len();
                        team.1.retain(|id| *id != number(3));
                        if method == Method::PUT {
                            team.1.push(number(3));
                            return DONE;
                        }
                        if team.1.len() < was { DONE } else { GONE }
                    }
                    _ => GONE,
                }
            }
            _ => GONE,
        }
    }

    fn user(&self, id: u64) -> (u16, Value) {
        let Some(user) = self.users.get(&id) else { return GONE };
        let mut shown = user.clone();
        shown.insert("id".into(), json!(id));
        (200, Value::Object(shown))
    }

    fn list_users(&self, query: &str, mood: Option<&Mood>) -> (u16, Value) {
        let login = parameter(query, "login").filter(|_| !matches!(mood, Some(Mood::Everybody)));
        let has = |user: &Map<String, Value>| {
            login.is_none_or(|login| user["login"].as_str().unwrap().eq_ignore_ascii_case(login))
        };
        let found: Vec<Value> = self.users.iter().filter(|(_, u)| has(u)).map(|(id, _)| self.user(*id).1).collect();
        let total = match mood {
            Some(Mood::Total(total)) => *total,
            _ => found.len(),
        };
        (200, json!({"data": page(found, query, mood), "meta": {"total": total}}))
    }

    fn write_user(&mut self, id: Option<u64>, body: &Value) -> (u16, Value) {
        let error = |code: &str, message: &str| (422, json!({"errors": [{"code": code, "message": message}]}));
        for (key, value) in body.as_object().into_iter().flatten() {
            if key == "login" && value.as_str().is_none_or(|login| login.contains(' ')) {
                return error("format", "login must not hold a blank");
            }
            let same =
                |other: &Value| other.as_str().zip(value.as_str()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
            let taken = self.users.iter().any(|(other, u)| Some(*other) != id && u.get(key).is_some_and(same));
            if matches!(key.as_str(), "login" | "email") && taken {
                return error("taken", &format!("{key} is used by the account of Mrs. Secret"));
            }
        }
        let made = id.is_none();
        let id = id.unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        let user = self.users.entry(id).or_default();
        for (key, value) in body.as_object().into_iter().flatten() {
            user.insert(key.clone(), value.clone());
        }
        (if made { 201 } else { 200 }, self.user(id).1)
    }
}

fn page(rows: Vec<Value>, query: &str, mood: Option<&Mood>) -> Value {
    let number = |name| parameter(query, name).and_then(|v| v.parse::<usize>().ok());
    let size = match mood {
        Some(Mood::Cap(cap)) => number("per_page").unwrap_or(25).min(*cap),
        _ => number("per_page").unwrap_or(25),
    };
    let skip = match mood {
        Some(Mood::FirstPage) => 0,
        _ => (number("page").unwrap_or(1) - 1) * size,
    };
    rows.into_iter().skip(skip).take(size).collect()
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}
