//! The clients of `examples/clients` and of the README, as a newcomer runs them, through a restart
//! of the server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use wardroom_tests::log::Log;
use wardroom_tests::{Server, paths, token};

/// The workspace that the examples name.
const DEMO: &str = "demo";

#[test]
fn the_client_of_the_readme_is_the_one_of_the_examples() {
    let read = |path: &str| {
        let text = std::fs::read_to_string(paths::root().join(path));
        text.expect("it is a file of the repository")
    };
    let client = read("examples/clients/javascript/client.mjs");
    let quoted = format!("```js\n{client}```");
    assert!(read("README.md").contains(&quoted));
}

#[tokio::test]
async fn the_javascript_client_lives_through_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let modules = folder.path().join("node_modules");
    std::fs::create_dir(&modules).expect("the folder is ours");
    let installed = paths::js_driver().with_file_name("node_modules/socket.io-client-4");
    std::os::unix::fs::symlink(installed, modules.join("socket.io-client"))
        .expect("the folder is ours");
    let script = folder.path().join("client.mjs");
    let example = paths::root().join("examples/clients/javascript/client.mjs");
    std::fs::copy(example, &script).expect("the folder is ours");
    lives_through_a_restart(Command::new("node").arg(script)).await;
}

#[tokio::test]
async fn the_python_client_lives_through_a_restart() {
    let script = paths::root().join("examples/clients/python/client.py");
    lives_through_a_restart(Command::new(paths::python()).arg(script)).await;
}

/// A started client, killed when this is dropped.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn lives_through_a_restart(client: &mut Command) {
    let mut server = Server::with().durable().start().await;
    server
        .backend()
        .in_workspace(DEMO)
        .put_channel("general", &json!({}))
        .await;
    let ann = token::token("ann", DEMO);
    let child = client
        .env("SERVER", format!("http://{}", server.public()))
        .env("TOKEN", ann)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut example = Example(child.expect("the client can be started"));
    let output = example.0.stdout.take().expect("it is piped");
    let (printed, _) = Log::collect(output);
    let first = |text: &'static str| printed.line(text, move |line| line.starts_with(text));
    first("auth-success").await;
    first("state").await;
    first("user-selected-channel").await;
    on_the_same_port(&server);
    server.terminate();
    server.ended().await;
    server.start_again().await;
    wardroom_tests::eventually("the state, asked for once more", || {
        let told = |text| {
            printed
                .lines()
                .iter()
                .filter(|it| it.starts_with(text))
                .count()
                >= 2
        };
        std::future::ready((told("auth-success") && told("state")).then_some(()))
    })
    .await;
}

/// Has the server listen where it listens now when it starts again.
fn on_the_same_port(server: &Server) {
    let mut table = server.configuration();
    let listen = table["listen"].as_table_mut().expect("it is a section");
    listen.insert("public".into(), server.public().to_string().into());
    let file: &Path = &server.configuration_file();
    std::fs::write(file, table.to_string()).expect("the folder can be written to");
}
