//! Notices that sources have changed: watches a folder, and looks at contents, so that a build which
//! touches or rewrites files without changing them starts nothing. Knows no policies.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Instant, UNIX_EPOCH};

use ignore::{DirEntry, WalkBuilder};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest as _, Sha256};

use crate::limits::{
    POLICY_DEV_FILE_BYTES, POLICY_DEV_FILES, POLICY_RELOAD_PATIENCE, POLICY_RELOAD_POLL,
    POLICY_RELOAD_QUIET,
};

/// Folders that hold what tools make and no sources. Hidden ones are left out as well.
const NOT_SOURCES: [&str; 10] = [
    "build",
    "coverage",
    "dist",
    "node_modules",
    "out",
    "target",
    "venv",
    "zig-cache",
    "zig-out",
    "__pycache__",
];

/// How files end that tools and a server write: components, databases, logs, and drafts of editors.
const NOT_SOURCE_FILES: [&str; 17] = [
    "wasm", "cwasm", "o", "pyc", "class", "redb", "db", "sqlite", "sqlite3", "log", "jsonl", "1",
    "pid", "sock", "tmp", "swp", "bak",
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
    let walk = WalkBuilder::new(folder)
        // The folder's own files say what is none of its sources, whether or not it is of git.
        .require_git(false)
        // Those of a folder around it are about something else, and may leave out all of it.
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .filter_entry(|entry| entry.depth() == 0 || is_source(entry))
        .build();
    // What went meanwhile is no source any more.
    for entry in walk.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_none_or(|kind| kind.is_dir()) || made.iter().any(|it| it == path) {
            continue;
        }
        if seen.files.len() >= POLICY_DEV_FILES {
            seen.truncated = true;
            break;
        }
        if let Some(digest) = digest(path) {
            seen.files.insert(path.to_owned(), digest);
        }
    }
    seen
}

/// Whether a file may be a source, or a folder hold some, by what it is called.
fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return !NOT_SOURCES.contains(&&*name);
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !name.ends_with('~') && !ending.is_some_and(|ending| NOT_SOURCE_FILES.contains(&ending))
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
    fn what_a_server_and_a_build_write_and_what_is_ignored_is_no_source() {
        let outside = tempfile::tempdir().unwrap();
        // What a folder around it ignores is about something else.
        fs::write(outside.path().join(".gitignore"), "*\n").unwrap();
        let folder = outside.path().canonicalize().unwrap().join("policy");
        let at = |name: &str| folder.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(at(".gitignore"), "*.out\ngenerated/\n").unwrap();
        fs::write(at("policy.py"), "one").unwrap();
        let sources = Sources::follow(&folder, Vec::new()).unwrap();
        assert_eq!(sources.seen.files.len(), 1, "{:?}", sources.seen);

        for folder in [
            "node_modules",
            "venv",
            "generated",
            "policies",
            ".policy-cache",
        ] {
            fs::create_dir(at(folder)).unwrap();
        }
        for written in [
            "wardroom.redb",
            "decisions.jsonl",
            "decisions.jsonl.1",
            "server.log",
            "other.wasm",
            "compiled.out",
            "policy.py~",
            "node_modules/index.js",
            "venv/site.py",
            "generated/types.py",
            "policies/policy.wasm",
            ".policy-cache/compiled",
            ".wardroom-dev.toml",
        ] {
            fs::write(at(written), "written").unwrap();
        }
        let present = look(&sources.folder, &sources.made);
        assert_eq!(sources.seen.differing(&present), [] as [&Path; 0]);
        fs::write(at("policies/more.py"), "a source").unwrap();
        let present = look(&sources.folder, &sources.made);
        assert_eq!(sources.seen.differing(&present), [at("policies/more.py")]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let error = Sources::follow(Path::new("/nowhere/at/all"), vec![]).err();
        assert!(error.unwrap().to_string().contains("/nowhere/at/all"));
    }
}
