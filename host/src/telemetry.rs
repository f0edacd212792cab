//! Sends the log to standard error, as text or JSON, without ever holding up whoever logs. It must
//! not know who logs what.

mod queue;
mod sampling;

use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;
use std::time::Instant;

use anyhow::{Context, anyhow};
use tracing::error;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use self::queue::Queue;
use self::sampling::Sampling;
use crate::config::{Log, LogFormat};
use crate::limits::LOG_SUMMARY_PERIOD;
use crate::threads;

pub use self::queue::dropped as dropped_lines;
pub use self::sampling::suppressed as suppressed_lines;

/// The target of lines that are a record for somebody: they are never left out for being many.
pub const AUDIT: &str = "wardroom::audit";

/// The log while it runs. What still waits when this is dropped is written, but not for longer than
/// [`crate::limits::LOG_FLUSH_TIMEOUT`].
#[must_use = "the end of the log is lost if nothing waits for it"]
pub struct Logging {
    queue: Queue,
}

impl Logging {
    /// Writes a line as it is, behind what waits.
    pub fn say(&self, line: &str) {
        self.queue.put(format!("{line}\n").into_bytes());
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.queue.flush();
    }
}

/// Starts logging for a server; call it once in a process.
///
/// # Errors
/// If the level is not valid, there is no standard error, or logging was started before.
pub fn init(log: &Log) -> anyhow::Result<Logging> {
    let filter = EnvFilter::try_new(&log.level)?;
    let queue = queue::to_stderr().context("cannot write to standard error")?;
    let lines = match log.format {
        LogFormat::Text => fmt::layer()
            .with_ansi(stderr().is_terminal())
            .with_writer(queue.clone())
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(queue.clone())
            .boxed(),
    };
    let sampling = Sampling::default();
    let lines = lines.with_filter(sampling.clone());
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init()
        .map_err(|cause| anyhow!("cannot start logging: {cause}"))?;
    threads::keep("log-summary", move || {
        loop {
            std::thread::park_timeout(LOG_SUMMARY_PERIOD);
            sampling.summarize(Instant::now());
        }
    })?;
    // A task that panics must be seen in the same log, as one line.
    std::panic::set_hook(Box::new(log_panic));
    Ok(Logging { queue })
}

/// Logs in place, every line, for a tool that somebody watches; call it once.
///
/// # Errors
/// If the level is not valid, or logging was started before.
pub fn init_in_place(log: &Log) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.level)?)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .try_init()
        .map_err(|cause| anyhow!("cannot start logging: {cause}"))
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => error!(panic = message, %at, "panicked"),
        None => error!(panic = message, "panicked"),
    }
}
