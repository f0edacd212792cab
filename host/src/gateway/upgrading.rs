//! How a polling session moves to a WebSocket, or stays as it was; must not know what is said over it.

use std::convert::Infallible;
use std::io::{self, Cursor};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::connection::Connection;
use super::frame;
use super::output::Output;
use crate::limits;

/// What a client asks over the WebSocket that it would move to.
const PROBE: &[u8] = b"2probe";
/// What it is answered.
pub(super) const PROBE_ANSWER: &str = "3probe";
/// What a client says once it has the answer and polls no more.
const MOVED: &[u8] = b"5";
/// The two packets above, as socketioxide wants to read them: masked, with a mask of zeros.
const ENGINE_HANDSHAKE: &[u8] = b"\x81\x86\0\0\0\x002probe\x81\x81\0\0\0\x005";
/// The frame that closes a WebSocket, without a reason.
const CLOSE: &[u8] = &[0x88, 0];
/// Bytes of the largest packet that belongs to an upgrade, and of the largest control frame.
const MAX_PACKET_BYTES: u64 = 125;
/// Bytes read at once while an upgrade is under way.
const READ_BYTES: usize = 256;

/// Why a session stays with polling.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("the WebSocket failed: {0}")]
    Transport(#[from] io::Error),
    #[error("the client closed the WebSocket")]
    Closed,
    #[error("what came does not belong to an upgrade")]
    Unexpected,
    #[error("the client took too long")]
    TooSlow,
    #[error("the session ended meanwhile")]
    SessionEnded,
}

/// An upgrade under way; no session has two. Until it is complete the session polls as before, and
/// socketioxide knows nothing of it: it would answer every poll at once meanwhile, and end the
/// session with the upgrade. Dropping it leaves no trace.
pub(super) struct Upgrade {
    pub(super) output: Arc<Output>,
    /// Resolves when there is nothing left to upgrade.
    pub(super) ended: oneshot::Receiver<Infallible>,
}

impl Upgrade {
    /// Conducts the handshake. The session's output has the connection then; the bytes are what
    /// socketioxide is to read first.
    ///
    /// # Errors
    /// If the session stays with polling; the connection is closed then.
    pub(super) async fn complete(
        mut self,
        mut connection: Connection,
        early: Bytes,
    ) -> Result<(Arc<Output>, Bytes), Failed> {
        let mut read = BytesMut::from(early);
        let moved = tokio::select! {
            moved = timeout(
                limits::UPGRADE_TIMEOUT,
                shake_hands(&self.output, &mut connection, &mut read),
            ) => moved.unwrap_or(Err(Failed::TooSlow)),
            Err(_) = &mut self.ended => Err(Failed::SessionEnded),
        };
        if let Err(failed) = moved {
            connection.stream().try_write(CLOSE).ok();
            return Err(failed);
        }
        let output = Arc::clone(&self.output);
        if output.upgrade(connection).is_err() {
            return Err(Failed::SessionEnded);
        }
        Ok((output, Bytes::from([ENGINE_HANDSHAKE, &read].concat())))
    }
}

impl Drop for Upgrade {
    fn drop(&mut self) {
        self.output.upgrade_is_over();
    }
}

/// Answers probes until the client says that it polls no more. What it sent after that stays in
/// `read`.
async fn shake_hands(
    output: &Arc<Output>,
    connection: &mut Connection,
    read: &mut BytesMut,
) -> Result<(), Failed> {
    let mut answered = false;
    let mut release = (Instant::now(), limits::UPGRADE_RELEASE);
    loop {
        while let Some((kind, packet)) = next_frame(read)? {
            match (kind, &packet[..]) {
                (OpCode::Data(Data::Text), PROBE) => {
                    connection.write_all(&frame::text(PROBE_ANSWER)).await?;
                    // The client waits for its poll to be answered before it moves.
                    output.release_polls();
                    if !std::mem::replace(&mut answered, true) {
                        release.0 = Instant::now() + release.1;
                    }
                }
                (OpCode::Data(Data::Text), MOVED) if answered => return Ok(()),
                (OpCode::Control(Control::Ping), _) => {
                    connection.write_all(&frame::pong(&packet)).await?;
                }
                (OpCode::Control(Control::Pong), _) => {}
                (OpCode::Control(Control::Close), _) => return Err(Failed::Closed),
                _ => return Err(Failed::Unexpected),
            }
        }
        read.reserve(READ_BYTES);
        tokio::select! {
            bytes = connection.read_buf(read) => {
                if bytes? == 0 {
                    return Err(Failed::Closed);
                }
            }
            // A client that had not heard of the answer yet has polled again, and waits for that
            // one; one whose answer is lost polls on.
            () = sleep_until(release.0), if answered => {
                output.release_polls();
                release.1 *= limits::UPGRADE_RELEASE_GROWTH;
                release.0 = Instant::now() + release.1;
            }
        }
    }
}

/// Takes the first frame out of `read`, unmasked, if it is there as a whole.
fn next_frame(read: &mut BytesMut) -> Result<Option<(OpCode, BytesMut)>, Failed> {
    let mut cursor = Cursor::new(&read[..]);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Failed::Unexpected)?
    else {
        return Ok(None);
    };
    let Some(mask) = header
        .mask
        .filter(|_| header.is_final && length <= MAX_PACKET_BYTES)
    else {
        return Err(Failed::Unexpected);
    };
    let (start, length) = (cursor.position() as usize, length as usize);
    if read.len() < start + length {
        return Ok(None);
    }
    read.advance(start);
    let mut payload = read.split_to(length);
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Some((header.opcode, payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_and_only_as_a_whole() {
        let mut read = BytesMut::new();
        let mut seen = Vec::new();
        for byte in [ENGINE_HANDSHAKE, b"rest"].concat() {
            read.extend_from_slice(&[byte]);
            if seen.len() < 2
                && let Some((_, packet)) = next_frame(&mut read).expect("is well formed")
            {
                seen.push(packet.to_vec());
            }
        }
        assert_eq!(seen, [PROBE, MOVED]);
        assert_eq!(read, &b"rest"[..]);
    }

    #[test]
    fn what_cannot_belong_to_an_upgrade_is_refused_unread() {
        let unmasked = frame::text("2probe");
        let torn = [0x01, 0x81, 0, 0, 0, 0, b'2'];
        let large = [0x81, 0xfe, 0, 126, 0, 0, 0, 0];
        for bytes in [&unmasked[..], &torn, &large] {
            let failed = next_frame(&mut BytesMut::from(bytes));
            assert!(matches!(failed, Err(Failed::Unexpected)), "{bytes:?}");
        }
    }
}
