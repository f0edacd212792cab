//! A real server process. It must not know what a test does with it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::log::Log;
use crate::process::Process;
use crate::settings::{API_KEY, Settings, config_file, policy_file};
use crate::{Backend, Client, Flavour, paths, token};

/// The workspace that most tests use.
pub const WORKSPACE: &str = "w";

/// A server that runs, or that has run. It is killed when this is dropped; if the test is
/// failing, its log is shown.
pub struct Server {
    folder: TempDir,
    /// What it is started through, if not directly.
    through: Vec<String>,
    running: Running,
}

struct Running {
    process: Process,
    public: SocketAddr,
    internal: SocketAddr,
}

impl Server {
    /// The settings of a server, to be changed before it starts.
    #[must_use]
    pub fn with() -> Settings {
        Settings::new()
    }

    /// A server that is ready, with the settings that most tests can do with.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// A server with the configuration that `wardroom init` makes, but for the ports and the form of the
    /// log; and what `init` said.
    ///
    /// # Panics
    /// If `init` fails, or the server is not ready in time.
    pub async fn initial() -> (Self, String) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let init = Command::new(paths::server())
            .arg("init")
            .arg(folder.path())
            .output()
            .expect("the command can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(init.status.success(), "{}", text(&init.stderr));
        let variables = [
            "env",
            "WARDROOM_LISTEN__PUBLIC=127.0.0.1:0",
            "WARDROOM_LISTEN__INTERNAL=127.0.0.1:0",
            "WARDROOM_LOG__FORMAT=json",
        ];
        let through = variables.map(str::to_owned).to_vec();
        (Self::start_in(folder, through).await, text(&init.stdout))
    }

    pub(crate) async fn start_in(folder: TempDir, through: Vec<String>) -> Self {
        let running = Running::start(folder.path(), &through, "ready").await;
        Self {
            folder,
            through,
            running,
        }
    }

    /// As [`Self::start_in`], but it says everything to `to`, and is not waited for.
    pub(crate) fn start_unheard_in(
        folder: TempDir,
        (public, internal): (SocketAddr, SocketAddr),
        to: OwnedFd,
    ) -> Self {
        let process = Process::start_unheard(&mut command(folder.path(), &[]), to);
        Self {
            folder,
            through: Vec::new(),
            running: Running {
                process,
                public,
                internal,
            },
        }
    }

    /// As [`Self::start_in`], and waits only until operators are answered.
    pub(crate) async fn begin_in(folder: TempDir, through: Vec<String>) -> Self {
        let running = Running::start(folder.path(), &through, "starting").await;
        Self {
            folder,
            through,
            running,
        }
    }

    /// Starts the server again, after it has been killed or has ended, in the same folder.
    pub async fn start_again(&mut self) {
        self.running.process.end();
        self.running = Running::start(self.folder.path(), &self.through, "ready").await;
    }

    /// Pauses the process, as a full host or a debugger does.
    pub fn pause(&self) {
        self.running.process.pause();
    }

    /// Lets the process go on.
    pub fn resume(&self) {
        self.running.process.resume();
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.process.id()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// If there is no process any more.
    pub fn kill(&mut self) {
        self.running.process.kill();
    }

    /// SIGTERM, as a service manager sends it.
    ///
    /// # Panics
    /// If there is no process any more.
    pub fn terminate(&self) {
        self.running.process.terminate();
    }

    /// SIGHUP, which has it read its configuration again.
    ///
    /// # Panics
    /// If there is no process any more.
    pub fn hang_up(&self) {
        self.running.process.hang_up();
    }

    /// Sets how many descriptors the process may have open; those that it has stay open.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn allow_descriptors(&self, most: u32) {
        self.running.process.allow_descriptors(most);
    }

