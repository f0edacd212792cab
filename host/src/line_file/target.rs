//! The file that lines go to: opened, kept under its size, left whole whatever the disk does. It
//! must not know what is in a line.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read a new file: its owner. It speaks of people.
const FILE_MODE: u32 = 0o600;

/// A file to append lines to.
pub(super) struct Target {
    path: PathBuf,
    max_bytes: u64,
    open: Option<Open>,
}

/// The file as it is open.
enum Open {
    /// A plain file, which is rotated and mended.
    Plain(Plain),
    /// Anything else that can be written to: a pipe, a terminal, what a link leads to.
    Stream(File),
}

struct Plain {
    file: File,
    /// Which file it is, to notice that somebody else moved it away.
    identity: (u64, u64),
    bytes: u64,
    /// Whether it ends within a line.
    torn: bool,
}

impl Target {
    pub(super) fn new(path: PathBuf, max_bytes: u64) -> Self {
        Self {
            path,
            max_bytes,
            open: None,
        }
    }

    /// The largest number of bytes that is worth writing at once.
    pub(super) fn batch_bytes(&self, most: usize) -> usize {
        usize::try_from(self.max_bytes).map_or(most, |size| size.min(most))
    }

    /// Opens a plain file, so that one that cannot be opened is noticed at once. Anything else is
    /// left for the first line: to open a pipe takes until somebody reads it.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        if is_plain(&self.path)? {
            self.open = Some(Open::Plain(Plain::open(&self.path)?));
        }
        Ok(())
    }

    /// Appends whole lines. After an error nothing of them is left in a plain file, if that can be
    /// helped, and the next attempt starts from the beginning.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.make_room(lines.len() as u64)?;
        let outcome = match self.opened()? {
            Open::Plain(plain) => return plain.append(lines),
            Open::Stream(file) => file.write_all(lines),
        };
        if outcome.is_err() {
            self.open = None;
        }
        outcome
    }

    /// Rotates the file if it is full, and lets go of it if it is no longer the one at the path.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let Some(Open::Plain(plain)) = &self.open else {
            return Ok(());
        };
        let there = fs::symlink_metadata(&self.path).ok();
        if there.as_ref().map(identity) != Some(plain.identity) {
            self.open = None;
        } else if plain.bytes > 0 && plain.bytes + bytes > self.max_bytes {
            fs::rename(&self.path, rotated(&self.path))?;
            self.open = None;
        }
        Ok(())
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        if self.open.is_none() {
            self.open = Some(if is_plain(&self.path)? {
                Open::Plain(Plain::open(&self.path)?)
            } else {
                Open::Stream(OpenOptions::new().append(true).open(&self.path)?)
            });
        }
        // A file that somebody else filled meanwhile is taken as it is, and rotated next time.
        self.open
            .as_mut()
            .ok_or_else(|| io::Error::other("the file is not open"))
    }
}

impl Plain {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(FILE_MODE)
            .open(path)?;
        let metadata = file.metadata()?;
        let bytes = metadata.len();
        let mut last = [b'\n'];
        if bytes > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self {
            file,
            identity: identity(&metadata),
            bytes,
            torn: last != [b'\n'],
        })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let outcome = self.end_line().and_then(|()| self.file.write_all(lines));
        match outcome {
            Ok(()) => self.bytes += lines.len() as u64,
            // What was written of them goes again, so that what reads the file meets no half line.
            Err(_) => self.torn |= self.file.set_len(self.bytes).is_err(),
        }
        outcome
    }

    fn end_line(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.bytes += 1;
            self.torn = false;
        }
        Ok(())
    }
}

/// Whether there is a plain file at a path, or nothing, where one can be made.
fn is_plain(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Where a full file goes.
fn rotated(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::TempDir;

    use super::*;

    fn target(max_bytes: u64) -> (TempDir, PathBuf, Target) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("decisions");
        let target = Target::new(path.clone(), max_bytes);
        (folder, path, target)
    }

    #[test]
    fn a_full_file_is_rotated_once() {
        let (_folder, path, mut target) = target(10);
        for line in ["11111\n", "222\n", "33\n", "4444444\n", "5\n"] {
            target.write(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "4444444\n5\n");
        assert_eq!(fs::read_to_string(rotated(&path)).unwrap(), "33\n");
        // A line that is larger than the whole file has a file of its own.
        target.write(b"a line that is too long\n").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "a line that is too long\n"
        );
        assert_eq!(fs::read_to_string(rotated(&path)).unwrap(), "4444444\n5\n");
    }

    #[test]
    fn it_goes_on_where_it_ended_and_begins_a_new_line_after_a_half_one() {
        let (_folder, path, mut target) = target(100);
        fs::write(&path, "whole\nha").unwrap();
        target.prepare().unwrap();
        target.write(b"next\n").unwrap();
        target.write(b"last\n").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "whole\nha\nnext\nlast\n"
        );
    }

    #[test]
    fn a_file_that_was_moved_away_is_left_alone() {
        let (folder, path, mut target) = target(100);
        target.write(b"1\n").unwrap();
        let moved = folder.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        target.write(b"2\n").unwrap();
        fs::remove_file(&path).unwrap();
        target.write(b"3\n").unwrap();
        assert_eq!(fs::read_to_string(moved).unwrap(), "1\n");
        assert_eq!(fs::read_to_string(path).unwrap(), "3\n");
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_end() {
        // A device of the system on which nothing ever fits.
        let mut target = Target::new(PathBuf::from("/dev/full"), 100);
        target.prepare().unwrap();
        assert_eq!(
            target.write(b"1\n").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert!(target.write(b"2\n").is_err());
    }

    #[test]
    fn a_link_is_followed_and_never_rotated() {
        let (folder, path, mut target) = target(4);
        let real = folder.path().join("real");
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        target.prepare().unwrap();
        for line in ["1\n", "2\n", "3\n"] {
            target.write(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(real).unwrap(), "1\n2\n3\n");
        assert!(!rotated(&path).exists());
    }

    #[test]
    fn others_may_not_read_it() {
        let (_folder, path, mut target) = target(100);
        target.write(b"1\n").unwrap();
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o077, 0);
    }
}
