//! The configuration of a test's server. It must not know defaults: what a test does not set is the server's own.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;
use toml::{Table, Value};

use crate::server::Server;
use crate::wait::within_deadline;
use crate::{paths, token};

/// The API key that may do everything.
pub const API_KEY: &str = "wr_end-to-end-tests";
/// SHA-256 of [`API_KEY`].
const API_KEY_HASH: &str =
    "sha256:5ba0282bd1e10c0722d7c6bf83e5e52cd63c8df9a9619411b68136a1d33c7dbe";
/// The API key that may only read.
pub const READER_KEY: &str = "wr_end-to-end-tests-reader";
/// SHA-256 of [`READER_KEY`].
const READER_KEY_HASH: &str =
    "sha256:0fd21bce520ead654b18cd913cc6b0e37ca368cc354ee696b1e3eb60449a30eb";
/// The API key that may do everything in the workspaces `acme` and `acme-…`, and nothing elsewhere.
pub const ACME_KEY: &str = "wr_end-to-end-tests-acme";
/// SHA-256 of [`ACME_KEY`].
const ACME_KEY_HASH: &str =
    "sha256:28b1875aec616a4d0f6e1f838d7c344db9948aeb8a33edb1ba6ce4d5b917b6fc";

/// The configuration of a server that is not started yet, in a folder of its own.
pub struct Settings {
    pub(crate) folder: TempDir,
    table: Table,
    through: Vec<String>,
}

impl Settings {
    /// Ephemeral ports, one token key, two API keys, a log that can be parsed, and time enough for
    /// policies on a busy machine: none is to miss its deadline but those that run away.
    pub(crate) fn new() -> Self {
        let text = format!(
            r#"
            listen = {{ public = "127.0.0.1:0", internal = "127.0.0.1:0" }}
            auth = {{ leeway = "0s", keys = [{{ id = "test", alg = "HS256", secret = "{secret}" }}] }}
            log = {{ format = "json", level = "info" }}
            policies = []
            policy = {{ deadline = "20s", start_deadline = "20s" }}
            [[api_keys]]
            name = "backend"
            hash = "{API_KEY_HASH}"
            scopes = ["directory:read", "directory:write", "events:publish", "connections:control", "ops:read", "ops:write"]
            [[api_keys]]
            name = "reader"
            hash = "{READER_KEY_HASH}"
            scopes = ["directory:read"]
            [[api_keys]]
            name = "acme"
            hash = "{ACME_KEY_HASH}"
            scopes = ["directory:read", "directory:write", "events:publish", "connections:control", "ops:read", "ops:write"]
            workspaces = ["acme", "acme-*"]
            "#,
            secret = token::SECRET
        );
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            table: text.parse().expect("the text above is TOML"),
            through: Vec::new(),
        }
    }

    /// Sets one key, by its path: `presence.grace`.
    ///
    /// # Panics
    /// If the path leads through something that is not a table.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let (folders, key) = path.rsplit_once('.').expect("every key is in a section");
        let table = folders.split('.').fold(&mut self.table, |table, name| {
            let section = table.entry(name).or_insert_with(|| Table::new().into());
            section.as_table_mut().expect("a section is a table")
        });
        table.insert(key.to_owned(), value.into());
        self
    }

    /// Keeps the directory in a file, so that it survives the process.
    #[must_use]
    pub fn durable(self) -> Self {
        self.set("store.path", "directory.redb")
    }

    /// Adds a policy, which is copied first: a test may replace it.
    ///
    /// # Panics
    /// If the component cannot be read.
    #[must_use]
    pub fn policy(mut self, name: &str, component: &Path) -> Self {
        let file = policy_file(self.folder.path(), name);
        std::fs::copy(component, &file).expect("the component can be copied");
        self.add_policy(name, &file.display().to_string());
        self
    }

    /// Adds a policy that is part of the binary, such as `private-channels`.
    #[must_use]
    pub fn shipped_policy(mut self, name: &str, shipped: &str) -> Self {
        self.add_policy(name, &format!("builtin:{shipped}"));
        self
    }

    fn add_policy(&mut self, name: &str, file: &str) {
        let mut policy = Table::new();
        policy.insert("name".into(), name.into());
        policy.insert("file".into(), file.into());
        let policies = self.table.get_mut("policies").and_then(Value::as_array_mut);
        policies.expect("made above").push(policy.into());
    }

    /// Sets one key of the policy that was added last.
    ///
    /// # Panics
    /// If there is no policy.
    #[must_use]
    pub fn policy_set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let policies = self.table.get_mut("policies").and_then(Value::as_array_mut);
        let last = policies
            .and_then(|all| all.last_mut())
            .and_then(Value::as_table_mut);
        last.expect("a policy was added")
            .insert(key.to_owned(), value.into());
        self
    }

    /// Starts the server as a process that may have so many descriptors at first, and so many if it
    /// asks for more.
    #[must_use]
    pub fn descriptors(mut self, soft: u32, hard: u32) -> Self {
        let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
        self.through = vec!["sh".to_owned(), "-c".to_owned(), script];
        self
    }

    /// Writes the file and starts a server whose outputs both lead to `to`. It is ready when it says
    /// so over HTTP.
    ///
    /// # Panics
    /// If there are no free ports.
    #[must_use]
    pub fn start_unheard(self, to: OwnedFd) -> Server {
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
            listener.local_addr().expect("it has an address")
        };
        let addresses = (free(), free());
        let settings = self
            .set("listen.public", addresses.0.to_string())
            .set("listen.internal", addresses.1.to_string());
        settings.write();
        Server::start_unheard_in(settings.folder, addresses, to)
    }

    /// Writes the file and starts the server.
    ///
    /// # Panics
    /// If the server is not ready in time.
    pub async fn start(self) -> Server {
        self.write();
        Server::start_in(self.folder, self.through).await
    }

    /// Writes the file and starts the server, which may take its time to be ready.
    ///
    /// # Panics
    /// If the server does not answer operators in time.
    pub async fn begin(self) -> Server {
        self.write();
        Server::begin_in(self.folder, self.through).await
    }

    /// Removes one key or section, by its name.
    #[must_use]
    pub fn without(mut self, section: &str) -> Self {
        self.table.remove(section);
        self
    }

    /// Writes the file and runs a server that must end by itself; its exit code and what it said.
    ///
    /// # Panics
    /// If it goes on.
    pub async fn fails(self) -> (Option<i32>, String) {
        self.write();
        let mut command = Command::new(paths::server());
        command
            .args(["serve", "--config"])
            .arg(config_file(self.folder.path()));
        command.current_dir(self.folder.path()).kill_on_drop(true);

        let output = within_deadline("the end of a server", command.output()).await;
        let output = output.expect("the server can be started");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    }

    fn write(&self) {
        let file = config_file(self.folder.path());
        std::fs::write(&file, self.table.to_string()).expect("the folder can be written to");
    }
}

/// Where the configuration of a server is.
pub(crate) fn config_file(folder: &Path) -> PathBuf {
    folder.join("wardroom.toml")
}

/// Where the component of a policy is.
pub(crate) fn policy_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.wasm"))
}
