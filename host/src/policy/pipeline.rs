//! From a policy's file to a version that may come into force: the cap on its size, and then what
//! the loader does. Every refusal is for whoever wrote or deployed the file. Changes nothing that is
//! in force.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::component::Digest;
use super::limits::PolicyLimits;
use super::loader::Loader;
use super::source::PolicySource;
use super::version::Version;

/// Reads a file up to a limit, in bytes.
///
/// # Errors
/// It cannot be read or is larger, in words for the operator.
pub fn read(file: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| {
        format!(
            "the file {} cannot be read: {error}. Put it there, or name another in the \
             configuration",
            file.display()
        )
    };
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "the file is larger than {limit} bytes; raise policy.file_size, or build it smaller"
        ));
    }
    Ok(bytes)
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

    /// Reads a file up to a limit.
    pub(super) fn read(file: &Path, limit: u64) -> Result<Self, String> {
        read(file, limit).map(Self::of)
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Makes a version of it.
    pub(super) fn version(
        &self,
        loader: &Loader,
        source: &PolicySource,
        limits: PolicyLimits,
        in_force: Option<&Version>,
    ) -> Result<Arc<Version>, String> {
        let version = loader.version(source, limits, &self.bytes, in_force);
        version.map(Arc::new).map_err(|refusal| refusal.to_string())
    }
}
