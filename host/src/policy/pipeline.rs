//! From a policy's file to a version that may come into force: the cap on its size, and then what
//! the loader does. Every refusal is for whoever wrote or deployed the file. Changes nothing that is
//! in force.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::compiling::{NotCompiled, Pace, Stop};
use super::component::{Digest, Linked, LoadError};
use super::failure::Refusal;
use super::limits::PolicyLimits;
use super::loader::{Build, Loader};
use super::progress::{Progress, Step};
use super::source::PolicySource;
use super::version::Version;
use crate::{builtin, files};

/// Why there is no content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// In words for the operator.
    pub(super) reason: String,
    /// Whether the file may be readable later though it does not change: the server is short of
    /// descriptors, a disk fails, a permission is given.
    pub(super) passing: bool,
}

/// Why there is no version of a content.
#[derive(Clone, Debug)]
pub(super) struct Unmade {
    /// In words for whoever wrote or deployed it.
    pub(super) reason: String,
    pub(super) end: UnmadeEnd,
}

/// What follows from there being no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnmadeEnd {
    /// The content is no good.
    Refused,
    /// It may be made later of the same content: the server is short of processes.
    Passing,
    /// Nobody wanted it any more.
    CalledOff,
}

impl From<Refusal> for Unmade {
    fn from(refusal: Refusal) -> Self {
        let end = match &refusal {
            Refusal::Load(LoadError::NotCompiled(NotCompiled::CalledOff)) => UnmadeEnd::CalledOff,
            Refusal::Load(LoadError::NotCompiled(NotCompiled::NotStarted(_))) => UnmadeEnd::Passing,
            _ => UnmadeEnd::Refused,
        };
        let reason = refusal.to_string();
        Self { reason, end }
    }
}

impl From<Unmade> for String {
    fn from(unmade: Unmade) -> Self {
        unmade.reason
    }
}

impl From<Unread> for String {
    fn from(unread: Unread) -> Self {
        unread.reason
    }
}

/// Reads a file up to a limit, in bytes; or takes what stands for one in the binary.
///
/// # Errors
/// It cannot be read, or is larger.
pub(super) fn read(file: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    let bytes = match builtin::named(file) {
        Some(Ok(policy)) => policy.bytes.to_vec(),
        Some(Err(unknown)) => {
            return Err(Unread {
                reason: unknown.to_string(),
                passing: false,
            });
        }
        None => read_file(file, limit)?,
    };
    if bytes.len() as u64 > limit {
        let advice = "raise policy.file_size, or build it smaller";
        return Err(Unread {
            reason: format!("the file is larger than {limit} bytes; {advice}"),
            passing: false,
        });
    }
    Ok(bytes)
}

fn read_file(file: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    files::read_regular(file, limit).map_err(|error| {
        let passing = !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput
        );
        let advice = if passing {
            "It is tried again"
        } else {
            "Put it there, or name another in the configuration"
        };
        let file = file.display();
        Unread {
            reason: format!("the file {file} cannot be read: {error}. {advice}"),
            passing,
        }
    })
}

/// What a file held when it was read.
pub(super) struct Content {
    bytes: Vec<u8>,
    digest: Digest,
    /// What came of compiling it. Made once, however often a version is made of it.
    linked: OnceLock<Result<Linked, LoadError>>,
}

impl Content {
    /// Content that was handed over rather than read.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        let linked = OnceLock::new();
        Self {
            bytes,
            digest,
            linked,
        }
    }

    /// Reads a file up to a limit, as [`read`] does.
    pub(super) fn read(file: &Path, limit: u64) -> Result<Self, Unread> {
        read(file, limit).map(Self::of)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Why it cannot be compiled within the bounds, if it was found that it cannot.
    pub(super) fn beyond_bounds(&self) -> Option<LoadError> {
        let refused = self.linked.get()?.as_ref().err()?;
        let beyond = matches!(
            refused,
            LoadError::NotCompiled(NotCompiled::TimedOut(_) | NotCompiled::OutOfMemory(_))
        );
        beyond.then(|| refused.clone())
    }

    /// Takes it as known that it cannot be compiled.
    pub(super) fn is_known_beyond_bounds(&self, why: LoadError) {
        // Nothing was made of it yet.
        let _known = self.linked.set(Err(why));
    }

    /// Its size, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes down that it sets out to become a version.
    pub(super) fn set_out(&self, progress: &Arc<Progress>, source: &PolicySource) -> Step {
        let (name, file) = (&source.name, source.file.clone());
        progress.begin(name, file, self.digest, self.bytes.len())
    }

    /// Makes a version of it, beside those that answer, unless it is called off.
    pub(super) fn version(
        &self,
        loader: &Loader,
        source: &PolicySource,
        limits: PolicyLimits,
        in_force: Option<&Version>,
        stop: &Stop,
    ) -> Result<Arc<Version>, Unmade> {
        let step = self.set_out(loader.progress(), source);
        let build = self.build(source, limits, in_force, Pace::GiveWay, stop);
        made(loader.version(build, &step))
    }

    /// Makes the first version of a policy, which has set out already, while nobody is served.
    pub(super) fn first_version(
        &self,
        step: &Step,
        loader: &Loader,
        source: &PolicySource,
        limits: PolicyLimits,
    ) -> Result<Arc<Version>, Unmade> {
        let stop = Stop::default();
        let build = self.build(source, limits, None, Pace::Full, &stop);
        made(loader.version(build, step))
    }

    fn build<'a>(
        &'a self,
        source: &'a PolicySource,
        limits: PolicyLimits,
        in_force: Option<&'a Version>,
        pace: Pace,
        stop: &'a Stop,
    ) -> Build<'a> {
        Build {
            source,
            limits,
            bytes: &self.bytes,
            digest: self.digest,
            linked: &self.linked,
            in_force,
            pace,
            stop,
        }
    }
}

fn made(version: Result<Version, Refusal>) -> Result<Arc<Version>, Unmade> {
    Ok(Arc::new(version?))
}
