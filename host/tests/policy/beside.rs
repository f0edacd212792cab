//! What takes long to compile keeps nothing else from coming into force.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use wardroom::policy::{
    Also, Digest, LoadingState, Looked, Policies, PolicyLimits, PolicySource, Surroundings,
};
use wardroom_domain::PrivateChannels;

use crate::bombs;
use crate::compiling::apart;
use crate::fixtures::{eventually, guest, limits, load_in, plugin, source, variant};

/// Two policies in force, `a` and `b`, whose files are followed; components are compiled apart.
struct Scene {
    folder: TempDir,
    policies: Policies,
}

/// Nothing is ended for the time that it takes.
fn patient() -> PolicyLimits {
    PolicyLimits {
        compile_timeout: Duration::from_secs(3600),
        ..limits()
    }
}

fn nobody() -> Vec<u8> {
    fs::read(guest("nobody")).unwrap()
}

fn slow() -> Vec<u8> {
    bombs::slow(&nobody())
}

impl Scene {
    fn new() -> Self {
        // So that it is in the cache, and need not be compiled where something else is.
        let first = source("first", &guest("nobody"));
        drop(load_in(vec![first], limits(), Surroundings::default()).unwrap());
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::copy(plugin("private_channels"), file(&folder, name)).unwrap();
        }
        let surroundings = Surroundings {
            compiler: apart(),
            ..Surroundings::default()
        };
        let sources = ["a", "b"].map(|name| source(name, &file(&folder, name)));
        let policies = load_in(sources.to_vec(), patient(), surroundings).unwrap();
        Self { folder, policies }
    }

    fn sources(&self, names: &[&str]) -> Vec<PolicySource> {
        let source = |name: &&str| source(name, &file(&self.folder, name));
        names.iter().map(source).collect()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        put(&file(&self.folder, name), bytes);
    }

    /// Waits until the component of a policy is being compiled.
    fn compiles(&self, name: &str) {
        eventually("it is compiled", || self.is_compiled(name));
    }

    fn is_compiled(&self, name: &str) -> bool {
        let loading = self.policies.loading();
        let mut loading = loading.iter().filter(|it| &*it.name == name);
        loading.any(|it| it.state == LoadingState::Compiling)
    }

    fn in_force(&self, name: &str, bytes: &[u8]) {
        let digest = Digest::of(bytes);
        eventually("the new version is in force", || {
            let status = self.policies.status();
            let mut policies = status.iter().filter(|it| &*it.name == name);
            policies.any(|it| it.digest == digest)
        });
    }
}

fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(format!("{name}.wasm"))
}

/// Writes beside a file and renames over it.
fn put(file: &Path, bytes: &[u8]) {
    let beside = file.with_extension("next");
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, file).unwrap();
}

#[test]
fn another_policy_is_replaced_while_one_is_compiled_and_a_newer_content_has_that_called_off() {
    let scene = Scene::new();
    let _watching = scene.policies.watch().unwrap();
    scene.put("a", &slow());
    scene.compiles("a");

    scene.put("b", &nobody());
    scene.in_force("b", &nobody());
    assert!(scene.is_compiled("a"), "it takes minutes");

    let good = variant(&nobody(), 1);
    scene.put("a", &good);
    scene.in_force("a", &good);
    assert_eq!(scene.policies.loading(), []);
    let status = scene.policies.status();
    assert!(
        status.iter().all(|it| it.last_error.is_none()),
        "{status:?}"
    );
}

#[test]
fn a_policy_is_replaced_while_a_configuration_is_compiled() {
    let scene = Scene::new();
    let _watching = scene.policies.watch().unwrap();
    scene.put("c", &slow());
    let hasty = PolicyLimits {
        compile_timeout: Duration::from_secs(10),
        ..limits()
    };
    let sources = scene.sources(&["a", "b", "c"]);
    std::thread::scope(|scope| {
        let configuring = scope.spawn(|| {
            let members = PrivateChannels::Members;
            scene.policies.reconfigure(sources.clone(), hasty, members)
        });
        scene.compiles("c");
        scene.put("b", &nobody());
        scene.in_force("b", &nobody());
        let refused = configuring.join().unwrap().unwrap_err().to_string();
        assert!(refused.contains("policy \"c\""), "{refused}");
        assert!(
            refused.contains("raise policy.compile_timeout"),
            "{refused}"
        );
    });
    scene.in_force("b", &nobody());

    // What was replaced meanwhile is part of what is configured next.
    scene.put("c", &variant(&nobody(), 2));
    let members = PrivateChannels::Members;
    let taken = scene.policies.reconfigure(sources, patient(), members);
    assert_eq!(taken, Ok(true));
    scene.in_force("b", &nobody());
    scene.in_force("c", &variant(&nobody(), 2));
}

#[test]
fn a_newer_configuration_calls_off_an_older_one() {
    let scene = Scene::new();
    scene.put("c", &slow());
    scene.put("d", &nobody());
    let configuration = scene.folder.path().join("configuration");
    put(&configuration, b"a b");
    let (read, folder) = (configuration.clone(), scene.folder.path().to_owned());
    let policies = scene.policies.clone();
    let also = Also {
        files: vec![configuration.clone()],
        look: Box::new(move || {
            let text = fs::read_to_string(&read).unwrap();
            let source = |name| source(name, &folder.join(format!("{name}.wasm")));
            let sources = text.split(' ').map(source).collect();
            // What came of it shows in what is in force.
            let _outcome = policies.reconfigure(sources, patient(), PrivateChannels::Members);
            Looked::default()
        }),
    };
    let _watching = scene.policies.watch_with(Some(also)).unwrap();
    put(&configuration, b"a b c");
    scene.compiles("c");

    put(&configuration, b"a b d");
    scene.in_force("d", &nobody());
    let names = scene.policies.status().into_iter().map(|it| it.name);
    let expected = ["a", "b", "d"].map(Arc::from);
    assert_eq!(names.collect::<Vec<Arc<str>>>(), expected);
    assert_eq!(scene.policies.refused_configuration(), None);
    assert_eq!(scene.policies.loading(), []);
}
