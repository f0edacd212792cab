//! JSON inside cases: values that TOML writes, and texts where TOML cannot say it (`null`). Knows
//! no cases.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use wardroom_domain::Json;

use crate::json::of_value;

/// The key under which TOML hands out a date.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Any(pub(super) Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        dates_to_text(&mut value);
        Ok(Self(value))
    }
}

/// JSON has no dates: a date of TOML is its text.
fn dates_to_text(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(date)) = object.get(TOML_DATE) {
                *value = Value::String(date.clone());
                return;
            }
            object.values_mut().for_each(dates_to_text);
        }
        Value::Array(items) => items.iter_mut().for_each(dates_to_text),
        _ => {}
    }
}

/// A JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    pub(super) fn json(self) -> Json {
        of_value(&Value::Object(self.0))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Any::deserialize(deserializer)?.0 {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(D::Error::custom("expected a table, `{ … }`")),
        }
    }
}

/// A JSON value as a text, for what TOML cannot write.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text(pub(super) Value);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|e| D::Error::custom(format!("not JSON: {e}")))
    }
}

/// A value that was given in one of two ways.
pub(super) fn either(
    key: &str,
    value: Option<Any>,
    text: Option<Text>,
) -> Result<Option<Value>, String> {
    match (value, text) {
        (Some(_), Some(_)) => Err(format!("give `{key}` or `{key}_json`, not both")),
        (Some(Any(value)), None) | (None, Some(Text(value))) => Ok(Some(value)),
        (None, None) => Ok(None),
    }
}

/// An object that was given in one of two ways; `{}` if in none.
pub(super) fn object(
    key: &str,
    value: Option<Object>,
    text: Option<Text>,
) -> Result<Option<Map<String, Value>>, String> {
    match either(key, value.map(|Object(map)| Any(Value::Object(map))), text)? {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("`{key}_json` is not the text of an object")),
    }
}
