//! JSON texts in the making. Must not know what they say.

use serde_json::Value;
use wardroom_domain::Json;

/// A JSON object in the making.
pub(crate) struct Object {
    text: String,
    /// The same with canonical members, once one of them is not canonical as it is.
    canonical: Option<String>,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self {
            text: String::from("{"),
            canonical: None,
        }
    }

    pub(crate) fn raw(self, name: &str, json: &str) -> Self {
        self.member(name, json, json)
    }

    pub(crate) fn json(self, name: &str, json: &Json) -> Self {
        self.member(name, json.as_str(), json.canonical())
    }

    fn member(mut self, name: &str, text: &str, canonical: &str) -> Self {
        if self.canonical.is_none() && text != canonical {
            self.canonical = Some(self.text.clone());
        }
        let name = quoted(name);
        let add = |to: &mut String, json: &str| {
            if to.len() > 1 {
                to.push(',');
            }
            to.push_str(&name);
            to.push(':');
            to.push_str(json);
        };
        add(&mut self.text, text);
        if let Some(whole) = &mut self.canonical {
            add(whole, canonical);
        }
        self
    }

    pub(crate) fn string(self, name: &str, text: &str) -> Self {
        let text = quoted(text);
        self.raw(name, &text)
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    pub(crate) fn into_json(mut self) -> Json {
        self.text.push('}');
        match self.canonical {
            Some(canonical) => Json::with_canonical(&self.text, &(canonical + "}")),
            None => Json::from_canonical(&self.text),
        }
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
