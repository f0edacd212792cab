//! Identifiers: short, non-empty strings, cheap to clone. They know nothing of what they name.

use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::limits::MAX_ID_CHARS;

/// Why a string cannot be an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidId {
    /// The string is empty.
    Empty,
    /// The string is longer than [`MAX_ID_CHARS`].
    TooLong,
    /// The string holds a control character.
    ControlCharacter,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong => write!(f, "must not be longer than {MAX_ID_CHARS} characters"),
            Self::ControlCharacter => f.write_str("must not hold control characters"),
        }
    }
}

impl std::error::Error for InvalidId {}

fn check(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    // A character has at most four bytes, so the cheap test settles most cases.
    if text.len() > MAX_ID_CHARS && text.chars().count() > MAX_ID_CHARS {
        return Err(InvalidId::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidId::ControlCharacter);
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a string of 1 to [`MAX_ID_CHARS`] characters, none of them a control
            /// character.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The identifier as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// A user of the application, the same in every workspace.
    UserId
}
id! {
    /// A workspace.
    WorkspaceId
}
id! {
    /// A channel of a workspace.
    ChannelId
}
id! {
    /// One socket of a client, as the server named it.
    SocketId
}
id! {
    /// A role of a user in a workspace; the application gives the names.
    Role
}

impl UserId {
    /// An id that nobody can have and nothing can name: it is empty.
    pub(crate) fn nobody() -> Self {
        static NOBODY: LazyLock<UserId> = LazyLock::new(|| UserId(Arc::from("")));
        NOBODY.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_to_128_characters() {
        assert_eq!(UserId::new(""), Err(InvalidId::Empty));
        assert!(UserId::new(&"ж".repeat(MAX_ID_CHARS)).is_ok());
        assert_eq!(
            UserId::new(&"ж".repeat(MAX_ID_CHARS + 1)),
            Err(InvalidId::TooLong)
        );
        assert_eq!(UserId::new("a\nb"), Err(InvalidId::ControlCharacter));
    }
}
