//! Where the directory's database is: a file. Opens it, says what is wrong in words, and finds out
//! whether it can grow. It must not know what is in it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError};

use crate::limits::{DIRECTORY_CACHE_BYTES, DIRECTORY_REWRITE_BYTES, DIRECTORY_ROOM_BYTES};

/// Who may read a new file: its owner. It speaks of people.
const FILE_MODE: u32 = 0o600;
/// Permissions of everybody.
const ANYBODY: u32 = 0o007;

/// Where a database is. Tests have one that fails when they want it to.
pub(super) trait Medium: Send {
    /// Opens the database, or makes it. If asked to, checks every page of it first: without, it may
    /// rest on what an earlier failure left.
    fn open(&self, verify: bool) -> Result<Database, redb::Error>;

    /// Whether there is room for it to grow, found out by using some.
    fn try_room(&self) -> io::Result<()>;

    /// Makes durable all that can be read from it. After a failed sync the system may hold pages
    /// that it takes to be on disk, and that are not.
    fn rewrite(&self) -> io::Result<()>;
}

/// A database in a file.
pub(super) struct InFile(pub(super) PathBuf);

impl Medium for InFile {
    fn open(&self, verify: bool) -> Result<Database, redb::Error> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(FILE_MODE).open(&self.0)?;
        let about = file.metadata()?;
        if about.mode() & ANYBODY != 0 {
            tracing::warn!(
                path = %self.0.display(),
                "anybody on this machine may read or change the directory; give it to the server's \
                 user alone (chmod 600)"
            );
        }
        let new = about.len() == 0;
        let mut builder = Builder::new();
        builder
            .set_cache_size(DIRECTORY_CACHE_BYTES)
            .set_check_integrity_on_open(verify);
        let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
        match opened {
            Ok(database) => {
                if new {
                    sync_folder(&self.0)?;
                }
                Ok(database)
            }
            Err(error) => {
                // What was begun and not finished would be taken for something else next time.
                if new && !matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                    File::options().write(true).open(&self.0)?.set_len(0)?;
                }
                Err(error.into())
            }
        }
    }

    fn try_room(&self) -> io::Result<()> {
        let mut beside = OsString::from(&self.0);
        beside.push(".room");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true);
        let used = options.mode(FILE_MODE).open(&beside).and_then(|mut file| {
            // Not zeros, which some file systems need no room for.
            file.write_all(&vec![0xA5; DIRECTORY_ROOM_BYTES])?;
            file.sync_all()
        });
        match fs::remove_file(&beside) {
            Err(error) if used.is_ok() => Err(error),
            _ => used,
        }
    }

    fn rewrite(&self) -> io::Result<()> {
        let mut file = File::options().read(true).write(true).open(&self.0)?;
        let mut chunk = Vec::with_capacity(DIRECTORY_REWRITE_BYTES);
        let mut at = 0;
        loop {
            chunk.clear();
            file.seek(SeekFrom::Start(at))?;
            let most = DIRECTORY_REWRITE_BYTES as u64;
            let read = (&file).take(most).read_to_end(&mut chunk)?;
            if read == 0 {
                break;
            }
            // What was never written takes no room, and is to take none.
            if chunk.iter().any(|&byte| byte != 0) {
                file.seek(SeekFrom::Start(at))?;
                file.write_all(&chunk)?;
            }
            at += read as u64;
        }
        file.sync_all()
    }
}

/// Makes durable that a file is in its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What is wrong, in words for an operator.
pub(super) fn words(error: &redb::Error) -> String {
    match error {
        redb::Error::Io(error) => io_words(error),
        redb::Error::DatabaseAlreadyOpen => "another process uses it".to_owned(),
        other => other.to_string(),
    }
}

/// The same of an error of the system.
pub(super) fn io_words(error: &io::Error) -> String {
    let said = match error.kind() {
        ErrorKind::StorageFull => "its disk is full",
        ErrorKind::QuotaExceeded => "the disk quota of the server's user is used up",
        ErrorKind::ReadOnlyFilesystem => "its file system is mounted read-only",
        ErrorKind::PermissionDenied => "the server's user may not write to it, or to its folder",
        ErrorKind::NotFound => "its folder is not there",
        _ => return error.to_string(),
    };
    format!("{said} ({error})")
}
