//! The only composition root: binds, wires, runs, drains.

mod decisions;
mod demo;
mod identity;
mod operations;
mod policies;
mod reload;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use wardroom_domain::{Truth, WorkspaceId};

pub use self::reload::Reread;
pub use crate::policy::{COMPILE_SUBCOMMAND, CompileJob, Compiler};

use crate::commit::Committer;
use crate::config::{self, Config};
use crate::demo::Demo;
use crate::descriptors;
use crate::gateway::{self, Gateway};
use crate::http::{self, Api, BodyLimits};
use crate::limits::{LISTEN_BACKLOG, REQUEST_HEAD_TIMEOUT};
use crate::metrics::Metrics;
use crate::policy::{DecisionSink, Policies, Starting, Surroundings};
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::store::embedded::Embedded;

/// What is known once the server accepts connections.
#[derive(Clone)]
pub struct Running {
    /// Where clients connect, with the real port.
    pub public: SocketAddr,
    /// Where backends connect, with the real port.
    pub internal: SocketAddr,
    /// The demo, in development mode.
    pub demo: Option<Demo>,
}

/// What a store remembers of each workspace.
type Remembered = Vec<(WorkspaceId, Truth)>;

/// Runs the server until `shutdown` begins and what is open has drained.
///
/// The internal listener answers operators at once. Clients are refused until all policies are loaded
/// and the directory is brought back: then `ready` is called, once. While it runs, policies follow
/// their files and the configuration, which is read again as `reread` says, and are compiled by
/// `compiler`.
///
/// # Errors
/// If a policy cannot be loaded, the directory cannot be opened, or an address cannot be bound.
pub async fn run(
    config: Config,
    reread: Reread,
    compiler: Compiler,
    ready: impl FnOnce(&Running),
    shutdown: Shutdown,
) -> Result<()> {
    let config = Arc::new(config);
    let metrics = Arc::new(Metrics::default());
    let decision_log = decisions::start(&config, &metrics)?;
    let audit = start_audit(&config, &metrics)?;
    let surroundings = Surroundings {
        decisions: decision_log
            .clone()
            .map(|log| Arc::new(decisions::Sink(log)) as Arc<dyn DecisionSink>),
        metrics: Some(Arc::clone(&metrics)),
        cache: config.policy.cache.clone(),
        private_channels: policies::private_channels(&config),
        compiler,
    };
    let (policies, starting) = find_policies(&config, surroundings).await?;
    let (store, remembered) = open(&config, &metrics).await?;
    let asked = Arc::new(policies::Current(policies.clone()));
    let committer = Arc::new(Committer::new(store, asked, Arc::clone(&metrics)));
    let demo = demo::prepare(&config)?;
    let public = reserve("listen.public", config.listen.public)?;
    let internal = bind("listen.internal", config.listen.internal).await?;
    let running = Running {
        public: public.local_addr()?,
        internal: internal.local_addr()?,
        demo: demo.clone(),
    };
    tracing::info!(public = %running.public, internal = %running.internal, "starting");

    // Operators are answered from now on, and until the clients are gone: `/readyz` says 503 before
    // and after. Everybody else is refused as long as policies are missing.
    let operations = Arc::new(operations::Operations::new(
        policies.clone(),
        Arc::clone(committer.store()),
        shutdown.clone(),
    ));
    let identities = identity::Identities::new(&config);
    let tokens = identities.tokens.clone();
    let api = Api::new(
        Arc::clone(&committer),
        identities.backends.clone(),
        operations.clone(),
        Arc::clone(&metrics),
        BodyLimits {
            call: config.limits.max_http_body_bytes,
            sync: config.limits.max_http_sync_body_bytes,
        },
    )
    .with_audit(audit.clone());
    let (no_clients, no_backends) = (CancellationToken::new(), CancellationToken::new());
    let backends = tokio::spawn(http::serve(internal, Arc::new(api), no_backends.clone()));
    // Unheard, the signal would end the process.
    #[cfg(unix)]
    let hangups = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup()).context("cannot listen to SIGHUP")?
    };
    tokio::select! {
        loaded = load_policies(starting) => loaded?,
        () = shutdown.begun() => {
            // What is being compiled is not waited for; it ends with the process.
            tracing::info!("stopped before it was ready");
            return Ok(());
        }
    }
    policies::log_private_channels(&policies);
    restore(&committer, remembered).await?;
    if let Some(demo) = &demo {
        demo::fill(demo, &committer).await?;
    }

    let mut chores = JoinSet::new();
    chores.spawn(Arc::clone(&committer).expire_holds());
    let settled = {
        let (policies, metrics) = (policies.clone(), Arc::clone(&metrics));
        move |generation| {
            policies.settled(generation);
            metrics.policies().settled(generation.0);
        }
    };
    chores.spawn(Arc::clone(&committer).follow_policies(policies.subscribe(), settled));
    let watching = reload::follow(&policies, &config, reread, identities)?;
    #[cfg(unix)]
    chores.spawn(reload::on_hangup(watching.nudge(), hangups));

    let gateway = Arc::new(Gateway::new(
        gateway_settings(&config),
        tokens,
        Arc::clone(&committer),
        metrics,
    ));
    let public = listen("listen.public", public)?;
    let clients = {
        let (gateway, stop) = (Arc::clone(&gateway), no_clients.clone());
        let pages = http::public_router(demo, committer);
        tokio::spawn(async move { gateway.serve(public, pages, stop).await })
    };
    operations.start();
    ready(&running);

    let failed = tokio::select! {
        () = shutdown.begun() => false,
        // Neither chore ever ends by itself: without it, presence or views would be wrong.
        Some(_) = chores.join_next() => true,
    };
    no_clients.cancel();
    let drained = shutdown
        .drain(config.shutdown.drain, async {
            gateway.drain().await;
            no_backends.cancel();
            // Neither says more than that its listener is closed and its answers are out.
            let _ = tokio::join!(clients, backends);
        })
        .await;
    if let Err(cut) = drained {
        tracing::warn!(reason = %cut, "not everything was drained");
    }
    chores.shutdown().await;
    if let Some(log) = decision_log {
        log.flush().await;
    }
    if let Some(file) = audit {
        file.flush().await;
    }
    tracing::info!("stopped");
    ensure!(!failed, "a chore of the server failed");
    Ok(())
}

