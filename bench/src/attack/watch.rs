//! What operators see meanwhile: health, readiness and metrics, and the memory of the process. Keeps
//! the clock that says which phase it is. Must not know what is attacked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::http::Http;
use crate::api::Api;
use crate::process::resident_kib;

/// Before the attack, under attack, after it.
pub(super) const PHASES: usize = 3;
/// The phase before the attack.
pub(super) const CALM: usize = 0;
/// The phase of the attack.
pub(super) const ATTACK: usize = 1;
/// The phase after it.
pub(super) const AFTER: usize = 2;

/// Time between two looks at the memory.
const LOOK: Duration = Duration::from_millis(50);
/// Time between two calls of an operator.
const ASK: Duration = Duration::from_millis(250);
/// A call that is not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where operators come from.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

/// Which phase it is; shared by all threads.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    phase: AtomicUsize,
    stopped: AtomicBool,
    ready: AtomicUsize,
}

impl Clock {
    /// The phase that it is.
    pub(super) fn phase(&self) -> usize {
        self.0.phase.load(Ordering::Relaxed)
    }

    /// Another phase begins.
    pub(super) fn begin(&self, phase: usize) {
        self.0.phase.store(phase, Ordering::Relaxed);
    }

    /// Whether it is all over.
    pub(super) fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// It is all over.
    pub(super) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// One more is ready to be measured.
    pub(super) fn ready(&self) {
        self.0.ready.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are ready.
    pub(super) fn are_ready(&self) -> usize {
        self.0.ready.load(Ordering::Relaxed)
    }
}

/// What an operator got to see in one phase.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// Longest until health, readiness or metrics were answered, in milliseconds.
    pub(super) longest_ms: f64,
    /// Calls to the internal listener that were not answered with success.
    pub(super) failed: u64,
    /// The same to the public listener.
    pub(super) failed_public: u64,
    /// Why the first one was not.
    pub(super) reason: Option<String>,
    /// Most resident memory, in MiB.
    pub(super) peak_mib: f64,
}

/// Asks as an operator's probes do until the clock stops; what they saw, by phase.
pub(super) async fn probe(
    server: SocketAddr,
    api: Api,
    clock: Clock,
) -> anyhow::Result<[Seen; PHASES]> {
    let mut seen: [Seen; PHASES] = Default::default();
    let mut ticks = tokio::time::interval(ASK);
    while !clock.is_stopped() {
        ticks.tick().await;
        for (address, path) in [
            (server, "/healthz"),
            (api.address, "/healthz"),
            (api.address, "/readyz"),
            (api.address, "/metrics"),
        ] {
            let (began, phase) = (Instant::now(), clock.phase());
            let answer = tokio::time::timeout(PATIENCE, get(address, path, &api.key)).await;
            let took = began.elapsed().as_secs_f64() * 1000.0;
            let seen = &mut seen[phase];
            let answer = answer
                .context("no answer in 10 s")
                .and_then(|answer| answer);
            if let Err(error) = answer {
                let count = if address == server {
                    &mut seen.failed_public
                } else {
                    &mut seen.failed
                };
                *count += 1;
                seen.reason
                    .get_or_insert_with(|| format!("{path}: {error:#}"));
            } else {
                seen.longest_ms = seen.longest_ms.max(took);
            }
        }
    }
    Ok(seen)
}

async fn get(address: SocketAddr, path: &str, key: &str) -> anyhow::Result<String> {
    let mut http = Http::open(address, SOURCE, Some(key)).await?;
    let (status, text) = http.call("GET", path, "").await?;
    ensure!(status == 200, "{path} was answered {status}");
    Ok(text)
}

/// Looks at the memory until the clock stops; the most in each phase, in MiB.
pub(super) async fn memory(pid: u32, clock: Clock) -> anyhow::Result<[f64; PHASES]> {
    let mut peaks = [0.0_f64; PHASES];
    let mut ticks = tokio::time::interval(LOOK);
    while !clock.is_stopped() {
        ticks.tick().await;
        let peak = &mut peaks[clock.phase()];
        *peak = peak.max(resident_mib(pid)?);
    }
    Ok(peaks)
}

/// Resident memory of the process, in MiB.
pub(super) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    Ok(resident_kib(pid).context("the server has ended")? / 1024.0)
}

/// The sum of all series of a metric.
pub(super) async fn metric(api: &Api, name: &str) -> anyhow::Result<f64> {
    let text = api.get("/metrics").await?;
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let is_it = rest.starts_with('{') || rest.starts_with(' ');
        is_it.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    Ok(values.sum())
}
