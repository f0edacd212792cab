//! A server as an operator gets it: default rates, default limits, a fresh database. Must not know
//! what it is attacked with.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use super::Options;
use super::ground::Setup;
use crate::api::Api;
use crate::limits::START_DEADLINE;
use crate::policies::CONFIGURATION;
use crate::servers::{API_KEY, SECRET, end, free_address, pause, pinned};

/// The core that the server has to itself.
const CORE: usize = 0;

/// A server that runs; ended when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Where clients connect.
    pub(super) public: SocketAddr,
    /// Where backends do.
    pub(super) api: Api,
    /// The folder with its configuration.
    pub(super) home: PathBuf,
}

impl Server {
    /// Starts one and waits until it takes clients.
    pub(super) fn start(name: &str, setup: &Setup, options: &Options) -> anyhow::Result<Self> {
        let (public, internal) = (free_address()?, free_address()?);
        let home = options.output.join(format!("{name}-{}", public.port()));
        std::fs::create_dir_all(&home)?;
        for (file, from) in &setup.files {
            std::fs::copy(from, home.join(file)).with_context(|| from.display().to_string())?;
        }
        let text = configuration(public, internal, &home) + &setup.configuration;
        std::fs::write(home.join(CONFIGURATION), text)?;
        let mut command = match setup.descriptors {
            Some(most) => {
                let mut command = pinned(CORE, Path::new("prlimit"));
                command
                    .arg(format!("--nofile={most}:{most}"))
                    .arg(&options.server);
                command
            }
            None => pinned(CORE, &options.server),
        };
        command
            .arg("serve")
            .arg("--config")
            .arg(home.join(CONFIGURATION))
            .stdin(Stdio::null());
        let log = options.output.join(format!("{name}.log"));
        let child = spawn(&mut command, setup.unread_log, &log)?;
        let mut server = Self {
            child,
            public,
            api: Api {
                address: internal,
                key: API_KEY.to_owned(),
            },
            home,
        };
        let ready = server.wait_ready();
        ready.with_context(|| format!("the server, see {}", log.display()))?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        for address in [self.public, self.api.address] {
            while TcpStream::connect(address).is_err() {
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

    /// The process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// With its log in a file, or in a pipe that nobody ever reads.
fn spawn(command: &mut Command, unread: bool, log: &Path) -> anyhow::Result<Child> {
    if unread {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    } else {
        let file = File::create(log).with_context(|| log.display().to_string())?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    command.spawn().context("starting the server")
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn configuration(public: SocketAddr, internal: SocketAddr, home: &Path) -> String {
    let digest = Sha256::digest(API_KEY);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let store = home.join("store.redb");
    format!(
        "[listen]\npublic = \"{public}\"\ninternal = \"{internal}\"\n\n\
         [store]\npath = {store:?}\n\n\
         [[auth.keys]]\nid = \"shared\"\nalg = \"HS256\"\nsecret = \"{SECRET}\"\n\n\
         [[api_keys]]\nname = \"attack\"\nhash = \"sha256:{hash}\"\n\
         scopes = [\"directory:read\", \"directory:write\", \"events:publish\", \"connections:control\", \"ops:read\", \"ops:write\"]\n"
    )
}
