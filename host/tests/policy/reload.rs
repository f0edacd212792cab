//! A changed file comes into force whole, or not at all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wardroom::policy::{Digest, Policies, PolicyState, PolicyStatus};
use wardroom_domain::Rule;

use crate::fixtures::{channel, eventually, guest, here, load, plugin, variant};

struct Scene {
    folder: TempDir,
    file: PathBuf,
    policies: Policies,
    _watching: wardroom::policy::Watching,
}

impl Scene {
    /// A folder with the policy `private-channels` in force, and watched.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.wasm");
        fs::copy(plugin("private_channels"), &file).unwrap();
        Self::of(folder, file)
    }

    fn of(folder: TempDir, file: PathBuf) -> Self {
        let policies = load(&file).unwrap();
        let watching = policies.watch().unwrap();
        Self {
            folder,
            file,
            policies,
            _watching: watching,
        }
    }

    /// Writes a file beside the policy and renames it over it, as a careful deployment does.
    fn rename_into_place(&self, bytes: &[u8]) {
        let beside = self.folder.path().join("next");
        fs::write(&beside, bytes).unwrap();
        fs::rename(&beside, &self.file).unwrap();
    }

    fn status(&self) -> PolicyStatus {
        self.policies.status().remove(0)
    }

    fn rule(&self) -> Rule {
        let facts = channel("c", false, &[]);
        self.policies.current().audience(here(), &facts)[0].clone()
    }

    fn in_force(&self, bytes: &[u8]) {
        let digest = Digest::of(bytes);
        eventually("the new version is in force", || {
            self.status().digest == digest
        });
    }

    fn refused(&self, word: &str) {
        eventually(word, || {
            let status = self.status();
            let reason = status.last_error.unwrap_or_default();
            status.state == PolicyState::Stale && reason.contains(word)
        });
    }
}

fn bytes_of(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap()
}

#[test]
fn a_file_renamed_into_place_comes_into_force() {
    let scene = Scene::new();
    let mut generations = scene.policies.subscribe();
    let held = scene.policies.current();
    assert_eq!(scene.rule(), Rule::Everyone);

    let nobody = bytes_of(&guest("nobody"));
    scene.rename_into_place(&nobody);
    scene.in_force(&nobody);

    assert_eq!(scene.rule(), Rule::Nobody);
    assert_eq!(*generations.borrow_and_update(), 2);
    assert_eq!(scene.status().generation.0, 2);
    // What began under the old version ends under it.
    assert_eq!(
        held.audience(here(), &channel("c", false, &[])),
        [Rule::Everyone]
    );
}

#[test]
fn a_file_written_in_place_comes_into_force() {
    let scene = Scene::new();
    let nobody = bytes_of(&guest("nobody"));
    fs::write(&scene.file, &nobody).unwrap();
    scene.in_force(&nobody);
}

#[test]
fn a_swapped_symbolic_link_comes_into_force() {
    // As Kubernetes mounts configuration: policy.wasm → data/policy.wasm, data → one of two.
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, from) in [
        ("old", plugin("private_channels")),
        ("new", guest("nobody")),
    ] {
        fs::create_dir(at(name)).unwrap();
        fs::copy(from, at(name).join("policy.wasm")).unwrap();
    }
    symlink("old", at("data")).unwrap();
    symlink("data/policy.wasm", at("policy.wasm")).unwrap();
    let file = at("policy.wasm");
    let scene = Scene::of(folder, file);

    let next = scene.folder.path().join("data.next");
    symlink("new", &next).unwrap();
    fs::rename(&next, scene.folder.path().join("data")).unwrap();
    scene.in_force(&bytes_of(&guest("nobody")));
}

#[test]
fn a_bad_candidate_never_replaces_a_good_version() {
    let scene = Scene::new();
    let good = scene.status().digest;
    let whole = bytes_of(&guest("nobody"));
    for (candidate, words) in [
        (b"not wasm".to_vec(), &["not WebAssembly"][..]),
        (
            whole[..whole.len() / 2].to_vec(),
            &["truncated", "copy it again, and rename it into place"],
        ),
        (
            b"\0asm\x01\0\0\0".to_vec(),
            &["core module", "build for the target wasm32-wasip2"],
        ),
        (
            bytes_of(&guest("no_hook")),
            &["no hook", "Export one of wardroom:policy/admission"],
        ),
        (
            bytes_of(&guest("reaches_out")),
            &["not granted", "A policy may import"],
        ),
        (
            bytes_of(&guest("future")),
            &["@1.7.0", "upgrade the server, or build against 1.0.0"],
        ),
        (
            bytes_of(&guest("refuses_settings")),
            &[
                "refused its settings: this fixture takes no settings",
                "change `settings` in the configuration",
            ],
        ),
        (bytes_of(&guest("broken")), &["empty public channel"]),
    ] {
        scene.rename_into_place(&candidate);
        for word in words {
            scene.refused(word);
        }
        assert_eq!(scene.status().digest, good);
        assert_eq!(scene.rule(), Rule::Everyone);
    }
    // The way back is the good file.
    scene.rename_into_place(&bytes_of(&plugin("private_channels")));
    eventually("the file is good again", || {
        scene.status().state == PolicyState::Active
    });
    assert_eq!(scene.status().generation.0, 1);
}

