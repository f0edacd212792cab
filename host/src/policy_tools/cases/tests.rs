//! Tests of [`super`]: texts in, cases or an error with its place out.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn toml(text: &str) -> Vec<Case> {
    parse(text, false).unwrap()
}

#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let error = match parse(text, false) {
        Ok(cases) => panic!("taken: {cases:?}"),
        Err(error) => error,
    };
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

const WHOLE: &str = r#"
settings = { roles = ["admin"], since = 2026-11-02 }
workspace = "board"
now = "2026-11-02T10:00:00Z"

[[case]]
name = "settings"
configure = {}
expect = { accepted = true }

[[case]]
name = "no settings"
settings = {}
now = 2026-11-02T11:00:00Z
configure = {}
expect = { refused = "roles" }

[[case]]
name = "entering"
workspace = "w2"
request = { subject = { id = "ann", role = "admin", attributes = { level = 3 } }, claims_json = '{"a":null}', remote_address = "10.0.0.1", reevaluation = true }
directory = { members = [{ id = "ann", role = "owner" }], channels = [{ id = "c9", private = true, members = ["ann"] }] }
expect = { denied = { code = "x", message = "no" } }

[[case]]
name = "seeing"
channel = { id = "c1", private = true, members = ["ann"], attributes = { team = "a" } }
subjects = [{ id = "ann" }, { id = "bob" }]
expect = { sees = ["ann"], rule = "only" }

[[case]]
name = "acting"
command = { name = "select-channel", arguments = { channelId = "c1" }, subject = { id = "ann" }, channel = { id = "c1" } }
expect = { allowed = true, grant = { token = "*" } }

[[case]]
name = "hearing"
event = { name = "poke", payload_json = 'null', subject = { id = "ann" } }
audience = [{ id = "ann" }, { id = "bob" }, { id = "cid" }]
expect = { gets = { ann = { x = 1 }, bob = "nothing" }, gets_json = { cid = '"nothing"' } }
"#;

#[test]
fn everything_that_can_be_written_is_read() {
    let cases = toml(WHOLE);
    assert_eq!(cases.len(), 6);
    let settings = r#"{"roles":["admin"],"since":"2026-11-02"}"#;
    assert_eq!(cases[0].settings.as_str(), settings);
    assert_eq!(cases[1].settings.as_str(), "{}");
    let ten = UNIX_EPOCH + Duration::from_secs(1_793_613_600);
    assert_eq!(cases[0].now, Some(ten));
    assert_eq!(cases[1].now, Some(ten + Duration::from_secs(3600)));
    assert_eq!(cases[0].workspace.as_str(), "board");

    let Asked::Request(request, ExpectVerdict::Denied(denied)) = &cases[2].asked else {
        panic!("{:?}", cases[2]);
    };
    assert_eq!(request.claims.as_str(), r#"{"a":null}"#);
    assert_eq!(&*request.subject.attributes.scalars["level"], "3");
    assert!(request.reevaluation);
    assert_eq!(denied.code.as_deref(), Some("x"));
    assert_eq!(cases[2].workspace.as_str(), "w2");
    let ann = UserId::new("ann").unwrap();
    let looked_up = cases[2].directory.subject(&ann).unwrap();
    assert_eq!(looked_up.role.unwrap().as_str(), "owner");
    assert!(
        cases[2].directory.channels()["c9"]
            .facts
            .members
            .contains(&ann)
    );

    let Asked::Channel(channel, subjects, expect) = &cases[3].asked else {
        panic!("{:?}", cases[3]);
    };
    assert!(channel.private && subjects.len() == 2);
    assert_eq!(expect.rule.as_deref(), Some("only"));

    let Asked::Command(_, ExpectAllowed::Allowed(Some(grant))) = &cases[4].asked else {
        panic!("{:?}", cases[4]);
    };
    assert_eq!(grant["token"], "*");

    let Asked::Event(event, _, ExpectRendered::Gets(gets)) = &cases[5].asked else {
        panic!("{:?}", cases[5]);
    };
    assert_eq!(event.payload.as_str(), "null");
    assert_eq!(gets[&UserId::new("bob").unwrap()], None);
    assert_eq!(gets[&UserId::new("cid").unwrap()], Some("nothing".into()));
}

#[test]
fn json_has_the_same_names() {
    let text = r#"{"settings": {"a": null}, "case": [
        {"name": "one", "command": {"name": "get-state", "subject": {"id": "ann"}},
         "expect": {"denied": {}}}
    ]}"#;
    let cases = parse(text, true).unwrap();
    assert_eq!(cases[0].settings.as_str(), r#"{"a":null}"#);
    let expect = ExpectDenied::default();
    assert!(matches!(&cases[0].asked, Asked::Command(_, ExpectAllowed::Denied(d)) if *d == expect));

    let error = parse("{\n \"case\": [{\"nam\": 1}]}", true).unwrap_err();
    assert!(error.contains("unknown field `nam`"), "{error}");
    assert!(error.contains("line 2 column"), "{error}");
    let text = "{\"case\": [\n{\"name\": \"one\", \"expect\": {}}\n]}";
    let error = parse(text, true).unwrap_err();
    assert!(
        error.contains("exactly one of") && error.contains("line 2"),
        "{error}"
    );
}

