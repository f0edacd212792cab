//! Why a JSON text cannot be kept as it was sent. Must not know who sent it.

use super::object::escaped;
use crate::limits::MAX_JSON_DEPTH;

/// Longest part of a key that is shown, in characters.
const SHOWN_CHARS: usize = 64;

/// Why a text cannot be kept, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", at(.pointer))]
pub struct Unfit {
    /// The part that is wrong, as a JSON pointer (RFC 6901) from the value that was looked at.
    pub pointer: String,
    /// What is wrong with it.
    pub why: Why,
}

fn at(pointer: &str) -> String {
    match pointer {
        "" => "it ".to_owned(),
        pointer => format!("`{pointer}` "),
    }
}

/// What is wrong with a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is none.
    #[error("is not valid JSON: {0}")]
    Syntax(String),
    /// It is none, where one is called for.
    #[error("must be an object")]
    NoObject,
    /// It is none, where one is called for.
    #[error("must be a string")]
    NoString,
    /// A key is in one object twice, so that readers would differ in what the object says.
    #[error("holds the key {:?} more than once", shown(.0))]
    RepeatedKey(String),
    /// `\ud800` and its like: one half of a character, which no UTF-8 text can hold.
    #[error("holds a lone surrogate (\\ud800 to \\udfff), which is half a character")]
    LoneSurrogate,
    /// Lists and objects in each other beyond [`MAX_JSON_DEPTH`].
    #[error("is nested deeper than {MAX_JSON_DEPTH} levels")]
    TooDeep,
    /// A number that is no double.
    #[error("is a number out of range: its magnitude must be below 1.8e308")]
    OutOfRange,
}

fn shown(key: &str) -> String {
    key.chars().take(SHOWN_CHARS).collect()
}

impl Unfit {
    pub(super) fn here(why: Why) -> Self {
        Self {
            pointer: String::new(),
            why,
        }
    }

    /// The same, seen from the value that holds the one that was looked at under this key.
    pub(super) fn under(self, key: &str) -> Self {
        // Where it is too deep is everywhere along the way.
        if self.why == Why::TooDeep {
            return self;
        }
        Self {
            pointer: format!("/{}{}", escaped(&shown(key)), self.pointer),
            ..self
        }
    }
}
