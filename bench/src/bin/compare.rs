//! The orchestrator: starts each server on one core and the load generator on the other, in
//! turns, and writes the report. Builds and installs nothing; `cargo xtask bench` does.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use wardroom_bench::limits::{HOOKS_DEADLINE, LOADGEN_DEADLINE};
use wardroom_bench::report::Rounds;
use wardroom_bench::scenario::{Outcome, Scenario};
use wardroom_bench::servers::{API_KEY, Kind, Places, Running, SECRET, pause, pinned};

const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
const ROUNDS: usize = 3;
/// The policy that a server with policies has.
const SERVED_POLICY: &str = "private_channels.wasm";
const EVERYTHING: [Scenario; 12] = [
    Scenario::Connect,
    Scenario::Churn,
    Scenario::Fanout,
    Scenario::Fanout5000,
    Scenario::Rooms,
    Scenario::Burst,
    Scenario::Policy,
    Scenario::Renditions,
    Scenario::Settle,
    Scenario::Crowd,
    Scenario::Directory,
    Scenario::Hooks,
];

/// Measures the servers against each other, in turns, and reports medians and ratios.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything unless given. May be repeated.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// One round of short phases, for a first look.
    #[arg(long)]
    quick: bool,
    /// How often every server has its turn (3, or 1 with --quick).
    #[arg(long)]
    rounds: Option<usize>,
    /// Which servers; all unless given. May be repeated.
    #[arg(long, value_enum)]
    server: Vec<Kind>,
    /// Directory of the release binaries.
    #[arg(long)]
    binaries: PathBuf,
    /// Directory of the Node peer.
    #[arg(long)]
    node_peer: PathBuf,
    /// Directory of the shipped policies' components.
    #[arg(long)]
    plugins: PathBuf,
    /// Directory of the components that the tests are written with.
    #[arg(long)]
    guests: PathBuf,
    /// A further component for `hooks`, as NAME=FILE; may be repeated.
    #[arg(long = "component")]
    components: Vec<String>,
    /// Settings of such a component, as NAME=JSON.
    #[arg(long)]
    settings: Vec<String>,
    /// Directory for the report, logs and configuration.
    #[arg(long)]
    output: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let cores = std::thread::available_parallelism()?.get();
    ensure!(
        cores > CLIENT_CORE,
        "two cores are needed, this process may use {cores}"
    );
    std::fs::create_dir_all(&arguments.output)?;
    let scenarios = match arguments.scenario.as_slice() {
        [] => &EVERYTHING[..],
        chosen => chosen,
    };
    let count = arguments
        .rounds
        .unwrap_or(if arguments.quick { 1 } else { ROUNDS });
    let mut rounds = Rounds::default();
    for scenario in scenarios {
        for round in 0..count {
            match scenario {
                Scenario::Hooks => hooks(&arguments, round, &mut rounds)?,
                _ => take_turns(&arguments, *scenario, round, &mut rounds)?,
            }
        }
    }
    let report = format!("{}\n{}", preamble(count)?, rounds.markdown(scenarios));
    let stamp = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    let path = arguments.output.join(format!("report-{stamp}.md"));
    std::fs::write(&path, &report)?;
    std::fs::write(path.with_extension("json"), rounds.raw().to_string())?;
    let mut out = std::io::stdout();
    writeln!(out, "{report}\nWritten to {}", path.display())?;
    Ok(())
}

fn servers_of(arguments: &Arguments, scenario: Scenario) -> Vec<Kind> {
    let all: &[Kind] = match scenario {
        Scenario::Policy => &[Kind::Wardroom, Kind::WardroomPolicies],
        Scenario::Renditions => &[
            Kind::Wardroom,
            Kind::WardroomOneRenderer,
            Kind::WardroomFourRenderers,
        ],
        Scenario::Settle | Scenario::Crowd => &[Kind::WardroomSettling],
        Scenario::Directory => &[Kind::Wardroom],
        // Its question, whether a socket is ever lost, is not one to the others.
        Scenario::Churn if arguments.server.is_empty() => &[Kind::Wardroom],
        _ => &[Kind::Wardroom, Kind::Node, Kind::Floor],
    };
    let wanted = |kind: &&Kind| arguments.server.is_empty() || arguments.server.contains(kind);
    all.iter().filter(wanted).copied().collect()
}

