//! `cargo xtask bench`: builds and installs what the benchmark needs, then runs it. Must not know
//! what is measured or how; `bench/` does.

use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::setup::{self, GUEST_TARGET};
use crate::shell::{cargo, root, run as succeed, target};

const NODE_PEER: &str = "bench/node-peer";

/// What `cargo xtask bench` is told; `docs/benchmarks.md` explains.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure: connect, churn, fanout, fanout5000, rooms, idle, burst, policy, renditions or
    /// settle; everything (idle is a part of burst) unless given. May be repeated.
    #[arg(long)]
    scenario: Vec<String>,
    /// One round of short phases, for a first look.
    #[arg(long)]
    quick: bool,
    /// How often every server has its turn (3, or 1 with --quick).
    #[arg(long)]
    rounds: Option<usize>,
    /// Which servers: wardroom, wardroom-policies, wardroom-one-renderer, wardroom-four-renderers,
    /// wardroom-settling, node or floor; all unless given. May be repeated.
    #[arg(long)]
    server: Vec<String>,
}

impl Arguments {
    fn wants(&self, server: &str) -> bool {
        self.server.is_empty() || self.server.iter().any(|wanted| wanted == server)
    }

    /// Whether a server is wanted that loads policies.
    fn wants_policies(&self) -> bool {
        let mut wanted = self.server.iter();
        self.server.is_empty() || wanted.any(|server| server.starts_with("wardroom-"))
    }
}

/// Builds, installs, measures.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let release = ["build", "--locked", "--release", "--package"];
    succeed(cargo(&release).args(["wardroom-bench", "--bins"]))?;
    if arguments.wants("wardroom") || arguments.wants_policies() {
        succeed(cargo(&release).args(["wardroom", "--bins"]))?;
    }
    if arguments.wants_policies() {
        build::policies()?;
        build::guest_named("members_only")?;
    }
    if arguments.wants("node") {
        setup::npm(NODE_PEER)?;
    }
    for program in ["taskset", "setpriv"] {
        setup::debian(program, "util-linux")?;
    }
    succeed(&mut compare(arguments))
}

fn compare(arguments: &Arguments) -> Command {
    let binaries = target().join("release");
    let policies = target().join(GUEST_TARGET).join("release");
    let mut compare = Command::new(binaries.join("compare"));
    compare.arg("--node-peer").arg(root().join(NODE_PEER));
    compare
        .arg("--policy")
        .arg(policies.join("private_channels.wasm"));
    compare.arg("--components").arg(&policies);
    compare.arg("--output").arg(target().join("bench"));
    compare.arg("--binaries").arg(binaries);
    for scenario in &arguments.scenario {
        compare.args(["--scenario", scenario]);
    }
    for server in &arguments.server {
        compare.args(["--server", server]);
    }
    if let Some(rounds) = arguments.rounds {
        compare.args(["--rounds", &rounds.to_string()]);
    }
    if arguments.quick {
        compare.arg("--quick");
    }
    compare
}
