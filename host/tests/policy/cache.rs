//! Compiled components on disk: used again, and never trusted beyond what this server wrote.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wardroom::policy::{Policies, Surroundings};
use wardroom_domain::Rule;

use crate::fixtures::{channel, guest, here, limits, source};
use crate::log::Log;

struct Scene {
    _folder: TempDir,
    cache: PathBuf,
}

impl Scene {
    /// A cache that holds one compiled component.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self {
            cache: folder.path().join("compiled"),
            _folder: folder,
        };
        assert_eq!(scene.load(), "");
        scene
    }

    /// Loads a policy, sees that it answers, and returns what was logged of the cache.
    fn load(&self) -> String {
        let log = Log::default();
        tracing::subscriber::with_default(log.subscriber(), || answers(&self.cache));
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("compiled polic"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn file(&self) -> PathBuf {
        let mut files: Vec<_> = fs::read_dir(&self.cache)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// The file is not loaded but replaced, and the next start finds a good one.
    #[track_caller]
    fn is_made_anew(&self) {
        let said = self.load();
        assert!(said.contains("made anew"), "{said}");
        let after = fs::metadata(self.file()).unwrap();
        assert_eq!(after.permissions().mode() & 0o777, 0o600);
        assert_eq!(self.load(), "");
    }
}

fn answers(cache: &Path) {
    let surroundings = Surroundings {
        cache: Some(cache.to_owned()),
        ..Surroundings::default()
    };
    let sources = vec![source("p", &guest("nobody"))];
    let policies = Policies::load_in(sources, limits(), surroundings).unwrap();
    let rules = policies
        .current()
        .audience(here(), &channel("c", false, &[]));
    assert_eq!(rules, [Rule::Nobody]);
}

#[test]
fn a_compiled_component_is_used_again() {
    let scene = Scene::new();
    let file = scene.file();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.ends_with(".code"), "{name}");
    let (before, bytes) = (fs::metadata(&file).unwrap(), fs::read(&file).unwrap());
    assert_eq!(before.permissions().mode() & 0o777, 0o600);
    let folder = fs::metadata(&scene.cache).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);

    assert_eq!(scene.load(), "");
    let after = fs::metadata(scene.file()).unwrap();
    assert_eq!(
        (before.ino(), bytes),
        (after.ino(), fs::read(&file).unwrap())
    );
    // It was looked at, which the time of the last use shows.
    assert!(after.modified().unwrap() > before.modified().unwrap());
}

#[test]
fn a_damaged_file_is_made_anew() {
    let scene = Scene::new();
    let whole = fs::read(scene.file()).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut mark = whole.clone();
    mark[0] ^= 1;
    let cut = whole[..whole.len() - 1].to_vec();
    for bytes in [changed, mark, cut, whole[..20].to_vec(), Vec::new()] {
        fs::write(scene.file(), bytes).unwrap();
        scene.is_made_anew();
    }
}

#[test]
fn the_code_of_another_component_is_not_taken() {
    let scene = Scene::new();
    let name = scene.file().file_name().unwrap().to_owned();
    let other = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        cache: Some(other.path().join("compiled")),
        ..Surroundings::default()
    };
    let sources = vec![source("p", &guest("remembers"))];
    let _policies = Policies::load_in(sources, limits(), surroundings).unwrap();
    let mut files = fs::read_dir(other.path().join("compiled")).unwrap();
    fs::copy(
        files.next().unwrap().unwrap().path(),
        scene.cache.join(name),
    )
    .unwrap();
    scene.is_made_anew();
}

#[test]
fn a_file_that_others_may_write_is_made_anew() {
    let scene = Scene::new();
    for mode in [0o666, 0o620] {
        fs::set_permissions(scene.file(), Permissions::from_mode(mode)).unwrap();
        scene.is_made_anew();
    }
}

#[test]
fn a_file_of_somebody_else_is_made_anew() {
    let scene = Scene::new();
    // Only root may give a file away.
    if chown(scene.file(), Some(12_345), None).is_ok() {
        scene.is_made_anew();
    }
}

#[test]
fn a_directory_that_others_may_write_is_not_used() {
    let scene = Scene::new();
    fs::set_permissions(&scene.cache, Permissions::from_mode(0o777)).unwrap();
    let file = fs::metadata(scene.file()).unwrap();
    let said = scene.load();
    assert!(said.contains("others may write to it"), "{said}");
    let after = fs::metadata(scene.file()).unwrap();
    assert_eq!(file.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn a_directory_that_is_none_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "").unwrap();
    symlink(folder.path(), &link).unwrap();
    for cache in [&file, &link, Path::new("/proc/none")] {
        let log = Log::default();
        tracing::subscriber::with_default(log.subscriber(), || answers(cache));
        let text = log.text();
        assert!(text.contains("compiled policies are not kept"), "{text}");
    }
}
