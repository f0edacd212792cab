//! One decision as one line: a JSON object whose fields have an order that people can read. It must
//! not know where lines go.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use wardroom_domain::{Json, SubjectFacts};

use super::mask::Mask;
use super::{Input, Record, Said};

/// The fields of a line, in order.
struct Line(Vec<(&'static str, Value)>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes a decision as a line, without what is masked.
pub(super) fn write(record: &Record, mask: &Mask, lines: &mut Vec<u8>) {
    let mut fields = fields(record);
    for (name, value) in &mut fields {
        mask.apply(name, value);
    }
    let before = lines.len();
    match serde_json::to_writer(&mut *lines, &Line(fields)) {
        Ok(()) => lines.push(b'\n'),
        // Neither the fields nor a vector can fail; half a line would be worse than none.
        Err(_) => lines.truncate(before),
    }
}

fn fields(record: &Record) -> Vec<(&'static str, Value)> {
    let outcome = if record.denied { "denied" } else { "allowed" };
    let time = humantime::format_rfc3339_millis(record.at).to_string();
    let mut fields = vec![("time", Value::from(time))];
    let mut add = |name, value: Option<Value>| fields.extend(value.map(|value| (name, value)));
    let text = |text: &str| Value::from(text);
    add("id", record.id.as_deref().map(text));
    add("workspace", Some(text(record.workspace.as_str())));
    add("generation", Some(record.generation.0.into()));
    add("hook", Some(text(record.hook)));
    add("outcome", Some(text(outcome)));
    add("code", record.code.as_deref().map(text));
    add("message", record.message.as_deref().map(text));
    let policies = record.policies.iter().map(said);
    add("policies", Some(policies.collect()));
    add("subject", record.subject.as_ref().map(subject));
    let channel = record.channel.as_ref();
    add("channel", channel.map(|channel| text(channel.as_str())));
    add("name", record.name.as_deref().map(text));
    match &record.input {
        Some(Input::Claims(claims)) => add("claims", Some(parsed(claims))),
        Some(Input::Payload(input)) => add("input", Some(parsed(input))),
        Some(Input::Omitted { bytes }) => add("inputOmittedBytes", Some((*bytes).into())),
        None => {}
    }
    fields
}

fn said(said: &Said) -> Value {
    // A warm call takes a few microseconds, so their tenths matter.
    let tenths = u32::try_from(said.took.as_nanos() / 100).unwrap_or(u32::MAX);
    json!({
        "name": &*said.policy,
        "digest": said.digest,
        "verdict": said.verdict,
        "micros": f64::from(tenths) / 10.0,
    })
}

fn subject(subject: &SubjectFacts) -> Value {
    json!({
        "id": subject.user.as_str(),
        "role": subject.role.as_ref().map(|role| role.as_str()),
        "attributes": parsed(&subject.attributes.text),
    })
}

/// A JSON text as a value, so that parts of it can be masked. What were no JSON could not be masked
/// and is left out.
fn parsed(text: &Json) -> Value {
    serde_json::from_str(text.as_str()).unwrap_or_default()
}
