//! What the server counts, in the Prometheus text form. Labels are closed sets: never a user, a
//! channel, a token or a message.

mod http;
mod policies;
mod process;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::codes::Code;

pub use http::HttpMetrics;
pub use policies::{HookMeter, InstanceMeter, PolicyMetrics};
pub use process::started;

/// Labels of commands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    command: &'static str,
    code: &'static str,
}

/// Labels of things that end or fail for a named reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Labels of what happens at a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

/// Labels of things by what came of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// How an answer to `get-state` came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateAnswer {
    /// It was written.
    Made,
    /// Another client gets the same, and it was there.
    Shared,
    /// There was no room for it in time.
    Refused,
}

/// Every metric of the server.
#[derive(Default)]
pub struct Metrics {
    commands: Family<CommandLabels, Counter>,
    exclusive_commands: Counter,
    state_answers: Family<ResultLabels, Counter>,
    state_bytes: Gauge,
    events: Counter,
    frames: Counter,
    connections: Gauge,
    closed: Family<ReasonLabels, Counter>,
    limited: Family<ReasonLabels, Counter>,
    policies: PolicyMetrics,
    decisions_written: Counter,
    decisions_dropped: Family<ReasonLabels, Counter>,
    accept_failures: Family<ListenerLabels, Counter>,
    received_bytes: Counter,
    directory_unwritable: Gauge,
    directory_failures: Counter,
    http: HttpMetrics,
}

impl Metrics {
    /// Counts a command by what it came to; `ok` if nothing kept it.
    pub fn command(&self, command: &'static str, code: Option<Code>) {
        let code = code.map_or("ok", Code::as_str);
        self.commands
            .get_or_create(&CommandLabels { command, code })
            .inc();
    }

    /// Counts a command that had its workspace to itself, because others kept giving it new questions.
    pub fn exclusive_command(&self) {
        self.exclusive_commands.inc();
    }

    /// Counts an answer to `get-state`.
    pub fn state_answer(&self, answer: StateAnswer) {
        let result = match answer {
            StateAnswer::Made => "made",
            StateAnswer::Shared => "shared",
            StateAnswer::Refused => "refused",
        };
        self.state_answers
            .get_or_create(&ResultLabels { result })
            .inc();
    }

    /// Says how many bytes the answers to `get-state` take that are being made or have not left.
    pub fn state_bytes(&self, bytes: usize) {
        self.state_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts events of the log that this node delivered, and the frames they became.
    pub fn delivered(&self, events: u64, frames: u64) {
        self.events.inc_by(events);
        self.frames.inc_by(frames);
    }

    /// Counts a connection that opened.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// Counts a connection that closed, by reason.
    pub fn connection_closed(&self, reason: &'static str) {
        self.connections.dec();
        self.closed.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts something a client sent that was refused at a limit on rates, by limit.
    pub fn limited(&self, limit: &'static str) {
        let reason = ReasonLabels { reason: limit };
        self.limited.get_or_create(&reason).inc();
    }

    /// What is counted of the HTTP API.
    #[must_use]
    pub fn http(&self) -> &HttpMetrics {
        &self.http
    }

    /// What is counted of policies.
    #[must_use]
    pub fn policies(&self) -> &PolicyMetrics {
        &self.policies
    }

    /// Counts decisions that are in the decision log.
    pub fn decisions_written(&self, records: u64) {
        self.decisions_written.inc_by(records);
    }

    /// Counts decisions that should be in the decision log and are not, by reason.
    pub fn decisions_dropped(&self, reason: &'static str, records: u64) {
        self.decisions_dropped
            .get_or_create(&ReasonLabels { reason })
            .inc_by(records);
    }

    /// Counts bytes of messages that clients sent.
    pub fn received(&self, bytes: usize) {
        self.received_bytes.inc_by(bytes as u64);
    }

    /// Counts that a connection could not be accepted.
    pub fn accept_failed(&self, listener: &'static str) {
        self.accept_failures
            .get_or_create(&ListenerLabels { listener })
            .inc();
    }

    /// Says that the directory cannot be written, and counts that.
    pub fn directory_failed(&self) {
        self.directory_unwritable.set(1);
        self.directory_failures.inc();
    }

    /// Says that the directory can be written again.
    pub fn directory_recovered(&self) {
        self.directory_unwritable.set(0);
    }

    /// All metrics in the Prometheus text form.
    ///
    /// # Errors
    /// Only if the text cannot be formatted, which would be a defect.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("wardroom");
        registry.register(
            "commands",
            "Commands by what they came to",
            self.commands.clone(),
        );
        registry.register(
            "exclusive_commands",
            "Commands that had their workspace to themselves to be decided",
            self.exclusive_commands.clone(),
        );
        registry.register(
            "state_answers",
            "Answers to get-state, by how they came about",
            self.state_answers.clone(),
        );
        registry.register(
            "state_bytes",
            "Bytes of answers to get-state that are being made or have not left",
            self.state_bytes.clone(),
        );
        registry.register("events", "Events delivered here", self.events.clone());
        registry.register("frames", "Frames handed to sockets", self.frames.clone());
        registry.register("connections", "Open sockets", self.connections.clone());
        registry.register(
            "connections_closed",
            "Sockets closed, by reason",
            self.closed.clone(),
        );
        registry.register(
            "rate_limited",
            "What clients sent that was refused at a limit on rates, by limit",
            self.limited.clone(),
        );
        self.policies.register(&mut registry);
        registry.register(
            "decision_log_written",
            "Decisions written to the decision log",
            self.decisions_written.clone(),
        );
        registry.register(
            "decision_log_dropped",
            "Decisions that the decision log lost, by reason",
            self.decisions_dropped.clone(),
        );
        registry.register(
            "received_bytes",
            "Bytes of messages that clients sent",
            self.received_bytes.clone(),
        );
        registry.register(
            "accept_failures",
            "Times that a listener could not accept a connection",
            self.accept_failures.clone(),
        );
        registry.register(
            "directory_unwritable",
            "1 while changes of the directory are refused because its file cannot be written",
            self.directory_unwritable.clone(),
        );
        registry.register(
            "directory_failures",
            "Times that writing the directory failed",
            self.directory_failures.clone(),
        );
        self.http.register(&mut registry);
        process::register(&mut registry);
        let mut text = String::new();
        process::encode(&mut text)?;
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}
