//! `wardroom serve`: starts the runtime, the log and the signals, and runs the server. It must not know what the server is made of.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tracing::{info, warn};
use wardroom_domain::{UserId, WorkspaceId};

use super::{Development, Environment, Failure, Source, load};
use crate::app::{self, Running};
use crate::auth::TokenIssuer;
use crate::config::{Config, Demo};
use crate::shutdown::Shutdown;
use crate::telemetry;

/// The workspace that development mode signs tokens for.
const DEMO_WORKSPACE: &str = "demo";
/// The users that development mode signs tokens for.
const DEMO_USERS: [&str; 2] = ["ann", "bob"];
/// How long those tokens are valid: a day's work.
const DEMO_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

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
    let welcome = config.demo.as_ref().map(|demo| Welcome::new(demo, &config));
    if welcome.is_some() {
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
        let _ = announce(running, welcome.as_ref(), out);
    };
    tokio::select! {
        outcome = app::run(config, ready, shutdown.clone()) => outcome,
        () = shutdown.ended() => bail!("ended at once by a second signal"),
    }
}

/// What a newcomer needs in development mode, besides the addresses.
struct Welcome {
    api_key: Option<String>,
    /// Users and their tokens; none if the configured keys cannot sign.
    tokens: Vec<(&'static str, String)>,
}

impl Welcome {
    fn new(demo: &Demo, config: &Config) -> Self {
        let workspace = WorkspaceId::new(DEMO_WORKSPACE).map(|id| BTreeMap::from([(id, None)]));
        let issuer = TokenIssuer::new(&config.auth.tokens).ok();
        let token = |user: &'static str| {
            let id = UserId::new(user).ok()?;
            let workspaces = workspace.as_ref().ok()?;
            let token = issuer.as_ref()?.issue(&id, workspaces, DEMO_TOKEN_LIFE);
            Some((user, token.ok()?))
        };
        Self {
            api_key: demo.api_key.clone(),
            tokens: DEMO_USERS.into_iter().filter_map(token).collect(),
        }
    }
}

/// Tells whoever started the server where it is.
fn announce(
    running: &Running,
    welcome: Option<&Welcome>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "wardroom {} is ready", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  clients    http://{}", running.public)?;
    writeln!(out, "  backends   http://{}", running.internal)?;
    if let Some(welcome) = welcome {
        if let Some(key) = &welcome.api_key {
            writeln!(out, "  API key    {key}")?;
        }
        writeln!(out, "  workspace  {DEMO_WORKSPACE}")?;
        for (user, token) in &welcome.tokens {
            writeln!(out, "  {user:<9}  {token}")?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::auth::TokenVerifier;
    use crate::config::Mode;

    #[test]
    fn a_newcomer_is_told_addresses_key_and_tokens_that_work() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("w.toml");
        std::fs::write(&file, "").unwrap();
        let config = Config::load(Some(&file), [], Mode::Development).unwrap();
        let welcome = Welcome::new(config.demo.as_ref().unwrap(), &config);
        let running = Running {
            public: "127.0.0.1:1".parse().unwrap(),
            internal: "127.0.0.1:2".parse().unwrap(),
        };
        let mut out = Vec::new();
        announce(&running, Some(&welcome), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("  clients    http://127.0.0.1:1\n"), "{text}");
        assert!(text.contains("  API key    wr_"), "{text}");
        let verifier = TokenVerifier::new(config.auth.tokens.clone());
        for user in DEMO_USERS {
            let line = text
                .lines()
                .find(|line| line.trim().starts_with(user))
                .unwrap();
            let claims = verifier
                .verify(line.split_whitespace().last().unwrap())
                .unwrap();
            assert_eq!(claims.user.as_str(), user);
            assert!(claims.workspaces.contains_key(DEMO_WORKSPACE));
        }
        let mut out = Vec::new();
        announce(&running, None, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3);
    }
}
