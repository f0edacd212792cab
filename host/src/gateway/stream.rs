//! The byte stream that socketioxide reads from and writes to; must not know what passes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::output::Output;
use super::screen::{Refused, Screen};

/// Bytes that one system call reads at most.
const READ_BYTES: usize = 512;

/// Reads from the connection's socket, writes into its [`Output`]. A write always takes the whole
/// buffer, so that socketioxide's frames stay whole between the gateway's own, and never fails:
/// socketioxide would forget to end a session whose handshake failed. The end of a connection
/// shows on the reading side alone.
pub(super) struct EngineStream {
    output: Arc<Output>,
    screen: Screen,
}

impl EngineStream {
    /// `early` is what the client sent together with its upgrade request.
    pub(super) fn new(output: Arc<Output>, early: &[u8]) -> Self {
        let screen = Screen::new(early);
        output.received(early.len());
        Self { output, screen }
    }
}

impl AsyncRead for EngineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Where there is no room for more, the client waits, as on a slow line.
        ready!(self.output.poll_reading(context));
        let this = &mut *self;
        this.output.reader.register(context.waker());
        loop {
            if this.output.has_ended() {
                return Poll::Ready(Ok(()));
            }
            let refuse = |refused: Refused| this.output.refuse(refused);
            if let Some(bytes) = this.screen.read(buffer.remaining(), refuse) {
                buffer.put_slice(&bytes);
                return Poll::Ready(Ok(()));
            }
            let Some(stream) = this.output.stream() else {
                return Poll::Ready(Ok(()));
            };
            ready!(stream.poll_read_ready(context))?;
            let input = this.screen.input();
            input.reserve(READ_BYTES);
            match stream.try_read_buf(input) {
                Ok(length @ 1..) => this.output.received(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                end => {
                    this.output.input_ended.store(true, Ordering::Release);
                    return Poll::Ready(end.map(drop));
                }
            }
        }
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.take_engine_frames(buffer);
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for EngineStream {
    fn drop(&mut self) {
        self.output.engine_left();
    }
}
