//! For whom and for what a version keeps failing, so that those alone are left alone: one person who
//! has it trap costs nobody else an answer, and themselves no more than a few calls. Pure: time is an
//! argument. Knows nothing of versions or calls.
//!
//! A failure has one of two causes that are not the version as a whole: who asks, or what is asked.
//! Each asker has a budget of failures, which fills up again with time and not with answers, so that
//! good questions in between buy nothing. An input is suspected when several askers fail on it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use wardroom_domain::{ChannelId, UserId, WorkspaceId};

use crate::limits::{
    POLICY_ISOLATION_FAILURES, POLICY_ISOLATION_FORGET, POLICY_ISOLATION_INPUT_ASKERS,
    POLICY_OFFENDERS, POLICY_QUARANTINE_FIRST, POLICY_QUARANTINE_LONGEST,
};

/// Numbers that nobody outside can choose names for.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Where a question comes from: what a failure to answer it may follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) workspace: &'a WorkspaceId,
    pub(super) asker: Asker<'a>,
    /// What is asked, where others may ask the same: a name, and what goes with it.
    pub(super) input: Option<(&'a str, &'a str)>,
}

/// Whom a question is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker<'a> {
    /// The person who enters, commands or is told of.
    User(&'a UserId),
    /// The channel whose viewers are in question.
    Channel(&'a ChannelId),
    /// The event, where it is about nobody and in no channel.
    Event(&'a str),
}

/// An origin as it is remembered: numbers in the place of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suspects {
    pub(super) asker: u64,
    pub(super) input: Option<u64>,
}

impl Origin<'_> {
    pub(super) fn suspects(&self) -> Suspects {
        let workspace = self.workspace.as_str();
        let asker = match self.asker {
            Asker::User(user) => ("user", user.as_str()),
            Asker::Channel(channel) => ("channel", channel.as_str()),
            Asker::Event(name) => ("event", name),
        };
        let input = self.input.map(|(name, with)| (workspace, name, with));
        Suspects {
            asker: HASHER.hash_one((workspace, asker)),
            input: input.map(|input| HASHER.hash_one(input)),
        }
    }
}

impl fmt::Display for Asker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Channel(channel) => write!(f, "channel {channel}"),
            Self::Event(name) => write!(f, "event {name}"),
        }
    }
}

/// What a question is that was let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Probes {
    asker: bool,
    input: bool,
}

/// Who or what is left alone from now on, or for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolated {
    Asker(Duration),
    Input(Duration),
}

#[derive(Debug)]
struct Offender {
    /// Failures that are not forgotten yet.
    failures: u32,
    /// When the last of them was.
    at: Instant,
    /// Of an input, those who failed on it since it was last answered to anybody.
    askers: Vec<u64>,
    /// How long the last pause was; zero before the first.
    pause: Duration,
    /// While it is left alone: until when.
    until: Option<Instant>,
}

/// Those for whom one hook of a version fails.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    known: HashMap<u64, Offender>,
    isolated: usize,
    swept: Option<Instant>,
}

impl Offenders {
    /// Whether the version fails for nobody in particular.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many askers and inputs are left alone.
    pub(super) fn isolated(&self) -> usize {
        self.isolated
    }

    /// Whether a question of this origin would be turned away.
    pub(super) fn closed(&self, suspects: Suspects, now: Instant) -> bool {
        let closed = |key: u64| {
            let until = self.known.get(&key).and_then(|it| it.until);
            until.is_some_and(|until| now < until)
        };
        closed(suspects.asker) || suspects.input.is_some_and(closed)
    }

    /// Lets a question through that is not turned away. Of those that come when a pause is over, one
    /// probes and the others wait for what becomes of it.
    pub(super) fn enter(&mut self, suspects: Suspects, now: Instant) -> Probes {
        let mut probes = |key: u64| {
            let Some(offender) = self.known.get_mut(&key) else {
                return false;
            };
            let pause = offender.pause;
            let until = offender.until.as_mut();
            until.map(|until| *until = now + pause).is_some()
        };
        Probes {
            asker: probes(suspects.asker),
            input: suspects.input.is_some_and(probes),
        }
    }

