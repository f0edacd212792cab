//! `cargo xtask tidy`: the rules of ARCHITECTURE.md that a machine can check.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{command, output, root, say};

/// A crate or module that only some rooms may name, and those rooms.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("socketioxide", &["host/src/gateway"]),
    ("engineioxide", &["host/src/gateway"]),
    ("wasmtime", &["host/src/policy"]),
    ("axum", &["host/src/http", "host/src/app.rs"]),
    (
        "notify",
        &["host/src/policy/reload", "host/src/policy_tools/watch"],
    ),
    ("rayon", &["host/src/policy/compiling"]),
    ("thread_priority", &["host/src/priority"]),
    ("wasmparser", &["host/src/policy/outline"]),
    ("wit_parser", &["host/src/policy/contract"]),
    ("quick_junit", &["host/src/policy_tools"]),
    ("clap", &["host/src/cli"]),
    ("redb", &["host/src/store"]),
    ("jsonwebtoken", &["host/src/auth"]),
    (
        "crate::gateway",
        &["host/src/gateway", "host/src/app", "host/src/fuzzing"],
    ),
    ("crate::http", &["host/src/http", "host/src/app"]),
    (
        "crate::policy",
        &[
            "host/src/policy",
            "host/src/app",
            "host/src/policy_tools",
            "host/src/fuzzing",
        ],
    ),
    (
        "crate::policy_tools",
        &["host/src/policy_tools", "host/src/cli"],
    ),
    (
        "crate::auth",
        &[
            "host/src/auth",
            "host/src/app",
            "host/src/cli",
            "host/src/config",
            "host/src/fuzzing",
        ],
    ),
    (
        "crate::decision_log",
        &["host/src/decision_log", "host/src/app", "host/src/config"],
    ),
    (
        "crate::store::embedded",
        &["host/src/store", "host/src/app"],
    ),
    ("crate::cli", &["host/src/cli", "host/src/main.rs"]),
];

/// A room, the name of another, and the only door through which the room may name it.
const NAMED_ONLY_THROUGH: &[(&str, &str, &str)] = &[(
    "host/src/policy_tools",
    "crate::policy",
    "crate::policy::workbench",
)];

/// What the domain must not know.
const NOT_IN_THE_DOMAIN: &[&str] = &[
    "serde",
    "tokio",
    "std::time",
    "rand::",
    "async fn",
    "tracing",
];

/// Names that gather whatever has no place.
const DUMPING_GROUNDS: &[&str] = &["util", "utils", "common", "helpers", "prelude", "misc"];

/// Most lines of a source file; one thing rarely needs more.
const MAX_FILE_LINES: usize = 450;

/// Most lines of `main.rs`.
const MAX_MAIN_LINES: usize = 100;

/// Checks every rule and lists every breach.
pub(crate) fn run() -> Result<()> {
    let mut breaches = Vec::new();
    let files = tracked(".rs")?;
    for path in &files {
        let text = read(path)?;
        check_file(path, &text, &mut breaches);
        let is_test = path.to_string_lossy().contains("tests");
        if path.starts_with("host/src") && !is_test {
            check_rooms(path, &text, &mut breaches);
            check_doors(path, &text, &mut breaches);
        }
        if path.starts_with("host/domain/src") {
            check_domain(path, &text, &mut breaches);
        }
    }
    check_map(&mut breaches)?;
    check_links(&mut breaches)?;
    for breach in &breaches {
        say(breach);
    }
    if !breaches.is_empty() {
        bail!(
            "{} breaches of the rules in ARCHITECTURE.md",
            breaches.len()
        );
    }
    Ok(())
}

/// The files of the repository with this ending, new ones included.
fn tracked(ending: &str) -> Result<Vec<PathBuf>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let list = output(&mut command("git", &arguments)).context("git cannot list the files")?;
    let files = list.lines().filter(|line| line.ends_with(ending));
    let files = files.map(PathBuf::from);
    Ok(files.filter(|path| root().join(path).exists()).collect())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {}", path.display()))
}

