//! A connection of the internal listener: it says when something comes over it and when an answer has
//! left, and fails when what is written is not taken. It must not know what that is.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http::Response;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::heads::Heads;
use crate::uptime;

/// What an answer carries that is to be dropped when the whole of it has been handed to the kernel, or
/// its connection is gone.
#[derive(Clone)]
pub(super) struct UntilSent {
    _carried: Arc<dyn Any + Send + Sync>,
}

impl UntilSent {
    pub(super) fn new(carried: impl Any + Send + Sync) -> Self {
        Self {
            _carried: Arc::new(carried),
        }
    }
}

/// What answers carried that hyper has taken, of one connection, until they are written.
#[derive(Default)]
pub(super) struct Unsent(Mutex<Vec<UntilSent>>);

impl Unsent {
    /// Keeps what the answer carries until it has left.
    pub(super) fn watch(self: &Arc<Self>, mut response: Response<Body>) -> Response<Leaving> {
        let carried = response.extensions_mut().remove();
        let unsent = Arc::clone(self);
        response.map(|body| Leaving {
            body,
            carried,
            unsent,
        })
    }
}

/// The body of an answer.
pub(super) struct Leaving {
    body: Body,
    carried: Option<UntilSent>,
    unsent: Arc<Unsent>,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        // hyper has all of it now, and writes it before it flushes next.
        self.unsent.0.lock().extend(self.carried.take());
    }
}

/// A connection that says when something comes over it.
pub(super) struct Watched {
    stream: TcpStream,
    heads: Arc<Heads>,
    unsent: Arc<Unsent>,
    /// How long nothing may be taken of what is written.
    patience: Duration,
    /// Ends when nothing was taken for so long; there while something waits.
    stalled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Watched {
    /// `patience` is how long the other end may take nothing of what is written.
    pub(super) fn new(
        stream: TcpStream,
        heads: Arc<Heads>,
        unsent: Arc<Unsent>,
        patience: Duration,
    ) -> Self {
        Self {
            stream,
            heads,
            unsent,
            patience,
            stalled: None,
        }
    }

    /// What a write came to: it fails if none has for too long.
    fn unless_stalled(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(uptime::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "nothing of an answer was read for too long",
        )))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > before {
            self.heads.input();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.unless_stalled(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.unless_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        // hyper flushes what it has written, and that is all it had.
        self.unsent.0.lock().clear();
        self.heads.left();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
