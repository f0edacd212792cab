//! What is counted of policies. A caller takes its handles once and counts without a lock from then
//! on. The names of policies are the operator's, so that they are a closed set. Knows no guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::{Atomic, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

use crate::stripes::Striped;

/// A counter that many threads write.
type Busy = Counter<u64, Striped<AtomicU64>>;

/// Upper bounds of the buckets for the time of a call, in microseconds.
const BOUNDS_MICROS: [u64; 17] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
    200_000,
];

/// Labels of what belongs to a policy as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
}

/// Labels of what belongs to one hook of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HookLabels {
    policy: String,
    hook: &'static str,
}

/// Labels of what a policy said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    policy: String,
    hook: &'static str,
    verdict: &'static str,
}

/// Labels of failures and differences.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    policy: String,
    hook: &'static str,
    kind: &'static str,
}

/// Every metric of policies.
#[derive(Default)]
pub struct PolicyMetrics {
    calls: Family<HookLabels, Busy>,
    verdicts: Family<VerdictLabels, Busy>,
    seconds: Family<HookLabels, Times>,
    failures: Family<KindLabels, Counter>,
    generation: Gauge,
    settled: Gauge,
    instances: Family<PolicyLabels, Gauge>,
    memory: Family<PolicyLabels, Gauge>,
    quarantined: Family<HookLabels, Gauge>,
    isolated: Family<HookLabels, Gauge>,
    shadow_differences: Family<KindLabels, Counter>,
}

impl PolicyMetrics {
    /// The handles of one hook of a policy. `verdicts` and `kinds` are all that it may ever say and
    /// how it may fail, so that each is there from the start.
    #[must_use]
    pub fn hook(
        &self,
        policy: &str,
        hook: &'static str,
        verdicts: &[&'static str],
        kinds: &[&'static str],
    ) -> HookMeter {
        let labels = HookLabels {
            policy: policy.to_owned(),
            hook,
        };
        let verdict = |verdict: &'static str| {
            let labels = VerdictLabels {
                policy: policy.to_owned(),
                hook,
                verdict,
            };
            (verdict, self.verdicts.get_or_create_owned(&labels))
        };
        let failure = |kind: &'static str| {
            let labels = kind_labels(policy, hook, kind);
            (kind, self.failures.get_or_create_owned(&labels))
        };
        HookMeter {
            calls: self.calls.get_or_create_owned(&labels),
            seconds: self.seconds.get_or_create_owned(&labels),
            quarantined: self.quarantined.get_or_create_owned(&labels),
            isolated: self.isolated.get_or_create_owned(&labels),
            verdicts: verdicts.iter().copied().map(verdict).collect(),
            failures: kinds.iter().copied().map(failure).collect(),
        }
    }

    /// The handles of a policy as a whole.
    #[must_use]
    pub fn instances(&self, policy: &str) -> InstanceMeter {
        let labels = PolicyLabels {
            policy: policy.to_owned(),
        };
        InstanceMeter {
            instances: self.instances.get_or_create_owned(&labels),
            memory: self.memory.get_or_create_owned(&labels),
        }
    }

