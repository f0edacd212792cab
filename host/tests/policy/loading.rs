//! What is refused when it is loaded, and in which words.

use std::fs;
use std::path::Path;

use wardroom::policy::{Policies, PolicyLimits};
use wardroom_domain::Json;

use crate::fixtures::{guest, limits, load, load_all, plugin, refusal, source};
use crate::log::Log;

/// Writes bytes to a file and returns what is said of it.
fn said_of(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.wasm");
    fs::write(&file, bytes).unwrap();
    refusal(&file)
}

#[track_caller]
fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn a_file_that_is_not_wasm_is_refused() {
    assert_says(&said_of(b"#!/bin/sh\n"), &["not WebAssembly"]);
}

#[test]
fn wasm_text_is_refused() {
    assert_says(&said_of(b"(component)"), &["text", "wasm-tools parse"]);
}

#[test]
fn an_empty_file_is_truncated() {
    assert_says(&said_of(b""), &["truncated (0 bytes)"]);
}

#[test]
fn a_truncated_component_is_refused_wherever_it_ends() {
    let whole = fs::read(plugin("private_channels")).unwrap();
    for kept in [4, 100, whole.len() / 2, whole.len() - 1] {
        let said = said_of(&whole[..kept]);
        assert_says(&said, &[&format!("truncated ({kept} bytes)")]);
    }
}

#[test]
fn a_damaged_component_is_refused() {
    let mut bytes = fs::read(plugin("private_channels")).unwrap();
    bytes[2000..2064].fill(0xff);
    assert_says(&said_of(&bytes), &["not a valid component"]);
}

#[test]
fn a_core_module_is_refused() {
    assert_says(
        &said_of(b"\0asm\x01\0\0\0"),
        &["core module", "wasm32-wasip2"],
    );
}

#[test]
fn a_component_without_any_hook_is_refused() {
    // An empty component, and one whose `lifecycle` alone decides nothing.
    assert_says(
        &said_of(b"\0asm\x0d\0\x01\0"),
        &["no hook", "exports nothing"],
    );
    assert_says(
        &refusal(&guest("no_hook")),
        &["no hook", "wardroom:policy/lifecycle@1.0.0"],
    );
}

/// Compiling is what a small file can make dear.
#[test]
fn what_is_refused_for_its_names_is_not_even_compiled() {
    let compiles = |file: &Path| {
        let log = Log::default();
        let loaded = tracing::subscriber::with_default(log.subscriber(), || {
            Policies::load(vec![source("p", file)], limits())
        });
        (loaded.is_ok(), log.text().contains("compiling the policy"))
    };
    assert_eq!(compiles(&guest("nobody")), (true, true));
    for refused in ["no_hook", "unasked", "reaches_out", "future"] {
        assert_eq!(compiles(&guest(refused)), (false, false), "{refused}");
    }
}

#[test]
fn imports_that_are_not_granted_are_named() {
    assert_says(
        &refusal(&guest("reaches_out")),
        &["not granted", "wardroom:guests/network"],
    );
}

#[test]
fn a_hook_that_no_server_asks_is_refused_rather_than_ignored() {
    assert_says(&refusal(&guest("unasked")), &["does not ask `moderation`"]);
}

#[test]
fn an_interface_from_the_future_is_refused() {
    assert_says(
        &refusal(&guest("future")),
        &["channel-visibility@1.7.0", "upgrade the server"],
    );
}

#[test]
fn other_types_behind_the_right_name_are_refused() {
    assert_says(&refusal(&guest("liar")), &["types differ"]);
    assert_says(&refusal(&guest("half")), &["types differ", "decide"]);
    for liar in ["liar_admission", "liar_commands", "liar_events"] {
        assert_says(&refusal(&guest(liar)), &["types differ"]);
    }
}

#[test]
fn settings_that_the_policy_refuses_are_reported_in_its_words() {
    assert_says(
        &refusal(&guest("refuses_settings")),
        &["refused its settings", "takes no settings"],
    );
    let mut source = source("p", &plugin("private_channels"));
    source.settings = Json::from_canonical(r#"{"see_all": true}"#);
    let error = load_all(vec![source], limits()).err().unwrap();
    assert_says(&error.to_string(), &["unknown key `see_all`", "\"p\""]);
}

#[test]
fn a_policy_that_fails_on_everything_is_refused() {
    assert_says(
        &refusal(&guest("broken")),
        &["empty public channel", "trap", "fails on everything"],
    );
}

#[test]
fn a_policy_that_fails_on_everything_in_one_hook_is_refused() {
    for (hook, about) in [
        ("admission", "the request of a person without claims"),
        ("commands", "the command `get-state`"),
        ("events", "the event `user-joined`"),
    ] {
        let mut source = source("p", &guest("broken_elsewhere"));
        source.settings = Json::from_canonical(&format!(r#"{{"hook":"{hook}"}}"#));
        let error = load_all(vec![source], limits()).err().unwrap();
        assert_says(&error.to_string(), &[about, "trap", "fails on everything"]);
    }
}

#[test]
fn a_missing_or_overlarge_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_says(
        &refusal(&folder.path().join("none.wasm")),
        &["cannot be read", "No such file"],
    );
    let small = PolicyLimits {
        file_bytes: 1000,
        ..limits()
    };
    let sources = vec![source("p", &plugin("private_channels"))];
    let error = load_all(sources, small).err().unwrap();
    assert_says(&error.to_string(), &["larger than 1000 bytes"]);
}

#[test]
fn two_policies_of_one_name_are_refused() {
    let file = plugin("private_channels");
    let sources = vec![source("p", &file), source("p", &file)];
    let error = load_all(sources, limits()).err().unwrap();
    assert_says(&error.to_string(), &["two policies are named \"p\""]);
}

#[test]
fn a_good_policy_is_reported() {
    let status = load(&plugin("private_channels")).unwrap().status();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].hooks, ["lifecycle", "channel-visibility"]);
    assert_eq!(status[0].generation.0, 1);
    assert!(status[0].digest.to_string().starts_with("sha256:"));
    assert_eq!(status[0].last_error, None);
}

#[test]
fn without_policies_there_is_nobody_to_ask() {
    let policies = Policies::none();
    assert_eq!(policies.current().generation(), None);
    assert!(policies.status().is_empty());
}
