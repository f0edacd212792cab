//! A TCP connection that is closed so that what was written last is read; must not know what it was.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::heads::Heads;
use crate::limits;

/// A connection of the public listener, and the place it holds among all connections.
///
/// The kernel resets a connection that is closed with unread input, and a reset takes from the other
/// end what it has not read yet: the reason for closing above all. So when this is dropped, only the
/// writing half is closed at first. What still comes is read and thrown away until the other end has
/// closed as well, for [`limits::LINGER_TIMEOUT`] at most, and the place is held until then.
pub(super) struct Connection {
    /// Taken when this is dropped, and not before.
    stream: Option<TcpStream>,
    place: Arc<OwnedSemaphorePermit>,
    /// Where those are counted that still wait for the other end.
    lingering: TaskTracker,
    /// Hears of what comes, as long as it is HTTP.
    heads: Arc<Heads>,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        lingering: TaskTracker,
        heads: Arc<Heads>,
    ) -> Self {
        Self {
            stream: Some(stream),
            place: Arc::new(place),
            lingering,
            heads,
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("is taken by drop alone")
    }

    fn pinned(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(
            self.get_mut()
                .stream
                .as_mut()
                .expect("is taken by drop alone"),
        )
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        let closed = SockRef::from(&stream).shutdown(Shutdown::Write);
        // Most of the time the other end has closed first, and there is nothing to wait for.
        if closed.is_err() || discard(&stream).is_break() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let place = Arc::clone(&self.place);
        let lingering = async move {
            let other_end = async {
                while stream.readable().await.is_ok() && discard(&stream).is_continue() {}
            };
            timeout(limits::LINGER_TIMEOUT, other_end).await.ok();
            drop(place);
        };
        self.lingering.spawn_on(lingering, &runtime);
    }
}

/// Throws away what one system call reads; whether more may come.
fn discard(stream: &TcpStream) -> ControlFlow<()> {
    let mut scrap = [0; 4096];
    match stream.try_read(&mut scrap) {
        Ok(0) => ControlFlow::Break(()),
        Ok(_) => ControlFlow::Continue(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let heads = Arc::clone(&self.heads);
        let filled = buffer.filled().len();
        let read = self.pinned().poll_read(context, buffer);
        if buffer.filled().len() > filled {
            heads.input();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write(context, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.as_mut().pinned().poll_flush(context));
        // hyper flushes what it has written, and that is all it had.
        self.heads.left();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_shutdown(context)
    }
}
