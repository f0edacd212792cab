//! The start: what is refused before anything is compiled, what an operator sees meanwhile, and that
//! no policy waits for another to be compiled.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

use wardroom::policy::{
    LoadingPolicy, LoadingState, Policies, PolicySource, ReconfigureError, StartError, Starting,
    Surroundings,
};

use wardroom_domain::PrivateChannels;

use crate::fixtures::{guest, limits, plugin, source};
use crate::log::Log;

fn prepare(sources: Vec<PolicySource>) -> (Policies, Starting) {
    Policies::prepare(sources, limits(), Surroundings::default()).unwrap()
}

/// A large policy before a small one.
fn two() -> Vec<PolicySource> {
    vec![
        source("large", &plugin("private_channels")),
        source("small", &guest("nobody")),
    ]
}

fn states(loading: &[LoadingPolicy]) -> Vec<(&str, LoadingState)> {
    let states = loading.iter().map(|policy| (&*policy.name, policy.state));
    states.collect()
}

/// Lines of a log, each with what was loading when it was written.
type Seen = Vec<(String, Vec<LoadingPolicy>)>;

/// A log that looks at what is loading with each line that is written.
#[derive(Clone)]
struct Watcher {
    policies: Policies,
    seen: Arc<Mutex<Seen>>,
}

impl Write for Watcher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        let loading = self.policies.loading();
        self.seen.lock().unwrap().push((line, loading));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_found_waits_and_decides_nothing() {
    let (policies, starting) = prepare(two());
    let loading = policies.loading();
    assert_eq!(
        states(&loading),
        [
            ("large", LoadingState::Waiting),
            ("small", LoadingState::Waiting)
        ]
    );
    let bytes = std::fs::read(guest("nobody")).unwrap();
    assert_eq!(loading[1].bytes, bytes.len());
    assert!(loading[0].bytes > loading[1].bytes);
    assert_eq!(loading[1].file, guest("nobody"));
    assert!(policies.status().is_empty());
    assert_eq!(policies.current().generation(), None);

    starting.load().unwrap();
    assert_eq!(policies.loading(), []);
    let status = policies.status();
    // The smallest is compiled first; they are asked in the order of the configuration.
    let names: Vec<&str> = status.iter().map(|policy| &*policy.name).collect();
    assert_eq!(names, ["large", "small"]);
    assert_eq!(status[1].digest, loading[1].digest);
    assert!(status.iter().all(|policy| policy.generation.0 == 1));
}

#[test]
fn a_first_compile_is_told_before_and_after() {
    let (policies, starting) = prepare(two());
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let watcher = Watcher {
        policies,
        seen: Arc::clone(&seen),
    };
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || watcher.clone())
        .finish();
    tracing::subscriber::with_default(log, || starting.load().unwrap());
    let seen = seen.lock().unwrap();
    for name in ["large", "small"] {
        let told = |text: &str| {
            let name = format!("policy=\"{name}\"");
            let line = seen.iter().find(|(line, _)| {
                line.contains(text) && line.contains(&name) && line.contains("digest=sha256:")
            });
            line.unwrap_or_else(|| panic!("{text:?} of {name}: {seen:#?}"))
        };
        let state = |loading: &[LoadingPolicy]| {
            let policy = loading.iter().find(|policy| &*policy.name == name);
            policy.map(|policy| policy.state)
        };
        let (begun, loading) = told("compiling the policy");
        assert!(begun.contains("bytes="), "{begun}");
        assert_eq!(state(loading), Some(LoadingState::Compiling));
        let (ended, _) = told("compiled the policy");
        assert!(ended.contains("took_ms="), "{ended}");
        let (_, loading) = told("policy loaded");
        assert_eq!(state(loading), Some(LoadingState::Loaded));
    }
}

#[test]
fn what_was_compiled_before_is_not_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        cache: Some(folder.path().join("compiled")),
        ..Surroundings::default()
    };
    for (round, compiled) in [(1, 2), (2, 0)] {
        let log = Log::default();
        tracing::subscriber::with_default(log.subscriber(), || {
            Policies::load_in(two(), limits(), surroundings.clone()).unwrap()
        });
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("compiling the"));
        assert_eq!(lines.count(), compiled, "round {round}: {text}");
    }
}