#[test]
fn what_is_unknown_is_refused_with_its_place() {
    refused(
        "setings = {}",
        &["line 1, column 1", "unknown field `setings`"],
    );
    refused(
        "[[case]]\nname = \"x\"\nconfigure = {}\nexpect = { acepted = true }",
        &["line 4, column 12", "unknown field `acepted`"],
    );
    refused(
        "[[case]]\nname = \"x\"\nchannel = { id = \"c\", privat = true }\nexpect = {}",
        &["line 3, column 23", "unknown field `privat`"],
    );
    refused(
        "[[case]]\nname = \"x\"\nconfigure = {}",
        &["missing field `expect`"],
    );
}

#[test]
fn a_case_that_does_not_add_up_is_refused_with_its_place() {
    let two = "[[case]]\nname = \"good\"\nconfigure = {}\nexpect = { accepted = true }\n\n\
        [[case]]\nname = \"bad\"\n";
    let bad = |rest: &str, parts: &[&str]| {
        let mut all = vec!["line 6, column 1", "the case \"bad\""];
        all.extend(parts);
        refused(&format!("{two}{rest}"), &all);
    };
    bad("expect = {}", &["exactly one of `configure`, `request`"]);
    bad(
        "configure = {}\nrequest = { subject = { id = \"a\" } }\nexpect = {}",
        &["exactly one of"],
    );
    bad(
        "configure = {}\nexpect = {}",
        &["`accepted = true` or `refused"],
    );
    bad(
        "request = { subject = { id = \"a\" } }\nexpect = { allowed = true }",
        &[
            "`request` is expected to be `admitted = true`",
            "not `allowed`",
        ],
    );
    bad(
        "channel = { id = \"c\" }\nsubjects = [{ id = \"a\" }]\nexpect = { sees = [\"b\"] }",
        &["`sees` names `b`"],
    );
    bad(
        "channel = { id = \"c\" }\nsubjects = [{ id = \"a\" }, { id = \"a\" }]\nexpect = { sees = [] }",
        &["`a` is listed twice"],
    );
    bad(
        "event = { name = \"e\", payload = 1 }\naudience = [{ id = \"a\" }]\nexpect = { gets = {} }",
        &["says nothing of `a`", "a = \"nothing\""],
    );
    bad(
        "event = { name = \"e\" }\nexpect = { unchanged = true }",
        &["needs a `payload`"],
    );
    bad(
        "configure = {}\nsubjects = []\nexpect = { accepted = true }",
        &["`subjects` belongs to a `channel`"],
    );
    bad(
        "command = { name = \"c\", subject = { id = \"a\" } }\nexpect = { denied = {}, grant = {} }",
        &["`grant` goes with `allowed`"],
    );
}

#[test]
fn values_are_checked_where_they_stand() {
    refused("now = 3", &["line 1, column 7", "expected a time"]);
    refused("now = \"noon\"", &["expected a time"]);
    refused(
        "workspace = \"\"",
        &["line 1, column 13", "must not be empty"],
    );
    refused("settings = 3", &["expected a table"]);
    refused("settings_json = '{'", &["line 1, column 17", "not JSON"]);
    refused(
        "settings_json = '3'\n[[case]]\nname = \"a\"\nconfigure = {}\nexpect = { accepted = true }",
        &["not the text of an object"],
    );
    refused("", &["no case"]);
    let twice = "[[case]]\nname = \"a\"\nconfigure = {}\nexpect = { accepted = true }\n";
    refused(&format!("{twice}{twice}"), &["two cases are named \"a\""]);
    refused(
        "[[case]]\nname = \"a\"\nconfigure = {}\nexpect = { accepted = false }",
        &["only `true` is expected"],
    );
}
