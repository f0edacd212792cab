//! The attacks: plays each against a server of its own and prints the table. Builds nothing; `cargo
//! xtask attack` does.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use wardroom_bench::attack::{Options, Scenario, Table, attack};
use wardroom_bench::process::allow_files;

/// Both ends of the connections of the largest attack, and what else is open.
const FILES: u64 = 8_192;

/// Attacks a server as an operator gets it, and says what others felt.
#[derive(Parser)]
struct Arguments {
    /// Which attack; all unless given. May be repeated.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// A few seconds of each, for a first look.
    #[arg(long)]
    quick: bool,
    /// The server's binary.
    #[arg(long)]
    server: PathBuf,
    /// Directory of the shipped policies' components.
    #[arg(long)]
    plugins: PathBuf,
    /// Directory for the table, logs, data and configuration.
    #[arg(long)]
    output: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    for (what, path) in [
        ("the server", &arguments.server),
        ("the folder of policies", &arguments.plugins),
    ] {
        ensure!(path.exists(), "{what} is not there: {}", path.display());
    }
    allow_files(FILES)?;
    std::fs::create_dir_all(&arguments.output)?;
    let options = Options {
        server: std::path::absolute(&arguments.server)?,
        plugins: std::path::absolute(&arguments.plugins)?,
        output: std::path::absolute(&arguments.output)?,
        quick: arguments.quick,
    };
    let scenarios = match arguments.scenario.as_slice() {
        [] => Scenario::value_variants(),
        chosen => chosen,
    };
    let mut table = Table::default();
    let mut err = std::io::stderr();
    for scenario in scenarios {
        let (name, began) = (scenario.name(), Instant::now());
        write!(err, "{name} … ")?;
        let row = attack(*scenario, &options);
        let word = match &row {
            Ok(row) if row.held() => "held".to_owned(),
            Ok(_) => "NOT HELD".to_owned(),
            Err(error) => format!("not played: {error:#}"),
        };
        writeln!(err, "{:.0} s, {word}", began.elapsed().as_secs_f64())?;
        table.add(name, row);
    }
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let stamp = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    let path = arguments.output.join(format!("table-{stamp}.md"));
    let text = format!("{}\nLoad average at the end: {load}.\n", table.markdown());
    std::fs::write(&path, &text)?;
    writeln!(std::io::stdout(), "{text}\nWritten to {}", path.display())?;
    Ok(if table.held() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
