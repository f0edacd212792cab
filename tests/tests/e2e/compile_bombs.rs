//! Policies that cost their compiler too much: it is ended at its bounds, and nothing waits for it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use wardroom_tests::{Server, eventually, paths};

#[path = "../../../host/tests/policy/bombs.rs"]
mod bombs;

/// What the server may have more than before, in bytes, while a compiler has gigabytes or minutes.
const MORE_MEMORY: u64 = 64 << 20;

fn good() -> Vec<u8> {
    fs::read(paths::private_channels()).expect("it is built")
}

/// Puts bytes in the place of a policy as a deployment does.
fn replace(server: &Server, name: &str, bytes: &[u8]) {
    let file = server.policy_file(name);
    let beside = file.with_extension("new");
    fs::write(&beside, bytes).expect("the folder can be written to");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
}

/// The same component with another digest.
fn variant(component: &[u8], mark: u8) -> Vec<u8> {
    let mut bytes = component.to_vec();
    bytes.extend([0, 3, 1, b'v', mark]);
    bytes
}

async fn policies(server: &Server) -> Value {
    let backend = server.backend();
    backend.ok("GET", "/v1/policies", &Value::Null).await.body
}

/// Waits until the digest of a policy is another than this, and returns it.
async fn replaced(server: &Server, place: usize, before: &Value) -> Value {
    eventually("another version of the policy", || async {
        let digest = policies(server).await["policies"][place]["digest"].clone();
        (digest != *before).then_some(digest)
    })
    .await
}

/// Waits until the last content of the first policy is refused in these words.
async fn refused(server: &Server, words: &str) {
    eventually(words, || async {
        let policy = policies(server).await["policies"][0].clone();
        let said = policy["lastError"].as_str().unwrap_or_default();
        (policy["state"] == "stale" && said.contains(words)).then_some(())
    })
    .await;
}

/// Configures one bound on compiling, with the others as by default, and waits until it is in force.
async fn bound(server: &Server, key: &str, value: &str) {
    let generation = || async { policies(server).await["policies"][0]["generation"].clone() };
    let before = generation().await;
    let mut configuration = server.configuration();
    let mut bounds = toml::Table::new();
    bounds.insert(key.into(), value.into());
    configuration.insert("policy".into(), bounds.into());
    server.configure(&configuration.to_string());
    eventually("the bound is in force", || async {
        (generation().await != before).then_some(())
    })
    .await;
}

/// The processes that a process has started and that still run.
fn children(of: u32) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("Linux tells");
    let processes = processes.filter_map(|entry| Some(entry.ok()?.path()));
    let is_child = |path: &PathBuf| {
        let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
        // The name is in brackets; the state and the parent follow.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(of.to_string().as_str())
    };
    processes.filter(is_child).collect()
}

/// The most memory that a process has had so far, in bytes.
fn peak(of: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{of}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .expect("a number")
        << 10
}

#[tokio::test]
async fn a_bomb_keeps_nobody_waiting_and_is_ended_at_its_bounds() {
    let server = Server::with()
        .policy("a", &paths::private_channels())
        .policy("b", &paths::private_channels())
        .start()
        .await;
    server.backend().put_channel("open", &json!({})).await;
    let before = policies(&server).await["policies"].clone();
    let peak_before = peak(server.id());
    assert_eq!(children(server.id()), [] as [PathBuf; 0]);

    replace(&server, "a", &bombs::slow(&good()));
    let compiler = eventually("the compiler", || async {
        let compiles = policies(&server).await["loading"][0]["state"] == "compiling";
        children(server.id()).pop().filter(|_| compiles)
    })
    .await;
    // It has what it was given, and that is little.
    let environment = fs::read(compiler.join("environ")).expect("it is ours");
    assert_eq!(environment, b"");
    eventually("it has nothing open but its pipes", || async {
        let open = fs::read_dir(compiler.join("fd")).expect("it is ours");
        let open = open.filter_map(|it| it.ok()?.file_name().into_string().ok());
        let mut open: Vec<String> = open.collect();
        open.sort();
        (open == ["0", "1", "2"]).then_some(())
    })
    .await;

    // Another policy is replaced meanwhile, and clients are served.
    replace(&server, "b", &variant(&good(), 1));
    replaced(&server, 1, &before[1]["digest"]).await;
    let mut ann = server.join("ann").await;
    assert_eq!(ann.channels().await, ["open"]);
    assert_eq!(
        children(server.id()),
        [compiler],
        "the bomb is still compiled"
    );
    assert_eq!(
        policies(&server).await["policies"][0]["digest"],
        before[0]["digest"]
    );

    // The way back is a good file: nobody waits for the bomb.
    replace(&server, "a", &variant(&good(), 2));
    let now = replaced(&server, 0, &before[0]["digest"]).await;
    assert_eq!(children(server.id()), [] as [PathBuf; 0]);

    bound(&server, "compile_timeout", "2s").await;
    replace(&server, "a", &bombs::slow(&good()));
    refused(&server, "raise policy.compile_timeout").await;
    replace(&server, "a", &variant(&good(), 2));
    eventually("the file is good again", || async {
        let policies = policies(&server).await;
        (policies["policies"][0]["state"] == "active").then_some(())
    })
    .await;
    bound(&server, "compile_memory", "512MiB").await;
    replace(&server, "a", &bombs::large(&good()));
    refused(&server, "raise policy.compile_memory").await;

    assert_eq!(policies(&server).await["policies"][0]["digest"], now);
    assert_eq!(children(server.id()), [] as [PathBuf; 0]);
    let more = peak(server.id()).saturating_sub(peak_before);
    assert!(more < MORE_MEMORY, "the server had {more} bytes more");
}
