//! The bytes of a connection as they pass to hyper, and its pulse: what it waits for, and since when.
//!
//! Two things cannot be learned from hyper. A request with both Content-Length and Transfer-Encoding reaches the
//! service with the first silently removed; and hyper's one header timeout also ends an idle connection, so a short
//! limit on slow heads would be a short keep-alive too. Reading along (line ends, two header names, a length to skip)
//! tells both.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::settings::Limits;

/// How long a closing connection may take to send its last bytes.
const LINGER: Duration = Duration::from_secs(1);

/// What the wire showed of one HTTP/1 head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Content-Length and Transfer-Encoding both: two readers may see two different bodies.
    pub(super) ambiguous: bool,
    /// Where the next head begins is not known; this is the connection's last request.
    pub(super) last: bool,
}

#[derive(Debug)]
enum Phase {
    /// Between messages.
    Between,
    /// Inside a head: how far its lines were read.
    Head { length: Option<Option<u64>>, encoded: bool },
    /// Inside a body with this many bytes to come.
    Body(u64),
    /// No longer reading along: HTTP/2, a tunnel, or a chunked body.
    Blind,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The beginning of the head's current line.
    line: Vec<u8>,
    /// Heads that the service has not asked for yet.
    heads: VecDeque<Head>,
    /// No head has been whole yet.
    fresh: bool,
    closing: bool,
    /// Requests being answered.
    busy: usize,
    /// When it last came to rest, or a head began.
    since: Instant,
}

/// One connection's pulse, shared by its wire and its service.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Mutex<State>>);

/// A request being answered.
#[derive(Debug)]
pub(super) struct Busy(Pulse);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            phase: Phase::Between,
            line: Vec::new(),
            heads: VecDeque::new(),
            fresh: true,
            closing: false,
            busy: 0,
            since: Instant::now(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is being answered until the token is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.state().busy += 1;
        Busy(self.clone())
    }

    /// The oldest HTTP/1 head not yet asked for.
    pub(super) fn next_head(&self) -> Head {
        self.state().heads.pop_front().unwrap_or(Head { ambiguous: false, last: true })
    }

    /// What follows is not HTTP.
    pub(super) fn tunnelled(&self) {
        self.state().phase = Phase::Blind;
    }

    /// No further request is wanted.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closing = true;
        state.since = Instant::now();
    }

    /// When patience with this connection ends; never while a request is being answered.
    pub(super) fn patience(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        let within_head = state.fresh || matches!(state.phase, Phase::Head { .. });
        let patience = match (within_head, state.closing) {
            _ if state.busy > 0 => return None,
            (true, true) => Duration::ZERO,
            (true, false) => limits.header_time,
            (false, true) => LINGER,
            (false, false) => limits.keep_alive,
        };
        Some(state.since + patience)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy = state.busy.saturating_sub(1);
        state.since = Instant::now();
    }
}

impl State {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match &mut self.phase {
                Phase::Blind => return,
                Phase::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= here as u64;
                    bytes = &bytes[here..];
                    if *left == 0 {
                        self.phase = Phase::Between;
                    }
                    continue;
                }
                // Empty lines before a head are allowed, and no sign of one.
                Phase::Between if matches!(byte, b'\r' | b'\n') => {}
                Phase::Between => {
                    self.phase = Phase::Head { length: None, encoded: false };
                    if !self.fresh {
                        self.since = Instant::now();
                    }
                    continue;
                }
                Phase::Head { .. } if byte == b'\n' => self.end_of_line(),
                // Long enough for the names and a length; the rest of a line does not matter.
                Phase::Head { .. } if self.line.len() < 64 => self.line.push(byte),
                Phase::Head { .. } => {}
            }
            bytes = rest;
        }
    }

    fn end_of_line(&mut self) {
        let Phase::Head { length, encoded } = &mut self.phase else { return };
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        if !line.is_empty() {
            if self.fresh && line == b"PRI * HTTP/2.0" {
                self.phase = Phase::Blind;
                self.fresh = false;
            } else if let Some(colon) = line.iter().position(|&b| b == b':') {
                let (name, value) = line.split_at(colon);
                if name.eq_ignore_ascii_case(b"content-length") {
                    *length = Some(std::str::from_utf8(&value[1..]).ok().and_then(|v| v.trim().parse().ok()));
                } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                    *encoded = true;
                }
            }
            self.line.clear();
            return;
        }
        let head = Head { ambiguous: *encoded && length.is_some(), last: *encoded || *length == Some(None) };
        self.phase = match *length {
            _ if head.last => Phase::Blind,
            Some(Some(bytes)) if bytes > 0 => Phase::Body(bytes),
            _ => Phase::Between,
        };
        self.heads.push_back(head);
        self.line.clear();
        self.fresh = false;
        self.since = Instant::now();
    }
}

/// A stream that takes its own pulse.
#[derive(Debug)]
pub(super) struct Wire<T> {
    stream: T,
    pulse: Pulse,
}

impl<T> Wire<T> {
    pub(super) fn new(stream: T, pulse: Pulse) -> Self {
        Self { stream, pulse }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.state().read(&buf.filled()[before..]);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(bytes: &[u8], step: usize) -> Vec<(bool, bool)> {
        let pulse = Pulse::new();
        for piece in bytes.chunks(step) {
            pulse.state().read(piece);
        }
        let state = pulse.state();
        state.heads.iter().map(|head| (head.ambiguous, head.last)).collect()
    }

    #[test]
    fn heads_are_seen_however_the_bytes_are_cut() {
        let (plain, both, chunked) = ((false, false), (true, true), (false, true));
        let table: [(&str, &[(bool, bool)]); 9] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[plain]),
            ("\r\n\r\nGET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\n\r\n", &[plain, plain]),
            ("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", &[plain, plain]),
            ("POST / HTTP/1.1\r\ncontent-length:  4 \r\ntransfer-ENCODING: chunked\r\n\r\n", &[both]),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", &[both]),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", &[chunked]),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", &[chunked]),
            ("POST / HTTP/1.1\r\nX-Content-Length: 9\r\nA: Transfer-Encoding: b\r\n\r\n", &[plain]),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
        ];
        for (bytes, want) in table {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(heads(bytes.as_bytes(), step), want, "{bytes:?} by {step}");
            }
        }
    }

    #[test]
    fn a_tunnel_is_not_read_along() {
        let pulse = Pulse::new();
        pulse.tunnelled();
        pulse.state().read(b"GET / HTTP/1.1\r\n\r\n");
        assert!(pulse.state().heads.is_empty());
    }
}
