//! An app of the test's own: a function from a call to an answer, behind plain HTTP. It writes down every call with its body.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Barrier};

/// A call as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query as they came.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }
}

/// An answer: status, headers, body.
pub(crate) struct Told(pub(crate) u16, pub(crate) Vec<(&'static str, String)>, pub(crate) String);

/// An answer in JSON.
pub(crate) fn told(status: u16, body: &Value) -> Told {
    Told(status, vec![("content-type", "application/json".into())], body.to_string())
}

/// Calls that wait for each other.
#[derive(Default)]
struct Gathering {
    begin: String,
    first: Option<(usize, Barrier)>,
    arrived: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) struct OddApp {
    calls: Mutex<Vec<String>>,
    gathering: Mutex<Arc<Gathering>>,
    answer: Box<dyn Fn(&Asked) -> Told + Send + Sync>,
}

impl OddApp {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> (Arc<Self>, String) {
        let app = Arc::new(Self { calls: Mutex::default(), gathering: Mutex::default(), answer: Box::new(answer) });
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

    /// The calls since the last time, each with its body.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// From now on, calls that begin so are not answered until so many of them are under way.
    pub(crate) fn gather(&self, begin: &str, most: usize) {
        let first = Some((most, Barrier::new(most)));
        *self.gathering.lock().unwrap() =
            Arc::new(Gathering { begin: begin.to_owned(), first, ..Gathering::default() });
    }

    /// The most of them that were under way at once.
    pub(crate) fn gathered(&self) -> usize {
        self.gathering.lock().unwrap().most.load(SeqCst)
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let target = head.uri.path_and_query().unwrap().to_string();
        let asked = Asked { method: head.method, target, headers: head.headers, body };
        let said = format!("{} {}", asked.line(), asked.text());
        self.calls.lock().unwrap().push(said.trim_end().to_owned());
        let gathering = self.gathering.lock().unwrap().clone();
        let gathers = gathering.first.as_ref().filter(|_| said.starts_with(&gathering.begin));
        if let Some((most, first)) = gathers {
            gathering.most.fetch_max(gathering.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            if gathering.arrived.fetch_add(1, SeqCst) < *most {
                first.wait().await;
            }
        }
        let Told(status, headers, body) = (self.answer)(&asked);
        if gathers.is_some() {
            gathering.under_way.fetch_sub(1, SeqCst);
        }
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(Full::new(body.into())).unwrap())
    }
}
