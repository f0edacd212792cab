//! Sends the log to standard error, as text or JSON. It must not know who logs what.

use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use anyhow::anyhow;
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process; call it once.
///
/// # Errors
/// If the level is not valid, or logging was started before.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.level)?)
        .with_writer(stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|cause| anyhow!("cannot start logging: {cause}"))?;
    // A task that panics must be seen in the same log, as one line.
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => error!(panic = message, %at, "panicked"),
        None => error!(panic = message, "panicked"),
    }
}
