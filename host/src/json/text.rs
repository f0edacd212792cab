//! Texts that are known to be JSON: their parts, and the form in which they are kept. Reads each
//! text once and makes no values of numbers, which would change them. Must not know what a text means.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use memchr::memchr2;
use serde_json::value::RawValue;
use wardroom_domain::Json;

use super::number;
use super::object::quoted;
use super::unfit::{Unfit, Why};
use crate::limits::MAX_JSON_DEPTH;

/// A JSON text that is known to be one.
#[derive(Clone, Copy, Debug)]
pub struct JsonText<'a>(&'a str);

impl<'a> From<&'a RawValue> for JsonText<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

impl<'a> From<&'a Json> for JsonText<'a> {
    fn from(json: &'a Json) -> Self {
        Self(json.as_str())
    }
}

impl<'a> JsonText<'a> {
    /// Looks whether a text is JSON, of whatever depth.
    ///
    /// # Errors
    /// If it is not.
    pub fn new(text: &'a str) -> Result<Self, Unfit> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(raw.into()),
            Err(error) => Err(Unfit::here(Why::Syntax(error.to_string()))),
        }
    }

    /// The text as it came.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0.trim_ascii() == "null"
    }

    /// The string that it is.
    ///
    /// # Errors
    /// If it is no string, or one that holds half a character.
    pub fn string(self) -> Result<Cow<'a, str>, Unfit> {
        let token = self.0.trim_ascii();
        if !token.starts_with('"') {
            return Err(Unfit::here(Why::NoString));
        }
        unescaped(token)
    }

    /// The fields of an object, each with its text.
    ///
    /// # Errors
    /// If it is no object, or a key is in it twice or holds half a character.
    pub fn fields(self) -> Result<BTreeMap<Cow<'a, str>, JsonText<'a>>, Unfit> {
        let mut reader = Reader::new(self.0);
        if reader.peek() != b'{' {
            return Err(Unfit::here(Why::NoObject));
        }
        let mut fields = BTreeMap::new();
        let mut more = reader.enter(b'}');
        while more {
            let key = unescaped(reader.string())?;
            reader.skip(b':');
            let value = JsonText(reader.value());
            if fields.contains_key(&key) {
                return Err(Unfit::here(Why::RepeatedKey(key.into())));
            }
            fields.insert(key, value);
            more = reader.another(b'}');
        }
        Ok(fields)
    }

    /// The elements of a list, or nothing if it is none.
    #[must_use]
    pub fn elements(self) -> Option<Vec<JsonText<'a>>> {
        let mut reader = Reader::new(self.0);
        (reader.peek() == b'[').then(|| {
            let mut elements = Vec::new();
            let mut more = reader.enter(b']');
            while more {
                elements.push(JsonText(reader.value()));
                more = reader.another(b']');
            }
            elements
        })
    }

    /// The members of an object, each in the form in which it is kept.
    ///
    /// # Errors
    /// If it is no object, or cannot be kept.
    pub fn members(self) -> Result<BTreeMap<Arc<str>, Json>, Unfit> {
        self.members_within(MAX_JSON_DEPTH)
    }

    pub(super) fn members_within(self, levels: usize) -> Result<BTreeMap<Arc<str>, Json>, Unfit> {
        let member = |(key, text): (Cow<'_, str>, JsonText<'_>)| match text.kept(levels - 1) {
            Ok(json) => Ok((Arc::from(&*key), json)),
            Err(unfit) => Err(unfit.under(&key)),
        };
        self.fields()?.into_iter().map(member).collect()
    }

    /// The form in which it is kept: the text of each number as it came, no white space, keys
    /// sorted, no character escaped that need not be.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn keep(self) -> Result<Json, Unfit> {
        self.kept(MAX_JSON_DEPTH)
    }

    /// The same for what may have this many levels.
    pub(super) fn kept(self, levels: usize) -> Result<Json, Unfit> {
        let mut writer = Writer {
            from: Reader::new(self.0),
            out: String::with_capacity(self.0.len()),
            is_canonical: true,
        };
        writer.value(levels)?;
        let text = writer.out;
        Ok(match writer.is_canonical {
            true => Json::from_canonical(&text),
            false => Json::with_canonical(&text, &canonical(&text)),
        })
    }
}

/// What a string token says.
fn unescaped(token: &str) -> Result<Cow<'_, str>, Unfit> {
    if token.contains('\\') {
        // Half a character is all that can be wrong with the string of a text that is JSON.
        let text = serde_json::from_str::<String>(token);
        return text
            .map(Cow::Owned)
            .map_err(|_| Unfit::here(Why::LoneSurrogate));
    }
    Ok(Cow::Borrowed(&token[1..token.len() - 1]))
}

/// Puts each number of a kept text into its canonical form.
fn canonical(kept: &str) -> String {
    let mut reader = Reader::new(kept);
    let mut out = String::with_capacity(kept.len());
    while !reader.rest.is_empty() {
        match reader.rest.as_bytes()[0] {
            b'"' => out.push_str(reader.string()),
            b'-' | b'0'..=b'9' => out.push_str(&number::canonical(reader.number())),
            _ => out.push_str(reader.take(1)),
        }
    }
    out
}

