//! Building answers that are no rules: denials, and forms of an event.

use serde::Serialize;

use crate::{Denial, Rendering, Rendition, Selector, to_json};

impl Denial {
    /// Why something is refused: `code` is a short, stable word for programs and the log,
    /// `message` is shown to the person and must not hold secrets.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

impl Rendition {
    /// One form of an event, for those whom the selector matches.
    ///
    /// ```
    /// use serde_json::json;
    /// use wardroom_policy::{Rendering, Rendition, everybody, role};
    ///
    /// let rendering = Rendering::split([
    ///     Rendition::new(role("admin"), &json!({"name": "Ann", "email": "ann@example.com"})),
    ///     Rendition::new(everybody(), &json!({"name": "Ann"})),
    /// ]);
    /// # assert!(matches!(rendering, Rendering::Split(r) if r.len() == 2));
    /// ```
    pub fn new<T: Serialize + ?Sized>(to: impl Into<Selector>, payload: &T) -> Self {
        Self {
            to: to.into(),
            payload: to_json(payload),
        }
    }
}

impl Rendering {
    /// Everybody in the event's audience gets this instead.
    pub fn replaced<T: Serialize + ?Sized>(payload: &T) -> Self {
        Self::Replaced(to_json(payload))
    }

    /// Everybody gets the first form whose selector matches them, and nothing when none does.
    pub fn split(renditions: impl IntoIterator<Item = Rendition>) -> Self {
        Self::Split(renditions.into_iter().collect())
    }
}
