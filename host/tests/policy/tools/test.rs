//! `wardroom policy test`: cases that pass, cases that fail, and cases that are none.

use std::fs;

use super::{assert_code, assert_has, folder, policy, text};
use crate::fixtures::{guest, plugin};

/// Every kind of case, for the fixture that answers in every hook.
const SPEAKS: &str = r#"
settings = { tag = "T" }

[[case]]
name = "settings are taken"
configure = {}
expect = { accepted = true }

[[case]]
name = "somebody enters"
request = { subject = { id = "ann" } }
expect = { admitted = true }

[[case]]
name = "a banned person does not"
request = { subject = { id = "banned" } }
expect = { denied = { code = "banned", message = "says T" } }

[[case]]
name = "all that is known of a request is told"
workspace = "board"
request = { subject = { id = "echo", role = "r", attributes = { team = "a" } }, claims = { x = 1 }, remote_address = "10.0.0.1", reevaluation = true }
expect = { denied = { code = "echo", message = 'board | echo Some("r") Some("a") {"team":"a"} | {"x":1} | Some("10.0.0.1") | true' } }

[[case]]
name = "each is followed by decide"
channel = { id = "each" }
subjects = [{ id = "ann" }, { id = "blind" }]
expect = { sees = ["ann"], rule = "each" }

[[case]]
name = "a hidden channel"
channel = { id = "hidden" }
subjects = [{ id = "ann" }]
expect = { sees = [] }

[[case]]
name = "a grant"
command = { name = "granted", subject = { id = "ann" } }
expect = { allowed = true, grant = { by = "T", T = ["*", 2] } }

[[case]]
name = "a command is denied"
command = { name = "denied", subject = { id = "ann" } }
expect = { denied = { code = "not-now" } }

[[case]]
name = "another event is unchanged"
event = { name = "poke", payload = 1 }
audience = [{ id = "ann" }]
expect = { gets = { ann = 1 } }
"#;

#[test]
fn every_hook_is_asked() {
    let (_folder, cases) = folder("cases.toml", SPEAKS);
    let file = guest("speaks");
    let (code, out, err) = policy(&["test", text(&file), text(&cases), "--repeat", "5"]);
    assert_eq!(err, "", "{out}");
    assert_has(&out, &["9 of 9 cases passed"]);
    assert_code(code, 0);
}

#[test]
fn a_failing_case_says_what_was_expected_and_what_was_found() {
    let text_of = SPEAKS
        .replace("says T", "says U")
        .replace("sees = [\"ann\"]", "sees = [\"blind\"]")
        .replace("T = [\"*\", 2]", "T = [\"*\", 3]")
        .replace("gets = { ann = 1 }", "suppressed = true");
    let (folder, cases) = folder("cases.toml", &text_of);
    let junit = folder.path().join("junit.xml");
    let speaks = guest("speaks");
    let arguments = ["test", text(&speaks), text(&cases), "--seed", "7"];
    let (code, out, err) = policy(&[&arguments[..], &["--junit", text(&junit)]].concat());
    assert_code(code, 1);
    assert_has(
        &out,
        &[
            "FAILED  a banned person does not\n  on any instance\n    expected  denied, code \
             \"banned\", a message that holds \"says U\"\n    found     denied, code \"banned\", \
             message \"you are banned, says T\"",
            "expected  seen by blind, by the rule `each`\n    found     seen by ann, by the rule \
             `each`",
            "found     allowed, with the grant {\"T\":[1,2],\"by\":\"T\"}",
            "expected  suppressed\n    found     unchanged",
            "5 of 9 cases passed",
            "(seed 7)",
        ],
    );
    assert_has(&err, &["4 of 9 cases failed", "--seed 7"]);
    let junit = fs::read_to_string(junit).unwrap();
    assert_has(
        &junit,
        &[
            "tests=\"9\"",
            "failures=\"4\"",
            "<property name=\"seed\" value=\"7\"/>",
        ],
    );
    // The same seed finds the same.
    let without_times = |out: &str| out.rsplit_once(" in ").unwrap().0.to_owned();
    assert_eq!(without_times(&out), without_times(&policy(&arguments).1));
}

#[test]
fn a_policy_that_remembers_is_found_out_unless_instances_are_not_shared() {
    let case = |name: &str| {
        format!(
            "[[case]]\nname = \"{name}\"\nchannel = {{ id = \"{name}\" }}\n\
             expect = {{ rule = \"everyone\" }}\n"
        )
    };
    let (_folder, cases) = folder("cases.toml", &[case("one"), case("two")].concat());
    let remembers = guest("remembers");
    let arguments = ["test", text(&remembers), text(&cases)];
    let (code, out, _) = policy(&arguments);
    assert_code(code, 1);
    assert_has(
        &out,
        &[
            "on an instance that was asked before: ",
            "It passes on a fresh instance: the policy remembers something between calls.",
        ],
    );
    assert!(!out.contains("on a fresh instance\n"), "{out}");
    let (code, ..) = policy(&[&arguments[..], &["--per-call"]].concat());
    assert_code(code, 0);
}

