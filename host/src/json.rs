//! JSON at the edges: texts that are kept as they were sent, the canonical form that the domain
//! compares, and the scalars of attributes. Must not know what a text means.

mod number;
mod object;
#[cfg(test)]
mod tests;
mod text;
mod unfit;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use wardroom_domain::{Attributes, Json};

pub(crate) use object::{Object, escaped, quoted};
pub use text::JsonText;
pub use unfit::{Unfit, Why};

/// Levels of what was kept before, or was a value: deeper than anything that is kept by now.
const TRUSTED_LEVELS: usize = 256;

/// A text in the form in which it is kept.
///
/// # Errors
/// If it is not JSON, or cannot be kept.
pub fn keep(text: &str) -> Result<Json, Unfit> {
    JsonText::new(text)?.keep()
}

/// A text that was kept before.
///
/// # Errors
/// If it is not JSON.
pub fn kept_before(text: &str) -> Result<Json, Unfit> {
    JsonText::new(text)?.kept(TRUSTED_LEVELS)
}

/// A value as a text: its numbers as the value writes them.
///
/// # Panics
/// Never: a value has each key once, and nothing in it that a text could not hold.
#[must_use]
pub fn of_value(value: &Value) -> Json {
    kept_before(&value.to_string()).expect("a value has a JSON form")
}

/// An object of these members.
#[must_use]
pub fn of_members(members: &BTreeMap<Arc<str>, Json>) -> Json {
    let object = members.iter();
    let object = object.fold(Object::new(), |object, (key, json)| object.json(key, json));
    object.into_json()
}

/// Attributes of these members.
#[must_use]
pub fn attributes_of(members: &BTreeMap<Arc<str>, Json>) -> Attributes {
    if members.is_empty() {
        return Attributes::default();
    }
    let scalars: BTreeMap<Arc<str>, Arc<str>> = members
        .iter()
        .filter_map(|(name, value)| Some((Arc::clone(name), scalar(value)?)))
        .collect();
    Attributes {
        text: of_members(members),
        scalars: Arc::new(scalars),
    }
}

/// Attributes from the text of an object that was kept before.
///
/// # Errors
/// If the text is not a JSON object.
pub fn attributes(text: &str) -> Result<Attributes, Unfit> {
    let members = JsonText::new(text)?.members_within(TRUSTED_LEVELS)?;
    Ok(attributes_of(&members))
}

/// A string as it is, a number and a boolean as they were sent: `1.0` is not `1` to a policy that
/// compares texts, in no release of the interface.
fn scalar(json: &Json) -> Option<Arc<str>> {
    match json.as_str().bytes().next()? {
        b'"' => {
            let text = JsonText::from(json).string().ok()?;
            Some(Arc::from(text))
        }
        b'n' | b'[' | b'{' => None,
        _ => Some(Arc::from(json.as_str())),
    }
}

/// A text as a JSON string.
#[must_use]
pub fn of_string(text: &str) -> Json {
    Json::from_canonical(&quoted(text))
}
