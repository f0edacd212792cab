//! `wardroom policy dev`: what is good is installed, what is not leaves what is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{assert_code, assert_has, policy, text};
use crate::fixtures::{eventually, guest, plugin};

const CASES: &str = "[[case]]\nname = \"a public channel is seen\"\n\
    channel = { id = \"c\" }\nsubjects = [{ id = \"ann\" }]\nexpect = { sees = [\"ann\"] }";

/// A project whose source is a component and whose build is a copy.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(component: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder };
        fs::create_dir(project.at("src")).unwrap();
        fs::create_dir(project.at("policies")).unwrap();
        fs::write(project.at("cases.toml"), CASES).unwrap();
        project.write(component);
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the source, whole.
    fn write(&self, component: &Path) {
        fs::copy(component, self.at("new")).unwrap();
        fs::rename(self.at("new"), self.at("src/policy.source")).unwrap();
    }

    fn installed(&self) -> Option<Vec<u8>> {
        fs::read(self.at("policies/policy.wasm")).ok()
    }

    fn arguments(&self) -> Vec<String> {
        let at = |name| text(&self.at(name)).to_owned();
        let built = at("src/target/policy.wasm");
        let arguments = [
            "dev".to_owned(),
            at("src"),
            "--build".to_owned(),
            "mkdir -p target && cp policy.source target/policy.wasm".to_owned(),
            "--file".to_owned(),
            built,
            "--cases".to_owned(),
            at("cases.toml"),
            "--install".to_owned(),
            at("policies"),
        ];
        arguments.into()
    }

    fn once(&self, more: &[&str]) -> (std::process::ExitCode, String, String) {
        let arguments = self.arguments();
        let arguments = arguments.iter().map(String::as_str);
        let all: Vec<&str> = arguments
            .chain(["--once"])
            .chain(more.iter().copied())
            .collect();
        policy(&all)
    }
}

#[test]
fn only_what_builds_is_taken_and_passes_is_installed() {
    let good = plugin("private_channels");
    let project = Project::new(&good);
    let (code, out, err) = project.once(&[]);
    assert_eq!(err, "");
    assert_code(code, 0);
    assert_has(&out, &["1 of 1 cases passed", "installed: "]);
    assert_eq!(project.installed(), Some(fs::read(&good).unwrap()));
    // The same once more is not written again.
    let written = || {
        fs::metadata(project.at("policies/policy.wasm"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = written();
    assert_has(
        &project.once(&[]).1,
        &["unchanged: ", "holds this very component already"],
    );
    assert_eq!(written(), before);

    // Nobody sees anything, says this one.
    project.write(&guest("nobody"));
    let (code, out, err) = project.once(&[]);
    assert_code(code, 1);
    assert_has(&out, &["FAILED  a public channel is seen"]);
    assert_has(&err, &["1 of 1 cases failed"]);

    project.write(&guest("liar"));
    let (code, out, err) = project.once(&[]);
    assert_code(code, 1);
    assert_has(&out, &["refused: channel-visibility.audience"]);
    assert_has(&err, &["a server refuses it"]);

    fs::remove_file(project.at("src/policy.source")).unwrap();
    let (code, _, err) = project.once(&[]);
    assert_code(code, 1);
    assert_has(&err, &["the build failed"]);
    assert_eq!(project.installed(), Some(fs::read(&good).unwrap()));
}

#[test]
fn what_cannot_work_is_said_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = policy(&["dev", text(folder.path()), "--once"]);
    assert_code(code, 2);
    assert_has(
        &err,
        &["neither policy.toml nor Cargo.toml", "--build", "--file"],
    );
    let project = Project::new(&plugin("private_channels"));
    fs::write(project.at("key"), "wr_key\n").unwrap();
    let key = project.at("key");
    let (code, out, err) = project.once(&["--url", "https://x", "--key-file", text(&key)]);
    assert_code(code, 2);
    assert_eq!(out, "");
    assert_has(&err, &["expected http://HOST:PORT"]);
}

#[test]
fn a_key_is_needed_for_a_server_and_development_mode_has_one() {
    let project = Project::new(&plugin("private_channels"));
    let (code, out, err) = project.once(&["--url", "http://127.0.0.1:1"]);
    assert_code(code, 2);
    assert_eq!(out, "");
    assert_has(&err, &["--key-file", "--dev"]);
    // The tests are run in a folder in which no server was started.
    let (code, out, err) = project.once(&["--dev"]);
    assert_code(code, 2);
    assert_eq!(out, "");
    assert_has(
        &err,
        &["no .wardroom-dev.toml here", "wardroom serve --dev"],
    );
    let explain = ["explain", "-w", "w", "-u", "u", "-c", "c"];
    let (code, _, err) = policy(&[&explain[..], &["--dev"]].concat());
    assert_code(code, 2);
    assert_has(&err, &["no .wardroom-dev.toml here"]);
    let (code, _, err) = policy(&explain);
    assert_code(code, 2);
    assert_has(&err, &["WARDROOM_API_KEY", "--dev"]);
}

#[test]
fn what_is_depended_on_is_installed_once_and_again_when_it_changes() {
    let project = Project::new(&plugin("private_channels"));
    let manifest = "build = \"mkdir -p target && cp policy.source target/policy.wasm\"\n\
        file = \"target/policy.wasm\"\n[install]\nrun = \"echo x >> installs.log\"\n\
        when = [\"package.json\"]\n";
    fs::write(project.at("src/policy.toml"), manifest).unwrap();
    fs::write(project.at("src/package.json"), "{}").unwrap();
    let log = fs::File::create(project.at("log")).unwrap();
    let waits = |times: usize| {
        let log = fs::read_to_string(project.at("log")).unwrap();
        log.matches("waiting for changes").count() >= times
    };
    let installs = || {
        fs::read_to_string(project.at("src/installs.log"))
            .unwrap()
            .lines()
            .count()
    };
    let _running = Running(
        Command::new(env!("CARGO_BIN_EXE_wardroom"))
            .args(["policy", "dev", text(&project.at("src"))])
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    eventually("the first build", || waits(1));
    assert_eq!(installs(), 1);
    project.write(&guest("speaks"));
    eventually("the second build", || waits(2));
    assert_eq!(installs(), 1);
    fs::write(project.at("src/package.json"), "{\"dependencies\": {}}").unwrap();
    eventually("the third build", || waits(3));
    assert_eq!(installs(), 2);
}

/// Ends the process however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn each_change_is_followed() {
    let good = plugin("private_channels");
    let project = Project::new(&good);
    let log = fs::File::create(project.at("log")).unwrap();
    let said = |what: &str, times: usize| {
        let log = fs::read_to_string(project.at("log")).unwrap();
        log.matches(what).count() >= times
    };
    let _running = Running(
        Command::new(env!("CARGO_BIN_EXE_wardroom"))
            .arg("policy")
            .args(project.arguments())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    eventually("the first build is installed", || {
        project.installed().is_some()
    });
    eventually("it waits", || said("waiting for changes", 1));

    project.write(&guest("liar"));
    eventually("a bad one is refused", || {
        said("not good: a server refuses it", 1)
    });
    eventually("it waits again", || said("waiting for changes", 2));
    assert_eq!(project.installed(), Some(fs::read(&good).unwrap()));

    let next = guest("speaks");
    project.write(&next);
    let next = fs::read(next).unwrap();
    eventually("the next good one is installed", || {
        project.installed().as_ref() == Some(&next)
    });
    // Its own output starts nothing: one build for each of the three contents.
    eventually("it waits a third time", || said("waiting for changes", 3));
    assert!(!said("building: ", 4));
}
