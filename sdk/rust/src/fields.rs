//! A JSON object whose fields stay the texts they came as. Knows nothing of what they mean.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The fields of a JSON object, in its order, each with its text.
///
/// A policy that leaves most of an event as it is has no use for the values: reading a payload as
/// fields and writing them again costs about half of what a [`serde_json::Value`] does.
///
/// ```
/// use wardroom_policy::{Fields, to_json};
///
/// let payload = r#"{"place":{"city":"Bonn"},"user":{"id":"ann","phone":"1"}}"#;
/// let payload = Fields::read(payload).expect("an object");
/// let user = payload.object("user").expect("an object");
/// assert!(user.contains("phone"));
///
/// let public = payload.with("user", &user.without(&["phone"]));
/// assert_eq!(to_json(&public), r#"{"place":{"city":"Bonn"},"user":{"id":"ann"}}"#);
/// ```
#[derive(Clone, Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Fields<'a> {
    /// The fields of an object; nothing if the text is no object, or no JSON at all, which what the
    /// server hands over never is.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.get())
    }

    /// The fields of a field that is an object itself.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Fields<'_>> {
        Fields::read(self.get(name)?)
    }

    /// The same without some fields.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = |(name, _): &&(Cow<'_, str>, _)| !names.contains(&&**name);
        Self(self.0.iter().filter(kept).cloned().collect())
    }

    /// The same with another value for a field, which comes last if it was not there.
    ///
    /// # Panics
    ///
    /// If the value has no JSON form, such as a map whose keys are no strings.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Self {
        let text = to_raw_value(value).expect("the value has a JSON form");
        let mut fields = self.clone();
        match fields.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = Cow::Owned(text),
            None => fields
                .0
                .push((Cow::Owned(name.to_owned()), Cow::Owned(text))),
        }
        fields
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, text) in &self.0 {
            map.serialize_entry(name, text)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::<(Cow<'de, str>, _)>::new();
        while let Some((Name(name), text)) = entries.next_entry::<_, &RawValue>()? {
            // Of two fields of one name the later counts, as everywhere.
            fields.retain(|(known, _)| *known != name);
            fields.push((name, Cow::Borrowed(text)));
        }
        Ok(Fields(fields))
    }
}

/// A name, without a copy where the text has it as it is.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_json;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "{}",
            r#"{"a":1,"b":[true,null],"c":{"d":"e"}}"#,
            r#"{"\n\"":"\u0001","ж":1.50}"#,
        ] {
            let fields = Fields::read(text).expect("an object");
            assert_eq!(to_json(&fields), text);
        }
        let twice = Fields::read(r#"{"a":1,"b":2,"a":3}"#).expect("an object");
        assert_eq!(to_json(&twice), r#"{"b":2,"a":3}"#);
        for no_object in ["", "[]", "null", r#""a""#, "{", "{1:2}"] {
            assert!(Fields::read(no_object).is_none(), "{no_object}");
        }
    }

    #[test]
    fn fields_are_found_left_out_and_replaced() {
        let fields = Fields::read(r#"{"a":1,"b":{"c":2}}"#).expect("an object");
        assert_eq!(fields.get("a"), Some("1"));
        assert!(fields.contains("b") && !fields.contains("c"));
        assert!(fields.object("a").is_none());
        let inner = fields.object("b").expect("an object");
        assert_eq!(inner.get("c"), Some("2"));
        assert_eq!(to_json(&fields.without(&["a", "x"])), r#"{"b":{"c":2}}"#);
        assert_eq!(to_json(&fields.with("a", "x")), r#"{"a":"x","b":{"c":2}}"#);
        let more = fields.with("d", &true);
        assert_eq!(to_json(&more), r#"{"a":1,"b":{"c":2},"d":true}"#);
    }
}
