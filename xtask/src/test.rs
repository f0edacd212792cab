//! `cargo xtask test`: sets everything up, then runs every check and every test there is.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Result, anyhow, bail};

use crate::shell::{cargo, root, run, say, target};
use crate::{browser, build, examples, setup, tidy};

/// What can be said to `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only set up and build; run nothing.
    #[arg(long)]
    build_only: bool,
}

/// The whole of what CI runs. What reads files alone goes first, so that it fails in seconds and not
/// behind the tests. What waits for the network goes on beside what waits for the compiler;
/// everything is built once.
pub(crate) fn run_all(arguments: &Arguments) -> Result<()> {
    tidy::run()?;
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    setup::spelling()?;
    setup::unused()?;
    setup::deny()?;
    let clients = thread::spawn(install_clients);
    build::policies()?;
    build::guests()?;
    build::workspace()?;
    run(&mut cargo(&["test", "--locked", "--workspace", "--no-run"]))?;
    clients
        .join()
        .map_err(|_| anyhow!("setting up the clients panicked"))??;
    if arguments.build_only {
        return Ok(());
    }
    let binary = target().join("debug/wardroom");
    clippy()?;
    let tests = ["test", "--locked", "--workspace", "--no-fail-fast"];
    run(cargo(&tests).env("TEST_SERVER_BIN", &binary))?;
    tables(&binary)?;
    examples::prove(&binary, &[])?;
    browser::test(&binary)?;
    say("everything passed");
    Ok(())
}

fn clippy() -> Result<()> {
    let lints = ["clippy", "--locked", "--workspace", "--all-targets"];
    run(cargo(&lints).args(["--", "--deny", "warnings"]))
}

/// Runs the table tests of the policies that ship, as they are in the binary.
fn tables(server: &Path) -> Result<()> {
    for name in build::shipped()? {
        let cases = root().join("plugins").join(&name).join("cases.toml");
        if !cases.exists() {
            bail!("plugins/{name} has no cases.toml");
        }
        let mut test = Command::new(server);
        let component = format!("builtin:{name}");
        run(test.args(["policy", "test", &component]).arg(cases))?;
    }
    Ok(())
}

fn install_clients() -> Result<()> {
    setup::npm("tests/clients/js")?;
    setup::python("tests/clients/python/requirements.txt")?;
    browser::install()
}
