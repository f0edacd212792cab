//! JSON at the edges: the canonical form that the domain compares, and the scalars of attributes.

mod in_order;

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

/// The canonical form of a text.
///
/// # Errors
/// If the text is not JSON.
pub fn canonical_text(text: &str) -> Result<Json, serde_json::Error> {
    if let Some(canonical) = in_order::canonical(text) {
        return Ok(Json::from_canonical(&canonical));
    }
    Ok(canonical(&serde_json::from_str(text)?))
}

/// Attributes from an object.
#[must_use]
pub fn attributes_of(object: Map<String, Value>) -> Attributes {
    if object.is_empty() {
        return Attributes::default();
    }
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
    fn a_text_has_the_form_of_its_value() {
        for text in [
            "null",
            "true",
            " [ ] ",
            "{ }",
            "[[],{},[{}],[1,[2,[3]]]]",
            r#"{"a":{"b":[1,-2,3.0,1e3,1.5e-9,18446744073709551615,-9223372036854775808]},"c":null}"#,
            r#" { "a" : 1 , "b" : [ true , "x" ] } "#,
            r#"{"b":1,"a":2,"c":{"z":1,"y":[{"q":1,"p":2}]}}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"":0,"\u0000":1,"\n":2,"\u00e9":3,"ж":4}"#,
            r#""a\/b\u2028\ud83d\ude00\\\"\t\u0001""#,
            "1e400",
            "123456789012345678901234567890",
            "0.1",
            "-0",
            "-0.0",
        ] {
            let value = serde_json::from_str::<Value>(text);
            let expected = value.as_ref().map(canonical).ok();
            assert_eq!(canonical_text(text).ok(), expected, "{text}");
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "1 2",
            "nul",
            "\"\\ud800\"",
            "{1:2}",
        ] {
            assert!(canonical_text(bad).is_err(), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(canonical_text(&deep).is_err());
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
