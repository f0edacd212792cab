//! WebSocket frames as a server writes them: encodes and walks them; must not know what they carry.

use bytes::{BufMut, Bytes, BytesMut};

const FINAL_TEXT: u8 = 0x81;
const PONG: u8 = 0x8a;
const OPCODE_MASK: u8 = 0x0f;
const OPCODE_TEXT: u8 = 0x01;
const LENGTH_IN_2: u8 = 126;
const LENGTH_IN_8: u8 = 127;

/// Encodes one unmasked text frame around `payload`.
pub(crate) fn text(payload: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    put_head(&mut frame, payload.len());
    frame.put_slice(payload.as_bytes());
    frame.freeze()
}

/// The beginning of a text frame: all of it that stands before `rest` more bytes of its payload.
pub(crate) fn beginning(payload: &str, rest: usize) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    put_head(&mut frame, payload.len() + rest);
    frame.put_slice(payload.as_bytes());
    frame.freeze()
}

fn put_head(frame: &mut BytesMut, length: usize) {
    frame.put_u8(FINAL_TEXT);
    match length {
        length @ 0..126 => frame.put_u8(length as u8),
        length @ 126..=0xffff => {
            frame.put_u8(LENGTH_IN_2);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(LENGTH_IN_8);
            frame.put_u64(length as u64);
        }
    }
}

/// Encodes the answer to a ping with this payload, which has at most 125 bytes.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 2);
    frame.put_u8(PONG);
    frame.put_u8(payload.len() as u8);
    frame.put_slice(payload);
    frame.freeze()
}

/// One whole frame found in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Header and payload.
    pub(crate) whole: &'a [u8],
    /// The payload, if the frame is text.
    pub(crate) text: Option<&'a str>,
}

/// Walks the unmasked frames of `buffer`. A rest that is not a whole frame comes last, as if it
/// were one without text, so that nothing is ever lost by walking.
pub(crate) fn walk(mut buffer: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        if buffer.is_empty() {
            return None;
        }
        let (header, length) = measure(buffer).unwrap_or((buffer.len(), 0));
        let end = header.saturating_add(length).min(buffer.len());
        let (whole, rest) = buffer.split_at(end);
        buffer = rest;
        let is_text = whole[0] & OPCODE_MASK == OPCODE_TEXT;
        let text = is_text.then(|| std::str::from_utf8(&whole[header..]).ok());
        Some(Frame {
            whole,
            text: text.flatten(),
        })
    })
}

/// Bytes of the header and of the payload, if the header is there.
fn measure(buffer: &[u8]) -> Option<(usize, usize)> {
    match *buffer.get(1)? {
        LENGTH_IN_2 => {
            let length = buffer.get(2..4)?.try_into().ok()?;
            Some((4, usize::from(u16::from_be_bytes(length))))
        }
        LENGTH_IN_8 => {
            let length = buffer.get(2..10)?.try_into().ok()?;
            Some((10, usize::try_from(u64::from_be_bytes(length)).ok()?))
        }
        length => Some((2, usize::from(length))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_found_again() {
        let payloads = [0, 1, 125, 126, 127, 65_535, 65_536].map(|length| "x".repeat(length));
        let joined: Vec<u8> = payloads.iter().flat_map(|payload| text(payload)).collect();
        let found: Vec<_> = walk(&joined)
            .map(|frame| frame.text.map(str::to_owned))
            .collect();
        assert_eq!(found, payloads.map(Some));
    }

    #[test]
    fn a_frame_in_parts_is_the_same_frame() {
        for length in [1, 100, 70_000] {
            let (first, rest) = ("x".repeat(length), "y".repeat(length));
            let parts = [
                beginning(&first, length).to_vec(),
                rest.clone().into_bytes(),
            ];
            assert_eq!(parts.concat(), text(&(first + &rest)));
        }
    }

    #[test]
    fn a_torn_frame_is_passed_on_whole() {
        let frame = text(&"x".repeat(300));
        let torn = &frame[..frame.len() - 1];
        assert_eq!(
            walk(torn).map(|frame| frame.whole.len()).sum::<usize>(),
            torn.len()
        );
        assert_eq!(
            walk(&frame[..1])
                .map(|frame| frame.whole.len())
                .sum::<usize>(),
            1
        );
    }
}
