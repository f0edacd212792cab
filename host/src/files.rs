//! Calls to the file system that end: a mount that hangs, or a pipe that nobody writes to, keeps a call
//! for ever, and must keep nobody who made it. It must not know what a file is for.
//!
//! Each call runs on a thread of its own and is waited for up to a limit. One that does not return is
//! left behind, named in the log and counted, and its path is not called on again before it returns.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, SystemTime};

use nix::libc::O_NONBLOCK;
use parking_lot::Mutex;

use crate::limits::{FILE_CALL_DEADLINE, FILE_CALLS_STUCK};

/// Paths on which a call has not returned, and since when.
static STUCK: Mutex<BTreeMap<PathBuf, SystemTime>> = Mutex::new(BTreeMap::new());

/// The paths on which a call to the file system has not returned, and since when.
#[must_use]
pub fn stuck() -> Vec<(PathBuf, SystemTime)> {
    let stuck = STUCK.lock();
    stuck.iter().map(|(path, at)| (path.clone(), *at)).collect()
}

/// Makes a call to the file system about a path, and waits for it up to [`FILE_CALL_DEADLINE`].
///
/// # Errors
/// Those of the call, and [`ErrorKind::TimedOut`] if it does not return in time, or an earlier one on
/// the same path has not returned.
pub fn bounded<T: Send + 'static>(
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    bounded_by(FILE_CALL_DEADLINE, path, call)
}

fn bounded_by<T: Send + 'static>(
    deadline: Duration,
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    {
        let stuck = STUCK.lock();
        if stuck.contains_key(path) || stuck.len() >= FILE_CALLS_STUCK {
            return Err(timed_out("an earlier call has not returned yet"));
        }
    }
    let (returned, waiting) = sync_channel(1);
    let own = path.to_owned();
    Builder::new().name("file-call".into()).spawn(move || {
        let returning = Returning(&own);
        // Nobody may be waiting any more.
        let _left_behind = returned.send(call(&own));
        drop(returning);
    })?;
    let panicked = || io::Error::other("the call panicked");
    match waiting.recv_timeout(deadline) {
        Ok(result) => return result,
        Err(RecvTimeoutError::Disconnected) => return Err(panicked()),
        Err(RecvTimeoutError::Timeout) => {}
    }
    let mut stuck = STUCK.lock();
    // Whoever returns from here on finds the path among those that are stuck, and takes it out.
    if let Ok(result) = waiting.try_recv() {
        return result;
    }
    stuck.insert(path.to_owned(), SystemTime::now());
    drop(stuck);
    tracing::error!(
        path = %path.display(),
        waited = ?deadline,
        "a call to the file system does not return and is left behind; does a mount hang?"
    );
    Err(timed_out("the call has not returned; does a mount hang?"))
}

/// Takes a path out of those that are stuck when a call on it ends, however it does.
struct Returning<'a>(&'a Path);

impl Drop for Returning<'_> {
    fn drop(&mut self) {
        if STUCK.lock().remove(self.0).is_some() {
            tracing::info!(path = %self.0.display(), "a call to the file system returned at last");
        }
    }
}

fn timed_out(why: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, why)
}

/// Reads a whole file, or one byte more than `most` of a larger one.
///
/// # Errors
/// As [`bounded`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bounded(path, move |path| read_from(File::open(path)?, most))
}

/// The same, of a file and nothing else: a pipe or a device is not read.
///
/// # Errors
/// As [`bounded`], and [`ErrorKind::InvalidInput`] for what is no regular file.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bounded(path, move |path| {
        // Opened so, a pipe does not wait for somebody to write to it.
        let file = File::options()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(path)?;
        let kind = file.metadata()?.file_type();
        if !kind.is_file() {
            let what = match kind {
                kind if kind.is_dir() => "a folder",
                kind if kind.is_fifo() => "a pipe",
                _ => "a device or the like",
            };
            let what = format!("it is {what}, not a file");
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        read_from(file, most)
    })
}

fn read_from(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a path leads to a file; nothing is where a call about it does not return.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    bounded(path, |path| Ok(path.is_file())).unwrap_or(false)
}

/// Whether a path leads to a folder.
#[must_use]
pub fn is_dir(path: &Path) -> bool {
    bounded(path, |path| Ok(path.is_dir())).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;
    use std::process::Command;
    use std::thread;

    use super::*;

    /// A pipe to which nobody writes yet.
    fn pipe(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    fn is_stuck(path: &Path) -> bool {
        stuck().iter().any(|(stuck, _)| stuck == path)
    }

    #[test]
    fn a_call_that_does_not_return_is_left_behind_and_named_until_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = pipe(folder.path());
        let read = || {
            let open = |path: &Path| read_from(File::open(path)?, 100);
            bounded_by(Duration::from_millis(50), &path, open)
        };
        assert_eq!(read().unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(is_stuck(&path));
        // No second thread waits for the same, and other paths are as ever.
        assert_eq!(read().unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(is_dir(folder.path()) && !is_file(folder.path()));

        let mut writer = File::options().write(true).open(&path).unwrap();
        writer.write_all(b"late").unwrap();
        drop(writer);
        while is_stuck(&path) {
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = pipe(folder.path());
        let refused = |path: &Path| read_regular(path, 100).unwrap_err().to_string();
        assert_eq!(refused(&path), "it is a pipe, not a file");
        assert_eq!(refused(folder.path()), "it is a folder, not a file");
        let device = refused(Path::new("/dev/zero"));
        assert_eq!(device, "it is a device or the like, not a file");
        assert!(!is_stuck(&path));
        let file = folder.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read_regular(&file, 5).unwrap(), b"12345");
        assert_eq!(
            read(&file, 3).unwrap(),
            b"1234",
            "one more shows that it is larger"
        );
        let gone = read_regular(&folder.path().join("gone"), 5).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_call_that_panics_keeps_nobody() {
        let call = |_: &Path| -> io::Result<()> { panic!("as it was told to") };
        let said = bounded(Path::new("panics"), call).unwrap_err();
        assert_eq!(said.to_string(), "the call panicked");
    }
}
