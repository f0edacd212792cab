//! `wardroom policy bench`: prints what a component costs. It must not know how that is measured.

use std::io::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use bytesize::ByteSize;
use clap::Args;
use serde_json::{Value, json};

use super::{Settings, read, shown, workbench};
use crate::cli::Failure;
use crate::limits::POLICY_START_DEADLINE;
use crate::policy_tools::bench::{Costs, Latency, measure};
use crate::policy_tools::cases;

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
caller: a fresh instance, and its first answer. The numbers are this machine's, from a quiet one and
a release build of wardroom.";

pub(super) fn run(command: &Bench, out: &mut dyn Write) -> Result<(), Failure> {
    let bytes = read(&command.file)?;
    let settings = command.settings.load()?;
    let cases = match &command.cases {
        Some(file) => cases::load(file).map_err(|e| Failure::Usage(e.to_string()))?,
        None => Vec::new(),
    };
    let bench = workbench(Some(POLICY_START_DEADLINE))?;
    let policy = bench
        .compile(&bytes)
        .map_err(|error| anyhow!("{error}; `wardroom policy check` says more of it"))?;
    let costs = measure(&policy, &settings, &cases)?;
    if command.json {
        let text = serde_json::to_string_pretty(&as_json(bytes.len(), &costs))?;
        writeln!(out, "{text}")?;
    } else {
        report(bytes.len(), &costs, out)?;
    }
    Ok(())
}

fn report(bytes: usize, costs: &Costs, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "file        {}", ByteSize(bytes as u64))?;
    writeln!(out, "compile     {}", shown(costs.compile))?;
    writeln!(
        out,
        "memory      {} after the start, {} after the questions",
        ByteSize(costs.memory_at_start as u64),
        ByteSize(costs.memory_after as u64)
    )?;
    let mut rows = vec![("start".to_owned(), costs.start)];
    rows.extend(
        costs
            .recovery
            .map(|latency| ("recovery".to_owned(), latency)),
    );
    let hooks = costs.hooks.iter();
    rows.extend(hooks.map(|hook| (hook.name.clone(), hook.warm)));
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or_default();
    let head = ("median", "p99", "most", "calls");
    writeln!(
        out,
        "\n{:width$}  {:>10}  {:>10}  {:>10}  {:>8}",
        "", head.0, head.1, head.2, head.3
    )?;
    for (name, latency) in rows {
        writeln!(
            out,
            "{name:width$}  {:>10}  {:>10}  {:>10}  {:>8}",
            shown(latency.median),
            shown(latency.p99),
            shown(latency.most),
            latency.calls
        )?;
    }
    Ok(())
}

fn as_json(bytes: usize, costs: &Costs) -> Value {
    let latency = |latency: &Latency| {
        json!({
            "calls": latency.calls,
            "median": latency.median.as_secs_f64(),
            "p99": latency.p99.as_secs_f64(),
            "most": latency.most.as_secs_f64(),
        })
    };
    let hooks = costs.hooks.iter();
    let hooks = hooks.map(|hook| json!({ "name": hook.name, "warm": latency(&hook.warm) }));
    json!({
        "bytes": bytes,
        "compile": costs.compile.as_secs_f64(),
        "start": latency(&costs.start),
        "recovery": costs.recovery.as_ref().map(latency),
        "memoryAtStart": costs.memory_at_start,
        "memoryAfter": costs.memory_after,
        "hooks": hooks.collect::<Vec<_>>(),
    })
}
