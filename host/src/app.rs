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
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

pub use self::reload::Reread;

use crate::auth::{ApiKeys, TokenVerifier};
use crate::commit::Committer;
use crate::config::{self, Config};
use crate::demo::Demo;
use crate::gateway::{self, Gateway};
use crate::http::{self, Api, BodyLimits};
use crate::metrics::Metrics;
use crate::policy::{DecisionSink, Policies, Surroundings};
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

/// Runs the server until `shutdown` begins and what is open has drained.
///
/// `ready` is called once, when both listeners accept. While it runs, policies follow their files
/// and the configuration, which is read again as `reread` says.
///
/// # Errors
/// If a policy cannot be loaded, the directory cannot be opened, or an address cannot be bound.
pub async fn run(
    config: Config,
    reread: Reread,
    ready: impl FnOnce(&Running),
    shutdown: Shutdown,
) -> Result<()> {
    let config = Arc::new(config);
    let metrics = Arc::new(Metrics::default());
    let decision_log = decisions::start(&config, &metrics)?;
    let surroundings = Surroundings {
        decisions: decision_log
            .clone()
            .map(|log| Arc::new(decisions::Sink(log)) as Arc<dyn DecisionSink>),
        metrics: Some(Arc::clone(&metrics)),
        cache: config.policy.cache.clone(),
    };
    let policies = load_policies(&config, surroundings).await?;
    let committer = open(&config, &policies, &metrics).await?;
    let demo = demo::prepare(&config)?;
    if let Some(demo) = &demo {
        demo::fill(demo, &committer).await?;
    }
    let public = bind("listen.public", config.listen.public).await?;
    let internal = bind("listen.internal", config.listen.internal).await?;
    let running = Running {
        public: public.local_addr()?,
        internal: internal.local_addr()?,
        demo: demo.clone(),
    };

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
    let watching = reload::follow(&policies, &config, reread)?;
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let hangups = signal(SignalKind::hangup()).context("cannot listen to SIGHUP")?;
        chores.spawn(reload::on_hangup(watching.nudge(), hangups));
    }

    let gateway = Arc::new(Gateway::new(
        gateway_settings(&config),
        Arc::new(identity::Tokens(TokenVerifier::new(
            config.auth.tokens.clone(),
        ))),
        Arc::clone(&committer),
        Arc::clone(&metrics),
    ));
    let api = Api::new(
        Arc::clone(&committer),
        Arc::new(identity::Keys(ApiKeys::new(config.api_keys.clone()))),
        Arc::new(operations::Operations::new(policies, shutdown.clone())),
        metrics,
        BodyLimits {
            call: config.limits.max_http_body_bytes,
            sync: config.limits.max_http_sync_body_bytes,
        },
    );
    // Operators and backends are answered until the clients are gone: `/readyz` says 503 meanwhile.
    let (no_clients, no_backends) = (CancellationToken::new(), CancellationToken::new());
    let clients = {
        let (gateway, stop) = (Arc::clone(&gateway), no_clients.clone());
        let pages = http::public_router(demo, committer);
        tokio::spawn(async move { gateway.serve(public, pages, stop).await })
    };
    let backends = tokio::spawn(http::serve(
        internal,
        http::router(Arc::new(api)),
        no_backends.clone(),
    ));
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
    tracing::info!("stopped");
    ensure!(!failed, "a chore of the server failed");
    Ok(())
}

async fn load_policies(config: &Arc<Config>, surroundings: Surroundings) -> Result<Policies> {
    let config = Arc::clone(config);
    let loaded = spawn_blocking(move || policies::load(&config, surroundings)).await;
    Ok(loaded.context("loading the policies panicked")??)
}

/// Opens the store and brings back what it remembers.
async fn open(
    config: &Config,
    policies: &Policies,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Committer>> {
    let (store, remembered) = match config.store.path.clone() {
        Some(path) => spawn_blocking(move || Embedded::open(&path))
            .await
            .context("opening the directory panicked")??,
        None => (Embedded::in_memory(), Vec::new()),
    };
    let store: Arc<dyn Store> = Arc::new(store);
    let policies = Arc::new(policies::Current(policies.clone()));
    let committer = Committer::new(store, policies, Arc::clone(metrics));
    let workspaces = remembered.len();
    committer
        .restore(remembered)
        .await
        .context("cannot bring back the directory")?;
    tracing::info!(workspaces, "the directory is open");
    Ok(Arc::new(committer))
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({key})"))
}

fn gateway_settings(config: &Config) -> gateway::Settings {
    gateway::Settings {
        max_connections: config.limits.max_connections,
        max_output_bytes: config.limits.max_output_bytes,
        write_timeout: config.limits.write_timeout,
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
        grace: config.presence.grace,
        grace_in_channel: config.presence.grace_in_channel,
    }
}
