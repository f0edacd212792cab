//! Looks at files whose trace has changed, and has what they hold built beside it. Knows nothing of
//! how a change is noticed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::super::Policies;
use super::super::registry::{Outward, Refreshed, Watched};
use super::configuration::Configuration;
use super::directories::Directories;
use super::job::{Job, Places, Progress};
use super::trace::{Trace, trace};
use super::{Also, Signal, Waker, rest};
use crate::limits::{
    POLICY_ANOTHER_LOOK_POLL, POLICY_READ_RETRY_FIRST, POLICY_READ_RETRY_LONGEST,
    POLICY_RELOAD_POLL, POLICY_RELOADS_AT_ONCE, POLICY_SUPERSEDE_AFTER, POLICY_SUPERSEDED,
};

/// A file of a policy that is followed.
struct Followed {
    file: Watched,
    /// What was looked at last; nothing before the first look.
    seen: Option<Option<Trace>>,
    again: Option<Again>,
    /// Whether it is to be built.
    wanted: bool,
    /// Whether it changed together with the configuration, which goes first: what is configured anew
    /// comes into force with the files that are there.
    held: bool,
    job: Option<Job<Refreshed>>,
    /// Builds of it that were called off for a newer content since one ended by itself.
    superseded: u32,
}

/// When a file that could not be read is tried again, though it has not changed.
#[derive(Clone, Copy)]
struct Again {
    pause: Duration,
    due: Instant,
}

impl Again {
    fn after(former: Option<Self>, now: Instant) -> Self {
        let pause = former.map_or(POLICY_READ_RETRY_FIRST, |it| {
            (it.pause * 2).min(POLICY_READ_RETRY_LONGEST)
        });
        Self {
            pause,
            due: now + pause,
        }
    }
}

impl Followed {
    fn new(file: Watched) -> Self {
        Self {
            file,
            // So that the first look sees what changed between loading and watching.
            seen: None,
            again: None,
            wanted: false,
            held: false,
            job: None,
            superseded: 0,
        }
    }

    /// Whether it is time to try it again.
    fn is_due(&self, now: Instant) -> bool {
        self.job.is_none() && !self.wanted && self.again.is_some_and(|again| again.due <= now)
    }

    /// Takes what became of what is under way.
    fn tend(&mut self) {
        let Some(job) = &self.job else {
            return;
        };
        match job.progress() {
            Progress::UnderWay => return,
            Progress::Done(Refreshed::Done) => {
                self.again = None;
                self.superseded = 0;
            }
            Progress::Done(Refreshed::ReadAgain) | Progress::Failed => {
                self.again = Some(Again::after(self.again, Instant::now()));
                self.superseded = 0;
            }
            // What it was called off for is wanted.
            Progress::Done(Refreshed::CalledOff) => {}
        }
        self.job = None;
    }

    /// Begins what is wanted where a place is free, and calls off what is under way for it: but not
    /// what may soon be done, nor ever again, so that a file that changes all the time comes into
    /// force now and then.
    fn begin(&mut self, policies: &Policies, places: &Places, waker: &Waker) {
        if let Some(job) = &self.job {
            if !job.is_called_off()
                && job.age() >= POLICY_SUPERSEDE_AFTER
                && self.superseded < POLICY_SUPERSEDED
            {
                job.call_off();
                self.superseded += 1;
            }
            return;
        }
        let Some(place) = places.take() else {
            return;
        };
        let (policies, file, over) = (policies.clone(), self.file.clone(), waker.clone());
        let build = move |stop: &_| policies.refresh(&file, stop);
        let end = move || {
            drop(place);
            over.over();
        };
        match Job::begin("policy-build", build, end) {
            Ok(job) => self.job = Some(job),
            Err(error) => {
                tracing::error!(%error, "no thread to build a policy on");
                self.again = Some(Again::after(self.again, Instant::now()));
            }
        }
        self.wanted = false;
        self.held = false;
    }
}

/// Follows the files of all policies, and those that configure them.
pub(super) struct Follower {
    policies: Policies,
    files: Vec<Followed>,
    configuration: Option<Configuration>,
    directories: Directories,
    places: Places,
    waker: Waker,
    /// How things were when somebody asked for a look at everything that has not come to its end.
    before: Option<Outward>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        if self
            .configuration
            .as_ref()
            .is_some_and(Configuration::is_under_way)
        {
            self.policies.call_off_configuration();
        }
    }
}

impl Follower {
    pub(super) fn new(
        policies: Policies,
        directories: Directories,
        also: Option<Also>,
        waker: Waker,
    ) -> Self {
        let mut follower = Self {
            policies,
            files: Vec::new(),
            configuration: also.map(Configuration::new),
            directories,
            places: Places::new(POLICY_RELOADS_AT_ONCE),
            waker,
            before: None,
        };
        follower.follow_list();
        follower.watch_directories();
        follower
    }

