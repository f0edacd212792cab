//! Components that were built against released versions of the interface: each is the file that it
//! was, is taken, and decides what it decided then. `tests/golden/README.md` explains.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::fixtures::{load, root};
use crate::tools::{assert_code, policy, text};

/// The largest component that is kept, in bytes.
const MAX_BYTES: usize = 256 << 10;

#[derive(Deserialize)]
struct Manifest {
    component: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    made: String,
    sha256: String,
}

/// Each released version's folder, with the components in it.
fn releases() -> Vec<(PathBuf, Vec<Component>)> {
    let folders = fs::read_dir(root().join("tests/golden")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let releases = folders.filter(|path| path.is_dir()).map(|folder| {
        let manifest = fs::read_to_string(folder.join("golden.toml")).unwrap();
        let manifest: Manifest = toml::from_str(&manifest).unwrap();
        (folder, manifest.component)
    });
    releases.collect()
}

/// Does something with each component and its cases.
fn each(mut check: impl FnMut(&str, &str)) {
    let mut seen = 0;
    for (folder, components) in releases() {
        for component in components {
            let file = |ending: &str| folder.join(format!("{}.{ending}", component.name));
            check(text(&file("wasm")), text(&file("toml")));
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen} golden components");
}

#[test]
fn each_is_the_file_that_it_was_and_none_is_forgotten() {
    for (folder, components) in releases() {
        let mut names = BTreeSet::new();
        for component in components {
            let bytes = fs::read(folder.join(format!("{}.wasm", component.name))).unwrap();
            assert!(bytes.len() <= MAX_BYTES, "{} is large", component.name);
            let digest = Sha256::digest(&bytes);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, component.sha256, "{} has changed", component.name);
            names.insert(component.name);
        }
        let files = fs::read_dir(&folder).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        let kept = files.filter(|path| path.extension().is_some_and(|it| it == "wasm"));
        let kept = kept.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(kept.collect::<BTreeSet<_>>(), names);
    }
}

#[test]
fn each_language_is_held_to_each_release() {
    let examples = fs::read_dir(root().join("examples/policies")).unwrap();
    let examples = examples.map(|entry| entry.unwrap().path());
    let examples: Vec<_> = examples
        .filter(|path| path.join("policy.toml").is_file())
        .collect();
    assert!(examples.len() >= 11, "{examples:?}");
    for (release, components) in releases() {
        for example in &examples {
            let language = example.file_name().unwrap().to_str().unwrap();
            let made = format!("examples/policies/{language},");
            let kept = components.iter().any(|it| it.made.starts_with(&made));
            // The Rust SDK keeps the interface beside its sources.
            let interface = match language {
                "rust" => example.join("wardroom-policy/wit/wardroom-policy"),
                _ => example.join("wit/deps/wardroom-policy"),
            };
            let released = wit(&release.join("wit"));
            assert!(
                kept || wit(&interface) == released,
                "the example in {language} is built against another interface than that of {}, of \
                 which no component in {language} is kept: have it built against both",
                release.display()
            );
        }
    }
}

/// The files of an interface, without what is said of it.
fn wit(folder: &Path) -> BTreeMap<OsString, String> {
    let files = fs::read_dir(folder).unwrap_or_else(|_| panic!("no {}", folder.display()));
    let said = |line: &&str| !line.trim_start().starts_with("//");
    let files = files.map(|file| {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        (file.file_name(), text.lines().filter(said).collect())
    });
    files.collect()
}

#[test]
fn each_is_taken_and_nothing_is_said_against_it() {
    each(|component, _| {
        let (code, out, err) = policy(&["check", component, "--json"]);
        assert_code(code, 0);
        let said: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(said["accepted"], true, "{component}: {err}");
        let findings = said["findings"].as_array().unwrap();
        let about_the_interface = findings.iter().filter(|it| it["at"] != "settings");
        assert_eq!(about_the_interface.count(), 0, "{component}: {findings:?}");
        let policies = load(component.as_ref()).unwrap();
        assert_eq!(policies.status()[0].last_error, None);
    });
}

#[test]
fn each_decides_what_it_decided_when_it_was_built() {
    each(|component, cases| {
        let (code, out, err) = policy(&["test", component, cases, "--deadline", "10s"]);
        assert!(err.is_empty(), "{component}: {out}{err}");
        assert_code(code, 0);
        assert!(out.contains("cases passed"), "{component}: {out}");
    });
}
