//! Compiled components on disk, so that a restart need not compile them again. Only what this
//! server wrote itself is ever loaded: compiled code is native code. Knows neither what a component
//! does nor whether it is wanted.
//!
//! The directory must be ours and writable by nobody else, and so must each file. A file is known
//! by the digest of its component and by everything of the engine that compiled code depends on;
//! it holds a checksum over both, so that a damaged, truncated or misplaced file is not loaded but
//! made anew.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::component::Digest;
use crate::limits::{POLICY_CACHE_FILE_BYTES, POLICY_CACHE_FILES};

/// What each file begins with. Another form of file gets another mark.
const MARK: &[u8; 16] = b"wardroom-code-1\n";
/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 32;
/// The ending of a finished file.
const ENDING: &str = "code";
/// The ending of one that is being written.
const UNFINISHED: &str = "part";
/// After what time a file that was never finished is removed.
const UNFINISHED_LIFE: Duration = Duration::from_secs(60 * 60);
/// Permissions of group and others to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a directory cannot serve.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheError {
    /// It cannot be made, looked at or written to.
    #[error("it cannot be used: {0}")]
    Io(#[from] io::Error),
    /// It is a link, a file or something else.
    #[error("it is not a directory itself; links are not followed")]
    NotADirectory,
    /// Somebody else could put code into it.
    #[error("others may write to it; give it to the server's user alone (chmod 700)")]
    NotOurs,
}

/// A directory of compiled components.
pub(super) struct Cache {
    directory: PathBuf,
    /// The user that this server runs as, by number.
    user: u32,
    /// What compiled code depends on besides its component.
    engine: u64,
}

impl Cache {
    /// Opens the directory, and makes it if it is not there.
    pub(super) fn open(directory: &Path, engine: &Engine) -> Result<Self, CacheError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let about = fs::symlink_metadata(directory)?;
        if !about.is_dir() {
            return Err(CacheError::NotADirectory);
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Self {
            directory: directory.to_owned(),
            user: our_user(directory)?,
            engine: hasher.finish(),
        };
        if !cache.is_ours(&about) {
            return Err(CacheError::NotOurs);
        }
        Ok(cache)
    }

    /// The component of this digest as it was compiled before, if it is there and whole.
    pub(super) fn load(&self, digest: Digest, engine: &Engine) -> Option<Component> {
        let path = self.path(digest);
        match self.read(&path, digest) {
            Ok(Some(code)) => match deserialize(engine, &code) {
                Ok(component) => return Some(component),
                Err(error) => refused(&path, &format!("{error:#}")),
            },
            Ok(None) => refused(&path, "it is damaged, or not ours alone"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => refused(&path, &error.to_string()),
        }
        // It is made anew; if it cannot be removed, the new one replaces it.
        let _removed = fs::remove_file(&path);
        None
    }

    /// Keeps a component. What fails here costs a later start some time and nothing else.
    pub(super) fn store(&self, digest: Digest, component: &Component) {
        let kept = component
            .serialize()
            .map_err(|error| format!("{error:#}"))
            .and_then(|code| self.write(digest, &code).map_err(|e| e.to_string()));
        if let Err(reason) = kept {
            let directory = self.directory.display();
            tracing::warn!(%directory, reason, "a compiled policy was not kept");
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = format!("{}-{:016x}.{ENDING}", digest.hex(), self.engine);
        self.directory.join(name)
    }

    /// The code in a file, or nothing if it is not to be trusted.
    fn read(&self, path: &Path, digest: Digest) -> io::Result<Option<Vec<u8>>> {
        let mut file = File::open(path)?;
        // Asked of the open file, so that it is the one that is read.
        let about = file.metadata()?;
        if !about.is_file() || !self.is_ours(&about) || about.len() > POLICY_CACHE_FILE_BYTES {
            return Ok(None);
        }
        let mut head = [0; MARK.len() + CHECKSUM_BYTES];
        let mut code = Vec::new();
        if file.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        (&file)
            .take(POLICY_CACHE_FILE_BYTES)
            .read_to_end(&mut code)?;
        let (mark, sum) = head.split_at(MARK.len());
        if mark != MARK || sum != self.checksum(digest, &code) {
            return Ok(None);
        }
        // It only orders what is removed first.
        let _used_now = file.set_modified(SystemTime::now());
        Ok(Some(code))
    }

    /// Writes beside the place and renames into it, so that nobody reads half a file.
    fn write(&self, digest: Digest, code: &[u8]) -> io::Result<()> {
        if code.len() as u64 > POLICY_CACHE_FILE_BYTES {
            return Err(io::Error::other("the compiled code is too large"));
        }
        let path = self.path(digest);
        let (unfinished, mut file) = unfinished(&self.directory)?;
        let written = file
            .write_all(MARK)
            .and_then(|()| file.write_all(&self.checksum(digest, code)))
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _removed = fs::remove_file(&unfinished);
        }
        written?;
        self.prune(&path)
    }

    /// Over everything that must belong together.
    fn checksum(&self, digest: Digest, code: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let mut sum = Sha256::new();
        sum.update(digest.hex());
        sum.update(self.engine.to_le_bytes());
        sum.update(code);
        sum.finalize().into()
    }

    /// Removes the files that were not used for the longest time, beyond a number, and what was
    /// left unfinished.
    fn prune(&self, newest: &Path) -> io::Result<()> {
        let mut finished = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let ending = path.extension().and_then(|e| e.to_str());
            // One that was removed meanwhile is nobody's business.
            let Ok(used) = fs::symlink_metadata(&path).and_then(|about| about.modified()) else {
                continue;
            };
            match ending {
                Some(ENDING) if path != newest => finished.push((used, path)),
                Some(UNFINISHED) if is_old(used) => remove(&path)?,
                _ => {}
            }
        }
        finished.sort();
        let spare = (finished.len() + 1).saturating_sub(POLICY_CACHE_FILES);
        for (_, path) in &finished[..spare] {
            remove(path)?;
        }
        Ok(())
    }

    fn is_ours(&self, about: &fs::Metadata) -> bool {
        about.uid() == self.user && about.mode() & WRITABLE_BY_OTHERS == 0
    }
}

fn refused(path: &Path, reason: &str) {
    tracing::warn!(file = %path.display(), reason, "a compiled policy is not loaded but made anew");
}

/// A new file of a name that nobody has, readable by us alone.
fn unfinished(directory: &Path) -> io::Result<(PathBuf, File)> {
    let path = directory.join(format!("{:032x}.{UNFINISHED}", rand::random::<u128>()));
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok((path, file))
}

/// The user that files of ours belong to. It also shows whether the directory can be written to.
fn our_user(directory: &Path) -> io::Result<u32> {
    let (path, file) = unfinished(directory)?;
    let user = file.metadata().map(|about| about.uid());
    fs::remove_file(path)?;
    user
}

/// Removes a file, unless somebody else has.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn is_old(written: SystemTime) -> bool {
    written.elapsed().is_ok_and(|age| age > UNFINISHED_LIFE)
}

#[expect(
    unsafe_code,
    reason = "the engine cannot check compiled code; the files are ours alone"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the engine asks for bytes that `Component::serialize` gave. These come from a file
    // that belongs to the user we run as and that nobody else may write, in a directory of which
    // the same is true, and a checksum over the whole shows that they are what `write` was given.
    // Whoever could change both could change this program as well. That they were made by an engine
    // like this one is checked by the engine itself.
    unsafe { Component::deserialize(engine, code) }
}
