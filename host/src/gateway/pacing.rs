//! The body of a polling request, handed on packet by packet as there is room for what is in it. It
//! must not know what packets mean.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::closing::Cause;
use super::engine::Protocol;
use super::output::Output;
use super::screen;

/// What separates packets since revision 4 of Engine.IO.
const SEPARATOR: u8 = 0x1e;
/// What stands before a binary packet in revision 3, where packets may be binary.
const BINARY_FOLLOWS: u8 = 1;
/// What stands behind the length of a packet in revision 3, where packets may be binary.
const END_OF_BINARY_LENGTH: u8 = 0xff;

/// The packets of one body. Each one is a frame, so that socketioxide, which takes one frame before
/// each packet, has no more of them in its hands than there is room for. Its decoder of revision 3
/// takes one more frame where packets may be binary: there a packet is two.
#[derive(Default)]
pub(super) struct Packets {
    left: VecDeque<Bytes>,
    /// Whose room it is; nothing if there is no such session, which socketioxide says.
    output: Option<Arc<Output>>,
}

impl fmt::Debug for Packets {
    /// Leaves the packets out: they hold tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Packets({})", self.left.len())
    }
}

impl Packets {
    /// The packets of a whole body.
    pub(super) fn of(
        body: &Bytes,
        protocol: Protocol,
        binary: bool,
        output: Option<Arc<Output>>,
    ) -> Self {
        let mut left = VecDeque::new();
        let mut rest = body.clone();
        while !rest.is_empty() {
            let end = match (protocol, binary) {
                (Protocol::V4, _) => position(&rest, SEPARATOR).map(|at| at + 1),
                (Protocol::V3, false) => end_of_text(&rest),
                (Protocol::V3, true) => split_binary(&rest).map(|(length, packet)| {
                    left.push_back(rest.split_to(length));
                    packet
                }),
            };
            // What has no end is a single last packet, or malformed, which socketioxide says.
            left.push_back(rest.split_to(end.unwrap_or(rest.len())));
        }
        Self { left, output }
    }

    /// A body that is one packet, whether there is room or not.
    pub(super) fn whole(packet: &'static str) -> Self {
        Self {
            left: VecDeque::from([Bytes::from_static(packet.as_bytes())]),
            output: None,
        }
    }
}

/// A packet as socketioxide may read it, in the framing in which it came; nothing if it is none. What
/// is answered, or dropped, becomes a heartbeat.
fn screened(output: &Output, packet: Bytes) -> Option<Bytes> {
    let (start, end) = inside(&packet);
    let content = &packet[start..end];
    if content.first() == Some(&b'b') && output.drops_attachment() {
        let is_framed = start > 0;
        return Some(match packet.last() {
            _ if is_framed => Bytes::from_static(b"1:3"),
            Some(&SEPARATOR) => Bytes::from_static(&[b'3', SEPARATOR]),
            _ => Bytes::from_static(b"3"),
        });
    }
    if let Some(refused) = screen::judge(content)
        && output.refuse_polled(refused)
    {
        let mut packet = BytesMut::from(packet);
        packet[start] ^= screen::MESSAGE_TO_HEARTBEAT;
        return Some(packet.freeze());
    }
    screen::is_readable(content).then_some(packet)
}

/// Where the content of a packet begins, behind a length in revision 3, and where it ends, before a
/// separator in revision 4. Content does not begin with digits and a colon.
fn inside(packet: &[u8]) -> (usize, usize) {
    let digits = packet
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let start = match packet.get(digits) {
        Some(b':') if digits > 0 => digits + 1,
        _ => 0,
    };
    let is_separated = packet.last() == Some(&SEPARATOR);
    (
        start,
        packet.len() - usize::from(is_separated && start < packet.len()),
    )
}

fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    bytes.iter().position(|it| *it == byte)
}

