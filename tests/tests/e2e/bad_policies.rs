//! Bad input for policies: at the start, in a file that is followed, in a configuration that is read
//! again. Each ends in what was in force before, and in a message that says what to do.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use toml::Table;
use wardroom_tests::settings::Settings;
use wardroom_tests::{Client, Server, eventually, paths};

use crate::exchange::{created, deleted};

const POLICY: &str = "private-channels";

/// Policies alone decide, so that what comes into force shows.
fn settings() -> Settings {
    let settings = Server::with().policy(POLICY, &paths::private_channels());
    settings.set("visibility.private_channels", "policies")
}

/// A server where Ann sees one channel of two.
async fn scene() -> (Server, Client) {
    let server = settings().start().await;
    let backend = server.backend();
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("secret", &json!({"private": true}))
        .await;
    let mut ann = server.join("ann").await;
    assert_eq!(ann.channels().await, ["open"]);
    ann.heard().await;
    (server, ann)
}

async fn policies(server: &Server) -> Value {
    let backend = server.backend();
    backend.ok("GET", "/v1/policies", &Value::Null).await.body
}

/// The only policy, in a state.
async fn policy_in(server: &Server, state: &str) -> Value {
    eventually(state, || async {
        let policy = policies(server).await["policies"][0].clone();
        (policy["state"] == state).then_some(policy)
    })
    .await
}

/// Ann sees what she saw, and nobody told her anything.
async fn as_before(ann: &mut Client) {
    assert_eq!(ann.channels().await, ["open"]);
    assert_eq!(ann.heard().await, []);
}

#[track_caller]
fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[tokio::test]
async fn a_server_does_not_start_with_bad_policies_and_says_what_to_do() {
    let private = paths::private_channels();
    let unknown: Table = "see_all = true".parse().expect("TOML");
    let cases: [(Settings, &[&str]); 5] = [
        (
            settings().policy_set("settings", unknown),
            &[
                "private-channels",
                "refused its settings",
                "`see_all`",
                "change `settings` in the configuration",
            ],
        ),
        (
            Server::with().policy(POLICY, &paths::guest("future")),
            &["@1.7.0", "upgrade the server, or build against 1.0.0"],
        ),
        (
            settings().policy(POLICY, &private),
            &["policies[1].name", "give each a name of its own"],
        ),
        (
            settings().policy_set("file", "gone.wasm"),
            &[
                "policies[0].file",
                "gone.wasm; put it there, or name another",
            ],
        ),
        (
            settings().policy_set("file", "later/policy.wasm"),
            &[
                "policies[0].file",
                "policy.wasm; put it there, or name another",
            ],
        ),
    ];
    for (settings, words) in cases {
        let (code, said) = settings.fails().await;
        assert!(code.is_some_and(|code| code != 0), "{code:?}: {said}");
        assert_says(&said, words);
    }
}

/// The configuration with something changed in it.
fn changed(server: &Server, change: impl FnOnce(&mut Vec<toml::Value>)) -> String {
    let mut configuration = server.configuration();
    let policies = configuration["policies"].as_array_mut();
    change(policies.expect("a list"));
    configuration.to_string()
}

