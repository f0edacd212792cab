//! From nothing to a client in a workspace, as a new operator goes: `init`, `serve`, `token`, and what
//! `init` says on the way.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tokio::process::Command;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Client, Flavour, Server, paths};

/// What a command that must succeed prints.
async fn printed(arguments: &[&str], server: &Server) -> String {
    let mut command = Command::new(paths::server());
    command
        .args(arguments)
        .arg("--config")
        .arg(server.configuration_file())
        .kill_on_drop(true);
    let output = within_deadline("the end of a command", command.output()).await;
    let output = output.expect("the command can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn a_server_starts_with_what_init_made_and_takes_a_stock_client() {
    let (mut server, said) = Server::initial().await;
    let key = said.lines().find(|line| line.trim().starts_with("wr_"));
    let key = key.expect("the key is shown").trim().to_owned();
    let warnings = |server: &Server| {
        let lines = server.log().lines();
        let lines = lines.into_iter();
        lines
            // How many files may be open is for the machine to say.
            .filter(|line| line.contains("WARN") && !line.contains("max_connections"))
            .collect::<Vec<_>>()
    };
    assert_eq!(warnings(&server), [] as [String; 0]);
    let checked = printed(&["check-config"], &server).await;
    assert!(!checked.contains("Warning"), "{checked}");

    // As the backend whose key was shown, make a channel.
    let backend = server.backend_with(&key).in_workspace("demo");
    backend.put_channel("general", &json!({})).await;
    let ready = backend.call("GET", "/readyz", &Value::Null).await;
    assert_eq!(ready.body, json!({"ready": true, "reasons": []}));

    // As the issuer of tokens, let somebody in.
    let token = printed(&["token", "--user", "ann", "--workspace", "demo"], &server).await;
    let mut ann = Client::start(Flavour::Js4Upgrade, "ann");
    ann.connect(&server, Value::Null, &[]);
    ann.connected().await;
    let credentials = json!({"token": token.trim(), "workspaceId": "demo"});
    ann.ask_ok("auth", credentials).await;
    assert_eq!(ann.channels().await, ["general"]);

    // The directory outlives the process, and all that was made is for its owner alone.
    server.terminate();
    server.ended().await;
    server.start_again().await;
    let backend = server.backend_with(&key).in_workspace("demo");
    let found = backend.call("GET", "/v1/workspaces/demo", &Value::Null);
    let found = found.await;
    assert_eq!(found.status, 200, "{found:?}");
    let folder = server.configuration_file();
    let folder = folder.parent().expect("the file is in a folder");
    for file in ["wardroom.toml", "token-secret", "wardroom.redb"] {
        let about = std::fs::metadata(folder.join(file)).expect("it was made");
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{file}");
    }
    assert_eq!(warnings(&server), [] as [String; 0]);
}
