//! Puts a component where a server looks for it, whole or not at all. Knows nothing of what it is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file goes that is installed to `to`: into it, if it is a folder.
#[must_use]
pub fn target(file: &Path, to: &Path) -> PathBuf {
    match file.file_name() {
        Some(name) if to.is_dir() => to.join(name),
        _ => to.to_owned(),
    }
}

/// Writes a component under a temporary name beside its target and renames it over it, so that a
/// server never reads half of one. False if the target holds it already.
///
/// # Errors
/// The folder cannot be written to.
pub fn install(bytes: &[u8], target: &Path) -> io::Result<bool> {
    if fs::read(target).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // One name for all times: what an interrupted run left is written over.
    let temporary = target.with_file_name(format!(".{name}.installing"));
    let mut file = File::create(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, target));
    if renamed.is_err() {
        // The error that matters is the first.
        let _left = fs::remove_file(&temporary);
    }
    renamed.map(|()| true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let to = target(Path::new("build/p.wasm"), folder.path());
        assert_eq!(to, folder.path().join("p.wasm"));
        assert!(install(b"one", &to).unwrap());
        assert!(!install(b"one", &to).unwrap());
        assert!(install(b"two", &to).unwrap());
        assert_eq!(fs::read(&to).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(install(b"x", Path::new("/nowhere/p.wasm")).is_err());
    }
}