/// Where the first packet ends of those that begin with their length in UTF-16 code units.
fn end_of_text(bytes: &[u8]) -> Option<usize> {
    let colon = position(bytes, b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let mut units = 0;
    for (at, byte) in bytes[colon + 1..].iter().enumerate() {
        // Of each character the first byte tells how many units it is; others follow it.
        let begins = byte & 0xc0 != 0x80;
        if begins && units >= length {
            return Some(colon + 1 + at);
        }
        units += if begins {
            1 + usize::from(*byte >= 0xf0)
        } else {
            0
        };
    }
    Some(bytes.len())
}

/// Bytes of the length of the first packet, which stands before it digit by digit, and of the packet.
fn split_binary(bytes: &[u8]) -> Option<(usize, usize)> {
    let mark = position(bytes, END_OF_BINARY_LENGTH)?;
    let digits = bytes.get(1..mark)?.iter();
    let length = digits.fold(0_usize, |sum, digit| {
        sum.saturating_mul(10).saturating_add(usize::from(*digit))
    });
    let is_whole = length > 0 && bytes.len() - (mark + 1) >= length;
    is_whole.then_some((mark + 1, length))
}

impl Body for Packets {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(output) = self.output.clone() else {
            return Poll::Ready(self.left.pop_front().map(Frame::data).map(Ok));
        };
        while let Some(next) = self.left.front() {
            ready!(output.poll_reading(context));
            if next.first() == Some(&BINARY_FOLLOWS) && output.drops_attachment() {
                // Its length stands in a frame of its own.
                let both = self.left.len().min(2);
                self.left.drain(..both);
                continue;
            }
            let packet = self.left.pop_front().unwrap_or_default();
            match screened(&output, packet) {
                Some(packet) => return Poll::Ready(Some(Ok(Frame::data(packet)))),
                None => {
                    // Nothing after it can be understood.
                    self.left.clear();
                    output.close(Cause::Malformed);
                }
            }
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(body: &'static [u8], protocol: Protocol, binary: bool) -> Vec<Bytes> {
        let packets = Packets::of(&Bytes::from_static(body), protocol, binary, None);
        packets.left.into()
    }

    #[test]
    fn each_packet_is_a_frame() {
        let packets = split(b"42[1]\x1e3\x1e42[2]", Protocol::V4, false);
        assert_eq!(packets, [&b"42[1]\x1e"[..], b"3\x1e", b"42[2]"]);
        let text = "3:4é😀".as_bytes();
        let packets = split("4:4é😀2:2é3:abc".as_bytes(), Protocol::V3, false);
        assert_eq!(packets, ["4:4é😀", "2:2é", "3:abc"].map(str::as_bytes));
        assert_eq!(split(text, Protocol::V3, false), [text]);
    }

    #[test]
    fn content_is_found_in_its_framing() {
        let content = |packet: &'static str| {
            let (start, end) = inside(packet.as_bytes());
            &packet[start..end]
        };
        assert_eq!(content("42[1]\x1e"), "42[1]");
        assert_eq!(content("42[\"a:b\"]"), "42[\"a:b\"]");
        assert_eq!(content("5:42[1]"), "42[1]");
        assert_eq!(content("\x1e"), "");
        assert_eq!(content("0:"), "");
        assert_eq!(content(""), "");
    }

    #[test]
    fn what_is_malformed_stays_whole() {
        for body in [&b"x:y"[..], b"99:short", b"no length", b":"] {
            assert_eq!(split(body, Protocol::V3, false), [body]);
        }
        for body in [&b"\x00\x01"[..], b"\x00\x09\xffshort", b"\xff", b"\x00\xff"] {
            assert_eq!(split(body, Protocol::V3, true), [body]);
        }
    }

    #[test]
    fn a_packet_that_may_be_binary_is_two_frames() {
        let packets = split(
            b"\x00\x01\x03\xff42[\"abcdefg\"]\x01\x02\xff\x04x",
            Protocol::V3,
            true,
        );
        let expected = [
            &b"\x00\x01\x03\xff"[..],
            b"42[\"abcdefg\"]",
            b"\x01\x02\xff",
            b"\x04x",
        ];
        assert_eq!(packets, expected);
    }
}
