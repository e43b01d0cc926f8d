//! A layer of the stack as an async function of the policy, a request and the rest of the stack, made into what tower
//! wants of one.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use tower::{Layer, Service};

use super::stack::{Answer, Policy};

/// A body that can be read.
pub(super) trait Reads: Body<Data = Bytes> + Unpin {}
impl<B: Body<Data = Bytes> + Unpin> Reads for B {}

/// The rest of the stack, as a layer sees it.
pub(super) trait Next<B>: Service<Request<B>, Response = Response<Bytes>, Error = Infallible> {}
impl<B, S: Service<Request<B>, Response = Response<Bytes>, Error = Infallible>> Next<B> for S {}

/// A tower layer from an async function.
#[derive(Clone)]
pub(super) struct Around<F> {
    policy: Arc<Policy>,
    function: F,
}

/// The layer that `function` is.
pub(super) fn around<F>(policy: &Arc<Policy>, function: F) -> Around<F> {
    Around { policy: policy.clone(), function }
}

impl<F: Clone, S> Layer<S> for Around<F> {
    type Service = Wrapped<F, S>;

    fn layer(&self, next: S) -> Wrapped<F, S> {
        Wrapped { layer: self.clone(), next }
    }
}

/// The rest of the stack with the layer around it.
#[derive(Clone)]
pub(super) struct Wrapped<F, S> {
    layer: Around<F>,
    next: S,
}

impl<B, F, S, A> Service<Request<B>> for Wrapped<F, S>
where
    F: Fn(Arc<Policy>, Request<B>, S) -> A,
    A: Future<Output = Answer>,
    S: Clone,
{
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = A;

    // Ready always: a service that cannot take a request yet is awaited inside the call, under the time limit.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> A {
        (self.layer.function)(self.layer.policy.clone(), request, self.next.clone())
    }
}
