//! One request to the app and its whole answer, in bytes. One client, one origin: a call names a path and a query, never a host,
//! and a redirect is an answer like any other, so no data of the app or of ours can lead a call elsewhere.

use std::{error::Error, io::Read, time::Duration};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_ENCODING, response::Parts, uri::Scheme};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::backend::{Failure, Kind, Limits, OpenError};

/// A host that does not take a connection in this time is away; so most calls that time out are known to be unsent.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// Shorter than the five seconds after which common servers close a quiet connection: a call written into a connection
/// that is just being closed would be lost, and not every call may be sent again.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// A client with its connections.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
    answer_bytes: usize,
}

/// Plain where the app's URL is plain: such a gateway runs where there are no root certificates.
#[derive(Debug)]
enum Client {
    Plain(legacy::Client<HttpConnector, Full<Bytes>>),
    Tls(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Wire {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// The scheme is `https` and there are no root certificates.
    pub(super) fn open(scheme: Option<&Scheme>, ca: Option<&str>, limits: Limits) -> Result<Self, OpenError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIME.min(limits.call_time)));
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIME);
        let client = if scheme == Some(&Scheme::HTTPS) {
            let tls = HttpsConnectorBuilder::new();
            let tls = match ca {
                Some(ca) => tls.with_tls_config(own_roots(ca)?),
                None => tls
                    .with_native_roots()
                    .map_err(|e| OpenError(format!("no root certificates to check the app's with: {e}")))?,
            };
            Client::Tls(builder.build(tls.https_only().enable_all_versions().wrap_connector(tcp)))
        } else {
            Client::Plain(builder.build(tcp))
        };
        Ok(Self { client, answer_bytes: limits.answer_bytes })
    }

    /// The answer with its whole body.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(Parts, Bytes), Failure> {
        let (head, body) = self.send(request).await.map_err(|e| no_answer(&e))?.into_parts();
        let body = Limited::new(body, self.answer_bytes).collect().await.map_err(|e| self.half_answer(&*e))?.to_bytes();
        let body = match head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => body,
            Some(b"gzip") if body.is_empty() => body,
            Some(b"gzip") => self.unzipped(&body)?,
            Some(_) => {
                let message = "the app's answer is compressed in a way that was not asked for";
                return Err(Failure::after_sending(Kind::Nonsense, message));
            }
        };
        Ok((head, body))
    }

    /// The status alone.
    pub(super) async fn status(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, Failure> {
        self.send(request).await.map(|answer| answer.status()).map_err(|e| no_answer(&e))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, legacy::Error> {
        match &self.client {
            Client::Plain(client) => client.request(request).await,
            Client::Tls(client) => client.request(request).await,
        }
    }

    /// As much as is allowed, and no more, however little of it was sent.
    fn unzipped(&self, body: &[u8]) -> Result<Bytes, Failure> {
        let most = u64::try_from(self.answer_bytes).unwrap_or(u64::MAX);
        let mut whole = Vec::new();
        let read = MultiGzDecoder::new(body).take(most.saturating_add(1)).read_to_end(&mut whole);
        read.map_err(|_| Failure::after_sending(Kind::Nonsense, "the app's answer says it is gzip and is not"))?;
        if whole.len() > self.answer_bytes {
            return Err(self.too_large());
        }
        Ok(whole.into())
    }

    fn too_large(&self) -> Failure {
        Failure::after_sending(Kind::TooLarge, format!("the app's answer is larger than {} bytes", self.answer_bytes))
    }

    fn half_answer(&self, error: &(dyn Error + 'static)) -> Failure {
        if error.is::<LengthLimitError>() {
            return self.too_large();
        }
        Failure::after_sending(Kind::Lost, format!("the app's answer broke off: {}", causes(error)))
    }
}

/// TLS that trusts these and nobody else.
fn own_roots(pem: &str) -> Result<ClientConfig, OpenError> {
    let bad = |why: String| OpenError(format!("`ca` of the app: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| bad(format!("this is no certificate in PEM: {e}")))?;
        roots.add(certificate).map_err(|e| bad(format!("this certificate cannot be a root: {e}")))?;
    }
    if roots.is_empty() {
        return Err(bad("there is no certificate in it; write the text of a PEM file".to_owned()));
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn no_answer(error: &legacy::Error) -> Failure {
    let causes = causes(error);
    if error.is_connect() {
        return Failure::new(Kind::Unreachable, format!("the app cannot be reached: {causes}"));
    }
    let hyper = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    if hyper.is_some_and(hyper::Error::is_parse) {
        return Failure::after_sending(Kind::Nonsense, format!("what the app answered is not HTTP: {causes}"));
    }
    Failure::after_sending(Kind::Lost, format!("the connection broke before the app answered: {causes}"))
}

/// The client's own words stop at "client error"; what happened stands below.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text
}
