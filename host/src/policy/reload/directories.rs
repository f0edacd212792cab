//! The directories in which something is to be noticed. Knows nothing of what is in them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use crate::files;

/// The directories that are watched.
pub(super) struct Directories {
    /// Behind a lock, because a call that hangs is left behind with it.
    watcher: Arc<Mutex<RecommendedWatcher>>,
    watched: BTreeSet<PathBuf>,
    names: Names,
}

/// The names of the followed files and of what they link to, whatever directory they are in.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<BTreeSet<OsString>>>);

impl Names {
    pub(super) fn set(&self, names: BTreeSet<OsString>) {
        *self.0.lock() = names;
    }

    /// Whether one of these files has such a name; if there are none, it may be any.
    pub(super) fn hold_any(&self, paths: &[PathBuf]) -> bool {
        let names = self.0.lock();
        let mut of_paths = paths.iter().filter_map(|path| path.file_name());
        paths.is_empty() || of_paths.any(|name| names.contains(name))
    }
}

impl Directories {
    /// Has this watcher watch directories, and tells it the names of the files.
    pub(super) fn new(watcher: RecommendedWatcher, names: Names) -> Self {
        Self {
            watcher: Arc::new(Mutex::new(watcher)),
            watched: BTreeSet::new(),
            names,
        }
    }

    /// Watches the directories of all these files and of what they link to, and no others.
    pub(super) fn watch<'a>(&mut self, files: impl Iterator<Item = &'a PathBuf>) {
        let (mut wanted, mut names) = (BTreeSet::new(), BTreeSet::new());
        for file in files {
            let target = files::bounded(file, |file| file.canonicalize()).ok();
            for path in [Some(file.as_path()), target.as_deref()]
                .into_iter()
                .flatten()
            {
                wanted.extend(path.parent().map(in_full));
                names.extend(path.file_name().map(OsString::from));
            }
        }
        self.names.set(names);
        for gone in self.watched.difference(&wanted) {
            // It fails where the directory is gone, and then there is nothing to end.
            let _gone = self.tell_watcher(gone, |watcher, gone| watcher.unwatch(gone));
        }
        self.watched
            .retain(|directory| wanted.contains(directory) && files::is_dir(directory));
        for directory in wanted {
            if !self.watched.contains(&directory)
                && self
                    .tell_watcher(&directory, |watcher, directory| {
                        watcher.watch(directory, RecursiveMode::NonRecursive)
                    })
                    .is_ok()
            {
                self.watched.insert(directory);
            }
        }
    }

    /// Has a directory watched or no longer watched. While a former call hangs, what changes is
    /// noticed by looking now and then.
    fn tell_watcher(
        &self,
        directory: &Path,
        call: impl FnOnce(&mut RecommendedWatcher, &Path) -> notify::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let watcher = self.watcher.clone();
        files::bounded(directory, move |directory| {
            let mut watcher = watcher.try_lock().ok_or(io::ErrorKind::WouldBlock)?;
            call(&mut watcher, directory).map_err(io::Error::other)
        })
    }
}

/// The directory of a file named without one is the present one.
fn in_full(directory: &Path) -> PathBuf {
    if directory.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        directory.to_owned()
    }
}
