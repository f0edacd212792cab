//! Tests of `wardroom.example.toml`: it names every key that the code reads, and its defaults are the real ones.

#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;
use toml::Value;

use super::shape::known_keys;
use super::*;

/// The example with its settings switched on: all of them, or the defaults only.
fn switched_on(with_examples: bool) -> String {
    let mut in_example_section = false;
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        let is_setting = line.starts_with('#') && !line.starts_with("# ") && line != "#";
        let line = if is_setting { &line[1..] } else { line };
        if line.starts_with('[') || (in_example_section && line.is_empty()) {
            in_example_section = line.starts_with("[[");
        }
        let is_example = in_example_section || line.ends_with("# example");
        if with_examples || !is_example {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// A folder with `text` as the configuration and every file that the example names.
fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("w.toml", text.as_bytes());
    write(
        "token-secret",
        b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
    );
    write(
        "id.example.com.pem",
        include_bytes!("../auth/testdata/rsa-2048.public.pem"),
    );
    folder
}

fn load(folder: &TempDir, mode: Mode) -> Result<Config, ConfigError> {
    Config::load(Some(&folder.path().join("w.toml")), [], mode)
}

/// Whether the key is set anywhere, in whichever element of its lists.
fn is_set(value: &Value, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_set(item, path)),
        Value::Table(table) => table.get(*first).is_some_and(|value| is_set(value, rest)),
        _ => false,
    }
}

#[test]
fn it_names_every_key() {
    let keys = known_keys();
    assert!(keys.len() > 40, "the search found too little: {keys:?}");
    for key in [
        "listen.public",
        "auth.keys.secret_file",
        "policies.settings",
        "log.level",
    ] {
        assert!(keys.iter().any(|found| found == key), "{key} in {keys:?}");
    }
    let example = Value::Table(switched_on(true).parse().unwrap());
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !is_set(&example, &key.split('.').collect::<Vec<_>>()))
        .collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

#[test]
fn its_defaults_are_the_real_ones() {
    const KEYS: &str = r#"
        [[auth.keys]]
        alg = "HS256"
        secret = "0123456789abcdef0123456789abcdef"
        [[api_keys]]
        name = "backend"
        hash = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        scopes = ["ops:read"]
    "#;
    let folder = folder(&format!("{}\n{KEYS}", switched_on(false)));
    let example = load(&folder, Mode::Production).unwrap();
    fs::write(folder.path().join("w.toml"), KEYS).unwrap();
    let defaults = load(&folder, Mode::Production).unwrap();
    assert_eq!(format!("{example:#?}"), format!("{defaults:#?}"));
}

#[test]
fn all_of_it_can_be_switched_on_but_for_the_secrets_to_replace() {
    let folder = folder(&switched_on(true));
    let error = load(&folder, Mode::Production).unwrap_err();
    let at: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| problem.at.as_str())
        .collect();
    assert_eq!(at, ["auth.keys[1].secret", "api_keys[0].hash"], "{error}");
    let config = load(&folder, Mode::Development).unwrap();
    assert_eq!(config.auth.tokens.keys.len(), 4);
    assert_eq!(
        config.policies[0].settings.as_str(),
        "{\"see_all_roles\":[\"admin\"]}"
    );
}

#[test]
fn as_it_stands_it_asks_for_keys_and_nothing_else() {
    let error = load(&folder(EXAMPLE), Mode::Production).unwrap_err();
    let at: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| problem.at.as_str())
        .collect();
    assert_eq!(at, ["auth.keys", "api_keys"], "{error}");
}
