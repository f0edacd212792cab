//! Notices that sources have changed: watches a folder, and looks at contents, so that a build which
//! touches or rewrites files without changing them starts nothing. Knows no policies.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Instant, UNIX_EPOCH};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest as _, Sha256};

use crate::limits::{
    POLICY_DEV_FILE_BYTES, POLICY_DEV_FILES, POLICY_RELOAD_PATIENCE, POLICY_RELOAD_POLL,
    POLICY_RELOAD_QUIET,
};

/// Folders that hold what tools make and no sources. Hidden ones are left out as well.
const NOT_SOURCES: [&str; 7] = [
    "build",
    "target",
    "node_modules",
    "__pycache__",
    "zig-cache",
    "zig-out",
    "dist",
];

/// The folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be watched: {reason}", folder.display())]
pub struct WatchError {
    folder: PathBuf,
    reason: String,
}

/// A folder of sources that is followed.
pub struct Sources {
    folder: PathBuf,
    /// What a build makes inside the folder, which is no source.
    made: Vec<PathBuf>,
    seen: Seen,
    signals: Receiver<()>,
    /// Watches as long as it lives.
    _watcher: RecommendedWatcher,
}

/// The sources as they are at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    files: BTreeMap<PathBuf, [u8; 32]>,
    /// Whether there were more than are followed.
    truncated: bool,
}

impl Sources {
    /// Begins to follow a folder; `made` are files in it that are no sources.
    ///
    /// # Errors
    /// The folder is not there, or the system refuses to watch.
    pub fn follow(folder: &Path, made: Vec<PathBuf>) -> Result<Self, WatchError> {
        let error = |reason: String| WatchError {
            folder: folder.to_owned(),
            reason,
        };
        let folder_in_full = folder.canonicalize().map_err(|e| error(e.to_string()))?;
        // One place suffices: a signal says only "look".
        let (signal, signals) = sync_channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error means that events were lost, so that a look is due as well.
            if event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_))) {
                let _already_due = signal.try_send(());
            }
        })
        .map_err(|e| error(e.to_string()))?;
        watcher
            .watch(&folder_in_full, RecursiveMode::Recursive)
            .map_err(|e| error(e.to_string()))?;
        let made: Vec<PathBuf> = made.iter().map(|file| in_full(file)).collect();
        let seen = look(&folder_in_full, &made);
        Ok(Self {
            folder: folder_in_full,
            made,
            seen,
            signals,
            _watcher: watcher,
        })
    }

    /// Whether there are more files than are followed.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.seen.truncated
    }

    /// Waits until the sources differ from what they were when it returned last, and rest. Returns
    /// the files that changed, came or went. What changed in between is seen at once.
    pub fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            let present = look(&self.folder, &self.made);
            let changed = self.seen.differing(&present);
            if !changed.is_empty() {
                self.seen = present;
                return changed;
            }
            // Where the system reports nothing, as on some network file systems, looking does.
            if self.signals.recv_timeout(POLICY_RELOAD_POLL).is_ok() {
                self.rest();
            }
        }
    }

    /// Waits until nothing has been written for a while.
    fn rest(&self) {
        let patience = Instant::now() + POLICY_RELOAD_PATIENCE;
        while Instant::now() < patience {
            match self.signals.recv_timeout(POLICY_RELOAD_QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

impl Seen {
    fn differing(&self, present: &Self) -> Vec<PathBuf> {
        let came_or_changed = present
            .files
            .iter()
            .filter(|(path, digest)| self.files.get(*path) != Some(digest));
        let gone = self
            .files
            .keys()
            .filter(|path| !present.files.contains_key(*path));
        came_or_changed
            .map(|(path, _)| path)
            .chain(gone)
            .cloned()
            .collect()
    }
}

fn look(folder: &Path, made: &[PathBuf]) -> Seen {
    let mut seen = Seen::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that went meanwhile has no files.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || made.contains(&path) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if !NOT_SOURCES.contains(&&*name) {
                        folders.push(path);
                    }
                }
                Ok(_) if seen.files.len() >= POLICY_DEV_FILES => seen.truncated = true,
                Ok(_) => {
                    if let Some(digest) = digest(&path) {
                        seen.files.insert(path, digest);
                    }
                }
                Err(_) => {}
            }
        }
    }
    seen
}

/// What tells one content of a file from another; nothing where it cannot be read.
fn digest(path: &Path) -> Option<[u8; 32]> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() {
        return None;
    }
    if about.len() > POLICY_DEV_FILE_BYTES {
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let text = format!("{} {}", about.len(), changed.as_nanos());
        return Some(Sha256::digest(text).into());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(POLICY_DEV_FILE_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(Sha256::digest(&bytes).into())
}

/// A path through its folder, which may be there when the file is not yet.
fn in_full(file: &Path) -> PathBuf {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_contents_of_sources_count() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::create_dir(at("target")).unwrap();
        fs::write(at("lib.rs"), "one").unwrap();
        let mut sources = Sources::follow(folder.path(), vec![at("out.wasm")]).unwrap();

        fs::write(at("target/out"), "built").unwrap();
        fs::write(at("out.wasm"), "built").unwrap();
        fs::write(at(".lib.rs.swp"), "an editor's").unwrap();
        fs::write(at("lib.rs"), "one").unwrap();
        let present = look(&sources.folder, &sources.made);
        assert_eq!(sources.seen.differing(&present), [] as [&Path; 0]);

        fs::write(at("lib.rs"), "two").unwrap();
        fs::write(at("new.rs"), "").unwrap();
        let changed = sources.changed();
        assert!(changed.contains(&at("lib.rs")), "{changed:?}");
        // What comes while nobody waits is seen by the next look.
        fs::remove_file(at("lib.rs")).unwrap();
        let mut changed = sources.changed();
        while !changed.contains(&at("lib.rs")) {
            changed = sources.changed();
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let error = Sources::follow(Path::new("/nowhere/at/all"), vec![]).err();
        assert!(error.unwrap().to_string().contains("/nowhere/at/all"));
    }
}
