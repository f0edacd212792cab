//! Puts a component where a server looks for it, whole or not at all. Knows nothing of what it is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file goes that is installed to `to`: into it, if it is a folder. A file that is not there yet
/// is made if its name is that of a component; any other is a folder that is not there.
///
/// # Errors
/// There is no such folder; the text says which.
pub fn target(file: &Path, to: &Path) -> Result<PathBuf, String> {
    match file.file_name() {
        Some(name) if to.is_dir() => return Ok(to.join(name)),
        _ if to.is_file() => return Ok(to.to_owned()),
        _ => {}
    }
    let is_component = to.extension().is_some_and(|it| it == "wasm");
    let folder = if is_component {
        to.parent().unwrap_or(to)
    } else {
        to
    };
    // The folder of a file that is named alone is the present one.
    if is_component && (folder.as_os_str().is_empty() || folder.is_dir()) {
        return Ok(to.to_owned());
    }
    Err(format!(
        "there is no folder {}; make it, or name a folder that is there or a file that ends in .wasm",
        folder.display()
    ))
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
        let to = target(Path::new("build/p.wasm"), folder.path()).unwrap();
        assert_eq!(to, folder.path().join("p.wasm"));
        assert!(install(b"one", &to).unwrap());
        assert!(!install(b"one", &to).unwrap());
        assert!(install(b"two", &to).unwrap());
        assert_eq!(fs::read(&to).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(install(b"x", Path::new("/nowhere/p.wasm")).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_and_not_taken_for_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let to = |name: &str| target(Path::new("build/p.wasm"), &at(name));
        for (name, missing) in [
            ("nofolder", "nofolder"),
            ("nofolder/", "nofolder"),
            ("no/q.wasm", "no"),
        ] {
            let reason = to(name).unwrap_err();
            let told = format!("there is no folder {}", at(missing).display());
            assert!(reason.starts_with(&told), "{reason}");
        }
        // A file that a server has may have any name, and a new one that of a component.
        fs::write(at("policy"), "").unwrap();
        for name in ["policy", "q.wasm"] {
            assert_eq!(to(name), Ok(at(name)));
        }
        let alone = Path::new("q.wasm");
        assert_eq!(target(alone, alone), Ok(alone.to_owned()));
    }
}
