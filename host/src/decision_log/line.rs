//! One decision as one line: a JSON object whose fields have an order that people can read. It must
//! not know where lines go.

use wardroom_domain::SubjectFacts;

use super::mask::Mask;
use super::{Input, Record, Said};
use crate::json::{Object, quoted};

/// Writes a decision as a line, without what is masked.
pub(super) fn write(record: &Record, mask: &Mask, lines: &mut Vec<u8>) {
    let line = fields(record)
        .into_iter()
        .fold(Object::new(), |line, (name, text)| {
            line.raw(name, &mask.apply(name, text))
        });
    lines.extend_from_slice(line.end().as_bytes());
    lines.push(b'\n');
}

/// The fields of a line, in order, each with its JSON text.
fn fields(record: &Record) -> Vec<(&'static str, String)> {
    let outcome = if record.denied { "denied" } else { "allowed" };
    let time = humantime::format_rfc3339_millis(record.at).to_string();
    let mut fields = vec![("time", quoted(&time))];
    let mut add = |name, text: Option<String>| fields.extend(text.map(|text| (name, text)));
    add("id", record.id.as_deref().map(quoted));
    add("workspace", Some(quoted(record.workspace.as_str())));
    add("generation", Some(record.generation.0.to_string()));
    add("hook", Some(quoted(record.hook)));
    add("outcome", Some(quoted(outcome)));
    add("code", record.code.as_deref().map(quoted));
    add("message", record.message.as_deref().map(quoted));
    let policies: Vec<String> = record.policies.iter().map(said).collect();
    add("policies", Some(format!("[{}]", policies.join(","))));
    add("subject", record.subject.as_ref().map(subject));
    let channel = record.channel.as_ref();
    add("channel", channel.map(|channel| quoted(channel.as_str())));
    add("name", record.name.as_deref().map(quoted));
    match &record.input {
        Some(Input::Claims(claims)) => add("claims", Some(claims.as_str().to_owned())),
        Some(Input::Payload(input)) => add("input", Some(input.as_str().to_owned())),
        Some(Input::Omitted { bytes }) => add("inputOmittedBytes", Some(bytes.to_string())),
        None => {}
    }
    fields
}

fn said(said: &Said) -> String {
    // A warm call takes a few microseconds, so their tenths matter.
    let tenths = said.took.as_nanos() / 100;
    let digest = said.digest.as_deref().map(quoted);
    Object::new()
        .string("name", &said.policy)
        .raw("digest", digest.as_deref().unwrap_or("null"))
        .string("verdict", said.verdict)
        .raw("micros", &format!("{}.{}", tenths / 10, tenths % 10))
        .end()
}

fn subject(subject: &SubjectFacts) -> String {
    let role = subject.role.as_ref().map(|role| quoted(role.as_str()));
    Object::new()
        .string("id", subject.user.as_str())
        .raw("role", role.as_deref().unwrap_or("null"))
        .json("attributes", &subject.attributes.text)
        .end()
}
