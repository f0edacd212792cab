//! `wardroom policy`: the tools for authors of policies, and for operators of a running server. It must
//! not know what a policy decides.

mod bench;
mod check;
mod dev;
mod explain;
mod list;
mod new;
mod remote;
mod test;
mod versions;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use wardroom_domain::Json;

use super::{Environment, Failure};
use crate::builtin;
use crate::config::{Log, LogFormat};
use crate::policy_tools::workbench::{Compiler, PolicyLimits};
use crate::policy_tools::{cases, files};
use crate::telemetry;

/// Begin, check, test, measure and develop policies; ask a running server about its own
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy list --builtin
  wardroom policy new --lang rust quiet-hours
  wardroom policy check my_policy.wasm
  wardroom policy test my_policy.wasm cases.toml
  wardroom policy bench my_policy.wasm
  wardroom policy dev my-policy --cases cases.toml --install /srv/wardroom/policies
  wardroom policy explain --key-file key -w acme -u ann -c board
  wardroom policy rollback private-channels --key-file key

docs/policies.md leads from nothing to a policy in a running server.";

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    List(list::List),
    Check(check::Check),
    Test(test::Test),
    Bench(bench::Bench),
    Dev(dev::Dev),
    Explain(explain::Explain),
    Shadow(versions::Shadow),
    DryRun(versions::DryRun),
    Promote(versions::Promote),
    Rollback(versions::Rollback),
}

pub(super) fn run(
    command: &Policy,
    environment: &Environment,
    compiler: &Compiler,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match &command.command {
        Command::New(command) => new::run(command, out),
        Command::List(command) => list::run(command, environment, out),
        Command::Check(command) => check::run(command, compiler, out),
        Command::Test(command) => test::run(command, compiler, out),
        Command::Bench(command) => bench::run(command, compiler, out),
        Command::Dev(command) => dev::run(command, compiler, out),
        Command::Explain(command) => explain::run(command, environment, out),
        Command::Shadow(command) => versions::shadow(command, environment, out),
        Command::DryRun(command) => versions::dry_run(command, environment, out),
        Command::Promote(command) => versions::promote(command, environment, out),
        Command::Rollback(command) => versions::roll_back(command, environment, out),
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
            telemetry::init_in_place(&Log {
                format: LogFormat::Text,
                level: "off,wardroom::policy=debug".to_owned(),
            })?;
        }
        Ok(())
    }
}

/// What compiling a component may take.
#[derive(Args, Clone, Copy, Debug)]
struct Bounds {
    /// How long compiling may take, as policy.compile_timeout of a server [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    compile_timeout: Option<Duration>,
    /// How much memory compiling may take, as policy.compile_memory of a server [default: 2GiB]
    #[arg(long, value_name = "SIZE")]
    compile_memory: Option<ByteSize>,
}

impl Bounds {
    /// A server's limits, but for these bounds, and that a call may take this long.
    fn limits(self, call_deadline: Option<Duration>) -> PolicyLimits {
        let mut limits = PolicyLimits::default();
        if let Some(deadline) = call_deadline {
            limits.call_deadline = deadline;
        }
        if let Some(timeout) = self.compile_timeout {
            limits.compile_timeout = timeout;
        }
        if let Some(ByteSize(bytes)) = self.compile_memory {
            limits.compile_memory_bytes = bytes;
        }
        limits
    }
}

/// The bytes of a component, as a server would read them: of a file, or of a policy in the binary.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    if let Some(policy) = builtin::named(file) {
        let policy = policy.map_err(|unknown| Failure::Usage(unknown.to_string()))?;
        return Ok(policy.bytes.to_vec());
    }
    let limit = PolicyLimits::default().file_bytes;
    files::read(file, limit)
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
