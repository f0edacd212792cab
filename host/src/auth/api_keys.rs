//! API keys of backends: made at random, kept hashed, compared in constant time. It must not know which call needs which scope.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use crate::binding::Binding;
use crate::limits::MAX_API_KEY_BYTES;

/// How every key begins, so that a leaked one is recognised by scanners.
pub const API_KEY_PREFIX: &str = "wr_";

/// What a key may be used for. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read workspaces, their members, channels and presence.
    DirectoryRead,
    /// Change members, profiles, channels and whole workspaces.
    DirectoryWrite,
    /// Publish the application's own events.
    EventsPublish,
    /// Act for connections: select, unselect, media state, status; and disconnect users.
    ConnectionsControl,
    /// Read what operators watch: policies, metrics.
    OpsRead,
    /// Change which version of a policy is in force, and try candidates.
    OpsWrite,
}

impl Scope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::DirectoryRead,
        Self::DirectoryWrite,
        Self::EventsPublish,
        Self::ConnectionsControl,
        Self::OpsRead,
        Self::OpsWrite,
    ];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirectoryRead => "directory:read",
            Self::DirectoryWrite => "directory:write",
            Self::EventsPublish => "events:publish",
            Self::ConnectionsControl => "connections:control",
            Self::OpsRead => "ops:read",
            Self::OpsWrite => "ops:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that is no scope.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown scope; one of {}", Scope::ALL.map(Scope::as_str).join(", "))]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == name)
            .ok_or(UnknownScope)
    }
}

/// SHA-256 of a key, written `sha256:<64 hex digits>`. The keys are random 256-bit values, so a
/// slow hash would add cost to every request and no safety.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a presented or new key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHash(..)")
    }
}

/// A text that is not `sha256:` and 64 hex digits. The text is not repeated: it may be a key.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("expected \"sha256:\" and 64 hex digits, as `wardroom api-key` prints; not the key itself")]
pub struct InvalidHash;

impl FromStr for KeyHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let hex = text.strip_prefix("sha256:").ok_or(InvalidHash)?;
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

/// A key that a backend may present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What logs call the key.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// What the key may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Where it may be used for that.
    pub workspaces: Binding,
}

impl ApiKey {
    /// Whether the key may be used for `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// All configured keys.
#[derive(Clone, Debug)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// Keys as the configuration lists them.
    pub fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// The key that was presented, or `None`. Takes the same time whichever key it is.
    pub fn verify(&self, presented: &str) -> Option<&ApiKey> {
        if presented.len() > MAX_API_KEY_BYTES {
            return None;
        }
        let hash = KeyHash::of(presented);
        let mut found = u32::MAX;
        for (index, key) in (0..u32::MAX).zip(&self.0) {
            found.conditional_assign(&index, key.hash.0.ct_eq(&hash.0));
        }
        self.0.get(usize::try_from(found).ok()?)
    }
}

/// A new random key of 256 bits, to be shown once. `entropy` must come from a secure source.
pub fn new_api_key(entropy: [u8; 32]) -> String {
    format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key(name: &str, text: &str) -> ApiKey {
        ApiKey {
            name: name.into(),
            hash: KeyHash::of(text),
            scopes: [Scope::DirectoryRead].into(),
            workspaces: Binding::Everywhere,
        }
    }

    #[test]
    fn a_presented_key_is_found_and_any_other_is_not() {
        let (first, second) = (new_api_key([1; 32]), new_api_key([2; 32]));
        let keys = ApiKeys::new(vec![key("first", &first), key("second", &second)]);
        assert_eq!(keys.verify(&first).unwrap().name, "first");
        assert_eq!(keys.verify(&second).unwrap().name, "second");
        for wrong in ["", "wr_", &first[..first.len() - 1], &format!("{first} ")] {
            assert_eq!(keys.verify(wrong), None, "{wrong:?}");
        }
        assert_eq!(keys.verify(&"x".repeat(MAX_API_KEY_BYTES + 1)), None);
        assert_eq!(ApiKeys::new(Vec::new()).verify(&first), None);
    }

    #[test]
    fn the_hash_of_a_key_is_not_a_key() {
        let text = new_api_key([3; 32]);
        let keys = ApiKeys::new(vec![key("backend", &text)]);
        assert_eq!(keys.verify(&KeyHash::of(&text).to_string()), None);
    }

    #[test]
    fn scopes_are_a_closed_list() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert_eq!("directory".parse::<Scope>(), Err(UnknownScope));
        let key = key("reader", "x");
        assert!(key.allows(Scope::DirectoryRead));
        assert!(!key.allows(Scope::DirectoryWrite));
    }

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let hash = KeyHash::of("abc");
        assert_eq!(
            hash.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(
            hash.to_string().to_uppercase().parse::<KeyHash>(),
            Err(InvalidHash)
        );
        for wrong in ["", "sha256:", "wr_secret", "sha256:zz", &"é".repeat(40)] {
            let error = wrong.parse::<KeyHash>().unwrap_err().to_string();
            assert!(wrong.is_empty() || !error.contains(&format!("{wrong} ")));
        }
        let long = format!("sha256:{}", "é".repeat(32));
        assert_eq!(long.parse::<KeyHash>(), Err(InvalidHash));
    }

    #[test]
    fn debug_shows_no_hash() {
        assert!(!format!("{:?}", key("backend", "abc")).contains("ba78"));
    }
}