#[test]
fn what_is_kept_of_each_call_shows_after_many() {
    let file = guest("keeps");
    for (channel, questions, found) in [
        ("nothing", "300", None),
        ("handles", "64", None),
        (
            "handles",
            "65",
            Some("found     65 are held: what the policy is given, it must drop"),
        ),
        // The server's own limit, which counts what was lent as well.
        ("handles", "4200", Some("found     the call failed, ")),
        (
            "memory",
            "300",
            Some("the policy keeps something of each call"),
        ),
    ] {
        let text_of = format!(
            "[[case]]\nname = \"asked\"\nchannel = {{ id = \"{channel}\" }}\n\
             subjects = [{{ id = \"ann\" }}]\nexpect = {{ sees = [\"ann\"] }}\n"
        );
        let (_folder, cases) = folder("cases.toml", &text_of);
        let arguments = ["test", text(&file), text(&cases), "--endurance", questions];
        let (code, out, err) = policy(&arguments);
        match found {
            None => {
                assert_code(code, 0);
                assert_has(
                    &out,
                    &["2 of 2 cases passed", &format!("{questions} questions")],
                );
            }
            Some(found) => {
                assert_code(code, 1);
                assert_has(&out, &["FAILED  endurance 1", found, "1 of 2 cases passed"]);
                assert_has(&err, &["1 of 2 cases failed"]);
            }
        }
    }
}

#[test]
fn a_generated_case_is_asked_in_full() {
    let text_of = "[[generated]]\nname = \"many\"\nchannel = { id = \"each\" }\n\
                   subjects = [{ id = \"user-<1..600>\" }, { id = \"blind\" }]\n\
                   expect = { sees = [\"user-<1..600>\"], rule = \"each\" }\n";
    let (_folder, cases) = folder("cases.toml", text_of);
    let file = guest("speaks");
    let (code, out, _) = policy(&["test", text(&file), text(&cases)]);
    assert_has(&out, &["1 of 1 cases passed"]);
    assert_code(code, 0);

    let wrong = text_of.replace("\"user-<1..600>\"], rule", "\"user-<1..601>\"], rule");
    let (_folder, cases) = folder("cases.toml", &wrong);
    let (code, _, err) = policy(&["test", text(&file), text(&cases)]);
    assert_code(code, 2);
    assert_has(&err, &["user-601"]);
}

#[test]
fn a_call_that_fails_is_a_failing_case_and_disturbs_no_other() {
    let (_folder, cases) = folder(
        "cases.toml",
        "[[case]]\nname = \"panics\"\nchannel = { id = \"panic\" }\nexpect = { sees = [] }\n\
         [[case]]\nname = \"loops\"\nchannel = { id = \"loop\" }\nexpect = { sees = [] }\n\
         [[case]]\nname = \"fine\"\nchannel = { id = \"fine\" }\nexpect = { rule = \"everyone\" }\n",
    );
    let file = guest("misbehaves");
    let arguments = ["test", text(&file), text(&cases), "--deadline", "50ms"];
    let (code, out, _) = policy(&arguments);
    assert_code(code, 1);
    assert_has(
        &out,
        &[
            "found     the call failed, trap: panicked at ",
            ": the fixture was told to panic\n",
            "found     the call failed, deadline: the call ran past its deadline of 50ms \
             (policy.deadline)",
            "1 of 3 cases passed",
        ],
    );
    // Told once, though it fails on every instance, and without what the runtime adds.
    assert_eq!(out.matches("told to panic").count(), 1, "{out}");
    for plumbing in ["RUST_BACKTRACE", "thread '", "unreachable"] {
        assert!(!out.contains(plumbing), "{out}");
    }
}

#[test]
fn a_long_value_is_shown_where_it_differs() {
    let long = "a".repeat(3_000);
    let text_of = format!(
        "settings = {{ tag = \"T\" }}\n[[case]]\nname = \"long\"\n\
         event = {{ name = \"replaced\", payload = {{ x = \"{long}b{long}\" }} }}\n\
         audience = [{{ id = \"ann\" }}]\n\
         expect = {{ gets = {{ ann = {{ by = \"T\", was = {{ x = \"{long}c{long}\" }} }} }} }}\n"
    );
    let (_folder, cases) = folder("cases.toml", &text_of);
    let (code, out, _) = policy(&["test", text(&guest("speaks")), text(&cases)]);
    assert_code(code, 1);
    assert_has(&out, &["characters more)", "aaca", "aaba"]);
    assert!(out.len() < 3_000, "{} bytes", out.len());
}

#[test]
fn settings_that_are_refused_fail_what_they_are_for() {
    let (_folder, cases) = folder(
        "cases.json",
        r#"{"settings": {"see_all": 1}, "case": [
            {"name": "refused", "configure": {}, "expect": {"refused": "see_all"}},
            {"name": "not asked", "channel": {"id": "c"}, "expect": {"rule": "everyone"}}
        ]}"#,
    );
    let (code, out, _) = policy(&["test", text(&plugin("private_channels")), text(&cases)]);
    assert_code(code, 1);
    assert_has(
        &out,
        &[
            "FAILED  not asked",
            "the policy refused its settings",
            "1 of 2 cases passed",
        ],
    );
}

#[test]
fn what_is_no_case_is_a_mistake_with_its_place() {
    let (_folder, cases) = folder("cases.toml", "[[case]]\nname = \"x\"\nexpct = {}");
    let file = guest("speaks");
    let (code, out, err) = policy(&["test", text(&file), text(&cases)]);
    assert_code(code, 2);
    assert_eq!(out, "");
    assert_has(
        &err,
        &["cases.toml", "line 3, column 1", "unknown field `expct`"],
    );
    let (code, _, err) = policy(&["test", text(&guest("liar")), text(&cases)]);
    assert_code(code, 2);
    assert_has(&err, &["cases.toml"]);
    fs::write(&cases, SPEAKS).unwrap();
    let (code, _, err) = policy(&["test", text(&guest("liar")), text(&cases)]);
    assert_code(code, 1);
    assert_has(&err, &["types differ", "wardroom policy check"]);
}
