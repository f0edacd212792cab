//! `wardroom policy bench`: prints what a component costs. It must not know how that is measured.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use bytesize::ByteSize;
use clap::Args;
use serde_json::{Value, json};

use super::{Bounds, Settings, read, shown};
use crate::cli::Failure;
use crate::limits::POLICY_START_DEADLINE;
use crate::policy_tools::bench::{Costs, Latency, Measured, RECOVERY, measure, questions};
use crate::policy_tools::cases;
use crate::policy_tools::workbench::{Compiled, Compiler, Workbench};

/// Measure what a component costs: each hook, a start, memory
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Bench {
    /// The component
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// Ask what these cases ask, instead of one plausible question for each hook
    #[arg(long, value_name = "CASES", conflicts_with = "settings")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    bounds: Bounds,
    /// Print JSON, times in seconds
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy bench my_policy.wasm
  wardroom policy bench my_policy.wasm --settings settings.toml --json
  wardroom policy bench my_policy.wasm --cases cases.toml

Each question is asked of one warm instance for a second. `recovery` is what a trap costs the next
caller: a fresh instance, and its first answer. Instructions are WebAssembly's, without what the
server does for the policy; they are the same on every machine. The times are this machine's: take
them on a quiet one, with a release build of wardroom.";

pub(super) fn run(
    command: &Bench,
    compiler: &Compiler,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bytes = read(&command.file)?;
    let settings = command.settings.load()?;
    let cases = match &command.cases {
        Some(file) => cases::load(file).map_err(|e| Failure::Usage(e.to_string()))?,
        None => Vec::new(),
    };
    let mut sink = std::io::sink();
    let mut report = Report {
        out: if command.json { &mut sink } else { &mut *out },
        width: 0,
        headed: false,
    };
    report.line("file", &ByteSize(bytes.len() as u64).to_string())?;
    report.begin("compile")?;
    let limits = command.bounds.limits(Some(POLICY_START_DEADLINE));
    let policy = compile(&Workbench::new(limits, compiler.clone())?, &bytes)?;
    report.end(&shown(policy.took))?;
    report.begin("counting")?;
    let counting = Workbench::counting(limits, compiler.clone())?;
    let counting = compile(&counting, &bytes)?;
    let took = shown(counting.took);
    report.end(&format!(
        "{took} to compile once more, counting instructions"
    ))?;
    let cases = match cases {
        cases if cases.is_empty() => questions(&policy, &settings),
        cases => cases,
    };
    report.fit(cases.iter().map(|case| &*case.name));
    let mut tell = |measured: &Measured| Ok::<_, Failure>(report.row(measured)?);
    let costs = measure(&policy, Some(&counting), &settings, &cases, &mut tell)?;
    report.memory(&costs)?;
    if command.json {
        let text = serde_json::to_string_pretty(&as_json(bytes.len(), policy.took, &costs))?;
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn compile(bench: &Workbench, bytes: &[u8]) -> Result<Compiled, Failure> {
    let compiled = bench.compile(bytes);
    compiled.map_err(|error| anyhow!("{error}; `wardroom policy check` says more of it").into())
}

/// The costs for people, each as soon as it is known: those of a large runtime take minutes.
struct Report<'a> {
    out: &'a mut dyn Write,
    /// Of the first column of the table.
    width: usize,
    /// Whether the table has begun.
    headed: bool,
}

impl Report<'_> {
    fn line(&mut self, what: &str, value: &str) -> std::io::Result<()> {
        self.begin(what)?;
        self.end(value)
    }

    /// The first half of a line, before what takes its time.
    fn begin(&mut self, what: &str) -> std::io::Result<()> {
        write!(self.out, "{what:12}")?;
        self.out.flush()
    }

    fn end(&mut self, value: &str) -> std::io::Result<()> {
        writeln!(self.out, "{value}")?;
        self.out.flush()
    }

    fn fit<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let names = names.chain([RECOVERY]);
        self.width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    }

    fn head(&mut self) -> std::io::Result<()> {
        self.headed = true;
        let [median, p99, most] = ["median", "p99", "most"];
        let [calls, instructions] = ["calls", "instructions"];
        writeln!(
            self.out,
            "\n{:width$}  {median:>10}  {p99:>10}  {most:>10}  {calls:>8}  {instructions:>12}",
            "",
            width = self.width
        )
    }

    fn row(&mut self, measured: &Measured) -> std::io::Result<()> {
        if !self.headed {
            self.head()?;
        }
        let latency = measured.latency;
        let instructions = measured.instructions.map(|count| count.to_string());
        writeln!(
            self.out,
            "{:width$}  {:>10}  {:>10}  {:>10}  {:>8}  {:>12}",
            measured.name,
            shown(latency.median),
            shown(latency.p99),
            shown(latency.most),
            latency.calls,
            instructions.unwrap_or_default(),
            width = self.width
        )?;
        self.out.flush()
    }

    fn memory(&mut self, costs: &Costs) -> std::io::Result<()> {
        let start = ByteSize(costs.memory_at_start as u64);
        let after = ByteSize(costs.memory_after as u64);
        writeln!(self.out)?;
        self.line(
            "memory",
            &format!("{start} after the start, {after} after the questions"),
        )
    }
}

fn as_json(bytes: usize, compile: Duration, costs: &Costs) -> Value {
    let latency = |latency: &Latency| {
        json!({
            "calls": latency.calls,
            "median": latency.median.as_secs_f64(),
            "p99": latency.p99.as_secs_f64(),
            "most": latency.most.as_secs_f64(),
        })
    };
    let hooks = costs.questions.iter().map(|hook| {
        json!({
            "name": hook.name,
            "warm": latency(&hook.latency),
            "instructions": hook.instructions,
        })
    });
    json!({
        "bytes": bytes,
        "compile": compile.as_secs_f64(),
        "start": latency(&costs.start.latency),
        "recovery": costs.recovery.as_ref().map(|recovery| latency(&recovery.latency)),
        "memoryAtStart": costs.memory_at_start,
        "memoryAfter": costs.memory_after,
        "hooks": hooks.collect::<Vec<_>>(),
    })
}
