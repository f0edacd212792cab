//! From a policy's file to a version that may come into force: the cap on its size, and then what
//! the loader does. Every refusal is for whoever wrote or deployed the file. Changes nothing that is
//! in force.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::compiling::Pace;
use super::component::Digest;
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
}

impl Content {
    /// Content that was handed over rather than read.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }

    /// Reads a file up to a limit, as [`read`] does.
    pub(super) fn read(file: &Path, limit: u64) -> Result<Self, Unread> {
        read(file, limit).map(Self::of)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
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

    /// Makes a version of it, beside those that answer.
    pub(super) fn version(
        &self,
        loader: &Loader,
        source: &PolicySource,
        limits: PolicyLimits,
        in_force: Option<&Version>,
    ) -> Result<Arc<Version>, String> {
        let step = self.set_out(loader.progress(), source);
        let build = self.build(source, limits, in_force, Pace::GiveWay);
        made(loader.version(build, &step))
    }

    /// Makes the first version of a policy, which has set out already, while nobody is served.
    pub(super) fn first_version(
        &self,
        step: &Step,
        loader: &Loader,
        source: &PolicySource,
        limits: PolicyLimits,
    ) -> Result<Arc<Version>, String> {
        let build = self.build(source, limits, None, Pace::Full);
        made(loader.version(build, step))
    }

    fn build<'a>(
        &'a self,
        source: &'a PolicySource,
        limits: PolicyLimits,
        in_force: Option<&'a Version>,
        pace: Pace,
    ) -> Build<'a> {
        Build {
            source,
            limits,
            bytes: &self.bytes,
            digest: self.digest,
            in_force,
            pace,
        }
    }
}

fn made(version: Result<Version, Refusal>) -> Result<Arc<Version>, String> {
    version.map(Arc::new).map_err(|refusal| refusal.to_string())
}
