//! A policy's file changed: its content comes into force whole, or not at all. Knows nothing of how
//! the change was noticed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::Generation;

use super::super::compiling::Stop;
use super::super::ladder::Policy;
use super::super::pipeline::{Content, Unmade, UnmadeEnd};
use super::super::shadow::Shadow;
use super::super::source::{self, PolicySource};
use super::super::version::Version;
use super::book::{Book, Cause, Record, Reload};
use super::{Policies, Shared};
use crate::builtin;

/// Which file of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Which {
    /// The one that it is loaded from.
    Own,
    /// That of its candidate in shadow.
    Candidate,
}

/// A file whose changes are of interest.
#[derive(Clone)]
pub(in super::super) struct Watched {
    pub(in super::super) source: Arc<PolicySource>,
    pub(in super::super) which: Which,
    pub(in super::super) file: PathBuf,
}

impl Watched {
    /// Whether this is the same file of the same policy in the same configuration.
    pub(in super::super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.which == other.which
    }
}

impl Policies {
    /// The files to watch. What is in the binary does not change.
    pub(in super::super) fn watched(&self) -> Vec<Watched> {
        let mut watched = Vec::new();
        for record in &self.0.book.lock().records {
            let file = |which, file: &PathBuf| Watched {
                source: record.source.clone(),
                which,
                file: file.clone(),
            };
            watched.push(file(Which::Own, &record.source.file));
            if let source::Shadow::Candidate(candidate) = &record.source.shadow {
                watched.push(file(Which::Candidate, candidate));
            }
        }
        watched.retain(|watched| !builtin::is_builtin(&watched.file));
        watched
    }

    /// Reads a file and, if its content is new and good, brings it into force. It may be called for
    /// several files at once, for each by one thread at a time.
    pub(in super::super) fn refresh(&self, watched: &Watched, stop: &Stop) -> Refreshed {
        match watched.which {
            Which::Own => self.0.refresh_own(&watched.source, stop),
            Which::Candidate => self.0.refresh_candidate(&watched.source, stop),
        }
    }
}

/// What follows from a look at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refreshed {
    /// It is in force, or refused.
    Done,
    /// It could not be read or built for a reason that may pass: it is to be looked at again though
    /// it does not change.
    ReadAgain,
    /// It was called off, and nothing is known of it.
    CalledOff,
}

/// What a look at a file came to.
enum Look {
    /// It holds what is in force, or what somebody called off.
    Nothing,
    /// It holds a good version.
    New(Arc<Version>),
    Refused(String),
    /// It could not be read or built, which may pass.
    Passing(String),
    CalledOff,
}

impl Shared {
    fn refresh_own(&self, source: &Arc<PolicySource>, stop: &Stop) -> Refreshed {
        let began = Instant::now();
        let (limits, held, running) = {
            let mut book = self.book.lock();
            let limits = book.limits;
            let Some(record) = book.same(source) else {
                return Refreshed::Done;
            };
            let whole = record.whole().map(|shadow| shadow.version.clone());
            let Some(running) = whole.or_else(|| self.in_force(&source.name)) else {
                return Refreshed::Done;
            };
            (limits, record.held, running)
        };
        let look = || -> Result<Look, String> {
            let content = match Content::read(&source.file, limits.file_bytes) {
                Ok(content) => content,
                Err(unread) if unread.passing => return Ok(Look::Passing(unread.reason)),
                Err(unread) => return Err(unread.reason),
            };
            let digest = content.digest();
            if digest == running.digest() || held == Some(digest) {
                return Ok(Look::Nothing);
            }
            let loader = self.loader()?;
            let version = content.version(loader, source, limits, Some(&running), stop);
            Ok(match version {
                Ok(version) => Look::New(version),
                Err(Unmade { reason, end }) => match end {
                    UnmadeEnd::Refused => Look::Refused(reason),
                    UnmadeEnd::Passing => Look::Passing(format!("{reason}. It is tried again")),
                    UnmadeEnd::CalledOff => Look::CalledOff,
                },
            })
        };
        match look().unwrap_or_else(Look::Refused) {
            Look::Nothing => self.note(source, |record| &mut record.stale),
            Look::New(version) => self.install(source, version, began),
            Look::Refused(reason) => self.refuse(source, &running, reason, began),
            Look::Passing(reason) => {
                self.refuse(source, &running, reason, began);
                return Refreshed::ReadAgain;
            }
            Look::CalledOff => return Refreshed::CalledOff,
        }
        Refreshed::Done
    }

    /// Takes down that an error is over, if there was one.
    fn note(&self, source: &Arc<PolicySource>, error: impl Fn(&mut Record) -> &mut Option<String>) {
        let stood = |book: &mut Book| book.same(source).is_some_and(|it| error(it).is_some());
        if !stood(&mut self.book.lock()) {
            return;
        }
        let _one = self.swapping.lock();
        let mut book = self.book.lock();
        book.revision += 1;
        if let Some(record) = book.same(source) {
            *error(record) = None;
        }
    }

