//! Which keys were set, and to what, without keeping what: enough to tell which of them changed between two readings. It must not know what a key means.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

/// The keys of one reading. Values may be secrets, so only their digests are kept, and none is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written(BTreeMap<String, [u8; 32]>);

impl fmt::Debug for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Written(..)")
    }
}

impl Written {
    /// What was written in this table, environment included.
    pub(super) fn of(table: &Table) -> Self {
        let mut keys = BTreeMap::new();
        for (name, value) in table {
            note(name.clone(), value, &mut keys);
        }
        Self(keys)
    }

    /// The key paths that were added, removed or given another value, in their order.
    #[must_use]
    pub fn changed(&self, next: &Self) -> Vec<String> {
        let gone = self.0.keys().filter(|key| !next.0.contains_key(*key));
        let new = next
            .0
            .iter()
            .filter(|(key, value)| self.0.get(*key) != Some(value));
        let mut changed: Vec<String> = gone.chain(new.map(|(key, _)| key)).cloned().collect();
        changed.sort();
        changed
    }
}

/// Takes down every key below a value. An empty list is a value of its own; an empty section says
/// nothing.
fn note(path: String, value: &Value, keys: &mut BTreeMap<String, [u8; 32]>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                note(format!("{path}.{name}"), value, keys);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (index, item) in items.iter().enumerate() {
                note(format!("{path}[{index}]"), item, keys);
            }
        }
        value => {
            keys.insert(path, Sha256::digest(value.to_string()).into());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn written(text: &str) -> Written {
        Written::of(&text.parse().unwrap())
    }

    #[test]
    fn what_changed_is_named_by_its_key_and_never_shown() {
        let before = written(
            "[listen]\npublic = \"a\"\n[log]\nlevel = \"info\"\n\
             [[auth.keys]]\nsecret = \"first-secret\"\n[[policies]]\nname = \"p\"",
        );
        let after = written(
            "[listen]\npublic = \"a\"\ninternal = \"b\"\n\
             [[auth.keys]]\nsecret = \"second-secret\"\n[[policies]]\nname = \"p\"",
        );
        assert_eq!(
            before.changed(&after),
            ["auth.keys[0].secret", "listen.internal", "log.level"]
        );
        assert_eq!(before.changed(&before), [] as [&str; 0]);
        assert!(!format!("{before:?}").contains("first-secret"));
    }

    #[test]
    fn an_empty_section_says_nothing() {
        let one = written("[visibility]\n[policy]\n");
        let other = written("[visibility]\nprivate_channels = \"policies\"");
        assert_eq!(one.changed(&other), ["visibility.private_channels"]);
    }

    #[test]
    fn another_form_of_the_same_text_is_no_change() {
        let one = written("log = { level = \"info\" }\nx = [1, 2]");
        let other = written("x = [ 1,\n 2 ]\n[log]\nlevel = 'info'");
        assert_eq!(one.changed(&other), [] as [&str; 0]);
    }
}
