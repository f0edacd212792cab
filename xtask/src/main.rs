//! Every chore of the repository, in Rust: `cargo xtask --help`.

mod attack;
mod bench;
mod browser;
mod build;
mod demo;
mod examples;
mod fuzz;
#[path = "../../host/build/profile.rs"]
mod profile;
mod setup;
mod shell;
mod sim;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the shipped policy and start a development server with a demo workspace.
    Run(demo::Arguments),
    /// Set up what the tests need, and run all of them. This is what CI runs.
    Test(test::Arguments),
    /// Build the shipped policies, and the guests of the tests, to components.
    Policies,
    /// Write, build and test the policies in every language, as `wardroom policy new` makes them.
    Examples(examples::Arguments),
    /// Play seeds of the simulation; a seed that finds something wrong is the bug report.
    Sim(sim::Arguments),
    /// Fuzz the readers of what strangers send, guided by coverage. The tests play the seeds alone.
    Fuzz(fuzz::Arguments),
    /// Measure the server against its peers.
    Bench(bench::Arguments),
    /// Attack the server as an operator gets it, and tell what everybody else felt.
    Attack(attack::Arguments),
    /// Check that the tree keeps to the rules of ARCHITECTURE.md.
    Tidy,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Run(arguments) => demo::serve(&arguments),
        Chore::Test(arguments) => test::run_all(&arguments),
        Chore::Policies => build::policies().and_then(|()| build::guests()),
        Chore::Examples(arguments) => examples::run(&arguments),
        Chore::Sim(arguments) => sim::play(&arguments),
        Chore::Fuzz(arguments) => fuzz::fuzz(&arguments),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Attack(arguments) => attack::run(&arguments),
        Chore::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