/// Opens the audit file, if one is configured.
fn start_audit(config: &Config, metrics: &Arc<Metrics>) -> Result<Option<Arc<http::AuditFile>>> {
    let Some(settings) = config.audit.clone() else {
        return Ok(None);
    };
    let path = settings.path.display().to_string();
    let file = http::audit_file(settings, Arc::clone(metrics))
        .with_context(|| format!("cannot write the audit file {path} (audit.file)"))?;
    tracing::info!(path, "calls that change something are recorded");
    Ok(Some(Arc::new(file)))
}

/// Reads the files of the policies, which may be on a slow disk.
async fn find_policies(
    config: &Arc<Config>,
    surroundings: Surroundings,
) -> Result<(Policies, Starting)> {
    let config = Arc::clone(config);
    let found = spawn_blocking(move || policies::find(&config, surroundings)).await;
    Ok(found.context("looking for the policies panicked")??)
}

/// Compiles and tries out the policies, which takes up to many seconds.
async fn load_policies(starting: Starting) -> Result<()> {
    let loaded = spawn_blocking(move || starting.load()).await;
    Ok(loaded.context("loading the policies panicked")??)
}

/// Opens the store, and reads what it remembers.
async fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<(Arc<dyn Store>, Remembered)> {
    let metrics = Arc::clone(metrics);
    let (store, remembered) = match config.store.path.clone() {
        Some(path) => spawn_blocking(move || Embedded::open(&path, metrics))
            .await
            .context("opening the directory panicked")??,
        None => (Embedded::in_memory(), Vec::new()),
    };
    Ok((Arc::new(store), remembered))
}

/// Brings back what the store remembers, as the policies have it now.
async fn restore(committer: &Committer, remembered: Remembered) -> Result<()> {
    let workspaces = remembered.len();
    committer
        .restore(remembered)
        .await
        .context("cannot bring back the directory")?;
    tracing::info!(workspaces, "the directory is open");
    Ok(())
}

/// Takes an address without listening on it: whoever connects is refused. Another server that is
/// started meanwhile may take it as well; the later of the two to listen fails.
fn reserve(key: &str, address: SocketAddr) -> Result<TcpSocket> {
    let reserved = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // As a listener has it, so that a restart finds the address free.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok::<_, std::io::Error>(socket)
    };
    reserved().with_context(|| format!("cannot listen on {address} ({key})"))
}

/// Begins to listen on an address that was reserved.
fn listen(key: &str, socket: TcpSocket) -> Result<TcpListener> {
    let address = socket.local_addr()?;
    socket
        .listen(LISTEN_BACKLOG)
        .with_context(|| format!("cannot listen on {address} ({key})"))
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({key})"))
}

fn gateway_settings(config: &Config) -> gateway::Settings {
    gateway::Settings {
        max_connections: descriptors::connections(config.limits.max_connections),
        max_unauthenticated_per_address: config.limits.max_unauthenticated_per_address,
        max_output_bytes: config.limits.max_output_bytes,
        max_output_total_bytes: config.limits.max_output_total_bytes,
        write_timeout: config.limits.write_timeout,
        keep_alive: config.listen.keep_alive,
        head_timeout: REQUEST_HEAD_TIMEOUT,
        ping_interval: config.socketio.ping_interval,
        ping_timeout: config.socketio.ping_timeout,
        allowed_origins: match &config.listen.allowed_origins {
            config::AllowedOrigins::Any => gateway::AllowedOrigins::Any,
            config::AllowedOrigins::Listed(origins) => {
                gateway::AllowedOrigins::Listed(origins.clone())
            }
        },
        trusted_proxies: gateway::TrustedProxies::new(
            config
                .listen
                .trusted_proxies
                .iter()
                .map(|&(address, prefix)| gateway::Network::new(address, prefix))
                .collect(),
        ),
        auth_deadline: config.auth.deadline,
        expiry_notice: config.auth.expiry_notice,
        max_auth_failures: config.auth.max_failures,
        rates: rates(&config.rates),
        grace: config.presence.grace,
        grace_in_channel: config.presence.grace_in_channel,
    }
}

fn rates(rates: &config::Rates) -> gateway::Rates {
    let rate = |rate: config::Rate| gateway::Rate::new(rate.per_second, rate.burst);
    gateway::Rates {
        connection_events: rate(rates.connection_events),
        user_events: rate(rates.user_events),
        user_output: rate(rates.user_output),
        address_events: rate(rates.address_events),
        address_connects: rate(rates.address_connects),
        address_failed_auths: rate(rates.address_failed_auths),
    }
}
