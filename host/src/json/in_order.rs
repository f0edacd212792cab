//! Writes a JSON text in canonical form as it is read, without a value in between: most texts that
//! come from programs have their keys in order already. Knows nothing of what a text means.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What is said of a text whose keys are not in order; nobody is told.
const OUT_OF_ORDER: &str = "keys are out of order";

/// The canonical form of a text; nothing if it is not JSON or an object's keys are out of order,
/// which whoever reads it into a value finds out.
pub(super) fn canonical(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut reader = serde_json::Deserializer::from_str(text);
    Writer(&mut out).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    String::from_utf8(out).ok()
}

/// Writes one value.
struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn put<E: Error>(self, value: impl Serialize) -> Result<(), E> {
        serde_json::to_writer(self.0, &value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        let begun = self.0.len();
        loop {
            let end = self.0.len();
            if end > begun {
                self.0.push(b',');
            }
            if items.next_element_seed(Writer(self.0))?.is_none() {
                self.0.truncate(end);
                self.0.push(b']');
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let out = self.0;
        let mut last: Option<Cow<'de, str>> = None;
        out.push(b'{');
        while let Some(key) = entries.next_key_seed(Key)? {
            if last.is_some_and(|last| last >= key) {
                return Err(A::Error::custom(OUT_OF_ORDER));
            }
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            Writer(out).put(&*key)?;
            out.push(b':');
            entries.next_value_seed(Writer(out))?;
            last = Some(key);
        }
        out.push(b'}');
        Ok(())
    }
}

/// Reads a key, without a copy where the text has it as it is.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