    /// Says which generation is in force.
    pub fn generation(&self, generation: u64) {
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// Says under which generation all that is open has been looked at.
    pub fn settled(&self, generation: u64) {
        self.settled
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// Counts an answer of a policy in shadow that differs from the one in force.
    pub fn shadow_difference(&self, policy: &str, hook: &'static str, kind: &'static str) {
        self.shadow_differences
            .get_or_create(&kind_labels(policy, hook, kind))
            .inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "policy_calls",
            "Questions put to a version of a policy",
            self.calls.clone(),
        );
        registry.register(
            "policy_verdicts",
            "What policies said",
            self.verdicts.clone(),
        );
        registry.register_with_unit(
            "policy_call",
            "Time that a question to a policy took",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register(
            "policy_failures",
            "Questions that a version of a policy failed on",
            self.failures.clone(),
        );
        registry.register(
            "policy_generation",
            "The generation of policies in force",
            self.generation.clone(),
        );
        registry.register(
            "policy_settled_generation",
            "The generation under which all that is open was last looked at",
            self.settled.clone(),
        );
        registry.register(
            "policy_instances",
            "Instances of policies, idle and busy",
            self.instances.clone(),
        );
        registry.register_with_unit(
            "policy_memory",
            "Linear memory of all instances of a policy",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register(
            "policy_quarantined",
            "Versions that are not asked for a while because they fail for many",
            self.quarantined.clone(),
        );
        registry.register(
            "policy_isolated",
            "Askers and inputs that a version is not asked about for a while because it keeps failing for them",
            self.isolated.clone(),
        );
        registry.register(
            "policy_shadow_differences",
            "Answers of policies in shadow that differ from those in force",
            self.shadow_differences.clone(),
        );
    }
}

fn kind_labels(policy: &str, hook: &'static str, kind: &'static str) -> KindLabels {
    KindLabels {
        policy: policy.to_owned(),
        hook,
        kind,
    }
}

/// The handles of one hook of a policy.
#[derive(Clone)]
pub struct HookMeter {
    calls: Busy,
    seconds: Times,
    quarantined: Gauge,
    isolated: Gauge,
    verdicts: Box<[(&'static str, Busy)]>,
    failures: Box<[(&'static str, Counter)]>,
}

impl HookMeter {
    /// Counts a question and the time it took.
    pub fn called(&self, took: Duration) {
        self.calls.inc();
        self.seconds.observe(took);
    }

    /// Counts what was said. A word that was not announced is not counted.
    pub fn said(&self, verdict: &str) {
        count(&self.verdicts, verdict);
    }

    /// Counts a failure.
    pub fn failed(&self, kind: &str) {
        count(&self.failures, kind);
    }

    /// Counts a version that is no longer asked, or is asked again.
    pub fn quarantined(&self, entered: bool) {
        if entered {
            self.quarantined.inc();
        } else {
            self.quarantined.dec();
        }
    }
}

impl HookMeter {
    /// Counts how many askers and inputs are left alone, after so many were.
    pub fn isolated(&self, before: usize, now: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.isolated.inc_by(number(now) - number(before));
    }
}

fn count<A: Atomic<u64>>(counters: &[(&'static str, Counter<u64, A>)], name: &str) {
    if let Some((_, counter)) = counters.iter().find(|(known, _)| *known == name) {
        counter.inc();
    }
}

/// The handles of a policy as a whole.
#[derive(Clone)]
pub struct InstanceMeter {
    instances: Gauge,
    memory: Gauge,
}

impl InstanceMeter {
    /// Counts an instance that came, or went.
    pub fn instances(&self, change: i64) {
        self.instances.inc_by(change);
    }

    /// Counts memory that came, or went, in bytes.
    pub fn memory(&self, change: i64) {
        self.memory.inc_by(change);
    }
}

/// A histogram of times that is counted without a lock, which the library's own takes.
#[derive(Clone, Debug, Default)]
struct Times(Arc<Striped<TimesInner>>);

#[derive(Debug, Default)]
struct TimesInner {
    /// One for each bound, and one for what is beyond the last.
    counts: [AtomicU64; BOUNDS_MICROS.len() + 1],
    nanos: AtomicU64,
}

impl Times {
    fn sum(&self, number: impl Fn(&TimesInner) -> &AtomicU64) -> u64 {
        let numbers = self.0.iter().map(number);
        numbers.map(|it| it.load(Ordering::Relaxed)).sum()
    }

    fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS_MICROS.partition_point(|bound| bound * 1_000 < nanos);
        let inner = self.0.mine();
        inner.counts[place].fetch_add(1, Ordering::Relaxed);
        inner.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl TypedMetric for Times {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Times {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6);
        let buckets: Vec<(f64, u64)> = bounds
            .chain([f64::INFINITY])
            .enumerate()
            .map(|(place, bound)| (bound, self.sum(|inner| &inner.counts[place])))
            .collect();
        // Summed up from what is written, so that the two agree while others count on.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = self.sum(|inner| &inner.nanos) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn what_was_counted_is_written() {
        let metrics = Metrics::default();
        let policies = metrics.policies();
        let meter = policies.hook("p", "events", &["unchanged", "split"], &["trap"]);
        meter.called(Duration::from_micros(3));
        meter.called(Duration::from_micros(5));
        meter.called(Duration::from_secs(1));
        meter.said("split");
        meter.said("unheard of");
        meter.failed("trap");
        meter.quarantined(true);
        meter.isolated(0, 3);
        meter.isolated(3, 2);
        policies.generation(7);
        policies.instances("p").memory(65_536);
        policies.shadow_difference("p", "events", "payload_differs");
        let text = metrics.render().unwrap();
        for line in [
            r#"wardroom_policy_calls_total{policy="p",hook="events"} 3"#,
            r#"wardroom_policy_call_seconds_sum{policy="p",hook="events"} 1.000008"#,
            r#"wardroom_policy_call_seconds_count{policy="p",hook="events"} 3"#,
            r#"wardroom_policy_call_seconds_bucket{le="+Inf",policy="p",hook="events"} 3"#,
            r#"wardroom_policy_verdicts_total{policy="p",hook="events",verdict="split"} 1"#,
            r#"wardroom_policy_verdicts_total{policy="p",hook="events",verdict="unchanged"} 0"#,
            r#"wardroom_policy_failures_total{policy="p",hook="events",kind="trap"} 1"#,
            r#"wardroom_policy_quarantined{policy="p",hook="events"} 1"#,
            r#"wardroom_policy_isolated{policy="p",hook="events"} 2"#,
            "wardroom_policy_generation 7",
            r#"wardroom_policy_memory_bytes{policy="p"} 65536"#,
            r#"wardroom_policy_shadow_differences_total{policy="p",hook="events",kind="payload_differs"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        assert!(!text.contains("unheard of"));
    }
}
