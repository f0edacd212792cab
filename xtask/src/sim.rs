//! `cargo xtask sim`: plays seeds of the simulation. What is right and wrong is `sim`'s business.

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::shell::say;

/// Which seeds to play, and how far.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The seed to play first.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many commands each seed plays.
    #[arg(long, default_value_t = 10_000)]
    steps: u64,
    /// How many seeds to play, one after another.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let began = Instant::now();
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        let summary = wardroom_sim::run(seed, arguments.steps)?;
        if arguments.seeds == 1 {
            say(&format!("seed {seed}: {summary}"));
        }
    }
    say(&format!(
        "{} seeds of {} steps in {:.1} s: nothing wrong",
        arguments.seeds,
        arguments.steps,
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}
