//! `cargo xtask run`: from nothing to a running server with somebody to talk to.

use anyhow::Result;

use crate::shell::{command, run, target};
use crate::{build, shell};

/// What can be said to `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to `wardroom serve`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds what is needed and runs the server until it is stopped.
pub(crate) fn serve(arguments: &Arguments) -> Result<()> {
    build::policies()?;
    build::server()?;
    let server = target().join("debug/wardroom");
    let server = server.to_string_lossy();
    let config = shell::root().join("examples/demo/wardroom.toml");
    let config = config.to_string_lossy();
    let mut serve = command(&server, &["serve", "--dev", "--config", &config]);
    run(serve.args(&arguments.rest))
}
