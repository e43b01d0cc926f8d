//! The door: a gateway over the quickstart's database or the easy app, and answers in a form that is easy to check.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portolan::{
    backend::{self, Backend, calls_made},
    config::Tenant,
    gateway::{
        self, Gateway,
        caller::{Caller, RequestId},
    },
    mapping::{
        self, Mapping,
        vars::{Var, Vars},
    },
    plan::Limits,
    scim::{message::PATCH_OP, profile::Profile},
};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use super::database::Database;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const BASE: &str = "https://scim.test/scim/v2";
pub(crate) const LIMITS: Limits = Limits {
    rows: 1000,
    calls: 50,
    page: 100,
    max_page: 200,
    walks: 8,
    client_walks: 4,
    operations: 20,
    body: 1 << 20,
};

/// Calls are counted for the whole process, so whoever counts is alone.
static COUNTING: RwLock<()> = RwLock::const_new(());

#[derive(Clone)]
pub(crate) struct Door {
    gateway: Arc<Gateway>,
    profile: Profile,
    client: &'static str,
    tenant: Option<Arc<Tenant>>,
    data: Option<Arc<Database>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null when there is none.
    pub(crate) body: Value,
    asked: String,
}

impl Door {
    /// Over a fresh copy of the quickstart.
    pub(crate) async fn quickstart() -> Self {
        Self::over_more("", LIMITS).await
    }

    /// Over a fresh copy of the quickstart, and what a script puts into it.
    pub(crate) async fn over_more(script: &str, limits: Limits) -> Self {
        Self::over_database("examples/quickstart/mapping.yaml", Database::quickstart(script).await, limits).await
    }

    /// Over the quickstart's tables, with nobody in them.
    pub(crate) async fn nobody() -> Self {
        Self::over_database("examples/quickstart/mapping.yaml", Database::empty_quickstart().await, LIMITS).await
    }

    /// Over a fresh copy of one of the other examples.
    pub(crate) async fn example(name: &str) -> Self {
        let folder = Path::new("examples").join(name);
        let script = std::fs::read_to_string(folder.join("schema.sql")).unwrap();
        Self::over_file(folder.join("mapping.yaml").to_str().unwrap(), &script, LIMITS).await
    }

    /// Over a mapping file and a new database.
    pub(crate) async fn over_file(mapping: &str, script: &str, limits: Limits) -> Self {
        Self::over_database(mapping, Database::tables(script).await, limits).await
    }

    async fn over_database(mapping: &str, data: Database, limits: Limits) -> Self {
        Self::beside(mapping, Arc::new(data), limits).await
    }

    async fn beside(mapping: &str, data: Arc<Database>, limits: Limits) -> Self {
        let mut door = Self::over(load(mapping, &[("DATABASE", &data.url, true)]), limits).await;
        door.data = Some(data);
        door
    }

    /// Over a mapping of the test's own and a new database.
    pub(crate) async fn over_tables(mapping: &str, script: &str) -> Self {
        Self::over_data(mapping, Database::tables(script).await).await
    }

    /// The same over a database that is there.
    pub(crate) async fn over_data(mapping: &str, data: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapping.yaml");
        std::fs::write(&file, mapping).unwrap();
        Self::over_database(file.to_str().unwrap(), data, LIMITS).await
    }

    /// Another gateway over the same database.
    pub(crate) async fn another(&self, mapping: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapping.yaml");
        std::fs::write(&file, mapping).unwrap();
        Self::beside(file.to_str().unwrap(), self.data.clone().unwrap(), LIMITS).await
    }

    pub(crate) fn data(&self) -> &Database {
        self.data.as_ref().unwrap()
    }

    /// Over an app at this address, with the mapping of the easy app.
    pub(crate) async fn acme(url: &str, limits: Limits) -> Self {
        let mapping = load("benches/acme.yaml", &[("ACME_URL", url, false), ("ACME_TOKEN", "s3cret", true)]);
        Self::over(mapping, limits).await
    }

    /// Over an app at this address, with a mapping of the test's own.
    pub(crate) async fn over_text(mapping: &str, url: &str, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mapping.yaml");
        std::fs::write(&file, mapping).unwrap();
        let vars = [("ACME_URL", url, false), ("ACME_TOKEN", "s3cret", true)];
        Self::over(load(file.to_str().unwrap(), &vars), limits).await
    }

    async fn over(mut mapping: Mapping, limits: Limits) -> Self {
        // causes stand in the log alone; a test that fails shows them
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_test_writer();
        let _ = log.try_init();
        let (call_time, answer_bytes) = match mapping.app {
            mapping::App::Rest(_) => (Duration::from_millis(500), 200_000),
            mapping::App::Sql(_) => (Duration::from_secs(20), 16 << 20),
        };
        let of_call = backend::Limits { call_time, answer_bytes, depth: 32 };
        let backend = Backend::open(&mapping.app, of_call).await.unwrap();
        let catalog = gateway::catalog(&backend, &mapping).await.unwrap();
        mapping.learn(catalog);
        let gateway = Arc::new(Gateway::new(&mapping, backend, "/scim/v2", BASE, limits));
        Self { gateway, profile: Profile::TOLERANT, client: "test", tenant: None, data: None }
    }

    pub(crate) fn strict(mut self) -> Self {
        self.profile = Profile::STRICT;
        self
    }

    /// The same door for another client.
    pub(crate) fn by(mut self, client: &'static str) -> Self {
        self.client = client;
        self
    }

