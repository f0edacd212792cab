//! A policy in force, and the ladder that a question goes down when it fails: fresh instance, last
//! good version, configured end. Knows neither the other policies nor what is asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wardroom_domain::{Generation, Instead, StandIn};

use super::component::Digest;
use super::convert;
use super::decision::Hook;
use super::failure::{Failure, Kind};
use super::measure::Pass;
use super::offenders::{Isolated, Origin};
use super::quarantine::{Led, Retry};
use super::source::{OnFailure, PolicySource};
use super::version::{Attempt, On, Version};
use crate::limits::POLICY_STAND_IN_FAILURE_BYTES;

/// Hooks whose answers hold until something changes.
const REMEMBERED: [Hook; 2] = [Hook::Admission, Hook::Visibility];

/// A policy in force.
#[derive(Clone)]
pub(super) struct Policy {
    pub(super) source: Arc<PolicySource>,
    pub(super) version: Arc<Version>,
    /// The version before, which answers when this one cannot.
    pub(super) former: Option<Arc<Version>>,
    /// The generation that brought the version.
    pub(super) since: Generation,
    /// When what the version did not answer itself is asked again, in one generation.
    retry: Arc<Mutex<Retry>>,
}

/// What came of a question.
pub(super) struct Asked<R> {
    /// The answer; without it the configured end holds.
    pub(super) answer: Option<R>,
    /// The version that answered.
    pub(super) by: Option<Digest>,
    /// Why it was not the version in force.
    pub(super) missed: Option<Missed>,
    /// How long all attempts took together.
    pub(super) took: Duration,
}

/// Why the version in force did not answer.
pub(super) struct Missed {
    /// How it failed, the last time if it was not asked.
    pub(super) failure: Arc<str>,
    /// Whether it was asked.
    pub(super) asked: bool,
}

impl Missed {
    fn unasked(hook: Hook, version: &Version) -> Self {
        let last = version.measure().last_failure(hook);
        Self {
            failure: last.unwrap_or_else(|| Arc::from("it kept failing")),
            asked: false,
        }
    }
}

impl Policy {
    pub(super) fn new(source: Arc<PolicySource>, version: Arc<Version>, since: Generation) -> Self {
        Self {
            source,
            version,
            former: None,
            since,
            retry: Arc::new(Mutex::new(Retry::new(Instant::now()))),
        }
    }

    /// The same policy in the next generation.
    pub(super) fn again(&self, now: Instant) -> Self {
        let retry = self.retry.lock().again(now);
        Self {
            retry: Arc::new(Mutex::new(retry)),
            ..self.clone()
        }
    }

    /// The same policy with a new version, from this generation on.
    pub(super) fn with(&self, version: Arc<Version>, since: Generation) -> Self {
        self.version.rest();
        Self {
            source: self.source.clone(),
            version,
            former: Some(self.version.clone()),
            since,
            retry: Arc::new(Mutex::new(Retry::new(Instant::now()))),
        }
    }

    /// The same policy with the version before, from this generation on. The present one, which
    /// somebody wanted gone, answers for nobody; without a former one there is no way back.
    pub(super) fn back(&self, since: Generation) -> Option<Self> {
        let former = self.former.clone()?;
        former.wake();
        Some(Self::new(self.source.clone(), former, since))
    }

    /// The same policy as it is configured now.
    pub(super) fn configured(&self, source: Arc<PolicySource>) -> Self {
        Self {
            source,
            ..self.clone()
        }
    }

    /// Whether it is time to ask everything again, because something that is remembered was not
    /// answered by the version in force, and it may answer now.
    pub(super) fn wants_another_look(&self, now: Instant) -> bool {
        let measure = self.version.measure();
        let closed = |hook: &Hook| measure.closed(*hook, now);
        self.retry.lock().is_due(now) && !REMEMBERED.iter().any(closed)
    }

    /// Whether it answers a question that it fails on as if it were not there.
    pub(super) fn fails_open(&self) -> bool {
        self.source.on_failure == OnFailure::Open
    }

    /// Whether an answer to this hook may depend on the whole directory.
    pub(super) fn looks_up(&self, hook: Hook) -> bool {
        let versions = [Some(&self.version), self.former.as_ref()];
        self.version.exports(hook) && versions.into_iter().flatten().any(|v| v.looks_up())
    }

    /// Goes down the ladder as far as the configured end, which is the caller's.
    pub(super) fn ask<R>(
        &self,
        generation: Generation,
        hook: Hook,
        origin: Origin<'_>,
        answer: impl Fn(&Version, Attempt) -> Result<R, Failure>,
    ) -> Asked<R> {
        let began = Instant::now();
        let mut at = began;
        let mut missed = None;
        for version in self.versions(hook) {
            let Some(pass) = version.measure().enter(hook, || origin.suspects(), at) else {
                missed.get_or_insert_with(|| Missed::unasked(hook, version));
                continue;
            };
            let (mut last, mut kind) = (None, None);
            for on in [On::Any, On::Fresh] {
                let attempt = answer(version, Attempt { on, at });
                let now = Instant::now();
                version.measure().called(hook, now - at);
                at = now;
                match attempt {
                    Ok(answer) => {
                        self.answered(hook, origin, version, at);
                        return Asked {
                            answer: Some(answer),
                            by: Some(version.digest()),
                            missed,
                            took: at - began,
                        };
                    }
                    Err(failure) => {
                        let said: Arc<str> = Arc::from(failure.to_string());
                        if version.measure().failed(hook, &failure, &said) {
                            self.log(generation, hook, version, &failure);
                        }
                        last = Some(said);
                        kind = Some(failure.kind);
                    }
                }
            }
            missed = missed.or(last.map(|failure| Missed {
                failure,
                asked: true,
            }));
            self.gave_up(hook, origin, version, (pass, kind), at);
        }
        self.missed(hook, at);
        Asked {
            answer: None,
            by: None,
            missed,
            took: at - began,
        }
    }