#[test]
fn what_can_be_refused_at_once_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = two();
    sources.push(source("gone", &folder.path().join("gone.wasm")));
    let refused = Policies::prepare(sources, limits(), Surroundings::default());
    let Err(StartError::Policy { name, reason, .. }) = refused else {
        panic!("a file that is not there was found");
    };
    assert_eq!(&*name, "gone");
    assert!(reason.contains("cannot be read"), "{reason}");
}

#[test]
fn the_bad_one_among_good_ones_is_named_and_nothing_comes_into_force() {
    let mut sources = two();
    sources.insert(1, source("bad", &guest("broken")));
    let (policies, starting) = prepare(sources);
    let Err(StartError::Policy { name, reason, .. }) = starting.load() else {
        panic!("a policy that fails on everything was taken");
    };
    assert_eq!(&*name, "bad");
    assert!(reason.contains("empty public channel"), "{reason}");
    assert!(policies.status().is_empty());
    assert_eq!(policies.current().generation(), None);
}

#[test]
fn more_policies_than_are_loaded_at_once_are_all_loaded() {
    let sources = (0..9).map(|n| source(&format!("p{n}"), &guest("nobody")));
    let (policies, starting) = prepare(sources.collect());
    starting.load().unwrap();
    let status = policies.status();
    let names: Vec<&str> = status.iter().map(|policy| &*policy.name).collect();
    assert_eq!(
        names,
        ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"]
    );
}

#[test]
fn a_policy_that_is_not_waited_for_comes_into_force_later() {
    let mut sources = two();
    sources[0].wait = false;
    let (policies, starting) = prepare(sources.clone());
    assert_eq!(
        states(&policies.loading()),
        [("small", LoadingState::Waiting)]
    );
    starting.load().unwrap();
    let names = |policies: &Policies| {
        let status = policies.status().into_iter();
        status.map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&policies), ["small"]);
    assert_eq!(
        policies.reconfigure(sources, limits(), PrivateChannels::Members),
        Ok(true)
    );
    assert_eq!(names(&policies), ["large", "small"]);
    assert_eq!(policies.loading(), []);
}

#[test]
fn one_that_is_not_waited_for_and_cannot_be_loaded_keeps_no_other_out() {
    let mut sources = two();
    let folder = tempfile::tempdir().unwrap();
    let late = folder.path().join("late.wasm");
    sources.insert(1, source("late", &late));
    sources.iter_mut().for_each(|source| source.wait = false);
    let (policies, starting) = prepare(sources.clone());
    starting.load().unwrap();
    let names = || {
        let status = policies.status().into_iter();
        status.map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    let reconfigure = || policies.reconfigure(sources.clone(), limits(), PrivateChannels::Members);
    let said = reconfigure().unwrap_err();
    assert!(
        matches!(&said, ReconfigureError::LeftOut(out) if &*out[0].0 == "late"),
        "{said}"
    );
    assert_eq!(names(), ["large", "small"]);
    let generation = policies.current().generation();
    assert!(generation.is_some());
    // Asked again while nothing changed, it changes nothing.
    assert_eq!(reconfigure(), Err(said.clone()));
    fs::write(&late, "no component").unwrap();
    assert_ne!(reconfigure(), Err(said));
    assert_eq!(policies.current().generation(), generation);
    fs::copy(guest("nobody"), &late).unwrap();
    assert_eq!(reconfigure(), Ok(true));
    assert_eq!(names(), ["large", "late", "small"]);
    // Once in force it is relied upon like any other.
    let mut moved = sources.clone();
    moved[1].file = folder.path().join("elsewhere.wasm");
    let said = policies
        .reconfigure(moved, limits(), PrivateChannels::Members)
        .unwrap_err();
    assert!(matches!(said, ReconfigureError::Policies(_)), "{said}");
    assert_eq!(names(), ["large", "late", "small"]);
}
