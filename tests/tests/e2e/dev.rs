//! `wardroom policy dev` beside a running server: from a folder of sources to what is in force.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use wardroom_tests::settings::API_KEY;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Server, paths};

use crate::exchange::created;

const POLICY: &str = "private-channels";

/// How its source, a component, is built: by a copy.
const MANIFEST: &str = "build = \"mkdir -p build && cp policy.wasm build/\"\n\
    file = \"build/policy.wasm\"\ncases = \"cases.toml\"\n";

const CASES: &str = "[[case]]\nname = \"an open channel is seen\"\n\
    channel = { id = \"c\" }\nsubjects = [{ id = \"ann\" }]\nexpect = { sees = [\"ann\"] }\n";

fn project(component: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    write("policy.toml", MANIFEST).expect("the folder can be written to");
    write("cases.toml", CASES).expect("the folder can be written to");
    write("key", &format!("{API_KEY}\n")).expect("the folder can be written to");
    source(&folder, component);
    folder
}

fn source(project: &TempDir, component: &Path) {
    fs::copy(component, project.path().join("policy.wasm")).expect("a component can be copied");
}

/// The exit code of one round, what it printed, and what it complained of.
async fn once(project: &TempDir, server: &Server) -> (Option<i32>, String, String) {
    let mut command = Command::new(paths::server());
    command
        .args(["policy", "dev"])
        .arg(project.path())
        .arg("--install")
        .arg(server.policy_file(POLICY))
        .args(["--url", &format!("http://{}", server.internal())])
        .arg("--key-file")
        .arg(project.path().join("key"))
        .arg("--once")
        .kill_on_drop(true);
    let output = within_deadline("the end of `policy dev`", command.output()).await;
    let output = output.expect("the command can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output.status.code(), out, err)
}

#[track_caller]
fn assert_in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let found = rest.split_once(word);
        rest = found
            .unwrap_or_else(|| panic!("{word:?} is not in {rest:?} of {text}"))
            .1;
    }
}

#[tokio::test]
async fn dev_brings_a_good_policy_into_force_and_tells_what_is_refused() {
    let server = Server::with().policy(POLICY, &paths::private_channels());
    let server = server.set("visibility.private_channels", "policies");
    let server = server.start().await;
    let secret = json!({"private": true});
    server.backend().put_channel("secret", &secret).await;
    let mut ann = server.join("ann").await;
    assert_eq!(ann.channels().await, [] as [&str; 0]);

    let in_force = "in force: policy \"private-channels\", generation 2\n";
    let project = project(&paths::guest("lenient"));
    let (code, out, err) = once(&project, &server).await;
    assert_eq!(code, Some(0), "{out}{err}");
    let said = [
        "building: mkdir",
        "1 of 1 cases passed",
        "installed: ",
        in_force,
    ];
    assert_in_order(&out, &said);
    assert_eq!(ann.next().await, created("secret"));

    // The same once more is no news.
    let (code, out, err) = once(&project, &server).await;
    assert_eq!(code, Some(0), "{out}{err}");
    assert_in_order(&out, &["unchanged: ", in_force]);

    // What fails its cases does not come as far as the server.
    source(&project, &paths::guest("nobody"));
    let (code, out, err) = once(&project, &server).await;
    assert_eq!(code, Some(1), "{out}{err}");
    assert_in_order(&err, &["1 of 1 cases failed"]);
    let installed = fs::read(server.policy_file(POLICY)).expect("a component can be read");
    let good = fs::read(paths::guest("lenient")).expect("a component can be read");
    assert!(installed == good, "it was installed");

    // Only the server knows what it has granted.
    source(&project, &paths::guest("looks_up"));
    let (code, out, err) = once(&project, &server).await;
    assert_eq!(code, Some(1), "{out}{err}");
    assert_in_order(&out, &["1 of 1 cases passed", "installed: "]);
    let said = ["refused it for policy \"private-channels\"", "add grants"];
    assert_in_order(&err, &said);
    assert_eq!(ann.heard().await, []);
    let backend = server.backend();
    let policies = backend.ok("GET", "/v1/policies", &Value::Null).await.body;
    assert_eq!(policies["generation"], 2, "{policies}");
}
