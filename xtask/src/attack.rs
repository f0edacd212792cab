//! `cargo xtask attack`: builds the server, the policies and what attacks it, then plays the attacks.
//! Must not know what they are; `bench/src/attack/` does.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::profile::GUEST_TARGET;
use crate::setup;
use crate::shell::{cargo, run as succeed, target};

/// The core that attackers and honest clients share; the server has another.
const CLIENT_CORE: &str = "1";

/// What `cargo xtask attack` is told; `docs/attacks.md` explains.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which attack: expiry, verification, polling, log, states, descriptors, directory, compile,
    /// flood, internal, idempotency or crowd; all unless given. May be repeated.
    #[arg(long)]
    scenario: Vec<String>,
    /// A few seconds of each, for a first look.
    #[arg(long)]
    quick: bool,
    /// The binary of the server that is attacked; the one of this tree, in release mode, unless given.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Builds, then attacks.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut binaries = cargo(&["build", "--locked", "--release", "--bins"]);
    binaries.args(["--package", "wardroom-bench"]);
    // In one go, so that what both are made of is compiled once.
    if arguments.server.is_none() {
        binaries.args(["--package", "wardroom"]);
    }
    succeed(&mut binaries)?;
    build::policies()?;
    for program in ["taskset", "setpriv", "prlimit"] {
        setup::debian(program, "util-linux")?;
    }
    let release = target().join("release");
    let mut attack = Command::new("taskset");
    attack.args(["-c", CLIENT_CORE]).arg(release.join("attack"));
    let built = release.join("wardroom");
    attack
        .arg("--server")
        .arg(arguments.server.as_ref().unwrap_or(&built));
    attack
        .arg("--plugins")
        .arg(target().join(GUEST_TARGET).join("release"));
    attack.arg("--output").arg(target().join("attack"));
    for scenario in &arguments.scenario {
        attack.args(["--scenario", scenario]);
    }
    if arguments.quick {
        attack.arg("--quick");
    }
    succeed(&mut attack)
}
