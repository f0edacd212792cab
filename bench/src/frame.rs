//! A WebSocket frame codec that does only what Engine.IO needs: whole text frames, small control
//! frames. Must not know what the payload means.

use crate::limits::FRAME_PAYLOAD_BYTES;

/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a closing frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping frame.
pub const PING: u8 = 9;
/// Opcode of a pong frame.
pub const PONG: u8 = 10;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LENGTH_IN_2_BYTES: u8 = 126;
const LENGTH_IN_8_BYTES: u8 = 127;
// The key only defends proxies; a fixed one costs the server what any other would.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x88];

/// A frame found at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// What kind of frame it is.
    pub opcode: u8,
    /// Where its payload starts, in bytes from the start of the buffer.
    pub start: usize,
    /// Where its payload, and the frame, ends.
    pub end: usize,
}

/// What makes a byte stream unreadable.
#[derive(Debug, PartialEq, Eq)]
pub enum BadFrame {
    /// The sender splits messages; none of the servers under test does.
    Fragmented,
    /// The payload is over [`FRAME_PAYLOAD_BYTES`].
    TooLong,
}

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fragmented => "a fragmented WebSocket message",
            Self::TooLong => "a WebSocket frame over the limit",
        })
    }
}

impl std::error::Error for BadFrame {}

fn head(out: &mut Vec<u8>, opcode: u8, length: usize, masked: u8) {
    out.push(FINAL | opcode);
    match length {
        0..=125 => out.push(masked | length as u8),
        126..=0xffff => {
            out.push(masked | LENGTH_IN_2_BYTES);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | LENGTH_IN_8_BYTES);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

fn apply_mask(payload: &mut [u8], key: [u8; 4]) {
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
}

/// Appends a frame as a server sends it.
pub fn encode(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as a client sends it.
pub fn encode_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    head(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], MASK);
}

/// Finds the frame at the start of `buffer` and unmasks its payload in place; `None` if it is not
/// complete. A frame must not be decoded twice: a masked one would be masked again.
pub fn decode(buffer: &mut [u8]) -> Result<Option<Frame>, BadFrame> {
    let [first, second, ..] = *buffer else {
        return Ok(None);
    };
    if first & FINAL == 0 {
        return Err(BadFrame::Fragmented);
    }
    let (length, mut start) = match second & !MASKED {
        LENGTH_IN_2_BYTES => {
            let Some(bytes) = buffer.get(2..4) else {
                return Ok(None);
            };
            (u64::from(u16::from_be_bytes([bytes[0], bytes[1]])), 4)
        }
        LENGTH_IN_8_BYTES => {
            let Some(bytes) = buffer.get(2..10) else {
                return Ok(None);
            };
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            (length, 10)
        }
        short => (u64::from(short), 2),
    };
    if length > FRAME_PAYLOAD_BYTES as u64 {
        return Err(BadFrame::TooLong);
    }
    let masked = second & MASKED != 0;
    let key_at = start;
    if masked {
        start += 4;
    }
    let end = start + length as usize;
    if buffer.len() < end {
        return Ok(None);
    }
    if masked {
        let mut key = [0; 4];
        key.copy_from_slice(&buffer[key_at..start]);
        apply_mask(&mut buffer[start..end], key);
    }
    Ok(Some(Frame {
        opcode: first & 0x0f,
        start,
        end,
    }))
}

/// Calls `each` with every whole frame of `rest` followed by `fresh`, and leaves the beginning of
/// an incomplete one in `rest`.
pub fn drain(
    rest: &mut Vec<u8>,
    fresh: &mut [u8],
    mut each: impl FnMut(u8, &[u8]),
) -> Result<(), BadFrame> {
    if rest.is_empty() {
        let used = walk(fresh, &mut each)?;
        rest.extend_from_slice(&fresh[used..]);
        return Ok(());
    }
    rest.extend_from_slice(fresh);
    let used = walk(rest, &mut each)?;
    rest.drain(..used);
    if rest.is_empty() {
        // Thousands of idle sockets must not each keep the room of their longest burst.
        *rest = Vec::new();
    }
    Ok(())
}

fn walk(buffer: &mut [u8], each: &mut impl FnMut(u8, &[u8])) -> Result<usize, BadFrame> {
    let mut used = 0;
    while let Some(frame) = decode(&mut buffer[used..])? {
        each(frame.opcode, &buffer[used + frame.start..used + frame.end]);
        used += frame.end;
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn collect(rest: &mut Vec<u8>, fresh: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        drain(rest, &mut fresh.to_vec(), |opcode, payload| {
            found.push((opcode, payload.to_vec()))
        })
        .unwrap();
        found
    }

    #[test]
    fn every_length_form_comes_back_masked_and_not() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, FRAME_PAYLOAD_BYTES] {
            let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
            for encoder in [encode, encode_masked] {
                let mut wire = Vec::new();
                encoder(&mut wire, TEXT, &payload);
                let frame = decode(&mut wire).unwrap().unwrap();
                assert_eq!((frame.opcode, frame.end), (TEXT, wire.len()));
                assert_eq!(wire[frame.start..], payload, "length {length}");
            }
        }
    }

    #[test]
    fn the_examples_of_rfc_6455_decode() {
        let mut hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        assert_eq!(
            decode(&mut hello),
            Ok(Some(Frame {
                opcode: TEXT,
                start: 2,
                end: 7
            }))
        );
        let mut masked = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        let frame = decode(&mut masked).unwrap().unwrap();
        assert_eq!(&masked[frame.start..frame.end], b"Hello");
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_frames() {
        let mut wire = Vec::new();
        encode_masked(&mut wire, TEXT, b"42[\"a\"]");
        encode(&mut wire, PING, b"");
        encode(&mut wire, TEXT, &[b'x'; 300]);
        let whole = collect(&mut Vec::new(), &wire);
        assert_eq!(whole.len(), 3);
        for cut in 0..=wire.len() {
            let mut rest = Vec::new();
            let mut found = collect(&mut rest, &wire[..cut]);
            found.extend(collect(&mut rest, &wire[cut..]));
            assert_eq!(found, whole, "cut at {cut}");
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_stream_byte_by_byte_gives_the_same_frames() {
        let mut wire = Vec::new();
        encode_masked(&mut wire, TEXT, &[b'y'; 200]);
        encode(&mut wire, CLOSE, b"");
        let mut rest = Vec::new();
        let found: Vec<_> = wire
            .iter()
            .flat_map(|byte| collect(&mut rest, &[*byte]))
            .map(|(op, _)| op)
            .collect();
        assert_eq!(found, [TEXT, CLOSE]);
    }

    #[test]
    fn a_fragment_and_an_endless_frame_are_refused() {
        assert_eq!(decode(&mut [0x01, 0x00]), Err(BadFrame::Fragmented));
        let mut endless = vec![0x81, 127];
        endless.extend_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(decode(&mut endless), Err(BadFrame::TooLong));
    }
}
