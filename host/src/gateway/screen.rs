//! Packets that socketioxide closes a connection for though they can be answered. It must not know what
//! events mean.
//!
//! It cannot read an event whose name is no string, or is written with escapes, nor one with many
//! attachments. Such a packet is found before socketioxide reads it, answered, and handed on as a
//! heartbeat, which is as long and means nothing beside it; attachments are dropped.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::peer::Incoming;
use crate::limits;

/// Bytes of a packet that are looked at. No event has a name that is nearly as long.
const HEAD_BYTES: usize = 256;
/// What makes the type of a message that of a heartbeat, masked or not.
pub(super) const MESSAGE_TO_HEARTBEAT: u8 = b'4' ^ b'3';

/// A packet that is not handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    name: String,
    ack: Option<i64>,
    /// Attachments that follow it.
    pub(super) attachments: usize,
}

impl Refused {
    /// The event in a form in which it can be answered.
    pub(super) fn event(self) -> Incoming {
        let text = if self.name.is_empty() {
            Bytes::from_static(b"[]")
        } else {
            // The name has neither quotes nor escapes in it.
            Bytes::from(format!("[\"{}\"]", self.name))
        };
        Incoming {
            text,
            binary: self.attachments > 0,
            ack: self.ack,
        }
    }
}

/// Looks at the beginning of a packet of Engine.IO.
pub(super) fn judge(packet: &[u8]) -> Option<Refused> {
    let (kind, mut rest) = packet.strip_prefix(b"4")?.split_first()?;
    let mut attachments = 0;
    match kind {
        b'2' => {}
        b'5' => {
            let digits;
            (digits, rest) = split_digits(rest);
            rest = rest.strip_prefix(b"-")?;
            attachments = number(digits).unwrap_or(usize::MAX);
        }
        _ => return None,
    }
    let (digits, rest) = split_digits(rest);
    let first = rest.strip_prefix(b"[")?.trim_ascii_start();
    let (name, is_readable) = match first.split_first()? {
        (b'"', text) => {
            let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            match end.map(|end| (text[end], &text[..end])) {
                Some((b'"', name)) => (std::str::from_utf8(name).unwrap_or_default(), true),
                Some(_) => ("", false),
                None => ("", true),
            }
        }
        _ => ("", false),
    };
    (!is_readable || attachments > limits::MAX_ATTACHMENTS).then(|| Refused {
        name: name.to_owned(),
        ack: number(digits),
        attachments,
    })
}

/// Whether socketioxide can read a packet, as far as that ends a polling session if not: the session
/// could not be told any more why.
pub(super) fn is_readable(packet: &[u8]) -> bool {
    let Some((kind, message)) = packet.split_first() else {
        return false;
    };
    match kind {
        b'4' => is_message(message),
        // The others, attachments among them, and what stands before packets that may be binary.
        b'1'..=b'3' | b'5' | b'6' | b'b' | 0 | 1 | 4 => true,
        _ => false,
    }
}

