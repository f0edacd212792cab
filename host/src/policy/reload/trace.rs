//! What shows that a path has another content than before, without reading it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files;

/// What tells one content of a path from another without reading it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Trace {
    target: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds; unlike the time of modification, nobody sets it back.
    changed: (i64, i64),
}

/// What tells the present content of a path from another; nothing where there is none.
///
/// # Errors
/// A call about it does not return.
pub(super) fn trace(file: &Path) -> Result<Option<Trace>, io::Error> {
    let found = files::bounded(file, |file| {
        let target = file.canonicalize()?;
        let about = target.metadata()?;
        Ok(Trace {
            device: about.dev(),
            inode: about.ino(),
            bytes: about.len(),
            changed: (about.ctime(), about.ctime_nsec()),
            target,
        })
    });
    match found {
        Ok(trace) => Ok(Some(trace)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
        Err(_) => Ok(None),
    }
}

pub(super) fn traces(files: &[PathBuf]) -> Result<Vec<Option<Trace>>, io::Error> {
    files.iter().map(|file| trace(file)).collect()
}
