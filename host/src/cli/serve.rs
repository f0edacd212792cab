//! `wardroom serve`: starts the runtime, the log and the signals, and runs the server. It must not know what the server is made of.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use tracing::{info, warn};

use super::{Development, Environment, Failure, Source, load};
use crate::app::{self, Running};
use crate::config::{Config, Demo};
use crate::shutdown::Shutdown;
use crate::telemetry;

/// Run the server until SIGTERM or SIGINT
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    development: Development,
}

const EXAMPLES: &str = "\
Examples:
  wardroom serve -c /etc/wardroom/wardroom.toml
  wardroom serve --dev
  WARDROOM_LISTEN__PUBLIC=127.0.0.1:9000 wardroom serve --dev

SIGTERM or SIGINT drains: new connections are refused and the process ends within
shutdown.drain. A second signal ends it at once. The log goes to standard error.";

pub(super) fn run(
    command: &Serve,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let config = load(&command.source, command.development.mode(), environment)?;
    telemetry::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(serve(config, out));
    // Whatever still runs has had its time; a blocked thread must not hold the process.
    runtime.shutdown_background();
    outcome?;
    Ok(())
}

async fn serve(config: Config, out: &mut dyn Write) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("cannot listen to signals")?;
    let demo = config.demo.clone();
    if demo.is_some() {
        warn!("DEVELOPMENT MODE: secrets may be weak or known to others; not for production");
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    if config.store.path.is_none() {
        warn!("store.path is not set: the directory is kept in memory and lost at the end");
    }
    let ready = |running: &Running| {
        info!(public = %running.public, internal = %running.internal, "ready");
        // A closed standard output is no reason to stop serving.
        let _ = announce(running, demo.as_ref(), out);
    };
    tokio::select! {
        outcome = app::run(config, ready, shutdown.clone()) => outcome,
        () = shutdown.ended() => bail!("ended at once by a second signal"),
    }
}

/// Tells whoever started the server where it is.
fn announce(running: &Running, demo: Option<&Demo>, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "wardroom {} is ready", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  clients   http://{}", running.public)?;
    writeln!(out, "  backends  http://{}", running.internal)?;
    if let Some(demo) = demo {
        if let Some(key) = &demo.api_key {
            writeln!(out, "  API key   {key}")?;
        }
        writeln!(
            out,
            "  a token   wardroom token --dev --user ann --workspace demo"
        )?;
    }
    out.flush()
}
