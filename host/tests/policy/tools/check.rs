//! `wardroom policy check`: what is said of good and of bad components.

use std::fs;

use super::{assert_code, assert_has, folder, policy, text};
use crate::fixtures::{guest, plugin, refusal};

#[test]
fn a_good_component_is_described() {
    let (code, out, err) = policy(&["check", text(&plugin("private_channels"))]);
    assert_code(code, 0);
    assert_eq!(err, "");
    assert_has(
        &out,
        &[
            "digest      sha256:",
            "interface   wardroom:policy@1.0.0",
            "hooks       lifecycle, channel-visibility",
            "wardroom:policy/context@1.0.0",
            "A server takes it.",
        ],
    );
    // What every component of the language has is no news.
    assert!(!out.contains("wasi:") && !out.contains("note"), "{out}");
}

#[test]
fn programs_are_told_the_same() {
    let (code, out, _) = policy(&["check", text(&guest("half")), "--json"]);
    assert_code(code, 1);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["accepted"], false);
    assert_eq!(said["hooks"][0], "channel-visibility");
    let findings = said["findings"].as_array().unwrap();
    let missing = findings
        .iter()
        .find(|finding| finding["at"] == "channel-visibility.decide")
        .unwrap();
    assert_eq!(missing["refused"], true);
    assert!(
        missing["said"]
            .as_str()
            .unwrap()
            .contains("lacks the function")
    );
}

#[track_caller]
fn refused(name: &str, parts: &[&str]) {
    let (code, out, err) = policy(&["check", text(&guest(name))]);
    assert_code(code, 1);
    assert_has(&out, parts);
    assert_has(&err, &["error: a server refuses it"]);
    assert!(!out.contains("A server takes it"), "{out}");
}

#[test]
fn each_way_to_miss_the_interface_is_named() {
    refused(
        "liar",
        &[
            "refused: channel-visibility.audience",
            "your component returns `bool`, this server expects `rule`",
            "copy it again",
        ],
    );
    refused("future", &["built against 1.7.0, this server speaks 1.0.0"]);
    refused(
        "reaches_out",
        &["refused: wardroom:guests/network", "is not granted it"],
    );
    refused(
        "no_hook",
        &["exports no hook that decides; it exports `lifecycle`"],
    );
    for liar in ["liar_admission", "liar_commands", "liar_events"] {
        refused(liar, &["refused: ", "this server expects"]);
    }
    // What is wrong only when it runs.
    refused("broken", &["refused: start", "empty public channel"]);
}

#[test]
fn a_server_refuses_in_the_same_words() {
    let said = refusal(&guest("liar"));
    assert_has(
        &said,
        &["channel-visibility.audience: your component returns `bool`, this server expects `rule`"],
    );
}

#[test]
fn a_file_that_is_no_component_is_refused_and_one_that_is_missing_is_a_mistake() {
    let (_folder, file) = folder("p.wasm", "#!/bin/sh");
    let (code, out, _) = policy(&["check", text(&file)]);
    assert_code(code, 1);
    assert_has(&out, &["not WebAssembly"]);
    fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
    let (_, out, _) = policy(&["check", text(&file)]);
    assert_has(&out, &["a core module, not a component", "wasm32-wasip2"]);

    let (code, out, err) = policy(&["check", "/nowhere/p.wasm"]);
    assert_code(code, 2);
    assert_eq!(out, "");
    assert_has(&err, &["/nowhere/p.wasm", "cannot be read"]);
}

#[test]
fn settings_are_asked_for_and_tried() {
    let file = guest("refuses_settings");
    let (code, out, _) = policy(&["check", text(&file)]);
    assert_code(code, 0);
    assert_has(&out, &["note: settings", "takes no settings", "--settings"]);
    let (_folder, settings) = folder("settings.toml", "see_all_roles = [\"admin\"]");
    let given = ["--settings", text(&settings)];
    let (code, out, _) = policy(&[&["check", text(&file)], &given[..]].concat());
    assert_code(code, 1);
    assert_has(&out, &["refused: start", "refused its settings"]);
    let good = plugin("private_channels");
    let (code, ..) = policy(&[&["check", text(&good)], &given[..]].concat());
    assert_code(code, 0);
}

#[test]
fn an_exchange_that_wants_more_than_was_granted_is_refused() {
    let (new, running) = (guest("looks_up"), guest("speaks"));
    let (code, out, _) = policy(&["check", text(&new), "--against", text(&running)]);
    assert_code(code, 1);
    assert_has(
        &out,
        &[
            "refused: wardroom:policy/directory",
            "grants = [\"wardroom:policy/directory\"]",
            "note: events",
            "decides nothing there",
        ],
    );
    let (code, out, _) = policy(&["check", text(&running), "--against", text(&new)]);
    assert_code(code, 0);
    assert_has(&out, &["note: events", "does not have this hook"]);
}