/// One round: every server in turn, started afresh. A server that fails is noted, not fatal.
fn take_turns(
    arguments: &Arguments,
    scenario: Scenario,
    round: usize,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let places = Places {
        binaries: arguments.binaries.clone(),
        node_peer: arguments.node_peer.clone(),
        policies: vec![arguments.plugins.join(SERVED_POLICY)],
        components: arguments.plugins.clone(),
        output: arguments.output.clone(),
    };
    let mut err = std::io::stderr();
    for kind in servers_of(arguments, scenario) {
        let began = Instant::now();
        write!(err, "{scenario:?}, round {}, {} … ", round + 1, kind.name())?;
        let outcome = measure(arguments, &places, scenario, kind).unwrap_or_else(fault);
        let faults = outcome.faults.join("; ");
        writeln!(err, "{:.0} s {faults}", began.elapsed().as_secs_f64())?;
        rounds.add(scenario, kind, round, outcome);
    }
    Ok(())
}

fn measure(
    arguments: &Arguments,
    places: &Places,
    scenario: Scenario,
    kind: Kind,
) -> anyhow::Result<Outcome> {
    let running = Running::start(kind, places, SERVER_CORE)?;
    let mut command = pinned(CLIENT_CORE, &places.binaries.join("loadgen"));
    command
        .arg("--scenario")
        .arg(
            clap::ValueEnum::to_possible_value(&scenario)
                .context("hidden scenario")?
                .get_name(),
        )
        .args([
            "--server",
            &running.server.to_string(),
            "--api",
            &running.api.to_string(),
        ])
        .args([
            "--key",
            API_KEY,
            "--secret",
            SECRET,
            "--pid",
            &running.pid().to_string(),
        ]);
    command.args(["--renderers", &kind.renderers().to_string()]);
    if let Some(home) = running.home() {
        command.arg("--home").arg(home);
    }
    if arguments.quick {
        command.arg("--quick");
    }
    outcome_of(command, LOADGEN_DEADLINE)
}

/// Runs a program that measures, and takes what it prints.
fn outcome_of(mut program: Command, deadline: Duration) -> anyhow::Result<Outcome> {
    program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = program.spawn().context("starting what measures")?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("not done in {deadline:?}");
        }
        pause();
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("what it answered")
}

/// One round of policy calls, which take both cores and no server.
fn hooks(arguments: &Arguments, round: usize, rounds: &mut Rounds) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut err = std::io::stderr();
    write!(err, "hooks, round {} … ", round + 1)?;
    let mut program = Command::new(arguments.binaries.join("hooks"));
    program.arg("--plugins").arg(&arguments.plugins);
    program.arg("--guests").arg(&arguments.guests);
    program.arg("--scratch").arg(arguments.output.join("hooks"));
    for component in &arguments.components {
        program.args(["--component", component]);
    }
    for settings in &arguments.settings {
        program.args(["--settings", settings]);
    }
    if arguments.quick {
        program.arg("--quick");
    }
    let outcome = outcome_of(program, HOOKS_DEADLINE).unwrap_or_else(fault);
    let faults = outcome.faults.join("; ");
    writeln!(err, "{:.0} s {faults}", began.elapsed().as_secs_f64())?;
    rounds.add(Scenario::Hooks, Kind::Wardroom, round, outcome);
    Ok(())
}

/// What a measurement gives that failed: it is noted, not fatal.
fn fault(error: anyhow::Error) -> Outcome {
    Outcome {
        faults: vec![format!("{error:#}")],
        ..Outcome::default()
    }
}

/// What the numbers mean depends on the machine: it is named above them.
fn preamble(rounds: usize) -> anyhow::Result<String> {
    let model = std::fs::read_to_string("/proc/cpuinfo")?
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown".to_owned(), |name| {
            name.trim_start_matches(['\t', ' ', ':']).to_owned()
        });
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let mut text = String::from("# Benchmark\n\n");
    writeln!(
        text,
        "{model}, Linux {}; server on core {SERVER_CORE}, load generator on core {CLIENT_CORE}; \
         rounds: {rounds}; load average at the end: {}. Numbers are medians (least–most); ratios \
         are medians of the ratios within each round.",
        kernel.trim(),
        load.split_whitespace().next().unwrap_or("?"),
    )?;
    Ok(text)
}