    /// The configuration as its file holds it.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn configuration(&self) -> toml::Table {
        let text = std::fs::read_to_string(self.configuration_file());
        let text = text.expect("the configuration can be read");
        text.parse().expect("the configuration is TOML")
    }

    /// Writes another configuration beside the one that is there and renames it into its place.
    ///
    /// # Panics
    /// If the folder cannot be written to.
    pub fn configure(&self, text: &str) {
        let file = self.configuration_file();
        let beside = file.with_extension("new");
        std::fs::write(&beside, text).expect("the folder can be written to");
        std::fs::rename(&beside, &file).expect("a file can be renamed in its folder");
    }

    /// The file of the configuration, which the server watches.
    #[must_use]
    pub fn configuration_file(&self) -> PathBuf {
        config_file(self.folder.path())
    }

    /// Whether the process has not ended yet.
    ///
    /// # Panics
    /// If the system does not tell.
    pub fn runs(&mut self) -> bool {
        self.running.process.runs()
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn ended(&mut self) -> ExitStatus {
        self.running.process.ended().await
    }

    /// What the server has logged since it was started last.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.running.process.log
    }

    /// The address for clients.
    #[must_use]
    pub fn public(&self) -> SocketAddr {
        self.running.public
    }

    /// The address for backends.
    #[must_use]
    pub fn internal(&self) -> SocketAddr {
        self.running.internal
    }

    /// A backend whose key may do everything.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend_with(API_KEY)
    }

    /// A backend with a key of its own.
    #[must_use]
    pub fn backend_with(&self, key: &str) -> Backend {
        Backend::new(self.internal(), key)
    }

    /// A backend that calls another listener than it should.
    #[must_use]
    pub fn backend_at(&self, address: SocketAddr) -> Backend {
        Backend::new(address, API_KEY)
    }

    /// The file of a policy, which the server watches.
    #[must_use]
    pub fn policy_file(&self, name: &str) -> PathBuf {
        policy_file(self.folder.path(), name)
    }

    /// A client that is connected, not authenticated.
    pub async fn connect(&self, flavour: Flavour, name: &str) -> Client {
        let mut client = Client::start(flavour, name);
        client.connect(self, Value::Null, &[]);
        client.connected().await;
        client
    }

    /// A client of the newest kind that has entered the workspace as `user`, by token; everything
    /// that told it about its own arrival is forgotten.
    pub async fn join(&self, user: &str) -> Client {
        self.join_as(Flavour::Js4WebSocket, user).await
    }

    /// As [`Server::join`], with a client of any kind.
    pub async fn join_as(&self, flavour: Flavour, user: &str) -> Client {
        self.enter(flavour, user, json!({})).await
    }

    /// As [`Server::join`], with more in the `auth` event.
    pub async fn enter(&self, flavour: Flavour, user: &str, more: Value) -> Client {
        let mut client = self.connect(flavour, user).await;
        let mut data = json!({"token": token::token(user, WORKSPACE), "workspaceId": WORKSPACE});
        let more = more.as_object().expect("more fields are an object");
        data.as_object_mut()
            .expect("an object")
            .extend(more.clone());
        client.ask_ok("auth", data).await;
        client.heard().await;
        client
    }
}

impl Running {
    /// Starts a process, and waits for an entry of its log that names its addresses.
    async fn start(folder: &Path, through: &[String], entry: &str) -> Self {
        let process = Process::start(&mut command(folder, through));
        let told = process.log.entry(entry, |it| it["message"] == entry).await;
        let address = |field: &str| {
            let text = told[field].as_str().expect("an address is a string");
            text.parse().expect("an address can be parsed")
        };
        Self {
            public: address("public"),
            internal: address("internal"),
            process,
        }
    }
}

/// The command that starts a server, through a command that starts others if one is given.
fn command(folder: &Path, through: &[String]) -> Command {
    let mut command = match through.split_first() {
        None => Command::new(paths::server()),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(paths::server());
            command
        }
    };
    command
        .args(["serve", "--config"])
        .arg(config_file(folder))
        .current_dir(folder);
    command
}
