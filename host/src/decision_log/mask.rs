//! Values that an operator wants never to be written, named by key paths. It must not know what is
//! logged beyond the names of its parts.

use std::fmt;
use std::str::FromStr;

use crate::json::{JsonText, Object, quoted};

/// What stands in the place of a masked value.
const MASKED: &str = "***";

/// The parts of a line that may be masked, as a whole or in part.
const ROOTS: [&str; 7] = [
    "claims", "input", "subject", "message", "code", "channel", "name",
];

/// Where a value is: `claims.email`, `subject.attributes.phone`, `input.users.*.token`,
/// `claims."https://example.com/email"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath {
    root: &'static str,
    keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Named(String),
    Any,
}

/// A text that is no path of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyPath {
    /// It is not keys with dots between them.
    #[error(
        "expected keys with dots between them, such as claims.email; a key with a dot in it stands \
         in double quotes, and * for any key"
    )]
    Form,
    /// It leads nowhere in a line of the log.
    #[error("must begin with one of: {}", ROOTS.join(", "))]
    Root,
}

impl FromStr for KeyPath {
    type Err = InvalidKeyPath;

    fn from_str(text: &str) -> Result<Self, InvalidKeyPath> {
        let mut keys = Vec::new();
        let mut rest = text;
        loop {
            let (key, after) = if let Some(quoted) = rest.strip_prefix('"') {
                let (key, after) = quoted.split_once('"').ok_or(InvalidKeyPath::Form)?;
                (Key::Named(key.to_owned()), after)
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                if key.is_empty() || key.contains(|c: char| c == '"' || c.is_whitespace()) {
                    return Err(InvalidKeyPath::Form);
                }
                (Key::bare(key), after)
            };
            keys.push(key);
            if after.is_empty() {
                break;
            }
            rest = after.strip_prefix('.').ok_or(InvalidKeyPath::Form)?;
        }
        let first = keys.remove(0);
        let root = ROOTS.into_iter().find(|root| first.is(root));
        let root = root.ok_or(InvalidKeyPath::Root)?;
        Ok(Self { root, keys })
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root)?;
        self.keys.iter().try_for_each(|key| match key {
            Key::Any => f.write_str(".*"),
            Key::Named(name) if name.contains('.') || name == "*" => write!(f, ".\"{name}\""),
            Key::Named(name) => write!(f, ".{name}"),
        })
    }
}

impl Key {
    fn bare(text: &str) -> Self {
        match text {
            "*" => Self::Any,
            name => Self::Named(name.to_owned()),
        }
    }

    fn is(&self, name: &str) -> bool {
        matches!(self, Self::Named(own) if own == name)
    }
}

/// All masked paths.
#[derive(Clone, Debug)]
pub(super) struct Mask(Vec<KeyPath>);

impl Mask {
    pub(super) fn new(paths: Vec<KeyPath>) -> Self {
        Self(paths)
    }

    /// One part of a line, a JSON text, without what must not be written.
    pub(super) fn apply(&self, part: &str, text: String) -> String {
        let paths = self.0.iter().filter(|path| path.root == part);
        paths.fold(text, |text, path| match JsonText::new(&text) {
            Ok(whole) => cover(&path.keys, whole),
            // What is no JSON cannot be looked into.
            Err(_) => quoted(MASKED),
        })
    }
}

/// A text in which whatever is at a path is covered. Elements of a list are looked through as if
/// each stood alone.
fn cover(keys: &[Key], text: JsonText<'_>) -> String {
    let Some((first, rest)) = keys.split_first() else {
        return quoted(MASKED);
    };
    if let Some(elements) = text.elements() {
        let covered: Vec<String> = elements.iter().map(|item| cover(keys, *item)).collect();
        return format!("[{}]", covered.join(","));
    }
    let Ok(fields) = text.fields() else {
        return text.as_str().to_owned();
    };
    let fields = fields.into_iter();
    let covered = fields.fold(Object::new(), |object, (name, value)| {
        match *first == Key::Any || first.is(&name) {
            true => object.raw(&name, &cover(rest, value)),
            false => object.raw(&name, value.as_str()),
        }
    });
    covered.end()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(path: &str, value: Value, expected: &Value) {
        let path: KeyPath = path.parse().unwrap();
        let root = path.root;
        let covered = Mask::new(vec![path]).apply(root, value.to_string());
        assert_eq!(covered, expected.to_string());
    }

    #[test]
    fn a_value_is_covered_whatever_it_is() {
        let secret = || json!({"a": 1, "b": [2]});
        for value in [json!("x"), json!(7), json!(null), secret(), json!([1])] {
            let claims = json!({"email": value, "sub": "ann"});
            check(
                "claims.email",
                claims,
                &json!({"email": "***", "sub": "ann"}),
            );
        }
        check("input", secret(), &json!("***"));
        check("claims.phone", secret(), &secret());
        check("claims.a.deeper", secret(), &secret());
    }

    #[test]
    fn lists_are_looked_through_and_a_star_stands_for_any_key() {
        let users = json!({"users": [{"token": "s"}, [{"token": "s"}], "other"]});
        let covered = json!({"users": [{"token": "***"}, [{"token": "***"}], "other"]});
        check("input.users.token", users, &covered);
        let users = json!({"ann": {"phone": 1, "age": 2}, "bob": {"phone": 3}});
        let covered = json!({"ann": {"phone": "***", "age": 2}, "bob": {"phone": "***"}});
        check("input.*.phone", users, &covered);
    }

    #[test]
    fn keys_with_dots_are_quoted() {
        let claims = json!({"https://example.com/email": "x", "https://example": {"com/email": 1}});
        let mut covered = claims.clone();
        covered["https://example.com/email"] = json!("***");
        check(
            r#"claims."https://example.com/email""#,
            claims.clone(),
            &covered,
        );
        check(
            r#"claims."*""#,
            json!({"*": 1, "a": 2}),
            &json!({"*": "***", "a": 2}),
        );
    }

    #[test]
    fn other_parts_are_left_alone() {
        let mask = Mask::new(vec!["claims.email".parse().unwrap()]);
        let input = r#"{"email":"x"}"#.to_owned();
        assert_eq!(mask.apply("input", input.clone()), input);
    }

    #[test]
    fn numbers_beside_what_is_covered_stay_as_they_are() {
        let mask = Mask::new(vec!["claims.*.phone".parse().unwrap()]);
        let claims =
            r#"{"at":[117.63333139400017,1e2],"x":{"n":12345678901234567890123,"phone":7}}"#;
        let covered = claims.replace(":7}", r#":"***"}"#);
        assert_eq!(mask.apply("claims", claims.to_owned()), covered);
    }

    #[test]
    fn paths_are_checked() {
        for path in ["claims", "input.*", r#"subject."a.b".c"#, r#"claims."*""#] {
            assert_eq!(path.parse::<KeyPath>().unwrap().to_string(), path);
        }
        for path in [
            "",
            ".",
            "claims.",
            ".claims",
            "claims..x",
            "claims x",
            "claims.\"x",
            "a\"b\"",
        ] {
            assert_eq!(
                path.parse::<KeyPath>(),
                Err(InvalidKeyPath::Form),
                "{path:?}"
            );
        }
        for path in ["*", "email", "claim.email", "workspace", "id"] {
            assert_eq!(
                path.parse::<KeyPath>(),
                Err(InvalidKeyPath::Root),
                "{path:?}"
            );
        }
    }
}
