//! Compiling in a process of its own: what comes of it, its bounds, and what that process is given.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wardroom::policy::{Compiler, Policies, PolicyLimits, StartError, Surroundings};
use wardroom_domain::Rule;

use crate::bombs;
use crate::fixtures::{channel, guest, here, limits, source};

/// The server's own program.
pub(crate) fn apart() -> Compiler {
    Compiler::Apart(PathBuf::from(env!("CARGO_BIN_EXE_wardroom")))
}

fn load(file: &Path, compiler: Compiler, limits: PolicyLimits) -> Result<Policies, StartError> {
    let surroundings = Surroundings {
        compiler,
        ..Surroundings::default()
    };
    Policies::load_in(vec![source("p", file)], limits, surroundings)
}

pub(crate) fn refusal(file: &Path, compiler: Compiler, limits: PolicyLimits) -> String {
    match load(file, compiler, limits) {
        Ok(_) => panic!("{} was taken", file.display()),
        Err(StartError::Policy { reason, .. }) => reason,
        Err(error) => panic!("{error}"),
    }
}

/// A folder with a component in it that was made of a good one.
pub(crate) fn made(make: impl Fn(&[u8]) -> Vec<u8>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.wasm");
    fs::write(&file, make(&fs::read(guest("nobody")).unwrap())).unwrap();
    (folder, file)
}

/// A program that is run in the place of the compiler.
pub(crate) fn program(folder: &TempDir, text: &str) -> Compiler {
    let file = folder.path().join("program");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o700)).unwrap();
    Compiler::Apart(file)
}

#[test]
fn what_is_compiled_apart_answers_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    // The second time the code of the first is used: there is no program that could make another.
    for compiler in [apart(), Compiler::Apart(folder.path().join("none"))] {
        let surroundings = Surroundings {
            compiler,
            cache: Some(cache.clone()),
            ..Surroundings::default()
        };
        let sources = vec![source("p", &guest("nobody"))];
        let policies = Policies::load_in(sources, limits(), surroundings).unwrap();
        let rules = policies
            .current()
            .audience(here(), &channel("c", false, &[]));
        assert_eq!(rules, [Rule::Nobody]);
    }
}

#[test]
fn what_the_compiler_refuses_is_said_in_the_same_words_wherever_it_is() {
    // A function of a type that there is not.
    let module = b"\0asm\x01\0\0\0\x03\x02\x01\x07\x0a\x04\x01\x02\x00\x0b";
    let (_folder, file) = made(|good| bombs::with_module(good, module));
    let said = refusal(&file, Compiler::Here, limits());
    assert!(said.contains("not a valid component"), "{said}");
    assert!(said.contains("unknown type"), "{said}");
    assert_eq!(refusal(&file, apart(), limits()), said);
}

#[test]
fn what_takes_too_long_is_ended() {
    let (_folder, file) = made(bombs::slow);
    let hasty = PolicyLimits {
        compile_timeout: Duration::from_secs(2),
        ..limits()
    };
    let began = Instant::now();
    let said = refusal(&file, apart(), hasty);
    assert!(began.elapsed() >= hasty.compile_timeout);
    assert!(said.contains("takes longer than 2s"), "{said}");
    assert!(said.contains("raise policy.compile_timeout"), "{said}");
}

#[test]
fn what_takes_too_much_memory_is_ended() {
    let (_folder, file) = made(bombs::large);
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(bytes < 160 << 10, "it is small: {bytes} bytes");
    let narrow = PolicyLimits {
        compile_memory_bytes: 512 << 20,
        compile_timeout: Duration::from_secs(300),
        ..limits()
    };
    let said = refusal(&file, apart(), narrow);
    assert!(said.contains("more memory than 512.0 MiB"), "{said}");
    assert!(said.contains("raise policy.compile_memory"), "{said}");
}

#[test]
fn a_compiler_that_fails_is_reported_and_takes_nobody_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |text: &str| refusal(&guest("nobody"), program(&folder, text), limits());
    for (text, words) in [
        ("exit 0", "it said nothing"),
        ("printf x; exit 0", "it said nothing"),
        (
            "printf 'cnonsense'; cat > /dev/null",
            "its code is of no use",
        ),
        ("echo out of order >&2; exit 7", "it said: out of order"),
        ("exit 7", "exit status: 7"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("kill -KILL $$", "it was killed"),
        ("printf rlazy", "not a valid component: lazy"),
    ] {
        let said = fails(text);
        assert!(said.contains(words), "{text}: {said}");
    }
    let none = Compiler::Apart(folder.path().join("none"));
    let said = refusal(&guest("nobody"), none, limits());
    assert!(said.contains("no process can be started"), "{said}");
}

/// What it started holds its pipes open, too.
#[test]
fn a_compiler_that_hangs_is_ended_at_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let hasty = PolicyLimits {
        compile_timeout: Duration::from_millis(300),
        ..limits()
    };
    for text in ["exec sleep 1000", "sleep 1000 & sleep 1000"] {
        let said = refusal(&guest("nobody"), program(&folder, text), hasty);
        assert!(said.contains("takes longer than 300ms"), "{text}: {said}");
    }
}

#[test]
fn the_process_has_no_variables() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let text = format!("cat /proc/$$/environ > {}; exit 7", seen.display());
    let said = refusal(&guest("nobody"), program(&folder, &text), limits());
    assert!(said.contains("exit status: 7"), "{said}");
    assert_eq!(fs::read_to_string(seen).unwrap(), "");
}
