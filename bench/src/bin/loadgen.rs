//! The client side of the benchmark: one scenario against one server, numbers as JSON. Starts and
//! stops nothing.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use wardroom_bench::process::allow_files;
use wardroom_bench::scenario::{Scenario, Subject, run};

const FILES: u64 = 10_500;

/// Measures one scenario against a running server and prints its numbers as JSON.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(long, value_enum)]
    scenario: Scenario,
    #[command(flatten)]
    subject: Subject,
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    allow_files(FILES)?;
    let local = tokio::task::LocalSet::new();
    let outcome = local
        .run_until(run(arguments.scenario, arguments.subject))
        .await?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcome)?)?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, which the report quotes; without the backtrace that `main` would add.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
