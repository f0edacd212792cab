//! JSON that the domain carries but does not read, and the few facts an edge extracts from it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// A JSON text. The domain carries it as it is, and compares its canonical form: equal values have
/// equal canonical forms, however their numbers are written.
#[derive(Clone)]
pub struct Json {
    text: Arc<str>,
    /// The canonical form, if it is another.
    canonical: Option<Arc<str>>,
}

impl Json {
    /// Wraps a JSON text that is its own canonical form. The caller answers for that.
    #[must_use]
    pub fn from_canonical(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            canonical: None,
        }
    }

    /// Wraps a JSON text and its canonical form. The caller answers for both.
    #[must_use]
    pub fn with_canonical(text: &str, canonical: &str) -> Self {
        Self {
            text: Arc::from(text),
            canonical: (text != canonical).then(|| Arc::from(canonical)),
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is compared.
    #[must_use]
    pub fn canonical(&self) -> &str {
        self.canonical.as_ref().unwrap_or(&self.text)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").field(&self.text).finish()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Json {}

impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Json {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical().cmp(other.canonical())
    }
}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

/// Attributes of a member or a channel: a JSON object, and its top-level scalars as strings, so
/// that a [`crate::Selector`] can compare them natively.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributes {
    /// The whole object.
    pub text: Json,
    /// Top-level strings as they are, numbers and booleans as they were sent.
    pub scalars: Arc<BTreeMap<Arc<str>, Arc<str>>>,
}

impl Default for Attributes {
    /// No attributes: hardly anybody has any, so that all of those share one copy.
    fn default() -> Self {
        static NONE: LazyLock<Attributes> = LazyLock::new(|| Attributes {
            text: Json::from_canonical("{}"),
            scalars: Arc::default(),
        });
        NONE.clone()
    }
}
