//! The server as `cargo xtask run` starts it. It must not know more of it than it prints for a newcomer.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use toml::{Table, Value};

use crate::process::Process;
use crate::settings::config_file;
use crate::{Backend, paths};

/// A server in development mode, with the shipped configuration and policy.
pub struct Demo {
    process: Process,
    _folder: TempDir,
}

impl Demo {
    /// Starts it on free ports, from a copy of the configuration: what it makes up is kept beside
    /// that file.
    ///
    /// # Panics
    /// If the shipped configuration is not as it was.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let shipped = paths::root().join("examples/demo/wardroom.toml");
        let shipped = std::fs::read_to_string(shipped).expect("the configuration can be read");
        let mut config: Table = shipped.parse().expect("the configuration is TOML");
        let file = config["policies"][0]["file"]
            .as_str()
            .expect("a policy has a file");
        let policy = paths::private_channels();
        assert_eq!(Path::new(file).file_name(), policy.file_name());
        config["policies"][0]["file"] = Value::from(policy.display().to_string());
        let copy = config_file(folder.path());
        std::fs::write(&copy, config.to_string()).expect("the folder can be written to");
        let mut command = Command::new(paths::server());
        command
            .args(["serve", "--dev", "--config"])
            .arg(copy)
            .env("WARDROOM_LISTEN__PUBLIC", "127.0.0.1:0")
            .env("WARDROOM_LISTEN__INTERNAL", "127.0.0.1:0");
        Self {
            process: Process::start(&mut command),
            _folder: folder,
        }
    }

    /// What was printed under a label, such as `clients` or the name of a user.
    ///
    /// # Panics
    /// If it is not printed in time.
    pub async fn printed(&self, label: &str) -> String {
        let start = format!("  {label}  ");
        let what = format!("with {label}");
        let line = self
            .process
            .output
            .line(&what, |line| line.starts_with(&start));
        line.await[start.len()..].trim().to_owned()
    }

    /// A backend with the printed address, key and workspace.
    pub async fn backend(&self) -> Backend {
        let base = self.printed("backends").await;
        let key = self.printed("API key").await;
        Backend::at(&base, &key).in_workspace(&self.printed("workspace").await)
    }
}