    /// A question was answered. An input that is answered to anybody is good; an asker's failures are
    /// forgotten by time alone.
    pub(super) fn answered(&mut self, suspects: Suspects, now: Instant) {
        if let Some(asker) = self.known.get_mut(&suspects.asker)
            && asker.until.take().is_some()
        {
            self.isolated -= 1;
        }
        if let Some(input) = suspects.input {
            self.forget(input);
        }
        let swept = |at: Instant| now.saturating_duration_since(at) < POLICY_ISOLATION_FORGET;
        if !self.swept.is_some_and(swept) {
            self.sweep(now);
        }
    }

    /// A question was not answered, on a warm instance and on a fresh one.
    pub(super) fn failed(
        &mut self,
        suspects: Suspects,
        probes: Probes,
        now: Instant,
    ) -> Option<Isolated> {
        let input = suspects.input.and_then(|input| {
            let offender = self.offender(input, now);
            let askers = &mut offender.askers;
            if askers.len() < POLICY_ISOLATION_INPUT_ASKERS && !askers.contains(&suspects.asker) {
                askers.push(suspects.asker);
            }
            let many = askers.len() >= POLICY_ISOLATION_INPUT_ASKERS;
            offender.pauses(many, probes.input, now)
        });
        self.isolated += usize::from(input.is_some_and(|(_, new)| new));
        let offender = self.offender(suspects.asker, now);
        let many = offender.failures >= POLICY_ISOLATION_FAILURES;
        let asker = offender.pauses(many, probes.asker, now);
        self.isolated += usize::from(asker.is_some_and(|(_, new)| new));
        let asker = asker.map(|(pause, _)| Isolated::Asker(pause));
        asker.or(input.map(|(pause, _)| Isolated::Input(pause)))
    }

    /// One that fails once more.
    fn offender(&mut self, key: u64, now: Instant) -> &mut Offender {
        if !self.known.contains_key(&key) {
            self.make_room(now);
        }
        let offender = self.known.entry(key).or_insert_with(|| Offender {
            failures: 0,
            at: now,
            askers: Vec::new(),
            pause: Duration::ZERO,
            until: None,
        });
        offender.failures = offender.remembered(now).saturating_add(1);
        if offender.failures == 1 && offender.until.is_none() {
            // All before was forgotten: this is another trouble.
            offender.pause = Duration::ZERO;
        }
        offender.at = now;
        offender
    }

    fn forget(&mut self, key: u64) {
        if self.known.remove(&key).is_some_and(|it| it.until.is_some()) {
            self.isolated -= 1;
        }
    }

    /// Forgets those who have not failed for so long that it no longer counts.
    fn sweep(&mut self, now: Instant) {
        self.swept = Some(now);
        self.known.retain(|_, offender| !offender.is_over(now));
        let left_alone = self.known.values().filter(|it| it.until.is_some());
        self.isolated = left_alone.count();
    }

    /// At the bound the one goes that has not failed for the longest time; of those that are left
    /// alone, only if there is no other.
    fn make_room(&mut self, now: Instant) {
        if self.known.len() < POLICY_OFFENDERS {
            return;
        }
        self.sweep(now);
        if self.known.len() < POLICY_OFFENDERS {
            return;
        }
        let all = self.known.iter();
        let oldest = all.min_by_key(|(_, it)| (it.until.is_some(), it.at));
        if let Some(oldest) = oldest.map(|(key, _)| *key) {
            self.forget(oldest);
        }
    }
}

impl Offender {
    /// Of its failures, those that time has not made up for.
    fn remembered(&self, now: Instant) -> u32 {
        let passed = now.saturating_duration_since(self.at);
        let forgotten = passed.as_nanos() / POLICY_ISOLATION_FORGET.as_nanos();
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.failures.saturating_sub(forgotten)
    }

    fn is_over(&self, now: Instant) -> bool {
        // Whoever does not come back to probe is not remembered for ever.
        let alone = self
            .until
            .is_some_and(|it| now < it + POLICY_QUARANTINE_LONGEST);
        !alone && self.remembered(now) == 0
    }

    /// How long it is left alone because it failed, and whether it was not before.
    fn pauses(&mut self, many: bool, probe: bool, now: Instant) -> Option<(Duration, bool)> {
        let new = self.until.is_none();
        // What was asked before the pause began does not lengthen it.
        if (new && !many) || (!new && !probe) {
            return None;
        }
        self.pause = (self.pause * 2).clamp(POLICY_QUARANTINE_FIRST, POLICY_QUARANTINE_LONGEST);
        self.until = Some(now + self.pause);
        Some((self.pause, new))
    }
}

#[cfg(test)]
#[path = "offenders_tests.rs"]
mod tests;