    /// Runs until it is to stop.
    pub(super) fn run(&mut self, signals: &Receiver<Signal>) {
        let wishes = Arc::clone(&self.waker.wishes);
        self.look();
        let mut looked = Instant::now();
        while !wishes.stop.load(Ordering::Acquire) {
            match signals.recv_timeout(POLICY_ANOTHER_LOOK_POLL) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout)
                    if looked.elapsed() < POLICY_RELOAD_POLL && !self.wants_to_read_again() =>
                {
                    self.policies.look_again();
                    self.tend();
                    continue;
                }
                // Something that was under way has ended, and nothing has changed.
                Ok(Signal::Over) if !wishes.look.load(Ordering::Acquire) => {
                    self.tend();
                    continue;
                }
                Ok(Signal::Changed) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Changing | Signal::Over) => rest(signals, &wishes.whole),
            }
            // What changes or becomes whole from here on sends another signal.
            wishes.look.store(false, Ordering::Release);
            wishes.whole.store(false, Ordering::Release);
            if wishes.stop.load(Ordering::Acquire) {
                return;
            }
            self.policies.look_again();
            self.look();
            looked = Instant::now();
        }
    }

    /// Looks at the configuration and at each file whose trace has changed.
    fn look(&mut self) {
        let all = self.waker.wishes.everything.swap(false, Ordering::AcqRel);
        self.tend();
        if all && self.before.is_none() {
            self.before = Some(self.policies.outward());
            if let Some(configuration) = &mut self.configuration {
                configuration.take_changed();
            }
        }
        self.watch_directories();
        let configuration = self.configuration.as_mut();
        let looked = configuration.map(|it| it.look(all, &self.policies, &self.waker));
        let (mut missed, configuring) = match looked {
            Some(Err(_)) => (true, false),
            Some(Ok(configuring)) => (false, configuring),
            None => (false, false),
        };
        for followed in &mut self.files {
            let Ok(present) = trace(&followed.file.file) else {
                missed = true;
                continue;
            };
            let changed = followed.seen.as_ref() != Some(&present);
            if all || changed || followed.is_due(Instant::now()) {
                if changed {
                    followed.again = None;
                }
                followed.seen = Some(present);
                followed.wanted = true;
                followed.held = configuring;
            }
        }
        if all && missed {
            // Nothing is known of it, and so nothing is said of whether it has changed.
            self.before = None;
            tracing::warn!(
                "a file could not be looked at; when it can be and has changed, it is read"
            );
        }
        self.begin();
    }

    /// Takes what became of what is under way, and begins what waits.
    fn tend(&mut self) {
        if let Some(configuration) = &mut self.configuration
            && configuration.tend(&self.policies, &self.waker)
        {
            self.watch_directories();
        }
        self.follow_list();
        for followed in &mut self.files {
            followed.tend();
            // It was configured a moment ago.
            if followed.seen.is_none()
                && let Ok(present) = trace(&followed.file.file)
            {
                followed.seen = Some(present);
                followed.wanted = true;
            }
        }
        self.begin();
    }

    fn begin(&mut self) {
        let mut configuration = self.configuration.iter();
        let configuring = configuration.any(Configuration::is_under_way);
        for followed in &mut self.files {
            if followed.wanted && !(followed.held && configuring) {
                followed.begin(&self.policies, &self.places, &self.waker);
            }
        }
        self.tell_if_nothing_changed();
    }

    /// Whoever asked for a look is told that there was one, when all that it began has ended and nothing
    /// else was logged of it.
    fn tell_if_nothing_changed(&mut self) {
        let mut files = self.files.iter();
        let configuration = self.configuration.as_mut();
        if files.any(|file| file.job.is_some() || file.wanted)
            || configuration.as_ref().is_some_and(|it| it.is_under_way())
        {
            return;
        }
        let Some(before) = self.before.take() else {
            return;
        };
        let changed = configuration.is_some_and(Configuration::take_changed);
        if changed || before != self.policies.outward() {
            return;
        }
        match before.refusals() {
            None => tracing::info!(
                "nothing has changed: the configuration, its keys and the policies are as they were"
            ),
            Some(refused) => tracing::warn!(
                refused,
                "nothing has changed, and what was refused before is still refused"
            ),
        }
    }

    /// Whether it is time to try a file again that could not be read.
    fn wants_to_read_again(&self) -> bool {
        let now = Instant::now();
        self.files.iter().any(|followed| followed.is_due(now))
    }

    /// Takes over the list of files as it is configured now. What is configured as it was is not
    /// looked at anew for it; what is no longer configured is called off.
    fn follow_list(&mut self) {
        let mut before = std::mem::take(&mut self.files);
        for file in self.policies.watched() {
            let same = before.iter().position(|old| old.file.same(&file));
            let followed = same.map(|same| before.swap_remove(same));
            self.files
                .push(followed.unwrap_or_else(|| Followed::new(file)));
        }
    }

    fn watch_directories(&mut self) {
        let files = self.files.iter().map(|followed| &followed.file.file);
        let also = self.configuration.iter().flat_map(|it| &it.files);
        self.directories.watch(files.chain(also));
    }
}
