//! Bodies: collected whole under a limit on SCIM's road, thrown away where a request is refused, and held open as
//! long as hyper sends them.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::wire::Busy;

/// Why a body was not collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Longer than the limit, as announced or as sent.
    TooLarge,
    /// It ended before it was whole, or its chunks make no sense.
    Broken,
}

/// Reads a body whole.
pub(super) async fn collect<B: Body<Data = Bytes> + Unpin>(body: &mut B, limit: usize) -> Result<Bytes, Fault> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Fault::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
        if data.len() > limit - whole.len() {
            return Err(Fault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Reads and forgets what a refused request still sends. A socket closed with bytes unread is reset, and the reset can
/// overtake the answer: the client would see a broken connection in place of its 401. Bounded, since it is a kindness.
pub(super) async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    const BYTES: usize = 64 * 1024;
    const TIME: Duration = Duration::from_secs(1);
    let _ = tokio::time::timeout(TIME, collect_up_to(&mut body, BYTES)).await;
}

async fn collect_up_to<B: Body<Data = Bytes> + Unpin>(body: &mut B, mut left: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        if read >= left {
            return;
        }
        left -= read;
    }
}

/// An answer's body on its way out; its connection counts as busy until hyper has taken all of it.
pub(super) struct Outgoing {
    body: Either<Full<Bytes>, Incoming>,
    _busy: Busy,
}

impl Outgoing {
    pub(super) fn new(body: Either<Full<Bytes>, Incoming>, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        pin!(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
