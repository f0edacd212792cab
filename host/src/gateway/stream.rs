//! The byte stream that socketioxide reads from and writes to; must not know what passes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::output::Output;

/// Reads from the connection's socket, writes into its [`Output`]. A write always takes the whole
/// buffer, so that socketioxide's frames stay whole between the gateway's own, and never fails:
/// socketioxide would forget to end a session whose handshake failed. The end of a connection
/// shows on the reading side alone.
pub(super) struct EngineStream {
    output: Arc<Output>,
    /// What the client sent together with its upgrade request.
    early: Bytes,
}

impl EngineStream {
    pub(super) fn new(output: Arc<Output>, early: Bytes) -> Self {
        Self { output, early }
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
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..length]);
            self.early.advance(length);
            self.output.received(length);
            return Poll::Ready(Ok(()));
        }
        self.output.reader.register(context.waker());
        let Some(stream) = self.output.stream() else {
            return Poll::Ready(Ok(()));
        };
        loop {
            if self.output.has_ended() {
                return Poll::Ready(Ok(()));
            }
            ready!(stream.poll_read_ready(context))?;
            match stream.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(length) if length > 0 => {
                    buffer.advance(length);
                    self.output.received(length);
                    return Poll::Ready(Ok(()));
                }
                end => {
                    self.output.input_ended.store(true, Ordering::Release);
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