    /// The same gateway for a client of this tenant.
    pub(crate) fn of(&self, name: &str, values: &Value) -> Self {
        let values = values.as_object().unwrap().clone().into_iter().collect();
        Self { tenant: Some(Arc::new(Tenant { name: name.to_owned(), values })), ..self.clone() }
    }

    pub(crate) fn with_cursor_keys(mut self, keys: &[portolan::config::CursorKey]) -> Self {
        let gateway = Arc::into_inner(self.gateway).expect("nobody else has it yet");
        self.gateway = Arc::new(gateway.with_cursor_keys(keys));
        self
    }

    pub(crate) async fn app_answers(&self) -> bool {
        self.gateway.app_answers().await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let _beside = COUNTING.read().await;
        self.through(method, path, &[("content-type", content_type)], body.into()).await
    }

    /// A request for one version of what is there: `header` is `if-match` or `if-none-match`.
    pub(crate) async fn ask_if(
        &self,
        header: &'static str,
        tag: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let _beside = COUNTING.read().await;
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/scim+json"), (header, tag)];
        self.through(method, path, &headers, text.into()).await
    }

    async fn through(&self, method: &str, path: &str, headers: &[(&'static str, &str)], body: Bytes) -> Answer {
        let asked = format!("{method} {path}");
        let mut request = Request::new(body);
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = format!("/scim/v2{path}").parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        request.extensions_mut().insert(Caller {
            client: self.client.into(),
            profile: self.profile,
            tenant: self.tenant.clone(),
        });
        request.extensions_mut().insert(RequestId("r-1".into()));
        let (head, body) = self.gateway.answer(request).await.into_parts();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect(&asked) };
        Answer { status: head.status.as_u16(), headers: head.headers, body, asked }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, "application/scim+json", text).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Value::Null).await
    }

    /// The resources that a filter finds, as `path`'s list.
    pub(crate) async fn find(&self, path: &str, filter: &str) -> Answer {
        let mark = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{mark}filter={}", encoded(filter))).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.ask("PATCH", path, json!({"schemas": [PATCH_OP], "Operations": operations})).await
    }

    /// What a request costs: the calls of this process while nobody else asks.
    pub(crate) async fn cost(&self, method: &str, path: &str, body: Value) -> (Answer, u64) {
        let _alone = COUNTING.write().await;
        let before = calls_made();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.through(method, path, &[("content-type", "application/scim+json")], text.into()).await;
        (answer, calls_made() - before)
    }

    /// The first column of a statement on the app's own database, one line a row.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<String> {
        self.data.as_ref().unwrap().lines(sql).await
    }

    /// Everything in the database, to see that nothing was written.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (table, columns) in [
            (
                "staff_person",
                "person_no, logon, fore_nm, sur_nm, known_as, job_title, dept_cd, acct_state, left_on, idp_ref, chg_at",
            ),
            ("mailbox", "mbx_no, person_no, addr, kind, is_main"),
            ("team", "team_no, label, idp_ref, chg_at"),
            ("team_person", "team_no, person_no"),
        ] {
            all.extend(self.sql(&format!("select json_array({columns}) from {table} order by 1")).await);
        }
        all
    }
}

impl Answer {
    /// The body, if the status is this.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, short(&self.body));
        self.body
    }

    /// The detail, if it is this error. Every error has the same form (RFC 7644 §3.12).
    #[track_caller]
    pub(crate) fn fails(self, status: u16, scim_type: &str) -> String {
        assert_eq!(self.status, status, "{}: {}", self.asked, short(&self.body));
        assert_eq!(self.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{}", self.asked);
        assert_eq!(self.body["status"], json!(status.to_string()), "{}", self.asked);
        assert_eq!(
            self.body["scimType"].as_str().unwrap_or_default(),
            scim_type,
            "{}: {}",
            self.asked,
            short(&self.body)
        );
        assert_eq!(self.headers["content-type"], "application/scim+json");
        let detail = self.body["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.len() > 10, "{}: an error should say something", self.asked);
        detail
    }

    /// The ids of a whole list answer, in order; its counts agree with them.
    #[track_caller]
    pub(crate) fn ids(self) -> Vec<String> {
        let body = self.is(200);
        let resources = body["Resources"].as_array().unwrap();
        assert_eq!(body["itemsPerPage"], json!(resources.len()), "{body}");
        resources.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn short(body: &Value) -> String {
    body.to_string().chars().take(500).collect()
}

pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(crate) fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name})
}

pub(crate) fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|m| json!({"value": m})).collect();
    json!({"schemas": [GROUP], "displayName": name, "members": members})
}

/// The `value`s of a list, sorted.
pub(crate) fn values(list: &Value) -> Vec<&str> {
    let mut found: Vec<&str> = list.as_array().into_iter().flatten().filter_map(|i| i["value"].as_str()).collect();
    found.sort_unstable();
    found
}

fn load(file: &str, vars: &[(&str, &str, bool)]) -> Mapping {
    let vars = vars.iter().map(|(name, value, secret)| {
        ((*name).to_owned(), Var { value: (*value).to_owned(), secret: *secret, place: None })
    });
    let loaded = mapping::load(Path::new(file), &Vars::Given(vars.collect()));
    let (mapping, warnings) = loaded.unwrap_or_else(|faults| panic!("{}", faults.to_json()));
    assert!(!warnings.has_errors());
    mapping
}
