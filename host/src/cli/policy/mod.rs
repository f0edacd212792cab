//! `wardroom policy`: the tools for authors of policies. It must not know what a policy decides.

mod bench;
mod check;
mod dev;
mod test;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use wardroom_domain::Json;

use super::Failure;
use crate::config::{Log, LogFormat};
use crate::policy_tools::cases;
use crate::policy_tools::workbench::{self, PolicyLimits, Workbench};
use crate::telemetry;

/// Check, test, measure and develop policies; no server is needed
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy check my_policy.wasm
  wardroom policy test my_policy.wasm cases.toml
  wardroom policy bench my_policy.wasm
  wardroom policy dev my-policy --cases cases.toml --install /srv/wardroom/policies

docs/policies.md leads from nothing to a policy in a running server.";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Test(test::Test),
    Bench(bench::Bench),
    Dev(dev::Dev),
}

pub(super) fn run(command: &Policy, out: &mut dyn Write) -> Result<(), Failure> {
    match &command.command {
        Command::Check(command) => check::run(command, out),
        Command::Test(command) => test::run(command, out),
        Command::Bench(command) => bench::run(command, out),
        Command::Dev(command) => dev::run(command, out),
    }
}

/// Where the settings of a policy come from.
#[derive(Args, Debug)]
struct Settings {
    /// A TOML or JSON file with what `configure` is given; without it, `{}`
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Settings {
    fn load(&self) -> Result<Json, Failure> {
        match &self.settings {
            Some(file) => cases::settings(file).map_err(|e| Failure::Usage(e.to_string())),
            None => Ok(Json::from_canonical("{}")),
        }
    }
}

/// What a policy says while it is asked.
#[derive(Args, Debug)]
struct Verbose {
    /// Show what the policy logs and prints, on standard error
    #[arg(long, short)]
    verbose: bool,
}

impl Verbose {
    fn begin(&self) -> Result<(), Failure> {
        if self.verbose {
            telemetry::init(&Log {
                format: LogFormat::Text,
                level: "off,wardroom::policy=debug".to_owned(),
            })?;
        }
        Ok(())
    }
}

/// A workbench on which a call may take this long.
fn workbench(call_deadline: Option<Duration>) -> Result<Workbench, Failure> {
    let mut limits = PolicyLimits::default();
    if let Some(deadline) = call_deadline {
        limits.call_deadline = deadline;
    }
    Ok(Workbench::new(limits)?)
}

/// The bytes of a component, as a server would read them.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let limit = PolicyLimits::default().file_bytes;
    workbench::read(file, limit)
        .map_err(|reason| Failure::Usage(format!("{}: {reason}", file.display())))
}

/// A time for people.
fn shown(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    match nanos {
        _ if nanos < 1e3 => format!("{nanos} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}
