//! JSON that the domain carries but does not read, and the few facts an edge extracts from it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A JSON text in the edge's canonical form: equal values have equal texts. The domain only
/// compares and carries it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(Arc<str>);

impl Json {
    /// Wraps a canonical JSON text. The caller answers for its form.
    #[must_use]
    pub fn from_canonical(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Attributes of a member or a channel: a JSON object, and its top-level scalars as strings, so
/// that a [`crate::Selector`] can compare them natively.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributes {
    /// The whole object.
    pub text: Json,
    /// Top-level strings as they are, numbers and booleans in their JSON form.
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
