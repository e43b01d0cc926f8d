//! The quickstart's database and mapping behind the real front door: requests are bytes on a pipe, as a client sends
//! them, and answers are read back from it.
#![allow(unreachable_pub, dead_code)]

#[path = "../common/database.rs"]
pub mod database;

use std::{fs, sync::Arc, time::Duration};

use database::Database;
use portolan::{
    backend::{self, Backend},
    gateway::{self, Gateway},
    mapping::{
        self,
        vars::{Var, Vars},
    },
    plan,
    scim::profile::Profile,
    server::{self, Bearer, Client, Edge, Front, Roads},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

pub const BASE: &str = "http://scim.example/scim/v2";
pub const TOLERANT: &str = "demo";
pub const STRICT: &str = "demo-strict";

pub const MAPPING: &str = include_str!("../../examples/quickstart/mapping.yaml");

/// An open door. Its database goes with it.
pub struct Door {
    edge: Arc<Edge>,
    down: watch::Receiver<bool>,
    _shutdown: watch::Sender<bool>,
    _data: TempDir,
    pub database: Option<Database>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub text: String,
}

impl Answer {
    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The body; null where there is none.
    pub fn body(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).expect(&self.text) }
    }

    pub fn scim_type(&self) -> String {
        self.body()["scimType"].as_str().unwrap_or_default().to_owned()
    }

    pub fn total(&self) -> u64 {
        self.body()["totalResults"].as_u64().expect(&self.text)
    }

    /// One member of each resource of a list.
    pub fn each(&self, name: &str) -> Vec<String> {
        let body = self.body();
        let list = body["Resources"].as_array().expect(&self.text);
        list.iter().map(|r| r[name].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// What `portolan.yaml` has by default.
pub const LIMITS: plan::Limits = plan::Limits {
    rows: 20_000,
    calls: 200,
    page: 100,
    max_page: 1000,
    walks: 32,
    client_walks: 16,
    operations: 600,
    body: 1 << 20,
};

/// The quickstart as it is.
pub async fn open() -> Door {
    with("", MAPPING, LIMITS).await
}

/// The quickstart with `more` statements after its script, another mapping and other limits.
pub async fn with(more: &str, mapping: &str, limits: plan::Limits) -> Door {
    let database = Database::quickstart(more).await;
    let url = database.url.clone();
    Door {
        database: Some(database),
        ..over(mapping, &[("DATABASE", &url)], limits, tempfile::tempdir().unwrap()).await
    }
}

/// A door over any app: a mapping and its variables.
pub async fn over(mapping: &str, vars: &[(&str, &str)], limits: plan::Limits, data: TempDir) -> Door {
    let file = data.path().join("mapping.yaml");
    fs::write(&file, mapping).unwrap();
    let var = |value: &str| Var { value: value.to_owned(), secret: value == "secret", place: None };
    let vars = Vars::Given(vars.iter().map(|(name, value)| ((*name).to_owned(), var(value))).collect());
    let (mut mapping, _) = mapping::load(&file, &vars).unwrap_or_else(|faults| panic!("{}", faults.to_json()));
    let calls = backend::Limits { call_time: Duration::from_secs(20), answer_bytes: 16 << 20, depth: 64 };
    let backend = Backend::open(&mapping.app, calls).await.unwrap();
    let catalog = gateway::catalog(&backend, &mapping).await.unwrap();
    mapping.learn(catalog);
    let gateway = Gateway::new(&mapping, backend, "/scim/v2", BASE, limits);
    let client = |name: &str, profile| Client {
        tenant: None,
        name: name.into(),
        profile,
        bearers: vec![Bearer { sha256: Sha256::digest(name).into(), until: None }],
    };
    let front = Front {
        listeners: Vec::new(),
        base_path: "/scim/v2".to_owned(),
        pass_through: None,
        clients: vec![client(TOLERANT, Profile::TOLERANT), client(STRICT, Profile::STRICT)],
        limits: server::Limits::default(),
    };
    let (shutdown, down) = watch::channel(false);
    let edge = Arc::new(Edge::new(&front, server::inner(Arc::new(gateway))));
    Door { edge, down, _shutdown: shutdown, _data: data, database: None }
}

impl Door {
    /// Sends one request with exactly these headers. `path` is what follows the base, as it stands on the wire.
    pub async fn send(&self, method: &str, path: &str, headers: &[(String, String)], body: &str) -> Answer {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let serving = tokio::spawn(self.edge.clone().serve_connection(server, None, Roads::Scim, self.down.clone()));
        let mut request = format!("{method} /scim/v2{path} HTTP/1.1\r\nHost: scim.example\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        client.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        serving.await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").expect(&answer);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), text: text.to_owned() }
    }

    /// The same as a client with this token sends it.
    pub async fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {token}")),
            ("Content-Type".to_owned(), "application/scim+json".to_owned()),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, &body).await
    }

    /// What the strict client is answered.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(STRICT, "GET", path, &Value::Null).await
    }

    /// A list with a filter, as the strict client asks for it.
    pub async fn find(&self, path: &str, filter: &str) -> Answer {
        let encoded: String = filter.bytes().map(|b| format!("%{b:02X}")).collect();
        self.get(&format!("{path}?filter={encoded}")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(STRICT, "POST", path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(STRICT, "PUT", path, &body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(STRICT, "DELETE", path, &Value::Null).await
    }

    /// A PATCH with these operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = serde_json::json!({"schemas": [schema], "Operations": operations});
        self.call(STRICT, "PATCH", path, &body).await
    }
}