fn is_message(message: &[u8]) -> bool {
    match message.split_first() {
        Some((b'2', event)) => {
            let (_, values) = split_digits(event);
            // Other namespaces are passed over.
            values.first() == Some(&b'/')
                || Vec::<IgnoredAny>::deserialize(&mut Deserializer::from_slice(values)).is_ok()
        }
        Some((b'0' | b'1' | b'3' | b'5' | b'6', _)) => true,
        _ => false,
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What comes over a WebSocket, looked at before socketioxide reads it.
#[derive(Default)]
pub(super) struct Screen {
    /// What has come and is not read yet.
    input: BytesMut,
    /// Bytes of it that have been looked at.
    ready: usize,
    /// Bytes of the frame at hand that follow, whatever they are.
    passing: u64,
    /// Bytes of the frame at hand that are dropped.
    dropping: u64,
    /// Attachments of a refused packet that follow.
    attachments: usize,
}

impl Screen {
    pub(super) fn new(early: &[u8]) -> Self {
        Self {
            input: BytesMut::from(early),
            ..Self::default()
        }
    }

    /// Where more of what comes is to be put.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The bytes that may be read, at most this many. Without any, more must come first. What must be
    /// answered is given to `refuse`, after everything before it has been read; if it does not take
    /// it, nobody can be answered yet, and the packet is handed on as it is.
    pub(super) fn read(
        &mut self,
        most: usize,
        mut refuse: impl FnMut(Refused) -> bool,
    ) -> Option<Bytes> {
        while self.ready == 0 && self.look(&mut refuse) {}
        let length = self.ready.min(most);
        self.ready -= length;
        let bytes = (length > 0).then(|| self.input.split_to(length).freeze());
        if self.input.is_empty() {
            // An idle connection keeps nothing.
            self.input = BytesMut::new();
        }
        bytes
    }

    /// Looks at what comes next, once everything before it has been read; whether it could.
    fn look(&mut self, refuse: &mut impl FnMut(Refused) -> bool) -> bool {
        if self.dropping > 0 {
            let length = self.rest_of(self.dropping);
            self.dropping -= length as u64;
            self.input.advance(length);
            return length > 0;
        }
        if self.passing == 0 && !self.begin_frame(refuse) {
            return false;
        }
        self.ready = self.rest_of(self.passing);
        self.passing -= self.ready as u64;
        // Frames that are there as a whole go together, up to one that must be answered.
        self.ready > 0 || self.dropping > 0
    }

    fn rest_of(&self, bytes: u64) -> usize {
        usize::try_from(bytes).map_or(self.input.len(), |bytes| bytes.min(self.input.len()))
    }

    fn begin_frame(&mut self, refuse: &mut impl FnMut(Refused) -> bool) -> bool {
        let mut cursor = Cursor::new(&self.input[..]);
        let header = match FrameHeader::parse(&mut cursor) {
            Ok(None) => return false,
            Ok(Some((header, length))) => Some((header, length)),
            // socketioxide says what is wrong with it.
            Err(_) => None,
        };
        let start = cursor.position() as usize;
        let Some((header, length)) = header else {
            self.passing = u64::MAX;
            return true;
        };
        match header.opcode {
            OpCode::Data(Data::Binary) if self.attachments > 0 => {
                self.attachments -= 1;
                self.dropping = start as u64 + length;
                return true;
            }
            OpCode::Data(Data::Text) => {
                let wanted = length.min(HEAD_BYTES as u64) as usize;
                let Some(head) = self.input.get(start..start + wanted) else {
                    return false;
                };
                let mask = header.mask.unwrap_or_default();
                let mut packet = [0; HEAD_BYTES];
                for ((to, from), mask) in packet.iter_mut().zip(head).zip(mask.iter().cycle()) {
                    *to = from ^ mask;
                }
                self.attachments = 0;
                if let Some(refused) = judge(&packet[..wanted]) {
                    let attachments = refused.attachments;
                    if refuse(refused) {
                        self.attachments = attachments;
                        self.input[start] ^= MESSAGE_TO_HEARTBEAT;
                    }
                }
            }
            _ => {}
        }
        self.passing = start as u64 + length;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(packet: &str) -> Option<(String, Option<i64>, usize)> {
        judge(packet.as_bytes()).map(|it| (it.name, it.ack, it.attachments))
    }

    #[test]
    fn what_socketioxide_reads_is_handed_on() {
        for packet in [
            "42[\"auth\",{\"a\":\"\\\"\"}]",
            "427[ \"auth\"]",
            "458-[\"auth\"]",
            "42/other,[1]",
            "40{\"token\":1}",
            "41",
            "431[1]",
            "2",
            "5",
            "42",
            "42[",
            "42{}",
            "4",
            "",
        ] {
            assert_eq!(refused(packet), None, "{packet}");
        }
        let long = format!("42[\"{}", "x".repeat(HEAD_BYTES));
        assert_eq!(refused(&long), None);
    }

    #[test]
    fn what_it_cannot_read_is_refused() {
        let nameless = |ack| Some((String::new(), ack, 0));
        assert_eq!(refused("42[1,{}]"), nameless(None));
        assert_eq!(refused("4217[ 1]"), nameless(Some(17)));
        assert_eq!(refused("42[]"), nameless(None));
        assert_eq!(refused("42[null]"), nameless(None));
        assert_eq!(refused("42[\"a\\u0075th\",{}]"), nameless(None));
        let auth = |ack, attachments| Some(("auth".to_owned(), ack, attachments));
        assert_eq!(refused("459-[\"auth\"]"), auth(None, 9));
        assert_eq!(refused("4512-3[\"auth\"]"), auth(Some(3), 12));
        let many = "45999999999999999999999-[\"auth\"]";
        assert_eq!(refused(many), auth(None, usize::MAX));
    }

    #[test]
    fn what_is_no_packet_is_found() {
        for packet in [
            "42[\"a\"]",
            "427[1] ",
            "42/x,?",
            "431[]",
            "41",
            "40{",
            "2",
            "b44",
            "\x04a",
        ] {
            assert!(is_readable(packet.as_bytes()), "{packet}");
        }
        for packet in [
            "",
            "x",
            "9",
            "4",
            "4x",
            "44{}",
            "42",
            "42{}",
            "42[\"auth\",{",
        ] {
            assert!(!is_readable(packet.as_bytes()), "{packet}");
        }
    }

    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x80 | opcode];
        match u8::try_from(payload.len())
            .ok()
            .filter(|length| *length < 126)
        {
            Some(length) => frame.push(0x80 | length),
            None => {
                frame.push(0x80 | 126);
                frame.extend((payload.len() as u16).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        frame
    }

    /// What is read of these bytes if they come in pieces of this size, and what is answered.
    fn screened(bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<String>) {
        let (mut screen, mut read, mut answered) = (Screen::new(b""), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            screen.input().extend_from_slice(piece);
            while let Some(bytes) = screen.read(7, |refused| {
                answered.push(refused.name);
                true
            }) {
                read.extend_from_slice(&bytes);
            }
        }
        (read, answered)
    }

    #[test]
    fn the_rest_passes_as_it_came() {
        let long = format!("42[\"long\",\"{}\"]", "x".repeat(1000));
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        let mut attachments = vec![masked(1, b"459-[\"many\"]")];
        attachments.extend((0..9).map(|_| masked(2, b"binary")));
        bytes.extend(masked(1, b"42[1]"));
        bytes.extend(masked(1, long.as_bytes()));
        bytes.extend(attachments.concat());
        bytes.extend(masked(9, b"ping"));
        bytes.extend(masked(2, b"one of nobody's"));
        bytes.extend(masked(1, b"2"));
        expected.extend(masked(1, b"32[1]"));
        expected.extend(masked(1, long.as_bytes()));
        expected.extend(masked(1, b"359-[\"many\"]"));
        expected.extend(masked(9, b"ping"));
        expected.extend(masked(2, b"one of nobody's"));
        expected.extend(masked(1, b"2"));
        for piece in [1, 2, 3, 10, 100, 256, 10_000] {
            let (read, answered) = screened(&bytes, piece);
            assert_eq!(read, expected, "in pieces of {piece}");
            assert_eq!(answered, ["", "many"], "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_frame_passes_as_it_is() {
        let bytes = [0x8f, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        assert_eq!(screened(&bytes, 3).0, bytes);
    }
}
