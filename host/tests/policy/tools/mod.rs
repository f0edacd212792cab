//! The tools for authors of policies, through the command line and on real components.

mod bench;
mod bounds;
mod check;
mod dev;
mod test;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tempfile::TempDir;
use wardroom::policy::Compiler;

use crate::compiling::apart;

/// Runs `wardroom policy` with these arguments; the standard output and the standard error, and
/// whether it succeeded with exit code 0.
pub(crate) fn policy(arguments: &[&str]) -> (ExitCode, String, String) {
    policy_by(apart(), arguments)
}

/// The same, with components compiled by something else.
fn policy_by(compiler: Compiler, arguments: &[&str]) -> (ExitCode, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["wardroom", "policy"].iter().chain(arguments);
    let arguments = arguments.map(OsString::from);
    let code = wardroom::cli::run(arguments, [], compiler, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(err))
}

#[track_caller]
pub(crate) fn assert_code(code: ExitCode, expected: u8) {
    // The type has no equality; its debug form has the number.
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", ExitCode::from(expected))
    );
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// A folder with a file.
fn folder(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    (folder, file)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
