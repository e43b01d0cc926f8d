//! The bytes between the gateway and an HTTP app: TLS with roots of a company's own, HTTP/2, compressed answers and those that
//! only claim to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{convert::Infallible, io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Method, Request, Response, Version};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use portolan::{
    backend::{Backend, Failure, Kind, Limits},
    mapping::{
        App,
        answer::Class,
        auth::Auth,
        rest::{Origin, Pace, RestApp},
    },
    plan::call::{Call, HttpCall, Reply},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

const LIMITS: Limits = Limits { call_time: Duration::from_secs(5), answer_bytes: 100_000, depth: 16 };

async fn ask(origin: &str, ca: Option<String>) -> Result<Reply, Failure> {
    let origin = Arc::new(Origin { uri: origin.parse().unwrap(), prefix: String::new() });
    let (auth, answers, tenant, pace) = (Auth::default(), Vec::new(), Vec::new(), Pace::default());
    let app = App::Rest(Arc::new(RestApp { origin, ca, auth, answers, tenant, pace }));
    let backend = Backend::open(&app, LIMITS).await.unwrap();
    let (target, headers, answers) = ("/users".into(), Vec::new(), Arc::new([]));
    let call =
        HttpCall { method: Method::GET, target, headers, body: None, answers, repeat: true, open: None, linked: false };
    backend.read().await.unwrap().call(&Call::Http(call)).await
}

/// Somebody who vouches, in PEM, and an app that it vouches for, which tells the version of HTTP that it was asked in.
async fn vouched(host: &str) -> (String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(|request: Request<Incoming>| async move {
                let version = if request.version() == Version::HTTP_2 { "2" } else { "1" };
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("{{\"version\":{version}}}"))))
            });
            tokio::spawn(async move {
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (origin, ca.pem())
}

#[tokio::test]
async fn an_app_that_a_given_root_vouches_for() {
    let (origin, ca) = vouched("127.0.0.1").await;
    let reply = ask(&origin, Some(ca.clone())).await.unwrap();
    assert_eq!((reply.class, reply.body), (Class::Ok, json!({"version": 2})), "both speak HTTP/2");
    // Another root, or one for another host, vouches for nobody here; nothing is sent.
    let (elsewhere, other) = vouched("elsewhere.example").await;
    for (origin, ca) in [(&origin, other.clone()), (&elsewhere, other)] {
        let failure = ask(origin, Some(ca)).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (Kind::Unreachable, false), "{failure}");
    }
}

#[tokio::test]
async fn a_root_that_is_none_is_told_at_start() {
    for (ca, word) in [
        ("", "no certificate"),
        ("not PEM", "no certificate"),
        ("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "PEM"),
        ("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n", "cannot be a root"),
    ] {
        let origin = Arc::new(Origin { uri: "https://app.example".parse().unwrap(), prefix: String::new() });
        let (auth, answers, tenant, pace) = (Auth::default(), Vec::new(), Vec::new(), Pace::default());
        let app = RestApp { origin, ca: Some(ca.to_owned()), auth, answers, tenant, pace };
        let error = Backend::open(&App::Rest(Arc::new(app)), LIMITS).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// An app that answers every call with these bytes under this `Content-Encoding`.
async fn says(encoding: &'static str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let body = Bytes::from(body.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                assert_eq!(request.headers()["accept-encoding"], "gzip");
                let response = Response::builder().header("content-encoding", encoding).body(Full::new(body.clone()));
                async move { Ok::<_, Infallible>(response.unwrap()) }
            });
            tokio::spawn(async move {
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    origin
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_answers_are_read_up_to_the_limit() {
    let said = json!({"name": "Åse".repeat(100)});
    let reply = ask(&says("gzip", gzip(said.to_string().as_bytes())).await, None).await.unwrap();
    assert_eq!(reply.body, said);
    let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
    assert_eq!(ask(&says("gzip", two).await, None).await.unwrap().body, json!({"a": 1}));

    let bomb = gzip(&vec![b' '; 200 << 20]);
    let cut = gzip(said.to_string().as_bytes());
    for (encoding, body, kind) in [
        ("gzip", bomb, Kind::TooLarge),
        ("gzip", cut[..cut.len() - 9].to_vec(), Kind::Nonsense),
        ("gzip", b"{}".to_vec(), Kind::Nonsense),
        ("br", b"{}".to_vec(), Kind::Nonsense),
    ] {
        let failure = ask(&says(encoding, body).await, None).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (kind, true), "{failure}");
    }
}
