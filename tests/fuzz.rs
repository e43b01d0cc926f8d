//! Mutated requests. The seeds are the vectors: filters, paths, PATCHes, bodies and whole requests are cut, doubled, mixed
//! and filled with what parsers trip over. Nothing panics or takes long, what parses prints as what it was, and through
//! the door, with a database behind it, anything gets a SCIM answer that is not the server's fault; what a write left
//! behind can still be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE, header::LOCATION};
use portolan::{
    backend::{self, Backend, sql::run_script},
    config,
    gateway::{Gateway, caller::Caller},
    mapping::{self, vars::Var, vars::Vars},
    plan,
    scim::{
        body::{read_create, read_replace},
        change::{apply_changes, diff},
        condition::Condition,
        evaluate::evaluate,
        filter::Filter,
        message::PATCH_OP,
        patch::Patch,
        path::{AttrPath, PatchPath},
        profile::Profile,
        published,
        schema::{Extension, ResourceType},
    },
};
use proptest::{collection, prelude::*, sample, test_runner::TestRunner};
use serde_json::{Value, json};

/// Long for one case, in a build without optimisation on a busy machine; what grows faster than its input is far beyond.
const BOUND: Duration = Duration::from_secs(2);

/// What is put in: pieces of the grammars, what other grammars care about, numbers at their edges, and no UTF-8.
const TOKENS: [&[u8]; 46] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b".",
    b" ",
    b"\t",
    b"'",
    b"%",
    b"%00",
    b"%2F",
    b"..",
    b"/",
    b"?",
    b"&",
    b"=",
    b"+",
    b"not (",
    b" and ",
    b" OR ",
    b" eq ",
    b" ne null",
    b" pr",
    b" gt true",
    b"null",
    b"-1",
    b"1e999",
    b"0.1",
    b"9223372036854775808",
    b"99999999999999999999999",
    b"urn:ietf:params:scim:schemas:core:2.0:User:",
    b"$ref",
    b"members[value eq \"1001\"]",
    b"\xc3\x84\xc4\xb0\xcf\x82",
    b"\xf0\x9f\x99\x82",
    b"\xff\xfe",
    b"\x00",
    b"\r\n",
];

/// What a JSON value becomes; unlike other changes this one leaves JSON.
const VALUES: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e999",
    "12345678901234567890",
    "0.10",
    "\"\"",
    "\" \"",
    "\"true\"",
    "\"1001\"",
    "\"\\u0000\"",
    "\"Ä\\u0130🙂\"",
    "\"a'--\"",
    "\"2024-01-01T00:00:00Z\"",
    "\"emails[type eq \\\"work\\\"]\"",
    "[]",
    "{}",
    "[null]",
    "[\"a\"]",
    "[{\"value\": \"1002\"}]",
    "{\"value\": null, \"primary\": true}",
    "{\"userName\": \"a\", \"USERNAME\": \"b\"}",
];

