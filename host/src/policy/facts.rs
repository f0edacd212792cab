//! What one instance knows of the call it is in: the facts of the question, the time, a bounded
//! log, and the limits it runs under. Knows neither the hooks nor what becomes of the answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wardroom_domain::{ChannelFacts, Json, SubjectFacts, Workspace, WorkspaceId};
use wasmtime::{ResourceLimiter, Result};

use super::deadline::Deadline;
use super::limits::PolicyLimits;
use super::places::Places;
use super::question::Asking;
use crate::limits::{POLICY_CORE_ITEMS, POLICY_LOG_BYTES_PER_CALL};

/// What a question is about besides people and channels.
#[derive(Debug, Default)]
pub(super) enum About {
    /// Nothing else.
    #[default]
    Nothing,
    /// Somebody who asks to enter.
    Request {
        claims: Json,
        remote_address: Option<Arc<str>>,
        reevaluation: bool,
    },
    /// A client's command.
    Command { name: Arc<str>, arguments: Json },
    /// An event.
    Event { name: Arc<str>, payload: Json },
}

/// The facts of one question.
pub(super) struct Question<'a> {
    pub(super) asking: Asking<'a>,
    pub(super) about: About,
    pub(super) subjects: &'a [SubjectFacts],
    pub(super) channel: Option<&'a ChannelFacts>,
}

/// A limit that a guest ran into; kept because the guest's own trap does not name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    Memory,
    Tables,
}

/// The host's side of one instance.
pub(super) struct State {
    policy: Arc<str>,
    limits: PolicyLimits,
    /// Whether the component looks up what the question does not give it.
    looks_up: bool,
    workspace: Option<WorkspaceId>,
    /// What is looked up in; kept for the call alone, and only if the component looks up.
    directory: Option<Workspace>,
    pub(super) about: About,
    pub(super) subjects: Places<SubjectFacts>,
    pub(super) channels: Places<ChannelFacts>,
    /// Handles to subjects and channels that the guest was given and has not dropped.
    held: usize,
    pub(super) deadline: Deadline,
    pub(super) exceeded: Option<Exceeded>,
    pub(super) memory_bytes: usize,
    table_elements: usize,
    /// The time of the decision, once it was said or asked for.
    decision_time: Option<Duration>,
    /// Seed of what the guest takes for randomness.
    pub(super) random: u64,
    /// What the guest printed during the call.
    printed: Vec<u8>,
    log_budget: usize,
    log_dropped: usize,
}

impl State {
    pub(super) fn new(policy: Arc<str>, limits: PolicyLimits, looks_up: bool) -> Self {
        Self {
            policy,
            limits,
            looks_up,
            workspace: None,
            directory: None,
            about: About::Nothing,
            subjects: Places::default(),
            channels: Places::default(),
            held: 0,
            deadline: Deadline::of_start(&limits),
            exceeded: None,
            memory_bytes: 0,
            table_elements: 0,
            decision_time: None,
            random: 0,
            printed: Vec::new(),
            log_budget: POLICY_LOG_BYTES_PER_CALL,
            log_dropped: 0,
        }
    }

    /// Sets everything that belongs to one call. At the start of an instance nothing is asked.
    pub(super) fn begin(&mut self, question: Option<Question<'_>>, deadline: Deadline) {
        self.deadline = deadline;
        self.exceeded = None;
        self.decision_time = None;
        self.random = 0;
        self.log_budget = POLICY_LOG_BYTES_PER_CALL;
        self.log_dropped = 0;
        self.forget();
        if let Some(question) = question {
            let asking = question.asking;
            self.workspace = Some(asking.workspace.clone());
            self.directory = self.looks_up.then(|| asking.state.clone());
            self.decision_time = asking.now.map(since_the_epoch);
            self.about = question.about;
            self.subjects.give(question.subjects);
            self.channels.give(question.channel);
        }
    }

    fn forget(&mut self) {
        self.workspace = None;
        self.directory = None;
        self.about = About::Nothing;
        self.subjects.forget();
        self.channels.forget();
    }

    /// Forgets the question, hands what the guest printed to the log and returns it, since that is
    /// where a Rust guest says why it panicked.
    pub(super) fn end(&mut self) -> Option<String> {
        self.forget();
        if self.log_dropped > 0 {
            let (policy, bytes) = (&*self.policy, self.log_dropped);
            tracing::warn!(policy, bytes, "the policy logged more than one call may");
        }
        if self.printed.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(&self.printed).trim().to_owned();
        self.printed.clear();
        tracing::info!(policy = &*self.policy, printed = text, "the policy printed");
        Some(text)
    }

    /// The policy's name, for the log.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// The workspace of the question; nothing while an instance starts.
    pub(super) fn asked_in(&self) -> Option<&WorkspaceId> {
        self.workspace.as_ref()
    }

    /// What may be looked up in, while a question is being answered.
    pub(super) fn directory(&self) -> Option<&Workspace> {
        self.directory.as_ref()
    }

    /// The time of the decision since the Unix epoch: the same however often it is asked for.
    pub(super) fn decision_time(&mut self) -> Duration {
        *self
            .decision_time
            .get_or_insert_with(|| since_the_epoch(SystemTime::now()))
    }

    /// The guest is given so many handles, which are its own to drop.
    pub(super) fn hand_out(&mut self, handles: usize) {
        self.held += handles;
    }

    /// The guest has dropped a handle.
    pub(super) fn taken_back(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Handles that the guest was given and has not dropped; after a call it needs none of them.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Takes down output of the guest, as far as the call's budget goes.
    pub(super) fn print(&mut self, bytes: &[u8]) {
        let kept = self.spend(bytes.len());
        self.printed.extend_from_slice(&bytes[..kept]);
    }

    /// How much of what a guest wants to write may be kept; the rest is counted.
    pub(super) fn spend(&mut self, wanted: usize) -> usize {
        let kept = wanted.min(self.log_budget);
        self.log_budget -= kept;
        self.log_dropped += wanted - kept;
        kept
    }
}

fn since_the_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        // A guest may ask for as much as a 64-bit memory can have: the sum must not wrap.
        let after = (self.memory_bytes - current.min(self.memory_bytes)).saturating_add(desired);
        let fits = after <= self.limits.memory_bytes;
        if fits {
            self.memory_bytes = after;
        } else {
            self.exceeded = Some(Exceeded::Memory);
        }
        Ok(fits)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let after =
            (self.table_elements - current.min(self.table_elements)).saturating_add(desired);
        let fits = after <= self.limits.table_elements;
        if fits {
            self.table_elements = after;
        } else {
            self.exceeded = Some(Exceeded::Tables);
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        POLICY_CORE_ITEMS
    }

    fn tables(&self) -> usize {
        POLICY_CORE_ITEMS
    }

    fn memories(&self) -> usize {
        POLICY_CORE_ITEMS
    }
}
