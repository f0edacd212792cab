//! Cases that are too large to be written: in their texts `<300 × ab>` stands for 300 times `ab`, and
//! an item of a list with `<1..300>` in it for 300 items, numbered. Knows not what a case means.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::raw;
use super::read::Spec;
use super::values::Any;
use crate::limits::POLICY_GENERATED_BYTES;

/// A case that was written with patterns.
#[derive(Debug)]
pub(super) struct Generated(pub(super) Spec);

impl<'de> Deserialize<'de> for Generated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::located::<D, Pattern, Self>(deserializer)
    }
}

/// A case as it is written.
#[derive(Deserialize)]
#[serde(transparent)]
struct Pattern(Any);

impl TryFrom<Pattern> for Generated {
    type Error = String;

    fn try_from(Pattern(Any(value)): Pattern) -> Result<Self, String> {
        let mut room = Room(POLICY_GENERATED_BYTES);
        let case = raw::Case::try_from(Any(room.expand(&value)?))?;
        Spec::try_from(case).map(Self)
    }
}

/// Bytes that may still be made.
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(bytes)
            .ok_or_else(|| format!("the case comes to more than {POLICY_GENERATED_BYTES} bytes"))?;
        Ok(())
    }

    fn expand(&mut self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(text)?),
            Value::Array(items) => {
                let mut list = Vec::new();
                for item in items {
                    match range(item) {
                        None => list.push(self.expand(item)?),
                        Some((pattern, first, last)) => {
                            for number in first..=last {
                                let item = numbered(item, &pattern, number);
                                list.push(self.expand(&item)?);
                            }
                        }
                    }
                }
                Value::Array(list)
            }
            Value::Object(fields) => {
                let mut object = Map::new();
                for (key, value) in fields {
                    object.insert(self.text(key)?, self.expand(value)?);
                }
                Value::Object(object)
            }
            other => {
                self.take(size_of::<Value>())?;
                other.clone()
            }
        })
    }

    /// A text with its repetitions carried out.
    fn text(&mut self, pattern: &str) -> Result<String, String> {
        let (mut text, mut rest) = (String::new(), pattern);
        while let Some((before, times, part, after)) = repetition(rest) {
            self.take(times.saturating_mul(part.len()))?;
            text += before;
            text += &part.repeat(times);
            rest = after;
        }
        text += rest;
        self.take(size_of::<Value>() + pattern.len())?;
        Ok(text)
    }
}

/// The first `<300 × ab>` of a text: what is before it, how often, what, and what is after it.
fn repetition(text: &str) -> Option<(&str, usize, &str, &str)> {
    text.match_indices('<').find_map(|(at, _)| {
        let (inside, after) = text[at + 1..].split_once('>')?;
        let (times, part) = inside.split_once(" × ")?;
        Some((&text[..at], times.parse().ok()?, part, after))
    })
}

/// The first `<1..300>` in the texts of an item, and its ends.
fn range(item: &Value) -> Option<(String, usize, usize)> {
    match item {
        Value::String(text) => text.match_indices('<').find_map(|(at, _)| {
            let (inside, _) = text[at + 1..].split_once('>')?;
            let (first, last) = inside.split_once("..")?;
            let ends = (first.parse().ok()?, last.parse().ok()?);
            Some((format!("<{inside}>"), ends.0, ends.1))
        }),
        Value::Array(items) => items.iter().find_map(range),
        Value::Object(fields) => fields.values().find_map(range),
        _ => None,
    }
}

/// An item with a number in place of the pattern, wherever it stands.
fn numbered(item: &Value, pattern: &str, number: usize) -> Value {
    let inside = |value: &Value| numbered(value, pattern, number);
    match item {
        Value::String(text) => Value::String(text.replace(pattern, &number.to_string())),
        Value::Array(items) => items.iter().map(inside).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(key, it)| (key.clone(), inside(it))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn expanded(value: Value) -> Result<Value, String> {
        Room(POLICY_GENERATED_BYTES).expand(&value)
    }

    #[test]
    fn patterns_stand_for_what_they_say() {
        assert_eq!(
            expanded(json!({"a<2 × é🙂>": ["<3 × x>-<0 × y><2 × <>", 1, null]})),
            Ok(json!({"aé🙂é🙂": ["xxx-<<", 1, null]}))
        );
        assert_eq!(
            expanded(json!([{"id": "u<1..3>", "name": "<1..3><2 × !>"}, "z", "<2..1>"])),
            Ok(json!([
                {"id": "u1", "name": "1!!"},
                {"id": "u2", "name": "2!!"},
                {"id": "u3", "name": "3!!"},
                "z"
            ]))
        );
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "",
            "<",
            "a < b > c",
            "<p>",
            "<x × y>",
            "<3 x y>",
            "<3 ×",
            "<1..>",
        ] {
            assert_eq!(expanded(json!([text])), Ok(json!([text])));
        }
        // A number outside of a list has nothing to be repeated.
        assert_eq!(expanded(json!("<1..3>")), Ok(json!("<1..3>")));
    }

    #[test]
    fn what_is_made_has_a_limit() {
        let half = format!("<{} × x>", POLICY_GENERATED_BYTES / 2);
        assert!(expanded(json!(half)).is_ok());
        for much in [
            json!([half, half]),
            json!("<9999999999999999999 × xx>"),
            json!(["<1..999999999>"]),
        ] {
            let error = expanded(much).unwrap_err();
            assert!(
                error.contains(&POLICY_GENERATED_BYTES.to_string()),
                "{error}"
            );
        }
    }
}