/// One change of a text. Places are shares of its length, so that a change means the same wherever it is applied.
#[derive(Debug, Clone)]
enum Mutation {
    Insert(u16, &'static [u8]),
    Repeat(u16, &'static [u8], u16),
    Cut(u16, u8),
    Double(u16, u8),
    Byte(u16, u8),
    OtherCase(u16, u8),
    Splice(u16, sample::Index),
    Value(u16, &'static str),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let token = || sample::select(TOKENS.to_vec());
    let one = prop_oneof![
        4 => (any::<u16>(), token()).prop_map(|(at, token)| Mutation::Insert(at, token)),
        1 => (any::<u16>(), token(), 1u16..3000).prop_map(|(at, token, times)| Mutation::Repeat(at, token, times)),
        3 => (any::<u16>(), 1u8..40).prop_map(|(at, length)| Mutation::Cut(at, length)),
        2 => (any::<u16>(), 1u8..60).prop_map(|(at, length)| Mutation::Double(at, length)),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        2 => (any::<u16>(), 1u8..40).prop_map(|(at, length)| Mutation::OtherCase(at, length)),
        2 => (any::<u16>(), any::<sample::Index>()).prop_map(|(at, other)| Mutation::Splice(at, other)),
        8 => (any::<u16>(), sample::select(VALUES.to_vec())).prop_map(|(at, value)| Mutation::Value(at, value)),
    ];
    collection::vec(one, 0..4)
}

fn mutated(seed: &str, mutations: &[Mutation], seeds: &[String]) -> Vec<u8> {
    let mut text = seed.as_bytes().to_vec();
    for mutation in mutations {
        let place = |at: u16| usize::from(at) * text.len() / usize::from(u16::MAX);
        let range = |at: u16, length: u8| place(at)..(place(at) + usize::from(length)).min(text.len());
        match mutation {
            Mutation::Insert(at, token) => drop(text.splice(place(*at)..place(*at), token.iter().copied())),
            Mutation::Repeat(at, token, times) => {
                drop(text.splice(place(*at)..place(*at), token.repeat(usize::from(*times))));
            }
            Mutation::Cut(at, length) => drop(text.drain(range(*at, *length))),
            Mutation::Double(at, length) => {
                let piece = text[range(*at, *length)].to_vec();
                drop(text.splice(place(*at)..place(*at), piece));
            }
            Mutation::Byte(at, byte) => {
                let range = range(*at, 1);
                text[range].fill(*byte);
            }
            Mutation::OtherCase(at, length) => {
                let range = range(*at, *length);
                for byte in &mut text[range] {
                    *byte ^= if byte.is_ascii_alphabetic() { 0x20 } else { 0 };
                }
            }
            Mutation::Splice(at, other) => {
                let other = seeds[other.index(seeds.len())].as_bytes();
                let from = usize::from(*at) * other.len() / usize::from(u16::MAX);
                text.truncate(place(*at));
                text.extend_from_slice(&other[from..]);
            }
            Mutation::Value(at, value) => {
                let place = place(*at);
                if let Some(found) = json_value(&text[place..]) {
                    drop(text.splice(place + found.start..place + found.end, value.bytes()));
                }
            }
        }
    }
    text
}

/// The next value after a colon, a comma or a bracket.
fn json_value(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = 1 + text.iter().position(|byte| b":,[".contains(byte))?;
    let mut values = serde_json::Deserializer::from_slice(&text[start..]).into_iter::<Value>();
    values.next()?.ok()?;
    Some(start..start + values.byte_offset())
}

/// A case: one of the seeds, mutated.
fn cases(seeds: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    (any::<sample::Index>(), mutations())
        .prop_map(move |(seed, mutations)| mutated(&seeds[seed.index(seeds.len())], &mutations, &seeds))
}

fn check(cases: u32, strategy: impl Strategy<Value = Vec<u8>>, test: impl Fn(&[u8])) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2000,
        max_shrink_time: 20_000,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |case| {
        let begun = Instant::now();
        test(&case);
        prop_assert!(begun.elapsed() < BOUND, "took {:?}", begun.elapsed());
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}\nas text: {}", text_of(&failed).unwrap_or_default());
    }
}

fn text_of(failed: &proptest::test_runner::TestError<Vec<u8>>) -> Option<String> {
    let proptest::test_runner::TestError::Fail(_, case) = failed else { return None };
    Some(String::from_utf8_lossy(case).chars().take(2000).collect())
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn filters() -> Vec<String> {
    let rows = rows(include_str!("vectors/filter.jsonl"));
    rows.iter().map(|row| row["filter"].as_str().unwrap().to_owned()).collect()
}

fn patch_rows() -> Vec<Value> {
    rows(include_str!("vectors/patch.jsonl"))
}

fn paths() -> Vec<String> {
    let operations = patch_rows().into_iter().flat_map(|row| row["ops"].as_array().unwrap().clone());
    let mut paths: Vec<String> = operations.filter_map(|op| Some(op.get("path")?.as_str()?.to_owned())).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn messages() -> Vec<String> {
    let patch = |row: &Value| json!({"schemas": [PATCH_OP], "Operations": row["ops"]}).to_string();
    patch_rows().iter().map(patch).collect()
}

fn bodies() -> Vec<String> {
    let mut bodies: Vec<String> = patch_rows().iter().map(|row| row["before"].to_string()).collect();
    bodies.dedup();
    bodies
}

/// Everything that the RFC publishes.
fn user_type() -> ResourceType {
    let extension = Extension { schema: published::enterprise_user().as_ref().clone(), required: false };
    ResourceType {
        name: "User".to_owned(),
        endpoint: "/Users".to_owned(),
        description: String::new(),
        schema: published::user().as_ref().clone(),
        extensions: vec![extension],
        common: published::common().to_vec(),
        published: published::all().into_iter().cloned().collect(),
    }
}

#[test]
fn filters_print_as_what_they_were() {
    let (user, somebody) = (user_type(), json!({"userName": "a", "emails": [{"value": "a", "type": "work"}]}));
    check(25_000, cases(filters()), |case| {
        let text = String::from_utf8_lossy(case);
        for profile in Profile::ALL {
            let Ok(filter) = Filter::parse(&text, &profile) else { continue };
            let printed = filter.to_string();
            assert_eq!(Filter::parse(&printed, &profile).as_ref(), Ok(&filter), "printed as {printed}");
            let Ok(condition) = Condition::resolve(&filter, &user, &profile) else { continue };
            let opposite = Condition::resolve(&Filter::Not(Box::new(filter)), &user, &profile).unwrap();
            let somebody = somebody.as_object().unwrap();
            assert_ne!(evaluate(&condition, somebody), evaluate(&opposite, somebody), "{printed} and its opposite");
        }
    });
}

#[test]
fn paths_print_as_what_they_were() {
    let printed = |path: &PatchPath| {
        let filter = path.filter.as_ref().map(|filter| format!("[{filter}]")).unwrap_or_default();
        let sub = path.sub.as_ref().map(|sub| format!(".{sub}")).unwrap_or_default();
        format!("{}{filter}{sub}", path.attr)
    };
    check(25_000, cases(paths()), |case| {
        let text = String::from_utf8_lossy(case);
        if let Ok(path) = AttrPath::parse(&text) {
            assert_eq!(AttrPath::parse(&path.to_string()), Ok(path));
        }
        for profile in Profile::ALL {
            let Ok(path) = PatchPath::parse(&text, &profile) else { continue };
            assert_eq!(PatchPath::parse(&printed(&path), &profile), Ok(path));
        }
    });
}

#[test]
fn messages_and_bodies_are_read_or_refused() {
    let user = user_type();
    let before = read_create(&patch_rows()[0]["before"], &user, &Profile::STRICT).unwrap();
    check(12_000, cases([messages(), bodies()].concat()), |case| {
        let Ok(body) = serde_json::from_slice::<Value>(case) else { return };
        for profile in Profile::ALL {
            let _ = read_create(&body, &user, &profile);
            let _ = read_replace(&body, &user, &profile);
            let Ok(patch) = Patch::parse(&body, &user, &profile, "1001") else { continue };
            let (mut after, blind) = (before.clone(), patch.blind());
            if patch.apply(&mut after).is_err() {
                assert_eq!(blind, None, "accepted without a read, refused with one");
                continue;
            }
            let changes = [blind, Some(diff(&before, &after, &user))];
            for changes in changes.into_iter().flatten() {
                let mut changed = before.clone();
                apply_changes(&changes, &mut changed);
                assert_eq!(changed, after, "{changes:?}");
            }
        }
    });
}

/// The quickstart over a new database, on a runtime of its own.
struct Door {
    gateway: Gateway,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Door {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hr.sqlite");
        let url = Var { value: format!("sqlite:{}", path.display()), secret: false, place: None };
        let vars = Vars::Given([("DATABASE".to_owned(), url)].into());
        let (mapping, _) = mapping::load("examples/quickstart/mapping.yaml".as_ref(), &vars).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let limits = backend::Limits { call_time: 5 * BOUND, answer_bytes: 1 << 24, depth: 64 };
        let backend = runtime.block_on(async {
            run_script(&path, include_str!("../examples/quickstart/hr.sql")).await.unwrap();
            Backend::open(&mapping.app, limits).await.unwrap()
        });
        let limits = plan::Limits::from(&config::Limits { calls: 1000, ..config::Limits::default() });
        let gateway = Gateway::new(&mapping, backend, "/scim/v2", "http://localhost/scim/v2", limits);
        Self { gateway, runtime, _folder: folder }
    }

    fn ask(&self, method: &str, target: &[u8], body: &[u8], profile: Profile) -> Response<Bytes> {
        let mut request = Request::new(Bytes::copy_from_slice(body));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = uri(target);
        request.extensions_mut().insert(Caller { client: Arc::from("fuzz"), profile, tenant: None });
        self.runtime.block_on(async { tokio::time::timeout(5 * BOUND, self.gateway.answer(request)).await.unwrap() })
    }

    /// What every answer is, whatever was asked.
    fn answers(&self, method: &str, target: &[u8], body: &[u8], profile: Profile) -> Response<Bytes> {
        let response = self.ask(method, target, body, profile);
        let status = response.status();
        let shown = String::from_utf8_lossy(response.body());
        assert!(status.as_u16() < 500 || status == StatusCode::NOT_IMPLEMENTED, "{status} {shown}");
        if response.body().is_empty() {
            assert!(method == "HEAD" || status == StatusCode::NO_CONTENT, "{status} without a body");
            return response;
        }
        assert_eq!(response.headers()[CONTENT_TYPE], "application/scim+json");
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        let schema = answer["schemas"][0].as_str().expect("an answer says what it is");
        assert_eq!(schema.ends_with(":Error"), !status.is_success(), "{status} {shown}");
        assert!(status.is_success() || answer["status"] == status.as_str(), "{status} {shown}");
        if status.is_success() && method != "GET" && !schema.contains(":api:messages:") {
            let location = response.headers()[LOCATION].to_str().unwrap().to_owned();
            let again =
                self.ask("GET", location.trim_start_matches("http://localhost/scim/v2").as_bytes(), b"", profile);
            assert_eq!(again.status(), StatusCode::OK, "after {shown}");
        }
        response
    }
}

/// The target as a client's library would send it: what stands in no URI is percent-encoded.
fn uri(target: &[u8]) -> Uri {
    let mut text = String::from("/scim/v2");
    for &byte in target {
        match byte {
            b'%' | b'/' | b'?' | b'&' | b'=' | b'+' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() || b"-._~:@!$'()*,;".contains(&byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text.truncate(60_000);
    text.parse().unwrap()
}

fn requests() -> Vec<(String, String, String)> {
    let row = |row: Value| {
        let body = row.get("body").map(Value::to_string).unwrap_or_default();
        (row["method"].as_str().unwrap().to_owned(), row["target"].as_str().unwrap().to_owned(), body)
    };
    let whole = rows(include_str!("vectors/requests.jsonl")).into_iter().map(row);
    let message = |text: String| ("PATCH".to_owned(), "/Users/1002".to_owned(), text);
    let body = |text: String| ("POST".to_owned(), "/Users".to_owned(), text);
    whole.chain(messages().into_iter().map(message)).chain(bodies().into_iter().map(body)).collect()
}

/// One request is a text for the mutations: method, target and body, a line each.
#[test]
fn the_door_answers_anything() {
    let door = Door::open();
    let as_text = |(method, target, body): (String, String, String)| format!("{method}\n{target}\n{body}");
    let queries = filters().into_iter().map(|f| format!("GET\n/Users?filter={f}\n"));
    let seeds: Vec<String> = requests().into_iter().map(as_text).chain(queries).collect();
    let count = std::cell::Cell::new([0; 6]);
    check(4_000, cases(seeds), |case| {
        let mut lines = case.splitn(3, |&byte| byte == b'\n');
        let method = lines.next().unwrap_or_default();
        let method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|m| m.as_bytes() == method);
        let (target, body) = (lines.next().unwrap_or(b"/Users"), lines.next().unwrap_or_default());
        // names are taken only once
        let name = format!("fuzzed{}", count.get().iter().sum::<i32>());
        let renamed = |text: &str| text.replace("fuzzed", &name).replace("mara.quill", &name).into_bytes();
        let body = std::str::from_utf8(body).map_or_else(|_| body.to_vec(), renamed);
        let profile = if case.len() % 3 == 0 { Profile::STRICT } else { Profile::TOLERANT };
        let response = door.answers(method.unwrap_or("GET"), target, &body, profile);
        let mut seen = count.get();
        seen[usize::from(response.status().as_u16() / 100)] += 1;
        count.set(seen);
    });
    // A fuzzer whose requests are all refused at the first step finds nothing.
    let [.., good, _, refused, _] = count.get();
    assert!(good > 400 && refused > 400, "{good} requests were answered, {refused} refused");
    // Whatever is in the database now, it can be listed.
    for list in ["/Users?count=1000", "/Groups?count=1000"] {
        assert_eq!(door.answers("GET", list.as_bytes(), b"", Profile::STRICT).status(), StatusCode::OK);
    }
}
