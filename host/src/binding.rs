//! Which workspaces an API key is for: all, or those that some patterns name. It must not know what is
//! done with a key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use wardroom_domain::{InvalidId, WorkspaceId};

/// The workspaces that a key is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// It is bound to none in particular, and good for all of them and for the server as a whole.
    #[default]
    Everywhere,
    /// It is good for those that one of these names, and for nothing beyond them.
    Only(Arc<[Pattern]>),
}

impl Binding {
    /// Whether the key is for this workspace. A text that no workspace can be called is none of its.
    #[must_use]
    pub fn covers(&self, workspace: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| pattern.names(workspace)),
        }
    }

    /// Whether the key is good for the server as a whole.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        *self == Self::Everywhere
    }
}

/// A workspace, or all whose ids begin alike: `acme`, `acme-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This one.
    Exactly(WorkspaceId),
    /// All that begin so; not empty.
    BeginningWith(Arc<str>),
}

impl Pattern {
    fn names(&self, workspace: &str) -> bool {
        match self {
            Self::Exactly(own) => own.as_str() == workspace,
            Self::BeginningWith(prefix) => workspace.starts_with(&**prefix),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(workspace) => workspace.fmt(f),
            Self::BeginningWith(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// Why a text names no workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It names all of them.
    #[error("\"*\" alone names every workspace; leave `workspaces` out for that")]
    All,
    /// A star stands where none may.
    #[error("\"*\" may stand only at the end, as in \"acme-*\"")]
    Star,
    /// It is no id.
    #[error("{0}")]
    Id(InvalidId),
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let prefix = text.strip_suffix('*');
        let plain = prefix.unwrap_or(text);
        if text == "*" {
            return Err(InvalidPattern::All);
        }
        if plain.contains('*') {
            return Err(InvalidPattern::Star);
        }
        let id = WorkspaceId::new(plain).map_err(InvalidPattern::Id)?;
        Ok(match prefix {
            Some(prefix) => Self::BeginningWith(prefix.into()),
            None => Self::Exactly(id),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_bound_key_covers_what_its_patterns_name_and_nothing_else() {
        let patterns = ["acme", "acme-*"].map(|text| text.parse::<Pattern>().unwrap());
        assert_eq!(patterns.clone().map(|p| p.to_string()), ["acme", "acme-*"]);
        let binding = Binding::Only(patterns.to_vec().into());
        for own in ["acme", "acme-", "acme-eu"] {
            assert!(binding.covers(own), "{own}");
        }
        for other in ["", "acm", "acmes", "Acme", "acme_eu", "xacme-eu"] {
            assert!(!binding.covers(other), "{other}");
        }
        assert!(!binding.is_everywhere());
        assert!(!Binding::Only([].into()).covers("acme"));
        assert!(Binding::default().covers("anything") && Binding::default().is_everywhere());
    }

    #[test]
    fn what_would_bind_to_everything_or_to_nothing_is_refused() {
        for (text, error) in [
            ("*", InvalidPattern::All),
            ("**", InvalidPattern::Star),
            ("a*b", InvalidPattern::Star),
            ("*-acme", InvalidPattern::Star),
            ("", InvalidPattern::Id(InvalidId::Empty)),
            ("a\nb", InvalidPattern::Id(InvalidId::ControlCharacter)),
        ] {
            assert_eq!(text.parse::<Pattern>(), Err(error), "{text:?}");
        }
    }
}