#[test]
fn a_deleted_file_leaves_the_last_good_version_in_force() {
    let scene = Scene::new();
    fs::remove_file(&scene.file).unwrap();
    scene.refused("cannot be read");
    scene.refused("Put it there, or name another in the configuration");
    assert_eq!(scene.rule(), Rule::Everyone);

    let nobody = bytes_of(&guest("nobody"));
    scene.rename_into_place(&nobody);
    scene.in_force(&nobody);
}

#[test]
fn a_file_that_is_renamed_away_and_back_is_the_same_version() {
    let scene = Scene::new();
    let aside = scene.folder.path().join("aside");
    fs::rename(&scene.file, &aside).unwrap();
    scene.refused("Put it there, or name another in the configuration");
    assert_eq!(scene.rule(), Rule::Everyone);

    fs::rename(&aside, &scene.file).unwrap();
    eventually("the file is back", || {
        scene.status().state == PolicyState::Active
    });
    assert_eq!(scene.status().last_error, None);
    assert_eq!(scene.status().generation.0, 1);
}

/// The file is written anew ten times a second, in place, whole and cut off by turns, for as long as
/// it takes to see that this keeps nothing good from coming into force and nothing bad does.
#[test]
fn a_file_that_changes_ten_times_a_second_is_followed_and_never_half() {
    let scene = Scene::new();
    let good = bytes_of(&plugin("private_channels"));
    let variants: Vec<_> = (0..4).map(|mark| variant(&good, mark)).collect();
    let digests: Vec<_> = variants.iter().map(|bytes| Digest::of(bytes)).collect();
    let seen = AtomicBool::new(false);
    let patience = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for bytes in variants.iter().cycle() {
                if seen.load(Ordering::Relaxed) || Instant::now() > patience {
                    return;
                }
                for bytes in [&bytes[..bytes.len() / 2], bytes] {
                    fs::write(&scene.file, bytes).unwrap();
                    // It is the rate that is tried.
                    std::thread::park_timeout(Duration::from_millis(50));
                }
            }
        });
        let first = scene.status().digest;
        eventually("several versions while it changes", || {
            let status = scene.status();
            assert!(status.digest == first || digests.contains(&status.digest));
            assert_eq!(scene.rule(), Rule::Everyone);
            status.generation.0 >= 4
        });
        seen.store(true, Ordering::Relaxed);
    });
    let nobody = bytes_of(&guest("nobody"));
    scene.rename_into_place(&nobody);
    scene.in_force(&nobody);
    assert_eq!(scene.status().state, PolicyState::Active);
}

/// Somebody writes on and on, and never closes the file.
#[test]
fn a_file_that_never_rests_is_looked_at_all_the_same() {
    let scene = Scene::new();
    let seen = AtomicBool::new(false);
    let patience = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::create(&scene.file).unwrap();
            while !seen.load(Ordering::Relaxed) && Instant::now() < patience {
                file.write_all(b"\0asm\x0d\0\x01\0").unwrap();
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        scene.refused("the file");
        seen.store(true, Ordering::Relaxed);
    });
    assert_eq!(scene.rule(), Rule::Everyone);
    let nobody = bytes_of(&guest("nobody"));
    scene.rename_into_place(&nobody);
    scene.in_force(&nobody);
}

#[test]
fn a_directory_that_goes_and_comes_back_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("policies");
    fs::create_dir(&inner).unwrap();
    let file = inner.join("policy.wasm");
    fs::copy(plugin("private_channels"), &file).unwrap();
    let scene = Scene::of(folder, file);

    fs::remove_dir_all(&inner).unwrap();
    scene.refused("cannot be read");
    fs::create_dir(&inner).unwrap();
    fs::copy(guest("nobody"), &scene.file).unwrap();
    scene.in_force(&bytes_of(&guest("nobody")));
}

#[test]
fn of_many_changes_the_newest_wins() {
    let scene = Scene::new();
    let nobody = bytes_of(&guest("nobody"));
    for mark in 0..30 {
        scene.rename_into_place(&variant(&nobody, mark));
    }
    let last = variant(&nobody, 99);
    scene.rename_into_place(&last);
    scene.in_force(&last);
    assert_eq!(scene.status().state, PolicyState::Active);
}

#[test]
fn a_version_that_fails_is_answered_for_by_the_last_good_one() {
    let scene = Scene::new();
    let misbehaves = bytes_of(&guest("misbehaves"));
    scene.rename_into_place(&misbehaves);
    scene.in_force(&misbehaves);
    let rules = scene
        .policies
        .current()
        .audience(here(), &channel("trap", true, &["a"]));
    assert!(matches!(rules[..], [Rule::Only(_)]), "{rules:?}");
    assert_eq!(scene.status().state, PolicyState::Failing);
    assert_eq!(scene.status().failures, 2);
}

/// A pipe that nobody writes to once kept the thread that reloads for ever.
#[test]
fn a_path_that_becomes_a_pipe_is_refused_and_followed_further() {
    let scene = Scene::new();
    let pipe = scene.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::rename(&pipe, &scene.file).unwrap();
    scene.refused("it is a pipe, not a file");
    assert_eq!(scene.rule(), Rule::Everyone, "the last good version stays");
    let nobody = bytes_of(&guest("nobody"));
    scene.rename_into_place(&nobody);
    scene.in_force(&nobody);
    assert_eq!(scene.rule(), Rule::Nobody);
}
