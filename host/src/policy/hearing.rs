//! One decision in the making: what each policy said, the denial if there is one, and the record
//! that the decision log is given. Knows neither guests nor where records go.

use std::sync::Arc;
use std::time::SystemTime;

use wardroom_domain::{ChannelId, Denial, Generation, Json, SubjectFacts};

use super::component::Digest;
use super::convert::{self, Refused};
use super::decision::{Decided, DecisionSink, Hook, Said};
use super::denials::{Denials, Denied};
use super::ladder::{Asked, Missed, Policy};
use super::measure::FAILED;
use super::question::Asking;
use crate::limits::POLICY_STAND_IN_FAILURE_BYTES;

/// The code of a denial that no policy spoke: one failed, and is configured to fail closed.
const FAILED_CODE: &str = "policy-failed";
/// What the person is told then.
const FAILED_MESSAGE: &str = "a policy could not decide; try again later";

/// What a decision is about, as the decision log has it.
#[derive(Default)]
pub(super) struct Matter<'a> {
    pub(super) subject: Option<&'a SubjectFacts>,
    pub(super) channel: Option<&'a ChannelId>,
    pub(super) name: Option<&'a Arc<str>>,
    pub(super) input: Option<&'a Json>,
}

/// What is refused for.
pub(super) struct Why {
    /// The version that refused, which may be the one before; none if all failed.
    by: Option<Digest>,
    /// Its reason; without one the policy failed.
    refused: Option<Refused>,
    /// How it failed then.
    failure: Option<Arc<str>>,
}

impl Why {
    /// A policy refused for this reason.
    pub(super) fn said(by: Option<Digest>, refused: Refused) -> Self {
        Self {
            by,
            refused: Some(refused),
            failure: None,
        }
    }

    /// A policy failed to answer.
    pub(super) fn failed(missed: Option<&Missed>) -> Self {
        let failure = missed
            .map(|missed| Arc::from(convert::cut(&missed.failure, POLICY_STAND_IN_FAILURE_BYTES)));
        Self {
            by: None,
            refused: None,
            failure,
        }
    }
}

/// What is said in the place of a policy that failed.
pub(super) fn failed() -> Refused {
    Refused {
        code: Arc::from(FAILED_CODE),
        message: Arc::from(FAILED_MESSAGE),
    }
}

/// What the policies say of one question, as they are asked one after the other.
pub(super) struct Hearing<'a> {
    asking: Asking<'a>,
    generation: Generation,
    hook: Hook,
    sink: Option<&'a dyn DecisionSink>,
    denials: &'a Denials,
    said: Vec<Said>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        asking: Asking<'a>,
        generation: Generation,
        hook: Hook,
        sink: Option<&'a dyn DecisionSink>,
        denials: &'a Denials,
    ) -> Self {
        Self {
            asking,
            generation,
            hook,
            sink,
            denials,
            said: Vec::new(),
        }
    }

    /// Takes down what a policy said; `verdict` says it in a word, if it answered.
    pub(super) fn heard<R>(&mut self, policy: &Policy, asked: &Asked<R>, verdict: &'static str) {
        let verdict = match asked.answer {
            Some(_) => verdict,
            None => FAILED,
        };
        policy.version.measure().said(self.hook, verdict);
        if self.sink.is_none() {
            return;
        }
        self.said.push(Said {
            policy: policy.source.name.clone(),
            digest: asked.by,
            verdict,
            took: asked.took,
        });
    }

    /// Refuses, for the reason that the policy gave, or because it failed and gave none.
    pub(super) fn deny(self, policy: &Policy, why: Why, matter: Matter<'_>) -> Denial {
        let Why {
            by,
            refused,
            failure,
        } = why;
        let digest = by.unwrap_or_else(|| policy.version.digest());
        let refused = refused.unwrap_or_else(failed);
        let denial = Denial {
            policy: policy.source.name.clone(),
            code: refused.code,
            message: refused.message,
            decision: decision_id(),
        };
        tracing::info!(
            policy = &*denial.policy,
            %digest,
            generation = self.generation.0,
            hook = self.hook.name(),
            workspace = %self.asking.workspace,
            code = &*denial.code,
            decision = &*denial.decision,
            "a policy refused"
        );
        self.denials.note(Denied {
            id: denial.decision.clone(),
            at: self.asking.now.unwrap_or_else(SystemTime::now),
            workspace: self.asking.workspace.clone(),
            generation: self.generation,
            hook: self.hook,
            policy: denial.policy.clone(),
            digest,
            code: denial.code.clone(),
            message: denial.message.clone(),
            failure,
            user: matter.subject.map(|subject| subject.user.clone()),
            channel: matter.channel.cloned(),
            name: matter.name.cloned(),
        });
        self.record(true, Some(&denial), matter);
        denial
    }

    /// Ends the decision without a denial that anybody is told of.
    pub(super) fn end(self, withheld: bool, matter: Matter<'_>) {
        self.record(withheld, None, matter);
    }

    fn record(self, denied: bool, denial: Option<&Denial>, matter: Matter<'_>) {
        let Some(sink) = self.sink.filter(|sink| sink.wants(self.hook, denied)) else {
            return;
        };
        sink.record(Decided {
            id: denial.map(|d| d.decision.clone()),
            at: self.asking.now.unwrap_or_else(SystemTime::now),
            workspace: self.asking.workspace.clone(),
            generation: self.generation,
            hook: self.hook,
            denied,
            code: denial.map(|d| d.code.clone()),
            message: denial.map(|d| d.message.clone()),
            said: self.said,
            subject: matter.subject.cloned(),
            channel: matter.channel.cloned(),
            name: matter.name.cloned(),
            input: matter.input.cloned(),
        });
    }
}

/// Sixteen characters that nobody guesses: the low 64 bits of a random number.
fn decision_id() -> Arc<str> {
    Arc::from(format!("{:016x}", rand::random::<u64>()))
}
