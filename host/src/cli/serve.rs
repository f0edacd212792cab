//! `wardroom serve`: starts the runtime, the log and the signals, and runs the server. It must not know what the server is made of.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use tracing::{info, warn};

use super::{Development, Environment, Failure, Source, load};
use crate::app::{self, Compiler, Reread, Running};
use crate::config::Config;
use crate::shutdown::Shutdown;
use crate::telemetry;
use crate::{core_dumps, descriptors, metrics};

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

[[policies]], [policy], [visibility] and all keys are read again when their files change, and on SIGHUP.
SIGTERM or SIGINT drains: new connections are refused and the process ends within
shutdown.drain. A second signal ends it at once. The log goes to standard error.";

pub(super) fn run(
    command: &Serve,
    environment: Environment,
    compiler: Compiler,
) -> Result<(), Failure> {
    let mode = command.development.mode();
    metrics::started();
    // Before anything is open. What the limit comes to is said when connections are taken.
    let _limit = descriptors::raise();
    let config = load(&command.source, mode, environment.clone())?;
    let source = command.source.clone();
    let reread = Reread {
        file: source.file(),
        read: Box::new(move || load(&source, mode, environment.clone()).map_err(String::from)),
    };
    if !config.process.core_dumps {
        core_dumps::forbid().context("cannot forbid core dumps (process.core_dumps)")?;
    }
    let logging = telemetry::init(&config.log)?;
    run_logged(config, reread, compiler).map_err(|error| {
        // Behind the log, and like it not for longer than anybody reads it.
        logging.say(&format!("error: {error:#}"));
        Failure::Told
    })
}

fn run_logged(config: Config, reread: Reread, compiler: Compiler) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(serve(config, reread, compiler));
    // Whatever still runs has had its time; a blocked thread must not hold the process.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config, reread: Reread, compiler: Compiler) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("cannot listen to signals")?;
    let api_key = config.demo.as_ref().and_then(|demo| demo.api_key.clone());
    if config.demo.is_some() {
        warn!("DEVELOPMENT MODE: secrets may be weak or known to others; not for production");
    }
    if !config.passed_over.is_empty() {
        info!(
            variables = config.passed_over.join(", "),
            "variables that an orchestrator sets for its services are no settings"
        );
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    if config.store.path.is_none() {
        warn!("store.path is not set: the directory is kept in memory and lost at the end");
    }
    if compiler == Compiler::Here {
        warn!(
            "the system does not tell which program this is: policies are compiled in it, where \
             policy.compile_timeout and policy.compile_memory do not hold"
        );
    }
    let ready = |running: &Running| {
        info!(public = %running.public, internal = %running.internal, "ready");
        announce_aside(running.clone(), api_key.clone());
    };
    tokio::select! {
        outcome = app::run(config, reread, compiler, ready, shutdown.clone()) => outcome,
        () = shutdown.ended() => bail!("ended at once by a second signal"),
    }
}

/// Announces on a thread of its own: nobody may read what it says, and that is no reason to stop
/// serving.
fn announce_aside(running: Running, api_key: Option<String>) {
    let announcing = move || {
        // Nor is it if the output is closed.
        let _ = announce(&running, api_key.as_deref(), &mut std::io::stdout());
    };
    let thread = std::thread::Builder::new().name("announce".to_owned());
    if let Err(error) = thread.spawn(announcing) {
        warn!(%error, "no thread to announce the server on");
    }
}

/// Tells whoever started the server where it is and, in development mode, how to get in.
fn announce(running: &Running, api_key: Option<&str>, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "wardroom {} is ready", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  clients    http://{}", running.public)?;
    writeln!(out, "  backends   http://{}", running.internal)?;
    if let Some(key) = api_key {
        writeln!(out, "  API key    {key}")?;
    }
    if let Some(demo) = &running.demo {
        writeln!(out, "  demo page  http://{}/demo", running.public)?;
        writeln!(out, "  workspace  {}", demo.workspace)?;
        for user in &demo.users {
            writeln!(out, "  {:<9}  {}", user.id, user.token)?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use wardroom_domain::{UserId, WorkspaceId};

    use super::*;
    use crate::demo::{Demo, DemoUser};

    #[test]
    fn a_newcomer_is_told_addresses_key_page_and_tokens() {
        let ann = DemoUser {
            id: UserId::new("ann").unwrap(),
            name: "Ann".to_owned(),
            token: "a.b.c".to_owned(),
        };
        let mut running = Running {
            public: "127.0.0.1:1".parse().unwrap(),
            internal: "127.0.0.1:2".parse().unwrap(),
            demo: Some(Demo {
                workspace: WorkspaceId::new("demo").unwrap(),
                users: vec![ann],
            }),
        };
        let mut out = Vec::new();
        announce(&running, Some("wr_key"), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let told = text.split_once('\n').unwrap().1;
        let expected = "  clients    http://127.0.0.1:1\n  \
            backends   http://127.0.0.1:2\n  \
            API key    wr_key\n  \
            demo page  http://127.0.0.1:1/demo\n  \
            workspace  demo\n  \
            ann        a.b.c\n";
        assert_eq!(told, expected);
        running.demo = None;
        let mut out = Vec::new();
        announce(&running, None, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3);
    }
}