fn another(name: &str, file: &str) -> toml::Value {
    let policy = [("name", name), ("file", file)];
    let policy = policy.map(|(key, value)| (key.to_owned(), value.into()));
    Table::from_iter(policy).into()
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing_and_says_what_to_do() {
    let (server, mut ann) = scene().await;
    let before = policies(&server).await;
    let future = server.policy_file("future");
    fs::copy(paths::guest("future"), &future).expect("a component can be copied");
    let future = another("future", "future.wasm");
    let good = changed(&server, |_| {});
    let bad: [(String, &[&str]); 5] = [
        (
            changed(&server, |policies| {
                let unknown: Table = "see_all = true".parse().expect("TOML");
                let policy = policies[0].as_table_mut().expect("a table");
                policy.insert("settings".into(), unknown.into());
            }),
            &[
                "private-channels",
                "refused its settings",
                "change `settings`",
            ],
        ),
        (
            changed(&server, |policies| policies.push(future)),
            &[
                "\"future\"",
                "@1.7.0",
                "upgrade the server, or build against",
            ],
        ),
        (
            changed(&server, |policies| policies.push(policies[0].clone())),
            &["policies[1].name", "give each a name of its own"],
        ),
        (
            "policies = [".to_owned(),
            &["wardroom.toml:1:13: unclosed array"],
        ),
        (
            changed(&server, |policies| {
                policies.push(another("later", "later/policy.wasm"));
            }),
            &["policies[1].file", "put it there, or name another"],
        ),
    ];
    for (configuration, words) in &bad {
        server.configure(configuration);
        let refused = eventually(words[0], || async {
            let refused = policies(&server).await["refusedConfiguration"].clone();
            let reason = refused["reason"].as_str().unwrap_or_default();
            reason.contains(words[0]).then(|| reason.to_owned())
        });
        assert_says(&refused.await, words);
        // Whoever asks for another look gets the same, and the log is spared.
        let looks = looks(&server);
        server.hang_up();
        eventually("the signal", || async {
            (self::looks(&server) > looks).then_some(())
        })
        .await;
        let now = policies(&server).await;
        assert_eq!(now["generation"], before["generation"], "{now}");
        for key in ["digest", "generation", "failures"] {
            let (now, before) = (&now["policies"][0][key], &before["policies"][0][key]);
            assert_eq!(now, before, "{key}: {words:?}");
        }
        as_before(&mut ann).await;
    }
    // The last one names a file in a directory that is not there yet.
    let file = server.policy_file("later/policy");
    fs::create_dir(file.parent().expect("a folder")).expect("the folder can be written to");
    fs::copy(paths::guest("nobody"), &file).expect("a component can be copied");
    assert_eq!(ann.next().await, deleted("open"));
    let now = policies(&server).await;
    assert_eq!(now["refusedConfiguration"], Value::Null, "{now}");
    assert_eq!(now["generation"], 2);
    let refusals = server.log().count("the configuration was refused");
    assert_eq!(refusals, bad.len(), "each is logged once");

    server.configure(&good);
    assert_eq!(ann.next().await, created("open"));
    as_before(&mut ann).await;
}

/// How often somebody has asked for a look.
fn looks(server: &Server) -> usize {
    server
        .log()
        .count("reading the configuration and the policies")
}

#[tokio::test]
async fn a_policy_whose_file_is_renamed_away_stays_in_force() {
    let (server, mut ann) = scene().await;
    let file = server.policy_file(POLICY);
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).expect("a file can be renamed");
    let stale = policy_in(&server, "stale").await;
    let said = stale["lastError"].as_str().expect("a reason");
    let words = [
        "cannot be read",
        "Put it there, or name another in the configuration",
    ];
    assert_says(said, &words);
    // Nor does somebody who asks for another look lose it.
    server.hang_up();
    let kept = eventually("the look at the configuration", || async {
        let policies = policies(&server).await;
        policies["refusedConfiguration"]
            .is_object()
            .then_some(policies)
    })
    .await;
    let said = kept["refusedConfiguration"]["reason"].as_str();
    assert_says(said.expect("a reason"), &["put it there, or name another"]);
    assert_eq!(kept["generation"], 1);
    as_before(&mut ann).await;

    fs::rename(&aside, &file).expect("a file can be renamed");
    policy_in(&server, "active").await;
    let back = eventually("the configuration is good again", || async {
        let policies = policies(&server).await;
        policies["refusedConfiguration"]
            .is_null()
            .then_some(policies)
    })
    .await;
    assert_eq!(back["generation"], 1);
    as_before(&mut ann).await;
}

