//! Plays seeds of the simulation: `cargo xtask sim`. It must not know what is right and wrong; the
//! library does.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;
use clap::Parser;

/// Which seeds to play, and how far.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Arguments {
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

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (began, mut out) = (Instant::now(), io::stdout());
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        let summary = wardroom_sim::run(seed, arguments.steps)?;
        if arguments.seeds == 1 {
            writeln!(out, "seed {seed}: {summary}")?;
        }
    }
    writeln!(
        out,
        "{} seeds of {} steps in {:.1} s: nothing wrong",
        arguments.seeds,
        arguments.steps,
        began.elapsed().as_secs_f64()
    )?;
    Ok(())
}
