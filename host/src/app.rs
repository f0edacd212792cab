//! The only composition root: binds, wires, runs, drains.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::shutdown::Shutdown;

/// What is known once the server accepts connections.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// Where clients connect, with the real port.
    pub public: SocketAddr,
    /// Where backends connect, with the real port.
    pub internal: SocketAddr,
}

/// Runs the server until `shutdown` begins and what is open has drained.
///
/// `ready` is called once, when both listeners accept.
///
/// # Errors
/// If an address cannot be bound.
pub async fn run(
    config: Config,
    ready: impl FnOnce(&Running),
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let bind = async |key: &str, address: SocketAddr| {
        TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} ({key})"))
    };
    let public = bind("listen.public", config.listen.public).await?;
    let internal = bind("listen.internal", config.listen.internal).await?;
    ready(&Running {
        public: public.local_addr()?,
        internal: internal.local_addr()?,
    });
    shutdown.begun().await;
    Ok(())
}