/// The lines of a file that are code, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn check_file(path: &Path, text: &str, breaches: &mut Vec<String>) {
    let shown = path.display();
    if !text.starts_with("//!") {
        breaches.push(format!("{shown}: does not begin with a `//!` line"));
    }
    let lines = text.lines().count();
    let most = if path.ends_with("main.rs") {
        MAX_MAIN_LINES
    } else {
        MAX_FILE_LINES
    };
    let in_tests = path.components().any(|c| c.as_os_str() == "tests");
    if lines > most && !in_tests {
        breaches.push(format!("{shown}: {lines} lines, the most is {most}"));
    }
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
    let folder = path.parent().and_then(Path::file_name);
    let folder = folder.and_then(|f| f.to_str()).unwrap_or("");
    if DUMPING_GROUNDS.contains(&stem) || DUMPING_GROUNDS.contains(&folder) {
        breaches.push(format!("{shown}: name the thing, not the drawer"));
    }
    for (number, line) in code(text) {
        let unfinished = ["todo!(", "unimplemented!(", concat!("FIX", "ME")];
        if path != Path::new("xtask/src/tidy.rs") && unfinished.iter().any(|w| line.contains(w)) {
            breaches.push(format!("{shown}:{number}: unfinished"));
        }
    }
}

/// Whether a line names a crate or module, not merely something that begins like it.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        let part_of_a_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let path_follows = name.contains("::") || line[at + name.len()..].starts_with("::");
        !part_of_a_word(before) && before != Some(':') && !part_of_a_word(after) && path_follows
    })
}

fn check_rooms(path: &Path, text: &str, breaches: &mut Vec<String>) {
    let shown = path.to_string_lossy();
    for (name, rooms) in NAMED_ONLY_IN {
        if rooms.iter().any(|room| shown.starts_with(room)) {
            continue;
        }
        for (number, line) in code(text) {
            if names(line, name) {
                breaches.push(format!("{shown}:{number}: `{name}` belongs in {rooms:?}"));
            }
        }
    }
}

fn check_doors(path: &Path, text: &str, breaches: &mut Vec<String>) {
    let shown = path.to_string_lossy();
    for (room, name, door) in NAMED_ONLY_THROUGH {
        if !shown.starts_with(room) {
            continue;
        }
        for (number, line) in code(text) {
            if names(line, name) && !line.contains(door) {
                breaches.push(format!("{shown}:{number}: `{name}` only through `{door}`"));
            }
        }
    }
}

fn check_domain(path: &Path, text: &str, breaches: &mut Vec<String>) {
    for (number, line) in code(text) {
        for word in NOT_IN_THE_DOMAIN {
            if line.contains(word) {
                let shown = path.display();
                breaches.push(format!("{shown}:{number}: the domain knows no `{word}`"));
            }
        }
    }
}

/// Every path that ARCHITECTURE.md names in back quotes is there.
fn check_map(breaches: &mut Vec<String>) -> Result<()> {
    let map = read(Path::new("ARCHITECTURE.md"))?;
    for quoted in map.split('`').skip(1).step_by(2) {
        let is_path = quoted.contains('/') && !quoted.contains([' ', '*', '{', '<', '(', ':']);
        if is_path && !root().join(quoted).exists() {
            breaches.push(format!("ARCHITECTURE.md: `{quoted}` is not there"));
        }
    }
    Ok(())
}

/// Every relative link of every document leads somewhere.
fn check_links(breaches: &mut Vec<String>) -> Result<()> {
    for path in tracked(".md")? {
        let text = read(&path)?;
        let folder = root().join(&path);
        let folder = folder.parent().unwrap_or(Path::new("."));
        for link in text.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            let target = link.split('#').next().unwrap_or("");
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !elsewhere && !folder.join(target).exists() {
                breaches.push(format!("{}: the link to {target} is dead", path.display()));
            }
        }
    }
    Ok(())
}
