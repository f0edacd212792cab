//! The rows of the durable directory as JSON, and back. Only this file knows their form.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wardroom_domain::{
    Attributes, ChannelFacts, ChannelId, ChannelSpec, InvalidId, Json, Member, MemberSpec, Role,
    UserId, WorkspaceId,
};

use crate::json::{self, Unfit};

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// An identifier is not one.
    #[error("identifier {id:?} {source}")]
    Id {
        /// The text.
        id: String,
        /// What is wrong with it.
        source: InvalidId,
    },
    /// A row is not the JSON it should be.
    #[error("row of {key:?}: {source}")]
    Row {
        /// Whose row.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What a row carries is not the JSON it should be.
    #[error("row of {key:?}: {source}")]
    Carried {
        /// Whose row.
        key: String,
        /// What is wrong with it.
        source: Unfit,
    },
}

#[derive(Serialize, Deserialize)]
struct MemberRow<'a> {
    #[serde(borrow)]
    user: &'a RawValue,
    role: Option<String>,
    #[serde(borrow)]
    attributes: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct ChannelRow<'a> {
    private: bool,
    members: Vec<String>,
    #[serde(borrow)]
    attributes: &'a RawValue,
}

fn raw(json: &Json) -> &RawValue {
    serde_json::from_str(json.as_str()).expect("the edge makes valid JSON")
}

fn text(row: &impl Serialize) -> String {
    serde_json::to_string(row).expect("strings, booleans and raw JSON always serialize")
}

/// The row of a member.
pub(super) fn member(member: &Member) -> String {
    text(&MemberRow {
        user: raw(&member.profile),
        role: member.role.as_ref().map(|r| r.as_str().to_owned()),
        attributes: raw(&member.attributes.text),
    })
}

/// The row of a channel.
pub(super) fn channel(facts: &ChannelFacts) -> String {
    text(&ChannelRow {
        private: facts.private,
        members: facts
            .members
            .iter()
            .map(|u| u.as_str().to_owned())
            .collect(),
        attributes: raw(&facts.attributes.text),
    })
}

fn id<T>(text: &str, make: impl FnOnce(&str) -> Result<T, InvalidId>) -> Result<T, RecordError> {
    make(text).map_err(|source| RecordError::Id {
        id: text.to_owned(),
        source,
    })
}

fn attributes(raw: &RawValue, key: &str) -> Result<Attributes, RecordError> {
    json::attributes(raw.get()).map_err(|source| carried(key, source))
}

fn carried(key: &str, source: Unfit) -> RecordError {
    RecordError::Carried {
        key: key.to_owned(),
        source,
    }
}

/// The id of a workspace.
pub(super) fn read_workspace(workspace: &str) -> Result<WorkspaceId, RecordError> {
    id(workspace, WorkspaceId::new)
}

/// A member, as the backend would describe it, and its profile.
pub(super) fn read_member(
    user: &str,
    row: &str,
) -> Result<(UserId, (MemberSpec, Json)), RecordError> {
    let row: MemberRow<'_> = serde_json::from_str(row).map_err(|source| RecordError::Row {
        key: user.to_owned(),
        source,
    })?;
    let profile = json::kept_before(row.user.get()).map_err(|source| carried(user, source))?;
    let role = row.role.as_deref().map(|r| id(r, Role::new)).transpose()?;
    let spec = MemberSpec {
        profile: Some(profile.clone()),
        role: Some(role),
        attributes: Some(attributes(row.attributes, user)?),
    };
    Ok((id(user, UserId::new)?, (spec, profile)))
}

/// A channel, as the backend would describe it.
pub(super) fn read_channel(
    channel: &str,
    row: &str,
) -> Result<(ChannelId, ChannelSpec), RecordError> {
    let row: ChannelRow<'_> = serde_json::from_str(row).map_err(|source| RecordError::Row {
        key: channel.to_owned(),
        source,
    })?;
    let members = row.members.iter().map(|u| id(u, UserId::new));
    let spec = ChannelSpec {
        private: Some(row.private),
        members: Some(members.collect::<Result<_, _>>()?),
        attributes: Some(attributes(row.attributes, channel)?),
    };
    Ok((id(channel, ChannelId::new)?, spec))
}
