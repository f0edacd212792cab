//! The servers under test: how each is started, found ready and ended. Must not know what is
//! measured.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};

use crate::limits::{START_DEADLINE, STOP_DEADLINE};
use crate::policies::{self, CONFIGURATION};

/// HS256 secret of a benchmark run; the servers live for a minute on loopback.
pub const SECRET: &str = "wardroom-benchmark-secret-of-at-least-32-bytes";
/// API key of a benchmark run.
pub const API_KEY: &str = "wardroom-benchmark-api-key-0123456789abcdef";

/// Waits a moment before looking at a child process again.
#[expect(
    clippy::disallowed_methods,
    reason = "the orchestrator has one thread and no runtime"
)]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Kind {
    /// Wardroom without policies.
    Wardroom,
    /// Wardroom with the shipped policies.
    WardroomPolicies,
    /// Wardroom with one policy that renders events.
    WardroomOneRenderer,
    /// Wardroom with four policies that render events.
    WardroomFourRenderers,
    /// Wardroom with policies that are swapped while it runs.
    WardroomSettling,
    /// The Node peer.
    Node,
    /// The broadcaster of frames.
    Floor,
}

impl Kind {
    /// Name in tables and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wardroom => "wardroom",
            Self::WardroomPolicies => "wardroom+policies",
            Self::WardroomOneRenderer => "wardroom+1-renderer",
            Self::WardroomFourRenderers => "wardroom+4-renderers",
            Self::WardroomSettling => "wardroom+swaps",
            Self::Node => "node",
            Self::Floor => "floor",
        }
    }

    /// How many policies that render events it is started with.
    pub fn renderers(self) -> usize {
        match self {
            Self::WardroomOneRenderer => 1,
            Self::WardroomFourRenderers => 4,
            _ => 0,
        }
    }
}

/// Where everything is on disk.
#[derive(Debug, Clone)]
pub struct Places {
    /// Directory of the release binaries.
    pub binaries: PathBuf,
    /// Directory of the Node peer, its packages installed.
    pub node_peer: PathBuf,
    /// Components of the shipped policies.
    pub policies: Vec<PathBuf>,
    /// Directory of all components, those of the tests in `examples` below it.
    pub components: PathBuf,
    /// Directory for configuration, logs and reports.
    pub output: PathBuf,
}

/// A server that runs; ended when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where sockets connect.
    pub server: SocketAddr,
    /// Where the HTTP API is.
    pub api: SocketAddr,
    scratch: Option<PathBuf>,
}

/// An address of loopback at which nobody listens.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// A command that stays on one core and ends with this process, however that ends. Both tools
/// replace themselves by the program, so that its process id is the child's.
pub fn pinned(core: usize, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "taskset", "-c", &core.to_string()])
        .arg(program);
    command
}

impl Running {
    /// Starts a server on core `core` and waits until it listens.
    pub fn start(kind: Kind, places: &Places, core: usize) -> anyhow::Result<Self> {
        let (server, api) = (free_address()?, free_address()?);
        let mut scratch = None;
        let mut command = match kind {
            Kind::Node => {
                let mut command = pinned(core, Path::new("node"));
                command
                    .arg(places.node_peer.join("server.js"))
                    .env("PUBLIC_PORT", server.port().to_string())
                    .env("INTERNAL_PORT", api.port().to_string())
                    .env("SECRET", SECRET)
                    .env("API_KEY", API_KEY)
                    .env("NODE_ENV", "production");
                command
            }
            Kind::Floor => {
                let mut command = pinned(core, &places.binaries.join("floor"));
                command.args(["--server", &server.to_string(), "--api", &api.to_string()]);
                command
            }
            _ => {
                let data = places.output.join(format!("data-{}", server.port()));
                std::fs::create_dir_all(&data)?;
                let file = data.join(CONFIGURATION);
                let policies = policies::sections(kind, places, &data)?;
                std::fs::write(&file, configuration(server, api, &data) + &policies)?;
                scratch = Some(data);
                let mut command = pinned(core, &places.binaries.join("wardroom"));
                command.arg("serve").arg("--config").arg(file);
                command
            }
        };
        let log = places.output.join(format!("{}.log", kind.name()));
        let log = File::create(&log).with_context(|| log.display().to_string())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", kind.name()))?;
        let mut running = Self {
            child,
            server,
            api,
            scratch,
        };
        running
            .wait_ready()
            .with_context(|| format!("{}, see its log", kind.name()))?;
        Ok(running)
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        for address in [self.server, self.api] {
            while std::net::TcpStream::connect(address).is_err() {
                ensure!(self.child.try_wait()?.is_none(), "it ended at once");
                ensure!(
                    began.elapsed() < START_DEADLINE,
                    "it does not listen on {address}"
                );
                pause();
            }
        }
        Ok(())
    }

    /// The folder with its configuration, if it has one.
    pub fn home(&self) -> Option<&Path> {
        self.scratch.as_deref()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
        if let Some(scratch) = &self.scratch {
            let _ = std::fs::remove_dir_all(scratch);
        }
    }
}

/// Asks a server to end, and kills it if it does not.
pub(crate) fn end(child: &mut Child) {
    let began = Instant::now();
    if let Ok(pid) = i32::try_from(child.id()) {
        // It may have ended by itself; then there is nothing to tell it.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
        if began.elapsed() > STOP_DEADLINE {
            let _ = child.kill();
            let _ = child.wait();
            break;
        }
        pause();
    }
}

/// A few addresses are all clients here, and a few users all senders: rates are not what is measured.
fn configuration(server: SocketAddr, api: SocketAddr, data: &Path) -> String {
    let digest = Sha256::digest(API_KEY);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "[listen]\npublic = \"{server}\"\ninternal = \"{api}\"\n\n\
         [store]\npath = {store:?}\n\n\
         [[auth.keys]]\nalg = \"HS256\"\nsecret = \"{SECRET}\"\n\n\
         [[api_keys]]\nname = \"benchmark\"\nhash = \"sha256:{hash}\"\n\
         scopes = [\"directory:write\", \"events:publish\", \"ops:read\"]\n\n\
         [rates]\n\
         connection_events.per_second = 0\n\
         user_events.per_second = 0\n\
         user_output.per_second = \"0B\"\n\
         address_events.per_second = 0\n\
         address_connects.per_second = 0\n",
        store = data.join("store.redb"),
    )
}
