//! `cargo xtask sim`: builds the simulation and plays seeds of it. It is no part of this program, which
//! is built before anything else.

use anyhow::Result;

use crate::shell::{cargo, run};

/// What is passed on to the simulation.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// `--seed`, `--steps` and `--seeds`; see `cargo xtask sim -- --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn play(arguments: &Arguments) -> Result<()> {
    let mut sim = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "wardroom-sim",
        "--",
    ]);
    run(sim.args(&arguments.rest))
}
