//! JSON at the edges: the canonical form that the domain compares, and the scalars of attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use wardroom_domain::{Attributes, Json};

/// The canonical form of a value: no white space, keys sorted.
#[must_use]
pub fn canonical(value: &Value) -> Json {
    // serde_json's map is a BTreeMap here (`preserve_order` is off), which sorts the keys.
    Json::from_canonical(&value.to_string())
}

/// Attributes from an object.
#[must_use]
pub fn attributes_of(object: Map<String, Value>) -> Attributes {
    let scalars: BTreeMap<Arc<str>, Arc<str>> = object
        .iter()
        .filter_map(|(name, value)| Some((Arc::from(name.as_str()), scalar(value)?)))
        .collect();
    Attributes {
        text: canonical(&Value::Object(object)),
        scalars: Arc::new(scalars),
    }
}

/// Attributes from the text of an object.
///
/// # Errors
/// If the text is not a JSON object.
pub fn attributes(text: &str) -> Result<Attributes, serde_json::Error> {
    serde_json::from_str(text).map(attributes_of)
}

fn scalar(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(Arc::from(text.as_str())),
        Value::Number(number) => Some(Arc::from(number.to_string())),
        Value::Bool(flag) => Some(Arc::from(flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_texts() {
        let a = serde_json::from_str(r#"{ "b": 1, "a": [true, null] }"#);
        let b = serde_json::from_str(r#"{"a":[true,null],"b":1}"#);
        let (a, b): (Value, Value) = (a.expect("JSON"), b.expect("JSON"));
        assert_eq!(canonical(&a), canonical(&b));
    }

    #[test]
    fn scalars_are_the_top_level_strings_numbers_and_booleans() {
        let text = r#"{"region":"eu","level":3,"staff":true,"tags":["x"],"none":null}"#;
        let attributes = attributes(text).expect("an object");
        let scalars: Vec<_> = attributes
            .scalars
            .iter()
            .map(|(k, v)| (&**k, &**v))
            .collect();
        assert_eq!(
            scalars,
            [("level", "3"), ("region", "eu"), ("staff", "true")]
        );
    }
}