    /// Goes down the same ladder for somebody who only wants to know. It is counted nowhere, and a
    /// failure is held against no version.
    pub(super) fn peek<R>(
        &self,
        hook: Hook,
        origin: Origin<'_>,
        answer: impl Fn(&Version, Attempt) -> Result<R, Failure>,
    ) -> Asked<R> {
        let began = Instant::now();
        let mut missed = None;
        for version in self.versions(hook) {
            let measure = version.measure();
            if measure.turns_away(hook, || origin.suspects(), began) {
                missed.get_or_insert_with(|| Missed::unasked(hook, version));
                continue;
            }
            let ask = |on| answer(version, Attempt::now(on));
            match ask(On::Any).or_else(|_| ask(On::Fresh)) {
                Ok(answer) => {
                    return Asked {
                        answer: Some(answer),
                        by: Some(version.digest()),
                        missed,
                        took: began.elapsed(),
                    };
                }
                Err(failure) => {
                    missed.get_or_insert_with(|| Missed {
                        failure: Arc::from(failure.to_string()),
                        asked: true,
                    });
                }
            }
        }
        Asked {
            answer: None,
            by: None,
            missed,
            took: began.elapsed(),
        }
    }

    /// The versions that answer a hook: the one in force, then the one before.
    fn versions(&self, hook: Hook) -> impl Iterator<Item = &Arc<Version>> {
        let former = self.former.iter().filter(move |it| it.exports(hook));
        std::iter::once(&self.version).chain(former)
    }

    /// What is told of a question that the version in force did not answer.
    pub(super) fn stand_in<R>(&self, asked: &Asked<R>) -> Option<StandIn> {
        let missed = asked.missed.as_ref()?;
        let instead = match asked.by {
            Some(former) => Instead::Former(Arc::from(former.to_string())),
            None if self.fails_open() => Instead::Open,
            None => Instead::Closed,
        };
        let failure = match convert::cut(&missed.failure, POLICY_STAND_IN_FAILURE_BYTES) {
            whole if whole.len() == missed.failure.len() => missed.failure.clone(),
            cut => Arc::from(cut),
        };
        Some(StandIn {
            instead,
            failure,
            asked: missed.asked,
        })
    }

    fn answered(&self, hook: Hook, origin: Origin<'_>, version: &Arc<Version>, now: Instant) {
        let measure = version.measure();
        if measure.answered(hook, || origin.suspects(), now) {
            tracing::info!(
                policy = &*self.source.name,
                digest = %version.digest(),
                hook = hook.name(),
                "the policy answers again"
            );
        }
        if !Arc::ptr_eq(version, &self.version) {
            self.missed(hook, now);
        }
    }

    /// The version in force did not answer. What is remembered is to be asked again one day.
    fn missed(&self, hook: Hook, now: Instant) {
        if REMEMBERED.contains(&hook) {
            self.retry.lock().missed(now);
        }
    }

    fn gave_up(
        &self,
        hook: Hook,
        origin: Origin<'_>,
        version: &Version,
        (pass, kind): (Pass, Option<Kind>),
        now: Instant,
    ) {
        let measure = version.measure();
        let led = measure.gave_up(hook, origin.suspects(), pass, kind, now);
        if let Led::ToQuarantine(pause) | Led::ToLonger(pause) = led.whole {
            tracing::warn!(
                policy = &*self.source.name,
                digest = %version.digest(),
                hook = hook.name(),
                ?pause,
                "the policy keeps failing for many and is not asked for a while"
            );
        } else if let Some(isolated) = led.one {
            let input = origin.input.map(|(name, _)| name);
            let (pause, follows) = match isolated {
                Isolated::Asker(pause) => (pause, "whoever asks"),
                Isolated::Input(pause) => (pause, "what is asked"),
            };
            tracing::warn!(
                policy = &*self.source.name,
                digest = %version.digest(),
                hook = hook.name(),
                workspace = %origin.workspace,
                asker = %origin.asker,
                input,
                follows,
                ?pause,
                "the policy keeps failing for one asker or input, and is not asked about that for a \
                 while"
            );
        }
    }

    fn log(&self, generation: Generation, hook: Hook, version: &Version, failure: &Failure) {
        tracing::error!(
            policy = &*self.source.name,
            digest = %version.digest(),
            generation = generation.0,
            hook = hook.name(),
            kind = failure.kind.name(),
            detail = failure.detail,
            on_failure = ?self.source.on_failure,
            "the policy failed to answer; a failure of this kind is logged once for each version"
        );
    }
}
