//! Reading settings. A refusal says where and what, and never repeats a value, because a value may
//! be a secret. Must not know what any policy is set to.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Reads settings as [`Lifecycle::configure`](crate::Lifecycle::configure) gets them; for tests,
/// and for a part of the settings that has a form of its own.
///
/// ```
/// #[derive(Debug, serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     roles: Vec<String>,
/// }
///
/// let refusal = wardroom_policy::read_settings::<Settings>(r#"{"roles": ["admin", 5]}"#);
/// assert_eq!(refusal.unwrap_err(), "roles[1]: expected a string, found a number");
/// ```
///
/// # Errors
///
/// What is wrong, and where.
pub fn read_settings<T: DeserializeOwned>(settings: &str) -> Result<T, String> {
    let value: Value = serde_json::from_str(settings).map_err(|e| format!("no JSON: {e}"))?;
    T::deserialize(Node(value)).map_err(|refusal| refusal.to_string())
}

/// What is wrong at a place.
#[derive(Debug)]
struct Refusal {
    place: String,
    what: String,
}

impl Refusal {
    fn new(what: String) -> Self {
        Self {
            place: String::new(),
            what,
        }
    }

    /// The same, seen from one step further out.
    fn within(mut self, step: &str) -> Self {
        let joint = match self.place.chars().next() {
            None | Some('[') => "",
            Some(_) => ".",
        };
        self.place = format!("{step}{joint}{}", self.place);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for Refusal {}

impl Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!(
            "expected {}, found {}",
            wanted(expected),
            kind(found)
        ))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!(
            "expected {}, found another value",
            wanted(expected)
        ))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {length}", wanted(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", list(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        if expected.is_empty() {
            return Self::new(format!("unknown key `{field}`; there are no settings here"));
        }
        Self::new(format!(
            "unknown key `{field}`; known are {}",
            list(expected)
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is there twice"))
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What serde expects, in the words of whoever writes a configuration.
fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        _ => expected,
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// A JSON value as serde reads it, with refusals of our own.
struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter(), 0)),
            Value::Object(entries) => visitor.visit_map(Entries::new(entries)),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant(name, None)),
            Value::Object(entries) if entries.len() == 1 => {
                let mut entries = entries.into_iter();
                let (name, content) = entries.next().unwrap_or_default();
                visitor.visit_enum(Variant(name, Some(content)))
            }
            _ => Err(Refusal::unknown_variant("", variants)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items(std::vec::IntoIter<Value>, usize);

impl<'de> SeqAccess<'de> for Items {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        let Some(item) = self.0.next() else {
            return Ok(None);
        };
        let step = format!("[{}]", self.1);
        self.1 += 1;
        let item = seed.deserialize(Node(item));
        item.map(Some).map_err(|refusal| refusal.within(&step))
    }
}

struct Entries {
    rest: serde_json::map::IntoIter,
    value: Option<(String, Value)>,
}

impl Entries {
    fn new(entries: Map<String, Value>) -> Self {
        Self {
            rest: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some((key.clone(), value));
        seed.deserialize(StringDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refusal> {
        let (key, value) = self.value.take().unwrap_or_default();
        let value = seed.deserialize(Node(value));
        value.map_err(|refusal| refusal.within(&key))
    }
}

struct Variant(String, Option<Value>);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Refusal;
    type Variant = Node;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Node), Refusal> {
        let name = seed.deserialize(StringDeserializer::new(self.0))?;
        Ok((name, Node(self.1.unwrap_or_default())))
    }
}

impl<'de> VariantAccess<'de> for Node {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self.0 {
            Value::Null => Ok(()),
            _ => Err(Refusal::custom("nothing is to be given with this choice")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::{NoSettings, Secret};

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        roles: Vec<String>,
        port: Option<u16>,
        ratio: f64,
        inner: BTreeMap<String, Inner>,
        mode: Mode,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        on: bool,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        #[default]
        Off,
        Every(u8),
        Named {
            name: String,
        },
    }

    #[test]
    fn every_form_is_read() {
        let text = r#"{"roles": ["a"], "port": 80, "ratio": 0.5, "inner": {"x": {"on": true}},
            "mode": {"named": {"name": "n"}}}"#;
        let settings: Settings = read_settings(text).expect("good settings");
        let expected = Settings {
            roles: vec!["a".into()],
            port: Some(80),
            ratio: 0.5,
            inner: BTreeMap::from([("x".into(), Inner { on: true })]),
            mode: Mode::Named { name: "n".into() },
        };
        assert_eq!(settings, expected);
        assert_eq!(read_settings("{}"), Ok(Settings::default()));
        assert_eq!(read_settings(r#"{"every": 3}"#), Ok(Mode::Every(3)));
        assert_eq!(read_settings(r#""off""#), Ok(Mode::Off));
        assert_eq!(read_settings("{}"), Ok(NoSettings {}));
    }

    #[test]
    fn a_refusal_says_where_and_what_and_never_the_value() {
        for (settings, refusal) in [
            (r#""s3cret""#, "expected a table, found a string"),
            (
                r#"{"roles": "s3cret"}"#,
                "roles: expected a list, found a string",
            ),
            (
                r#"{"roles": ["a", 5]}"#,
                "roles[1]: expected a string, found a number",
            ),
            (
                r#"{"port": "s3cret"}"#,
                "port: expected a whole number, not negative, found a string",
            ),
            (
                r#"{"port": -1}"#,
                "port: expected a whole number, not negative, found another value",
            ),
            (r#"{"inner": {"x": {}}}"#, "inner.x: `on` is missing"),
            (
                r#"{"inner": {"x": {"on": 1}}}"#,
                "inner.x.on: expected a boolean, found a number",
            ),
            (
                r#"{"inner": {"x": {"off": 1}}}"#,
                "inner.x: unknown key `off`; known are `on`",
            ),
            (
                r#"{"mode": "s3cret"}"#,
                "mode: expected one of `off`, `every`, `named`",
            ),
            (
                r#"{"mode": {"off": 1}}"#,
                "mode: nothing is to be given with this choice",
            ),
            (
                r#"{"role": []}"#,
                "unknown key `role`; known are `roles`, `port`, `ratio`, `inner`, `mode`",
            ),
        ] {
            let said = read_settings::<Settings>(settings).expect_err(settings);
            assert_eq!(said, refusal, "{settings}");
        }
    }

    #[test]
    fn a_policy_without_settings_refuses_any() {
        let said = read_settings::<NoSettings>(r#"{"a": 1}"#).expect_err("no settings");
        assert_eq!(said, "unknown key `a`; there are no settings here");
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret: Secret = read_settings(r#""s3cret""#).expect("a string");
        assert_eq!(format!("{secret:?}"), "..");
        let said = read_settings::<Secret>("17").expect_err("no string");
        assert_eq!(said, "expected a string, found a number");
    }
}
