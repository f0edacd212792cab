//! What ids, names and keys may hold, for all places of the OpenAPI document at once. It must not know
//! which calls there are.

use serde_json::{Map, Value, json};

use crate::limits::{MAX_IDEMPOTENCY_KEY_CHARS, MAX_POLICY_NAME_CHARS};

/// An id, or the name of an event: no control characters.
const ID: &str = r"^[^\u0000-\u001F\u007F-\u009F]+$";
/// An idempotency key: visible ASCII.
const KEY: &str = r"^[\x20-\x7E]+$";
/// The name of a policy.
const POLICY: &str = r"^[a-z0-9-]+$";

/// Properties that hold an id.
const IDS: [&str; 5] = [
    "workspaceId",
    "userId",
    "channelId",
    "socketId",
    "selectedChannelId",
];

/// Properties that hold a list of ids, or an id where an event is addressed.
const ADDRESSES: [&str; 5] = ["members", "users", "sockets", "channel", "conversation"];

/// Adds to each string of a bounded length what it may hold, and to each id how long it may be.
pub(super) fn add(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(add),
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for (name, schema) in properties {
                    let id = IDS.contains(&name.as_str());
                    if id || ADDRESSES.contains(&name.as_str()) {
                        bound(schema);
                    }
                }
            }
            complete(object);
            object.values_mut().for_each(add);
        }
        _ => {}
    }
}

fn is_string(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => several.iter().any(|one| one == "string"),
        _ => false,
    }
}

/// Gives an id, or the ids of a list, their length.
fn bound(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    if is_string(schema) {
        let most = wardroom_domain::limits::MAX_ID_CHARS;
        schema.entry("minLength").or_insert(json!(1));
        schema.entry("maxLength").or_insert(json!(most));
    } else if let Some(items) = schema.get_mut("items") {
        bound(items);
    }
}

fn complete(schema: &mut Map<String, Value>) {
    if !is_string(schema) || schema.get("minLength") != Some(&json!(1)) {
        return;
    }
    let most = schema.get("maxLength").and_then(Value::as_u64);
    let most = most.and_then(|most| usize::try_from(most).ok());
    let pattern = match most {
        Some(wardroom_domain::limits::MAX_ID_CHARS) => ID,
        Some(MAX_IDEMPOTENCY_KEY_CHARS) => KEY,
        Some(MAX_POLICY_NAME_CHARS) => POLICY,
        _ => return,
    };
    schema.insert("pattern".to_owned(), json!(pattern));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_of_ids_leaves_out_the_control_characters_and_nothing_else() {
        let left_out = |c: char| matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
        let mut all = '\0'..=char::MAX;
        assert!(all.all(|c| left_out(c) == c.is_control()));
        assert!(ID.contains(r"\u0000-\u001F\u007F-\u009F"));
    }
}