/// Reads a JSON text token by token. That it is JSON is known, so nothing can be out of place.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// The first byte of the next token.
    fn peek(&mut self) -> u8 {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next().unwrap_or_default()
    }

    fn skip(&mut self, expected: u8) {
        let found = self.peek();
        debug_assert_eq!(found, expected, "the text is JSON");
        self.take(1);
    }

    /// Goes into an object or a list; whether there is something in it.
    fn enter(&mut self, end: u8) -> bool {
        self.peek();
        self.take(1);
        let more = self.peek() != end;
        if !more {
            self.take(1);
        }
        more
    }

    /// Goes behind the comma, or the end; whether one more comes.
    fn another(&mut self, end: u8) -> bool {
        let more = self.peek() != end;
        self.take(1);
        more
    }

    /// A string, quotes included.
    fn string(&mut self) -> &'a str {
        self.peek();
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            at += found;
            if bytes[at] == b'"' {
                break;
            }
            at += 2;
        }
        self.take(at + 1)
    }

    fn number(&mut self) -> &'a str {
        let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest.bytes().take_while(|byte| part(byte)).count();
        self.take(length)
    }

    fn literal(&mut self) -> &'a str {
        let length = self.rest.bytes().take_while(u8::is_ascii_lowercase);
        let length = length.count();
        self.take(length)
    }

    /// A whole value, of whatever depth.
    fn value(&mut self) -> &'a str {
        self.peek();
        let whole = self.rest;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                b'{' | b'[' => {
                    depth += 1;
                    self.take(1);
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.take(1);
                }
                b'"' => {
                    self.string();
                }
                b'-' | b'0'..=b'9' => {
                    self.number();
                }
                b't' | b'f' | b'n' => {
                    self.literal();
                }
                _ => {
                    self.take(1);
                }
            }
            if depth == 0 || self.rest.is_empty() {
                return &whole[..whole.len() - self.rest.len()];
            }
        }
    }
}

/// Writes a text in the form in which it is kept, as it is read.
struct Writer<'a> {
    from: Reader<'a>,
    out: String,
    /// Whether every number so far is canonical.
    is_canonical: bool,
}

impl Writer<'_> {
    fn value(&mut self, levels: usize) -> Result<(), Unfit> {
        match self.from.peek() {
            b'{' | b'[' if levels == 0 => return Err(Unfit::here(Why::TooDeep)),
            b'{' => return self.object(levels - 1),
            b'[' => return self.list(levels - 1),
            b'"' => {
                let token = self.from.string();
                self.string(token, &unescaped(token)?);
            }
            b'-' | b'0'..=b'9' => {
                let number = self.from.number();
                if !number::is_in_range(number) {
                    return Err(Unfit::here(Why::OutOfRange));
                }
                self.is_canonical = self.is_canonical && number::canonical(number) == number;
                self.out.push_str(number);
            }
            _ => self.out.push_str(self.from.literal()),
        }
        Ok(())
    }

    fn string(&mut self, token: &str, text: &str) {
        if token.len() == text.len() + 2 {
            self.out.push_str(token);
        } else {
            self.out.push_str(&quoted(text));
        }
    }

    fn list(&mut self, levels: usize) -> Result<(), Unfit> {
        self.out.push('[');
        let mut more = self.from.enter(b']');
        let mut index = 0_usize;
        while more {
            self.value(levels)
                .map_err(|unfit| unfit.under(&index.to_string()))?;
            index += 1;
            more = self.from.another(b']');
            if more {
                self.out.push(',');
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, levels: usize) -> Result<(), Unfit> {
        self.out.push('{');
        let begun = self.out.len();
        let mut entries: Vec<(Cow<'_, str>, Range<usize>)> = Vec::new();
        let mut in_order = true;
        let mut more = self.from.enter(b'}');
        while more {
            let start = self.out.len();
            let token = self.from.string();
            let key = unescaped(token)?;
            self.string(token, &key);
            self.from.skip(b':');
            self.out.push(':');
            self.value(levels).map_err(|unfit| unfit.under(&key))?;
            in_order = in_order && entries.last().is_none_or(|(last, _)| *last < key);
            entries.push((key, start..self.out.len()));
            more = self.from.another(b'}');
            if more {
                self.out.push(',');
            }
        }
        if !in_order {
            self.sort(begun, entries)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// Brings the entries of an object, of which all is written but its end, into order.
    fn sort(
        &mut self,
        begun: usize,
        mut entries: Vec<(Cow<'_, str>, Range<usize>)>,
    ) -> Result<(), Unfit> {
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Unfit::here(Why::RepeatedKey(pair[0].0.to_string())));
        }
        let unsorted = self.out.split_off(begun);
        for (place, (_, range)) in entries.into_iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.out
                .push_str(&unsorted[range.start - begun..range.end - begun]);
        }
        Ok(())
    }
}
