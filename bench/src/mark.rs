//! The mark that every published event carries through the server: who sent it, its number and
//! when. A string value, so that it survives any rewriting of the JSON around it.

use crate::limits::PAYLOAD_BYTES;

/// A mark, as it was published.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Mark {
    /// Index of the publishing connection.
    pub publisher: usize,
    /// Number of the message among those of this publisher to this workspace, from 1.
    pub number: u64,
    /// When it was published, in microseconds since the run began.
    pub sent_us: u64,
}

impl Mark {
    /// An event's `data` of exactly [`PAYLOAD_BYTES`] bytes that carries the mark.
    pub fn data(&self) -> String {
        let Self {
            publisher,
            number,
            sent_us,
        } = self;
        let mut data = format!(r#"{{"mark":"@{publisher},{number},{sent_us}@","pad":""#);
        while data.len() < PAYLOAD_BYTES - 2 {
            data.push('x');
        }
        data.push_str("\"}");
        data
    }

    /// Finds the mark in a packet; `None` if it is not one of ours.
    pub fn find(packet: &[u8]) -> Option<Self> {
        let start = memchr::memchr(b'@', packet)? + 1;
        let mut numbers = [0_u64; 3];
        let mut field = 0;
        for byte in &packet[start..] {
            match byte {
                b'0'..=b'9' => {
                    numbers[field] = numbers[field]
                        .checked_mul(10)?
                        .checked_add(u64::from(byte - b'0'))?;
                }
                b',' if field < 2 => field += 1,
                b'@' if field == 2 => {
                    let [publisher, number, sent_us] = numbers;
                    return Some(Self {
                        publisher: publisher as usize,
                        number,
                        sent_us,
                    });
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_packet() {
        let mark = Mark {
            publisher: 7,
            number: 123_456,
            sent_us: 299_999_999,
        };
        let data = mark.data();
        assert_eq!(data.len(), PAYLOAD_BYTES);
        assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok());
        assert_eq!(
            Mark::find(format!(r#"42["bench",{data}]"#).as_bytes()),
            Some(mark)
        );
    }

    #[test]
    fn other_packets_have_no_mark() {
        for packet in [
            "42[\"auth-success\",{}]",
            "42[\"a@b\"]",
            "@1,2",
            "@1,2,3",
            "@,,x@",
            "",
        ] {
            assert_eq!(Mark::find(packet.as_bytes()), None, "{packet}");
        }
    }
}
