//! The benchmark of policy calls: measures once and prints the numbers as JSON. The orchestrator
//! runs it; the library does everything.

use std::io::Write;

use clap::Parser;
use wardroom_bench::hooks::{Subject, run};

/// Measures policies without a server around them.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

fn main() -> anyhow::Result<()> {
    let outcome = run(Arguments::parse().subject)?;
    serde_json::to_writer(std::io::stdout(), &outcome)?;
    writeln!(std::io::stdout())?;
    Ok(())
}
