//! Every fuzz target holds on its seeds and on what lies near them. Longer runs, guided by coverage, are
//! `cargo xtask fuzz`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wardroom::fuzzing::TARGETS;

/// Inputs made from the seeds of one target. More are a matter of `cargo xtask fuzz`.
const INPUTS: usize = 3_000;

/// Pieces that readers treat in a way of their own.
const PIECES: [&[u8]; 18] = [
    b"\"",
    b"\\ud800",
    b"[",
    b"{",
    b"}",
    b"]",
    b",",
    b"null",
    b"-0",
    b"1e999",
    b"\0",
    b"\xff",
    b".",
    b"\n",
    b"\x81\x7f",
    b"=",
    b"\\",
    b"00000000000000000000000000000000",
];

/// Largest input that is made.
const MAX_BYTES: usize = 64 * 1024;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder(target)).expect("each target has seeds");
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let seeds = paths.iter().map(|path| std::fs::read(path).unwrap());
    seeds.collect()
}

/// One of the seeds, changed in a few places.
fn near(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..6) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 => input.truncate(at),
            2 => drop(input.splice(
                at..at,
                PIECES[random.random_range(0..PIECES.len())].to_vec(),
            )),
            3 => {
                let end = random.random_range(at..=input.len());
                drop(input.splice(at..end, []));
            }
            4 => {
                let end = random.random_range(at..=input.len());
                let piece = input[at..end].to_vec();
                for _ in 0..random.random_range(1..20) {
                    input.splice(at..at, piece.iter().copied());
                    if input.len() > MAX_BYTES {
                        break;
                    }
                }
            }
            _ => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..=other.len());
                input.splice(at.., other[from..].iter().copied());
            }
        }
        input.truncate(MAX_BYTES);
    }
    input
}

fn holds(name: &str) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, target) = target.expect("it is one of the targets");
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds.iter().for_each(|seed| target(seed));
    // The same inputs each time: a failure here is a failure for everybody.
    let mut random = StdRng::seed_from_u64(7);
    for input in 0..INPUTS {
        let bytes = near(&seeds, &mut random);
        let result = std::panic::catch_unwind(|| target(&bytes));
        if result.is_err() {
            let shown = String::from_utf8_lossy(&bytes);
            panic!("{name} fails on input {input}: {shown:?}");
        }
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            holds(stringify!($target));
        })*

        #[test]
        fn every_target_is_played_and_has_a_file_for_cargo_fuzz() {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($target)),*]);
            for name in names {
                let file = folder(name).join("../../fuzz_targets").join(format!("{name}.rs"));
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                assert!(text.contains(&format!("fuzzing::{name}(")), "{}", file.display());
            }
        }
    };
}

targets! { packet frame token json component configuration }
