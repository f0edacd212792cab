//! What is counted of the HTTP API: its calls, and what becomes of their audit.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::ReasonLabels;

/// Labels of calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: &'static str,
    route: String,
    status: String,
}

/// Labels of routes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

/// How long a call takes, in seconds.
const SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// What is counted of the HTTP API.
pub struct HttpMetrics {
    calls: Family<CallLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    audit_written: Counter,
    audit_dropped: Family<ReasonLabels, Counter>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            audit_written: Counter::default(),
            audit_dropped: Family::default(),
        }
    }
}

impl HttpMetrics {
    /// Counts a call: its route, if it leads to one, and the status of its answer, if the caller
    /// waited for it.
    pub fn call(
        &self,
        method: &'static str,
        route: Option<&str>,
        status: Option<u16>,
        took: Duration,
    ) {
        let route = route.unwrap_or("none").to_owned();
        let labels = CallLabels {
            method,
            route: route.clone(),
            status: status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        };
        self.calls.get_or_create(&labels).inc();
        let labels = RouteLabels { method, route };
        let seconds = self.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// Counts calls that are in the audit file.
    pub fn audit_written(&self, calls: u64) {
        self.audit_written.inc_by(calls);
    }

    /// Counts calls that should be in the audit file and are not, by reason.
    pub fn audit_dropped(&self, reason: &'static str, calls: u64) {
        self.audit_dropped
            .get_or_create(&ReasonLabels { reason })
            .inc_by(calls);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_calls",
            "Calls of the HTTP API, by route and status",
            self.calls.clone(),
        );
        registry.register_with_unit(
            "http_call",
            "How long calls of the HTTP API take",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register(
            "audit_written",
            "Calls written to the audit file",
            self.audit_written.clone(),
        );
        registry.register(
            "audit_dropped",
            "Calls that the audit file lost, by reason",
            self.audit_dropped.clone(),
        );
    }
}