    /// The version in force of a policy.
    pub(super) fn in_force(&self, name: &str) -> Option<Arc<Version>> {
        let set = self.current.load();
        let mut policies = set.policies().iter();
        let policy = policies.find(|policy| &*policy.source.name == name)?;
        Some(policy.version.clone())
    }

    /// Brings a version into force, or has it asked in shadow if the whole policy is there, unless
    /// the policy was configured anew meanwhile.
    fn install(&self, source: &Arc<PolicySource>, version: Arc<Version>, began: Instant) {
        let _one = self.swapping.lock();
        self.await_settled();
        let mut book = self.book.lock();
        let Some(record) = book.same(source) else {
            return;
        };
        record.stale = None;
        record.held = None;
        record.last = Reload::now(Cause::File, began.elapsed(), None);
        let (digest, took) = (version.digest(), record.last.took);
        if record.whole().is_some() {
            record.shadow = Some(Shadow::whole(source, version));
            self.publish_shadows(&book);
            tracing::info!(policy = &*source.name, %digest, "policy replaced in shadow");
            return;
        }
        let generation = self.replace(&book, &source.name, |policy, generation| {
            policy.with(version.clone(), generation)
        });
        tracing::info!(
            policy = &*source.name,
            %digest,
            generation = generation.0,
            cause = Cause::File.name(),
            took_ms = took.as_millis(),
            "policy replaced"
        );
    }

    /// Publishes the set in force with one policy changed, as the next generation.
    pub(super) fn replace(
        &self,
        book: &Book,
        name: &str,
        change: impl Fn(&Policy, Generation) -> Policy,
    ) -> Generation {
        let set = self.current.load_full();
        let generation = Generation(set.number().0 + 1);
        let now = Instant::now();
        let policies = set.policies().iter().map(|policy| {
            if &*policy.source.name == name {
                change(policy, generation)
            } else {
                policy.again(now)
            }
        });
        self.publish(book, generation, policies.collect());
        generation
    }

    fn refuse(
        &self,
        source: &Arc<PolicySource>,
        running: &Version,
        reason: String,
        began: Instant,
    ) {
        let _one = self.swapping.lock();
        let mut book = self.book.lock();
        book.revision += 1;
        let Some(record) = book.same(source) else {
            return;
        };
        record.last = Reload::now(Cause::File, began.elapsed(), Some(reason.clone()));
        if record.stale.as_ref() == Some(&reason) {
            return;
        }
        tracing::warn!(
            policy = &*source.name,
            file = %source.file.display(),
            reason,
            in_force = %running.digest(),
            "the policy's file was refused; the last good version stays in force"
        );
        record.stale = Some(reason);
    }

    fn refresh_candidate(&self, source: &Arc<PolicySource>, stop: &Stop) -> Refreshed {
        let source::Shadow::Candidate(file) = &source.shadow else {
            return Refreshed::Done;
        };
        let (limits, present) = {
            let mut book = self.book.lock();
            let limits = book.limits;
            let Some(record) = book.same(source).filter(|record| !record.promoted) else {
                return Refreshed::Done;
            };
            let present = record.shadow.as_ref();
            (limits, present.map(|shadow| shadow.version.digest()))
        };
        let Some(in_force) = self.in_force(&source.name) else {
            return Refreshed::Done;
        };
        let content = Content::read(file, limits.file_bytes);
        let mut refreshed = match &content {
            Err(unread) if unread.passing => Refreshed::ReadAgain,
            _ => Refreshed::Done,
        };
        if content.as_ref().is_ok_and(|c| Some(c.digest()) == present) {
            self.note(source, |record| &mut record.shadow_error);
            return Refreshed::Done;
        }
        let version = content.map_err(String::from).and_then(|content| {
            let loader = self.loader()?;
            let version = content.version(loader, source, limits, Some(&in_force), stop);
            version.map_err(|unmade| {
                refreshed = match unmade.end {
                    UnmadeEnd::Refused => Refreshed::Done,
                    UnmadeEnd::Passing => Refreshed::ReadAgain,
                    UnmadeEnd::CalledOff => Refreshed::CalledOff,
                };
                unmade.reason
            })
        });
        if refreshed == Refreshed::CalledOff {
            return refreshed;
        }
        let _one = self.swapping.lock();
        let mut book = self.book.lock();
        book.revision += 1;
        let Some(record) = book.same(source).filter(|record| !record.promoted) else {
            return Refreshed::Done;
        };
        match version {
            Ok(version) => {
                tracing::info!(
                    policy = &*source.name,
                    digest = %version.digest(),
                    "a candidate of the policy is in shadow"
                );
                let name = source.name.clone();
                record.shadow_error = None;
                record.shadow = Some(Shadow::new(name, false, file.clone(), version));
                self.publish_shadows(&book);
            }
            Err(reason) if record.shadow_error.as_ref() == Some(&reason) => {}
            Err(reason) => {
                tracing::warn!(
                    policy = &*source.name,
                    file = %file.display(),
                    reason,
                    "the candidate of the policy was refused; what was in shadow before stays there"
                );
                record.shadow_error = Some(reason);
            }
        }
        refreshed
    }
}
