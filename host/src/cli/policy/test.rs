//! `wardroom policy test`: runs table cases against a component. It must not know what cases mean.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use clap::Args;

use super::{Bounds, Verbose, read, shown};
use crate::cli::Failure;
use crate::limits::POLICY_START_DEADLINE;
use crate::policy_tools::cases::{self, Case};
use crate::policy_tools::junit;
use crate::policy_tools::runner::{self, Fault, Options, Outcome, Report, Run};
use crate::policy_tools::shorten;
use crate::policy_tools::workbench::{Compiled, Compiler, Workbench};

/// Run table cases against a component
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Test {
    /// The component
    file: PathBuf,
    /// The cases, TOML or JSON (docs/policies.md has the format)
    #[arg(required = true)]
    cases: Vec<PathBuf>,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "OUT")]
    junit: Option<PathBuf>,
    /// Run the cases in the order that another run printed
    #[arg(long)]
    seed: Option<u64>,
    /// How often to run everything, each time in another order
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Then ask one instance of each settings so many questions, cases in turn, and see whether
    /// it keeps handles or memory
    #[arg(long, value_name = "QUESTIONS", default_value_t = 0)]
    endurance: u32,
    /// Give each call an instance of its own, as `isolation = "per-call"` does
    #[arg(long)]
    per_call: bool,
    /// How long one call may take; the server's own limit is meant for a server
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    verbose: Verbose,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy test my_policy.wasm cases.toml
  wardroom policy test my_policy.wasm cases.toml --junit results.xml
  wardroom policy test my_policy.wasm cases.toml --seed 3735928559 --repeat 20
  wardroom policy test my_policy.wasm cases.toml --endurance 10000

Each case is put to a fresh instance, and to instances that other cases were put to before, in an
order that the seed decides. A case that fails only there shows a policy that remembers between
calls; a server reuses instances as well. What leaks a little with each call fails nowhere but in
an endurance test: an instance of a server answers up to 100,000 calls.

Exit codes: 0 every case passed, 1 one failed, 2 a file cannot be read.";

pub(super) fn run(command: &Test, compiler: &Compiler, out: &mut dyn Write) -> Result<(), Failure> {
    command.verbose.begin()?;
    let cases = load(&command.cases)?;
    let bytes = read(&command.file)?;
    let deadline = command.deadline.unwrap_or(POLICY_START_DEADLINE);
    let bench = Workbench::new(command.bounds.limits(Some(deadline)), compiler.clone())?;
    // Large ones take seconds.
    write!(out, "compiling {} ... ", ByteSize(bytes.len() as u64))?;
    out.flush()?;
    let policy = bench.compile(&bytes);
    writeln!(out, "{}", policy.as_ref().map_or("", |_| "done"))?;
    let policy =
        policy.map_err(|error| anyhow!("{error}; `wardroom policy check` says more of it"))?;
    let options = Options {
        seed: command
            .seed
            .unwrap_or_else(|| u64::from(rand::random::<u32>())),
        repeat: command.repeat,
        reuse: !command.per_call,
        endurance: command.endurance,
    };
    let report = test(&policy, &cases, options, out)?;
    if let Some(file) = &command.junit {
        let suite: Vec<_> = command
            .cases
            .iter()
            .map(|it| it.display().to_string())
            .collect();
        write_junit(&report, &suite.join(" "), file)?;
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(anyhow!(
            "{failed} of {} cases failed; `--seed {}` runs them in the same order",
            report.outcomes.len(),
            report.seed
        )
        .into()),
    }
}

/// The cases of all files, one after the other.
pub(super) fn load(files: &[PathBuf]) -> Result<Vec<Case>, Failure> {
    let mut all = Vec::new();
    for file in files {
        all.extend(cases::load(file).map_err(|error| Failure::Usage(error.to_string()))?);
    }
    Ok(all)
}

/// Runs the cases and prints what came of them.
pub(super) fn test(
    policy: &Compiled,
    cases: &[Case],
    options: Options,
    out: &mut dyn Write,
) -> std::io::Result<Report> {
    let report = runner::run(policy, cases, options);
    for outcome in report.outcomes.iter().filter(|outcome| !outcome.passed()) {
        show(outcome, out)?;
    }
    for endured in &report.endured {
        writeln!(
            out,
            "one instance answered {} questions in {}: {} handles held, memory {} after half of \
             them, {} at the end",
            endured.questions,
            shown(endured.took),
            endured.handles_held,
            ByteSize(endured.memory_halfway as u64),
            ByteSize(endured.memory_after as u64)
        )?;
    }
    let passed = report.outcomes.len() - report.failed();
    writeln!(
        out,
        "{passed} of {} cases passed in {} (seed {})",
        report.outcomes.len(),
        shown(report.took),
        report.seed
    )?;
    Ok(report)
}

fn show(outcome: &Outcome, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "FAILED  {}", outcome.name)?;
    for fault in &outcome.faults {
        let elsewhere = |own: &&Fault| own.run != fault.run && own.says_what(fault);
        match (fault.run, outcome.faults.iter().find(elsewhere)) {
            // One trap is told once, whatever instance it is on.
            (Run::Fresh, Some(_)) => writeln!(out, "  on any instance")?,
            (Run::Reused, Some(_)) => continue,
            (Run::Fresh, None) => writeln!(out, "  on a fresh instance")?,
            (Run::Reused, None) => writeln!(
                out,
                "  on an instance that was asked before: {}",
                fault.before.join(", then ")
            )?,
        }
        let (expected, found) = shorten::both(&fault.expected, &fault.found);
        writeln!(out, "    expected  {}", indented(&expected))?;
        writeln!(out, "    found     {}", indented(&found))?;
    }
    if outcome.remembers() {
        writeln!(
            out,
            "  It passes on a fresh instance: the policy remembers something between calls."
        )?;
    }
    writeln!(out)
}

/// Further lines of a text below its first.
fn indented(text: &str) -> String {
    text.replace('\n', "\n              ")
}

fn write_junit(report: &Report, suite: &str, file: &Path) -> anyhow::Result<()> {
    let text = junit::write(report, suite)?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
