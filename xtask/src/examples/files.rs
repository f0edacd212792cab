//! Folders of files: listing, comparing, copying. Knows not what they are for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{command, output, root};

/// What the tools of a project make in it, which stays between builds.
const MADE: [&str; 5] = [".zig-cache", "build", "node_modules", "target", "zig-out"];

/// What git has of a folder of the repository, new files included. A symbolic link stands for what
/// it leads to.
pub(super) fn tracked(folder: &Path, inside: &Path) -> Result<BTreeSet<PathBuf>> {
    let arguments = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ];
    let list = output(command("git", &arguments).current_dir(root().join(folder)));
    let list = list.with_context(|| format!("git cannot list {}", folder.display()))?;
    let mut files = BTreeSet::new();
    for name in list.split_terminator('\0') {
        let path = root().join(folder).join(name);
        if path.is_symlink() && path.is_dir() {
            let leads_to = path.canonicalize().context("a broken link")?;
            let top = root().canonicalize().context("there is no root")?;
            let leads_to = leads_to.strip_prefix(top);
            let leads_to = leads_to.context("a link that leads out of the repository")?;
            files.extend(tracked(leads_to, &inside.join(name))?);
        } else if path.exists() {
            files.insert(inside.join(name));
        }
    }
    Ok(files)
}

/// The files of a folder but for what tools make, by their path in it.
pub(super) fn all(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let place = folder.join(&inside);
        let entries = fs::read_dir(&place);
        for entry in entries.with_context(|| format!("cannot list {}", place.display()))? {
            let entry = entry.context("cannot list a folder")?;
            let path = inside.join(entry.file_name());
            if !entry.path().is_dir() {
                files.insert(path);
            } else if !MADE.iter().any(|made| entry.file_name() == *made) {
                folders.push(path);
            }
        }
    }
    Ok(files)
}

/// Whether two folders hold the same files.
pub(super) fn same(one: &Path, other: &Path) -> Result<bool> {
    if !other.exists() {
        return Ok(false);
    }
    let files = all(one)?;
    Ok(files == all(other)?
        && files
            .iter()
            .all(|file| equal(&one.join(file), &other.join(file))))
}

fn equal(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// Makes one folder as another but for what tools make. Files that are the same are not touched, so
/// that those tools see what has changed.
pub(super) fn sync(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let files = all(from)?;
    for gone in all(to)?.difference(&files) {
        fs::remove_file(to.join(gone)).context("cannot remove a file")?;
    }
    for file in files {
        let (from, to) = (from.join(&file), to.join(&file));
        if equal(&from, &to) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(&to)).context("cannot make a folder")?;
        fs::copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// Puts one folder in the place of another.
pub(super) fn replace(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).context("cannot remove a folder")?;
    }
    fs::create_dir_all(to.parent().unwrap_or(to)).context("cannot make a folder")?;
    fs::rename(from, to).with_context(|| format!("cannot make {}", to.display()))
}
