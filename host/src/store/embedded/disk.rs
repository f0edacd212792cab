//! The durable directory: what the backend said, in a redb file, written in groups by one thread.
//!
//! redb was chosen because it is a plain Rust library with crash-safe, fsynced transactions and a
//! stable file format; the directory is small and read once, at the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use tokio::sync::{mpsc, oneshot};
use wardroom_domain::{Change, Truth, WorkspaceId};

use super::record::{self, RecordError};
use crate::limits::MAX_WAITING_WRITES;

const WORKSPACES: TableDefinition<'_, &str, ()> = TableDefinition::new("workspaces-1");
const MEMBERS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("members-1");
const CHANNELS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("channels-1");

/// Why the directory's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened as a database, or another process uses it.
    #[error("cannot open the directory {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What redb says.
        source: Box<redb::Error>,
    },
    /// The file holds something that this server did not write.
    #[error("the directory {path} is damaged: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
    /// The thread that writes could not be started.
    #[error("cannot start the directory's writer: {0}")]
    Thread(#[from] std::io::Error),
}

/// The changes of one decision to one workspace's directory.
pub(super) struct Write {
    pub(super) workspace: WorkspaceId,
    pub(super) changes: Vec<Change>,
}

type Job = (Write, oneshot::Sender<Result<(), Arc<str>>>);

/// The open file and the thread that writes to it.
pub(super) struct Disk {
    jobs: mpsc::Sender<Job>,
}

impl Disk {
    /// Opens or makes the file, and reads it whole.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<(WorkspaceId, Truth)>), OpenError> {
        let open = |source: redb::Error| OpenError::Open {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let database = Database::create(path).map_err(|e| open(e.into()))?;
        create_tables(&database).map_err(open)?;
        let rows = read(&database).map_err(open)?;
        let truths = rows
            .into_iter()
            .map(|(workspace, rows)| rows.into_truth(&workspace))
            .collect::<Result<_, _>>()
            .map_err(|source| OpenError::Record {
                path: path.to_owned(),
                source,
            })?;
        let (jobs, queue) = mpsc::channel(MAX_WAITING_WRITES);
        std::thread::Builder::new()
            .name("directory".to_owned())
            .spawn(move || write_all(&database, queue))?;
        Ok((Self { jobs }, truths))
    }

    /// Writes changes and waits until they are on disk.
    pub(super) async fn write(&self, write: Write) -> Result<(), Arc<str>> {
        let gone = || Arc::from("the writer has stopped");
        let (done, answer) = oneshot::channel();
        self.jobs.send((write, done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Writes what comes until nobody can send any more. Whatever waits goes into one transaction, so
/// that many backends share one sync of the disk.
fn write_all(database: &Database, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(MAX_WAITING_WRITES);
    while queue.blocking_recv_many(&mut jobs, MAX_WAITING_WRITES) > 0 {
        let result = write_group(database, jobs.iter().map(|(write, _)| write));
        let result = result.map_err(|error| {
            tracing::error!(%error, "the directory could not be written");
            Arc::from(error.to_string())
        });
        for (_, done) in jobs.drain(..) {
            // Whoever asked may have gone; the write stands all the same.
            let _ = done.send(result.clone());
        }
    }
}

fn write_group<'a>(
    database: &Database,
    writes: impl Iterator<Item = &'a Write>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    for write in writes {
        for change in &write.changes {
            write_change(&mut tables, write.workspace.as_str(), change)?;
        }
    }
    drop(tables);
    transaction.commit()?;
    Ok(())
}

/// The tables, open for one transaction: a whole workspace is tens of thousands of rows.
struct Tables<'a> {
    workspaces: Table<'a, &'static str, ()>,
    members: Table<'a, (&'static str, &'static str), &'static str>,
    channels: Table<'a, (&'static str, &'static str), &'static str>,
}

impl<'a> Tables<'a> {
    fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            workspaces: transaction.open_table(WORKSPACES)?,
            members: transaction.open_table(MEMBERS)?,
            channels: transaction.open_table(CHANNELS)?,
        })
    }
}

fn write_change(
    tables: &mut Tables<'_>,
    workspace: &str,
    change: &Change,
) -> Result<(), redb::Error> {
    match change {
        Change::Known => {
            tables.workspaces.insert(workspace, ())?;
        }
        Change::MemberPut { user, member } => {
            let row = record::member(member);
            let key = (workspace, user.as_str());
            tables.members.insert(key, row.as_str())?;
        }
        Change::MemberRemoved { user } => {
            let key = (workspace, user.as_str());
            tables.members.remove(key)?;
        }
        Change::ChannelPut { facts } => {
            let row = record::channel(facts);
            let key = (workspace, facts.id.as_str());
            tables.channels.insert(key, row.as_str())?;
        }
        Change::ChannelRemoved { channel } => {
            let key = (workspace, channel.as_str());
            tables.channels.remove(key)?;
        }
        Change::Closed => {
            tables.workspaces.remove(workspace)?;
            // No identifier holds a control character, so this is where the next one starts.
            let end = format!("{workspace}\0");
            let range = (workspace, "")..(end.as_str(), "");
            let nothing = |_: (&str, &str), _: &str| false;
            tables.members.retain_in(range.clone(), nothing)?;
            tables.channels.retain_in(range, nothing)?;
        }
        Change::ChannelViewed { .. }
        | Change::Settling { .. }
        | Change::Settled { .. }
        | Change::ConnectionPut { .. }
        | Change::ConnectionRemoved { .. }
        | Change::Selected { .. }
        | Change::Unselected { .. } => {}
    }
    Ok(())
}

fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(WORKSPACES)?;
    transaction.open_table(MEMBERS)?;
    transaction.open_table(CHANNELS)?;
    transaction.commit()?;
    Ok(())
}

/// The rows of one workspace, as they are on disk.
#[derive(Default)]
struct Rows {
    members: Vec<(String, String)>,
    channels: Vec<(String, String)>,
}

impl Rows {
    fn into_truth(self, workspace: &str) -> Result<(WorkspaceId, Truth), RecordError> {
        let mut truth = Truth::default();
        for (user, row) in self.members {
            let (user, member) = record::read_member(&user, &row)?;
            truth.members.insert(user, member);
        }
        for (channel, row) in self.channels {
            let (channel, spec) = record::read_channel(&channel, &row)?;
            truth.channels.insert(channel, spec);
        }
        Ok((record::read_workspace(workspace)?, truth))
    }
}

fn read(database: &Database) -> Result<BTreeMap<String, Rows>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut workspaces = BTreeMap::<String, Rows>::new();
    for row in transaction.open_table(WORKSPACES)?.iter()? {
        let (workspace, _) = row?;
        workspaces.entry(workspace.value().to_owned()).or_default();
    }
    for row in transaction.open_table(MEMBERS)?.iter()? {
        let (key, value) = row?;
        let (workspace, user) = key.value();
        let rows = workspaces.entry(workspace.to_owned()).or_default();
        rows.members
            .push((user.to_owned(), value.value().to_owned()));
    }
    for row in transaction.open_table(CHANNELS)?.iter()? {
        let (key, value) = row?;
        let (workspace, channel) = key.value();
        let rows = workspaces.entry(workspace.to_owned()).or_default();
        rows.channels
            .push((channel.to_owned(), value.value().to_owned()));
    }
    Ok(workspaces)
}
