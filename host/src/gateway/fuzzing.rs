//! The readers of this room for [`crate::fuzzing`].

use bytes::Bytes;

use super::frame as frames;
use super::peer::Incoming;
use super::wire::Request;

/// Longest message of an error, in bytes: it goes to a client and into the log.
const MAX_MESSAGE_BYTES: usize = 1024;

pub(crate) fn packet(input: &[u8]) {
    let requests = [false, true].map(|binary| {
        Request::read(&Incoming {
            text: Bytes::copy_from_slice(input),
            binary,
            ack: None,
        })
    });
    let handshake = Request::read_handshake(input);
    for request in requests.iter().chain(&handshake) {
        if let Err(fault) = &request.content {
            let length = fault.message.len();
            assert!(length <= MAX_MESSAGE_BYTES, "an error of {length} bytes");
        }
    }
}

pub(crate) fn frame(input: &[u8]) {
    let wholes: Vec<&[u8]> = frames::walk(input).map(|frame| frame.whole).collect();
    assert_eq!(wholes.concat(), input, "walking the frames changed them");
}
