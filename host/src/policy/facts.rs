//! What a guest sees of the world during one call: the facts of the question, a bounded log, and
//! the limits it runs under. Knows neither the hooks nor what becomes of the answers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wardroom_domain::{Attributes, ChannelFacts, SubjectFacts};
use wasmtime::component::Resource;
use wasmtime::{Error, ResourceLimiter, Result};

use super::bindings::wardroom::policy::{context, log, types};
use super::limits::PolicyLimits;
use crate::limits::{POLICY_CORE_ITEMS, POLICY_LOG_BYTES_PER_CALL};

/// A handle to the subject at this place of the question.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Subject;
/// A handle to the question's channel.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Channel;

/// The facts that one call may look at. Handles are places in it, so making and dropping them
/// costs no table of resources.
#[derive(Default)]
pub(super) struct Question {
    /// The workspace in which the question arises.
    pub(super) workspace: String,
    pub(super) channel: Option<ChannelFacts>,
    pub(super) subjects: Vec<SubjectFacts>,
    /// What the first subject's handle stands for. It goes up from question to question, so that
    /// a handle which a guest kept finds nobody rather than somebody else.
    pub(super) first_subject: u32,
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
    pub(super) question: Question,
    pub(super) deadline: Instant,
    pub(super) exceeded: Option<Exceeded>,
    pub(super) memory_bytes: usize,
    table_elements: usize,
    /// The time of the decision, once the guest asked for it.
    decision_time: Option<Duration>,
    /// Seed of what the guest takes for randomness.
    pub(super) random: u64,
    /// What the guest printed during the call.
    printed: Vec<u8>,
    log_budget: usize,
    log_dropped: usize,
}

impl State {
    pub(super) fn new(policy: Arc<str>, limits: PolicyLimits) -> Self {
        Self {
            policy,
            limits,
            question: Question::default(),
            deadline: Instant::now(),
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

    /// Sets everything that belongs to one call.
    pub(super) fn begin(&mut self, question: Question, deadline: Duration) {
        self.question = question;
        self.deadline = Instant::now() + deadline;
        self.exceeded = None;
        self.decision_time = None;
        self.random = 0;
        self.log_budget = POLICY_LOG_BYTES_PER_CALL;
        self.log_dropped = 0;
    }

    /// Hands what the guest printed to the log and returns its last line, which is where a Rust
    /// guest says why it panicked.
    pub(super) fn end(&mut self) -> Option<String> {
        self.question = Question::default();
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

    /// The time of the decision since the Unix epoch: the same however often it is asked for.
    pub(super) fn decision_time(&mut self) -> Duration {
        *self.decision_time.get_or_insert_with(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
        })
    }

    /// Takes down output of the guest, as far as the call's budget goes.
    pub(super) fn print(&mut self, bytes: &[u8]) {
        let kept = self.spend(bytes.len());
        self.printed.extend_from_slice(&bytes[..kept]);
    }

    fn spend(&mut self, wanted: usize) -> usize {
        let kept = wanted.min(self.log_budget);
        self.log_budget -= kept;
        self.log_dropped += wanted - kept;
        kept
    }

    fn the_channel(&self, handle: &Resource<Channel>) -> Result<&ChannelFacts> {
        match (&self.question.channel, handle.rep()) {
            (Some(channel), 0) => Ok(channel),
            _ => Err(Error::msg("a channel was used after its call had ended")),
        }
    }

    fn the_subject(&self, handle: &Resource<Subject>) -> Result<&SubjectFacts> {
        self.question
            .subjects
            .get(handle.rep().wrapping_sub(self.question.first_subject) as usize)
            .ok_or_else(|| Error::msg("a subject was used after its call had ended"))
    }
}

fn attribute(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.scalars.get(name).map(|value| value.to_string())
}

impl types::Host for State {}
impl context::Host for State {
    fn workspace(&mut self) -> Result<String> {
        Ok(self.question.workspace.clone())
    }
}

impl context::HostChannel for State {
    fn id(&mut self, this: Resource<Channel>) -> Result<String> {
        Ok(self.the_channel(&this)?.id.as_str().to_owned())
    }

    fn is_private(&mut self, this: Resource<Channel>) -> Result<bool> {
        Ok(self.the_channel(&this)?.private)
    }

    fn has_member(&mut self, this: Resource<Channel>, user: String) -> Result<bool> {
        Ok(self.the_channel(&this)?.members.contains(user.as_str()))
    }

    fn member_count(&mut self, this: Resource<Channel>) -> Result<u32> {
        let members = self.the_channel(&this)?.members.len();
        Ok(u32::try_from(members).unwrap_or(u32::MAX))
    }

    fn members(&mut self, this: Resource<Channel>) -> Result<Vec<String>> {
        let members = &self.the_channel(&this)?.members;
        Ok(members.iter().map(|m| m.as_str().to_owned()).collect())
    }

    fn attribute(&mut self, this: Resource<Channel>, name: String) -> Result<Option<String>> {
        Ok(attribute(&self.the_channel(&this)?.attributes, &name))
    }

    fn attributes(&mut self, this: Resource<Channel>) -> Result<String> {
        Ok(self.the_channel(&this)?.attributes.text.as_str().to_owned())
    }

    fn drop(&mut self, _: Resource<Channel>) -> Result<()> {
        Ok(())
    }
}

impl context::HostSubject for State {
    fn id(&mut self, this: Resource<Subject>) -> Result<String> {
        Ok(self.the_subject(&this)?.user.as_str().to_owned())
    }

    fn role(&mut self, this: Resource<Subject>) -> Result<Option<String>> {
        let role = &self.the_subject(&this)?.role;
        Ok(role.as_ref().map(|r| r.as_str().to_owned()))
    }

    fn attribute(&mut self, this: Resource<Subject>, name: String) -> Result<Option<String>> {
        Ok(attribute(&self.the_subject(&this)?.attributes, &name))
    }

    fn attributes(&mut self, this: Resource<Subject>) -> Result<String> {
        Ok(self.the_subject(&this)?.attributes.text.as_str().to_owned())
    }

    fn is_member_of(
        &mut self,
        this: Resource<Subject>,
        channel: Resource<Channel>,
    ) -> Result<bool> {
        let user = &self.the_subject(&this)?.user;
        Ok(self.the_channel(&channel)?.members.contains(user))
    }

    fn drop(&mut self, _: Resource<Subject>) -> Result<()> {
        Ok(())
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let mut kept = self.spend(message.len());
        while !message.is_char_boundary(kept) {
            kept -= 1;
        }
        let (policy, message) = (&*self.policy, &message[..kept]);
        match level {
            _ if message.is_empty() => {}
            log::Level::Debug => tracing::debug!(policy, message),
            log::Level::Info => tracing::info!(policy, message),
            log::Level::Warn => tracing::warn!(policy, message),
            log::Level::Error => tracing::error!(policy, message),
        }
        Ok(())
    }
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
