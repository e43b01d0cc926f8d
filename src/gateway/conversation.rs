//! Conversations: what a mapping's author wrote down of how SCIM requests go, and whether they go like that. The gateway
//! that answers is the one that serves; only the app is played, an HTTP app by the replies that are written beside the
//! calls, a database by a file made new from its script for each conversation.

mod compare;
mod read;

use std::{
    fs::{self, DirBuilder},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use crate::{
    backend::{
        self, Backend,
        script::{Expected, Script},
        sql::{Sql, run_script},
    },
    config::{Limits, Tenant},
    mapping::{
        App, Mapping,
        sql::{Engine, Url},
        term::not_random,
    },
    plan::Fault,
    scim::profile::Profile,
};

use super::{
    Error, Gateway,
    caller::{Caller, RequestId},
    catalog,
    rescue::rescue,
};

pub use compare::Difference;
pub use read::load;

/// What the paths of requests may begin with.
pub const BASE_PATH: &str = "/scim/v2";
/// What `meta.location` begins with.
pub const BASE_URL: &str = "https://scim.example.com/scim/v2";

/// What stands in a target that nobody encoded, and cannot stand in a URI.
const BARE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A mapping and the conversations beside it.
#[derive(Debug)]
pub struct Suite {
    /// The file of the conversations, as it is shown.
    pub file: String,
    mapping: Mapping,
    /// Of a database: the script that makes it.
    script: Option<String>,
    conversations: Vec<Conversation>,
}

/// One conversation: requests one after the other.
#[derive(Debug)]
struct Conversation {
    name: String,
    exchanges: Vec<Exchange>,
}

/// A request, the calls it shall lead to, and what shall be answered.
#[derive(Debug)]
struct Exchange {
    request: Asked,
    calls: Vec<Expected>,
    response: Wanted,
}

#[derive(Debug)]
struct Asked {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    profile: Profile,
    tenant: Option<Arc<Tenant>>,
}

/// The answer as far as it is stated.
#[derive(Debug)]
struct Wanted {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

/// How a conversation went.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Where it went otherwise; nothing where it went as written.
    pub differences: Vec<Difference>,
}

impl Suite {
    /// Goes through the conversations in order.
    ///
    /// # Errors
    /// The database cannot be made from its script, or does not have what the mapping names; a sentence.
    pub async fn run(&self) -> Result<Vec<Outcome>, String> {
        let mut outcomes = Vec::new();
        for conversation in &self.conversations {
            let differences = self.hold(conversation).await?;
            outcomes.push(Outcome { name: conversation.name.clone(), differences });
        }
        Ok(outcomes)
    }

    async fn hold(&self, conversation: &Conversation) -> Result<Vec<Difference>, String> {
        let mut found = Vec::new();
        match (&self.mapping.app, &self.script) {
            (App::Rest(app), _) => {
                for exchange in &conversation.exchanges {
                    let script = Arc::new(Script::new(app.clone(), exchange.calls.clone(), backend_limits()));
                    let gateway = self.gateway(Backend::Script(script.clone()));
                    let (answer, error) = gateway.reply(&exchange.request, &conversation.name).await?;
                    // What follows a wrong call follows from it.
                    if let Some(astray) = script.astray() {
                        found.push(Difference::said(astray));
                        break;
                    }
                    found.extend(script.unused().into_iter().map(|c| Difference::said(format!("not called: {c}"))));
                    compare::response(&exchange.response, &answer, error, &mut found);
                }
            }
            (App::Sql(app), _) if app.url.engine() != Engine::Sqlite => {
                return Err(
                    "conversations with a database are held with SQLite; give the URL as `${DATABASE}`".to_owned()
                );
            }
            (App::Sql(app), script) => {
                let scratch = Scratch::new()?;
                let file = scratch.0.join("app.sqlite");
                run_script(&file, script.as_deref().unwrap_or_default()).await.map_err(|e| e.to_string())?;
                let sql = Sql::open(&Url::Sqlite(file), backend_limits(), app.answers.clone())
                    .await
                    .map_err(|e| e.to_string())?;
                let backend = Backend::Sql(sql);
                catalog(&backend, &self.mapping).await?;
                let gateway = self.gateway(backend);
                for exchange in &conversation.exchanges {
                    let (answer, error) = gateway.reply(&exchange.request, &conversation.name).await?;
                    compare::response(&exchange.response, &answer, error, &mut found);
                }
            }
        }
        Ok(found)
    }

    fn gateway(&self, backend: Backend) -> Gateway {
        let limits = (&Limits::default()).into();
        Gateway::new(&self.mapping, backend, BASE_PATH, BASE_URL, limits).with_random(not_random)
    }
}

impl Gateway {
    /// The answer, and where it is an error the cause that would stand in the log.
    async fn reply(&self, asked: &Asked, name: &str) -> Result<(Response<Bytes>, Option<String>), String> {
        let below = below_base(&asked.target);
        let target = format!("{BASE_PATH}{}", utf8_percent_encode(below, BARE));
        let caller = Caller { client: "test".into(), profile: asked.profile, tenant: asked.tenant.clone() };
        let mut request = Request::builder()
            .method(asked.method.clone())
            .uri(target)
            .extension(caller)
            .body(asked.body.clone())
            .map_err(|e| format!("`{}` is not a target of a request: {e}", asked.target))?;
        *request.headers_mut() = asked.headers.clone();
        let number = RequestId(name.into());
        Ok(match self.try_answer(&request).await {
            Ok(answer) => (answer, None),
            Err(error) => (rescue(&error, Some(&number)), cause(&error)),
        })
    }
}

/// What of a request's path or target is below the base path; most people leave the base path away.
#[must_use]
pub fn below_base(target: &str) -> &str {
    match target.strip_prefix(BASE_PATH) {
        Some(below) if below.is_empty() || below.starts_with(['/', '?']) => below,
        _ => target,
    }
}

/// What a client is not told and the author of a mapping must know.
fn cause(error: &Error) -> Option<String> {
    match error {
        Error::Plan(Fault::Unmade(cause)) => Some(cause.clone()),
        Error::Plan(Fault::Unreadable(unreadable)) => Some(unreadable.message.clone()),
        // A script says itself where it was left.
        Error::Backend(failure) if failure.kind != backend::Kind::OffScript => Some(failure.to_string()),
        Error::After(error, _) | Error::Unsure(error) => cause(error),
        Error::BrokenPromise(filter) => {
            Some(format!("a row does not fulfil `{filter}`, which a rule promised exactly"))
        }
        _ => None,
    }
}

fn backend_limits() -> backend::Limits {
    let Limits { upstream_time, answer, .. } = Limits::default();
    backend::Limits { call_time: upstream_time, answer_bytes: answer, depth: backend::DEPTH }
}

/// A folder of our own that goes when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portolan-test-{}-{number}", std::process::id()));
        let mut builder = DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|e| format!("cannot make the folder {}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is a small file in a folder for temporary ones.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The file of conversations that belongs to a mapping: `acme.test.yaml` beside `acme.yaml`.
fn beside(mapping: &Path) -> PathBuf {
    mapping.with_extension("test.yaml")
}