/// Ten times a second something else is renamed into place: the same rules in another file, and what
/// is no policy.
#[tokio::test]
async fn a_file_that_changes_ten_times_a_second_disturbs_nobody() {
    let (server, mut ann) = scene().await;
    let good = fs::read(paths::private_channels()).expect("a component can be read");
    for round in 0..30_u8 {
        if round % 3 == 2 {
            replace(&server, b"no policy");
        } else {
            // An empty custom section of another name.
            replace(&server, &[&good[..], &[0, 2, 1, b'a' + round]].concat());
        }
        // It is the rate that is tried.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let stale = policy_in(&server, "stale").await;
    let said = stale["lastError"].as_str().expect("a reason");
    assert_says(said, &["not WebAssembly"]);
    as_before(&mut ann).await;
    replace_with(&server, &paths::guest("nobody"));
    assert_eq!(ann.next().await, deleted("open"));
    let policy = policy_in(&server, "active").await;
    assert_eq!(policy["lastError"], Value::Null);
}

/// A new version that may ask more than the one in force is for the operator to allow.
#[tokio::test]
async fn a_version_that_imports_more_waits_for_the_grant() {
    let (server, mut ann) = scene().await;
    let backend = server.backend();
    // The new version admits whoever is listed here.
    backend
        .put_channel("door", &json!({"members": ["ann"]}))
        .await;
    assert_eq!(ann.heard().await, [created("door")]);
    let before = policies(&server).await["policies"][0].clone();

    replace_with(&server, &paths::guest("looks_up"));
    let stale = policy_in(&server, "stale").await;
    let said = stale["lastError"].as_str().expect("a reason");
    let words = [
        "imports wardroom:policy/directory, which the version in force does not",
        "add grants = [\"wardroom:policy/directory\"] to the policy's section of the configuration",
        "build it without",
    ];
    assert_says(said, &words);
    let refusal = server.log().entry("of the refusal", |entry| {
        let text = entry["message"].as_str().unwrap_or_default();
        text.contains("the policy's file was refused")
    });
    let refusal = refusal.await;
    assert_says(&refusal["reason"].to_string(), &["add grants = ["]);
    for key in ["digest", "generation", "failures"] {
        assert_eq!(stale[key], before[key], "{key}: {stale}");
    }
    assert_eq!(ann.channels().await, ["door", "open"]);
    assert_eq!(ann.heard().await, []);

    // What the server cannot give is no grant.
    let granted = |grant: &str| {
        changed(&server, |policies| {
            let policy = policies[0].as_table_mut().expect("a table");
            policy.insert("grants".into(), vec![grant.to_owned()].into());
        })
    };
    server.configure(&granted("wasi:sockets/tcp"));
    let refused = eventually("the refusal of the grant", || async {
        let policies = policies(&server).await;
        let reason = policies["refusedConfiguration"]["reason"].as_str();
        reason.map(str::to_owned)
    });
    let words = ["wasi:sockets/tcp", "it can give wardroom:policy/directory"];
    assert_says(&refused.await, &words);
    assert_eq!(ann.heard().await, []);

    server.configure(&granted("wardroom:policy/directory"));
    assert_eq!(ann.next().await, created("secret"));
    let active = policy_in(&server, "active").await;
    assert_ne!(active["digest"], before["digest"]);
    assert_eq!(active["lastError"], Value::Null);
    assert!(
        active["generation"].as_u64() > before["generation"].as_u64(),
        "{active}"
    );
    assert_eq!(ann.heard().await, []);
    let now = policies(&server).await;
    assert_eq!(now["refusedConfiguration"], Value::Null, "{now}");
}

fn replace(server: &Server, bytes: &[u8]) {
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    fs::write(&beside, bytes).expect("the folder can be written to");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
}

fn replace_with(server: &Server, component: &Path) {
    replace(
        server,
        &fs::read(component).expect("a component can be read"),
    );
}
