//! What the process as a whole is and uses: under the names that all Prometheus clients share, so
//! that dashboards know them, and under our own. It must not know what anything is used for.

use std::fmt;
use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::ReasonLabels;
use crate::{files, telemetry, threads};

static STARTED: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ThreadLabels {
    thread: &'static str,
}

/// Takes down that the process starts now; only the first call counts.
pub fn started() {
    LazyLock::force(&STARTED);
}

/// Adds what is ours.
pub(super) fn register(registry: &mut Registry) {
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("os", std::env::consts::OS),
        ("arch", std::env::consts::ARCH),
    ];
    registry.register("build", "Which build this is", Info::new(build.to_vec()));
    let restarts = Family::<ThreadLabels, Counter>::default();
    for (thread, times) in threads::restarts() {
        let labels = ThreadLabels { thread };
        restarts.get_or_create(&labels).inc_by(times);
    }
    gauge(
        registry,
        "files_stuck",
        "Paths on which a call to the file system does not return",
        files::stuck().len() as u64,
    );
    let lines = Family::<ReasonLabels, Counter>::default();
    let left_out = [
        ("queue-full", telemetry::dropped_lines()),
        ("sampled", telemetry::suppressed_lines()),
    ];
    for (reason, count) in left_out {
        lines.get_or_create(&ReasonLabels { reason }).inc_by(count);
    }
    registry.register(
        "log_dropped",
        "Lines that are not in the log, by reason",
        lines,
    );
    registry.register(
        "thread_restarts",
        "Threads that panicked and were begun again, by name",
        restarts,
    );
}

/// Writes what all processes have. What the system does not tell is left out.
pub(super) fn encode(text: &mut String) -> Result<(), fmt::Error> {
    let mut registry = Registry::with_prefix("process");
    let started = STARTED.duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = Gauge::<f64, AtomicU64>::default();
    start.set(started.as_secs_f64());
    registry.register("start_time_seconds", "When the process started", start);
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let micros = usage.user_time() + usage.system_time();
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(seconds(micros.num_microseconds()));
        registry.register("cpu_seconds", "Processor time used", cpu);
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        gauge(&mut registry, "max_fds", "Descriptors it may open", soft);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the one that lists them.
        let open = (open.count() as u64).saturating_sub(1);
        gauge(&mut registry, "open_fds", "Descriptors it has open", open);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        if let Some(kibibytes) = field("VmRSS:") {
            let help = "Memory it has in use";
            gauge(
                &mut registry,
                "resident_memory_bytes",
                help,
                kibibytes << 10,
            );
        }
        if let Some(threads) = field("Threads:") {
            gauge(&mut registry, "threads", "Threads it has", threads);
        }
    }
    encode_registry(text, &registry)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn seconds(micros: i64) -> f64 {
    // Exact for 285 years of processor time.
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Metrics;

    /// The value of a sample, as a scrape reads it.
    fn sample(text: &str, name: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("{name} is missing from {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn the_process_and_the_build_are_told() {
        super::started();
        let text = Metrics::default().render().unwrap();
        assert!(sample(&text, "process_cpu_seconds_total ") > 0.0);
        assert!(sample(&text, "process_start_time_seconds ") > 1.6e9);
        assert!(sample(&text, "process_max_fds ") >= sample(&text, "process_open_fds "));
        assert!(sample(&text, "process_open_fds ") >= 3.0);
        assert!(sample(&text, "process_resident_memory_bytes ") > 1e6);
        assert!(sample(&text, "process_threads ") >= 1.0);
        let build = format!(
            "wardroom_build_info{{version=\"{}\"",
            env!("CARGO_PKG_VERSION")
        );
        assert!((sample(&text, &build) - 1.0).abs() < f64::EPSILON);
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    }
}
