//! `cargo xtask bench`: builds and installs what the benchmark needs, then runs it. Must not know
//! what is measured or how; `bench/` does.

use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::profile::GUEST_TARGET;
use crate::setup;
use crate::shell::{cargo, root, run as succeed, target};

const NODE_PEER: &str = "bench/node-peer";

/// What `cargo xtask bench` is told; `docs/benchmarks.md` explains.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure: connect, churn, fanout, fanout5000, rooms, idle, burst, policy, renditions,
    /// settle, crowd, directory or hooks; everything (idle is a part of burst) unless given. May be repeated.
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
    /// A further component whose hooks are measured, as NAME=FILE. Targets are known for names that
    /// begin with rust, javascript, typescript or python. May be repeated.
    #[arg(long)]
    component: Vec<String>,
    /// Settings of such a component, as NAME=JSON; {} unless given. May be repeated.
    #[arg(long)]
    settings: Vec<String>,
}

/// The scenario that needs no server and no peer.
const HOOKS: &str = "hooks";

impl Arguments {
    fn wants(&self, server: &str) -> bool {
        self.wants_servers()
            && (self.server.is_empty() || self.server.iter().any(|wanted| wanted == server))
    }

    fn wants_servers(&self) -> bool {
        self.scenario.is_empty() || self.scenario.iter().any(|scenario| scenario != HOOKS)
    }

    fn wants_hooks(&self) -> bool {
        self.scenario.is_empty() || self.scenario.iter().any(|scenario| scenario == HOOKS)
    }

    /// Whether a server is wanted that loads policies.
    fn wants_policies(&self) -> bool {
        let mut wanted = self.server.iter();
        let mut of_servers = || wanted.any(|server| server.starts_with("wardroom-"));
        self.wants_servers() && (self.server.is_empty() || of_servers())
    }
}

/// Builds, installs, measures.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // First, for the server has them in its binary.
    build::policies()?;
    let mut binaries = cargo(&["build", "--locked", "--release", "--bins"]);
    binaries.args(["--package", "wardroom-bench"]);
    // In one go, so that what both are made of is compiled once.
    if arguments.wants("wardroom") || arguments.wants_policies() {
        binaries.args(["--package", "wardroom"]);
    }
    succeed(&mut binaries)?;
    if arguments.wants_policies() || arguments.wants_hooks() {
        build::guest_named("members_only")?;
    }
    if arguments.wants_hooks() {
        build::guests()?;
    }
    if arguments.wants("node") {
        setup::npm(NODE_PEER)?;
    }
    if arguments.wants_servers() {
        for program in ["taskset", "setpriv"] {
            setup::debian(program, "util-linux")?;
        }
    }
    succeed(&mut compare(arguments))
}

fn compare(arguments: &Arguments) -> Command {
    let binaries = target().join("release");
    let policies = target().join(GUEST_TARGET).join("release");
    let mut compare = Command::new(binaries.join("compare"));
    compare.arg("--node-peer").arg(root().join(NODE_PEER));
    compare.arg("--guests").arg(policies.join("examples"));
    compare.arg("--plugins").arg(policies);
    compare.arg("--output").arg(target().join("bench"));
    compare.arg("--binaries").arg(binaries);
    for scenario in &arguments.scenario {
        compare.args(["--scenario", scenario]);
    }
    for server in &arguments.server {
        compare.args(["--server", server]);
    }
    for component in &arguments.component {
        compare.args(["--component", component]);
    }
    for settings in &arguments.settings {
        compare.args(["--settings", settings]);
    }
    if let Some(rounds) = arguments.rounds {
        compare.args(["--rounds", &rounds.to_string()]);
    }
    if arguments.quick {
        compare.arg("--quick");
    }
    compare
}
