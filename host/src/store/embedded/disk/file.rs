//! What is in the directory's file: its tables, what a decision changes in them, and the whole of
//! them. It must not know when any of it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};
use wardroom_domain::{Change, Truth, Workspace, WorkspaceId};

use super::Write;
use crate::store::embedded::record::{self, RecordError};

const WORKSPACES: TableDefinition<'_, &str, ()> = TableDefinition::new("workspaces-1");
const MEMBERS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("members-1");
const CHANNELS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("channels-1");

/// Writes the changes of many decisions, all or none.
pub(super) fn write_group<'a>(
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

/// Makes the tables of a new file. One that has them is not written to, so that it can be opened
/// where nothing can be written.
pub(super) fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let there = database.begin_read()?;
    // They were made together.
    match there.open_table(CHANNELS) {
        Err(TableError::TableDoesNotExist(_)) => drop(there),
        other => return Ok(other.map(drop)?),
    }
    let transaction = database.begin_write()?;
    transaction.open_table(WORKSPACES)?;
    transaction.open_table(MEMBERS)?;
    transaction.open_table(CHANNELS)?;
    transaction.commit()?;
    Ok(())
}

/// The rows of one workspace, as they are on disk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    known: bool,
    members: BTreeMap<String, String>,
    channels: BTreeMap<String, String>,
}

impl Rows {
    /// The rows that a workspace in memory is to have.
    fn of(state: &Workspace) -> Self {
        let members = state.members().iter();
        let channels = state.channels().iter();
        Self {
            known: state.is_known(),
            members: members
                .map(|(user, member)| (user.as_str().to_owned(), record::member(member)))
                .collect(),
            channels: channels
                .map(|(id, channel)| (id.as_str().to_owned(), record::channel(&channel.facts)))
                .collect(),
        }
    }

    /// What they say, as the backend would say it.
    pub(super) fn into_truth(self, workspace: &str) -> Result<(WorkspaceId, Truth), RecordError> {
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

/// Everything that the file holds, by workspace.
pub(super) fn read(database: &Database) -> Result<BTreeMap<String, Rows>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut workspaces = BTreeMap::<String, Rows>::new();
    for row in transaction.open_table(WORKSPACES)?.iter()? {
        let (workspace, _) = row?;
        let rows = workspaces.entry(workspace.value().to_owned()).or_default();
        rows.known = true;
    }
    for row in transaction.open_table(MEMBERS)?.iter()? {
        let (key, value) = row?;
        let (workspace, user) = key.value();
        let rows = workspaces.entry(workspace.to_owned()).or_default();
        rows.members
            .insert(user.to_owned(), value.value().to_owned());
    }
    for row in transaction.open_table(CHANNELS)?.iter()? {
        let (key, value) = row?;
        let (workspace, channel) = key.value();
        let rows = workspaces.entry(workspace.to_owned()).or_default();
        rows.channels
            .insert(channel.to_owned(), value.value().to_owned());
    }
    Ok(workspaces)
}

/// Makes the file hold what memory holds, no more and no less, in one transaction; says of how many
/// workspaces it held something else.
pub(super) fn write_whole(
    database: &Database,
    memory: Vec<(WorkspaceId, Workspace)>,
) -> Result<usize, redb::Error> {
    let mut on_disk = read(database)?;
    let mut differing = 0;
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction)?;
    for (workspace, state) in memory {
        let workspace = workspace.as_str();
        let had = on_disk.remove(workspace).unwrap_or_default();
        let wanted = Rows::of(&state);
        if had != wanted {
            differing += 1;
            tables.replace(workspace, &had, &wanted)?;
        }
    }
    for (workspace, had) in on_disk {
        differing += 1;
        tables.replace(&workspace, &had, &Rows::default())?;
    }
    drop(tables);
    transaction.commit()?;
    Ok(differing)
}

impl Tables<'_> {
    /// Makes the rows of a workspace others.
    fn replace(&mut self, workspace: &str, had: &Rows, wanted: &Rows) -> Result<(), redb::Error> {
        if wanted.known {
            self.workspaces.insert(workspace, ())?;
        } else {
            self.workspaces.remove(workspace)?;
        }
        let tables = [
            (&mut self.members, &had.members, &wanted.members),
            (&mut self.channels, &had.channels, &wanted.channels),
        ];
        for (table, had, wanted) in tables {
            let keys: BTreeSet<&String> = had.keys().chain(wanted.keys()).collect();
            for key in keys {
                let place = (workspace, key.as_str());
                match (had.get(key), wanted.get(key)) {
                    (had, wanted) if had == wanted => {}
                    (_, Some(row)) => drop(table.insert(place, row.as_str())?),
                    (_, None) => drop(table.remove(place)?),
                }
            }
        }
        Ok(())
    }
}
