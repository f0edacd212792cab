//! Policies that are only asked: what is asked of the policies in force is shown to them, and their
//! answers are compared with those that hold. Changes nothing for anybody: a question waits for no
//! shadow, and what a shadow cannot keep up with is dropped and counted.

mod compare;
mod listener;
mod tally;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

use wardroom_domain::{
    ChannelFacts, Form, Json, PrivateChannels, RequestFacts, Rule, SubjectFacts,
};

pub use self::compare::DifferenceKind;
pub use self::tally::{DifferenceCount, Sample, ShadowReport};

pub(super) use self::listener::{Observation, listen, seen};

use self::compare::Verdict;
use self::listener::Question;
use self::tally::Tally;
use super::convert::{Grant, Refused};
use super::decision::Hook;
use super::question::{Asking, CommandQuestion, EventQuestion};
use super::source::PolicySource;
use super::version::Version;

/// A version that is only asked.
pub(super) struct Shadow {
    pub(super) policy: Arc<str>,
    /// Whether the whole policy is in shadow, and not a candidate beside the version in force.
    pub(super) whole: bool,
    pub(super) file: PathBuf,
    pub(super) version: Arc<Version>,
    tally: Tally,
}

impl Shadow {
    pub(super) fn new(
        policy: Arc<str>,
        whole: bool,
        file: PathBuf,
        version: Arc<Version>,
    ) -> Arc<Self> {
        Arc::new(Self {
            policy,
            whole,
            file,
            version,
            tally: Tally::new(),
        })
    }

    /// A policy that is in shadow as a whole.
    pub(super) fn whole(source: &PolicySource, version: Arc<Version>) -> Arc<Self> {
        Self::new(source.name.clone(), true, source.file.clone(), version)
    }

    /// What it came to so far.
    pub(super) fn report(&self) -> ShadowReport {
        let mut report = ShadowReport {
            policy: self.policy.clone(),
            whole: self.whole,
            file: self.file.clone(),
            digest: Some(self.version.digest()),
            last_error: None,
            since: SystemTime::UNIX_EPOCH,
            asked: 0,
            dropped: 0,
            differences: Vec::new(),
            samples: Vec::new(),
        };
        self.tally.fill(&mut report);
        report
    }
}

/// A shadow in one generation.
#[derive(Clone)]
struct Placed {
    shadow: Arc<Shadow>,
    /// The hooks that the version beside it does not answer: there the shadow is compared with what
    /// holds without the policy.
    alone: [bool; Hook::ALL.len()],
}

/// Those that are shown what is asked in one generation.
#[derive(Clone, Default)]
pub(super) struct Shadows {
    placed: Vec<Placed>,
    private_channels: PrivateChannels,
    queue: Option<SyncSender<Observation>>,
}

impl Shadows {
    /// Shows what is asked to these shadows, each with the version in force that it stands beside.
    pub(super) fn new(
        shadows: Vec<(Arc<Shadow>, Option<&Version>)>,
        private_channels: PrivateChannels,
        queue: Option<SyncSender<Observation>>,
    ) -> Self {
        let placed = shadows.into_iter().map(|(shadow, beside)| Placed {
            alone: Hook::ALL.map(|hook| !beside.is_some_and(|version| version.exports(hook))),
            shadow,
        });
        Self {
            placed: placed.collect(),
            private_channels,
            queue,
        }
    }

    /// Whether a shadow answers a hook that the version beside it does not answer, so that the
    /// question must be put for its sake.
    pub(super) fn hears_alone(&self, hook: Hook) -> bool {
        let mut placed = self.placed.iter();
        placed.any(|p| p.alone[hook as usize] && p.shadow.version.exports(hook))
    }

    /// Shows who wants to enter, and what the policy of this name said; without a name, what holds
    /// without the policy.
    pub(super) fn admission(
        &self,
        asking: Asking<'_>,
        request: &RequestFacts,
        policy: Option<&Arc<str>>,
        live: &Result<(), Refused>,
    ) {
        self.show(asking, Hook::Admission, policy, || Question::Admission {
            request: request.clone(),
            live: live.clone().map(|()| None),
        });
    }

    /// Shows a command.
    pub(super) fn command(
        &self,
        asking: Asking<'_>,
        command: &CommandQuestion,
        policy: Option<&Arc<str>>,
        live: &Result<Option<Grant>, Refused>,
    ) {
        self.show(asking, Hook::Commands, policy, || Question::Command {
            command: command.clone(),
            live: live.clone(),
        });
    }

    /// Shows a channel whose audience was asked for.
    pub(super) fn channel(
        &self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        policy: Option<&Arc<str>>,
        live: &Rule,
    ) {
        // What each person sees is asked for next.
        if *live == Rule::Each {
            return;
        }
        self.show(asking, Hook::Visibility, policy, || Question::Channel {
            channel: channel.clone(),
            live: live.clone(),
            private_channels: self.private_channels,
        });
    }

    /// Shows people who were asked about one by one.
    pub(super) fn subjects(
        &self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
        policy: &Arc<str>,
        live: &[bool],
    ) {
        self.show(asking, Hook::Visibility, Some(policy), || {
            Question::Subjects {
                channel: channel.clone(),
                subjects: subjects.to_vec(),
                live: live.to_vec(),
            }
        });
    }

    /// Shows an event as the policies before left it.
    pub(super) fn event(
        &self,
        asking: Asking<'_>,
        event: &EventQuestion,
        payload: &Json,
        policy: Option<&Arc<str>>,
        live: &Form,
    ) {
        self.show(asking, Hook::Events, policy, || Question::Event {
            event: event.clone(),
            payload: payload.clone(),
            live: live.clone(),
        });
    }

    fn show(
        &self,
        asking: Asking<'_>,
        hook: Hook,
        policy: Option<&Arc<str>>,
        question: impl Fn() -> Question,
    ) {
        let Some(queue) = &self.queue else {
            return;
        };
        for Placed { shadow, alone } in &self.placed {
            let concerned = match policy {
                Some(policy) => *policy == shadow.policy,
                None => alone[hook as usize] && shadow.version.exports(hook),
            };
            if !concerned {
                continue;
            }
            let shown = queue.try_send(Observation {
                shadow: shadow.clone(),
                workspace: asking.workspace.clone(),
                state: asking.state.clone(),
                at: asking.now.unwrap_or_else(SystemTime::now),
                hook,
                question: question(),
            });
            if shown.is_err() {
                shadow.tally.dropped();
            }
        }
    }
}

/// What holds where a policy is not asked: nothing is refused.
fn allowed() -> Verdict {
    Ok(None)
}
