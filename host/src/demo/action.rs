//! What the demo page may ask in place of a backend, as JSON, and the commands it stands for. It must not know HTTP, nor run the commands.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use wardroom_domain::{ChannelId, ChannelSpec, Command, InvalidId, UserId};

use crate::limits::MAX_DEMO_ACTION_BYTES;

/// One step of a backend, asked for by the demo page with `POST /demo/actions/{name}`:
///
/// | name | body | the call of the HTTP API that it stands for |
/// | --- | --- | --- |
/// | `add-channel` | `{channelId, private?, members?}` | `PUT …/channels/{c}` with both, `private` being false and `members` empty unless given |
/// | `set-private` | `{channelId, private}` | `PUT …/channels/{c}` with `{private}` |
/// | `invite` | `{channelId, userId}` | `PUT …/channels/{c}/members/{u}` |
/// | `uninvite` | `{channelId, userId}` | `DELETE …/channels/{c}/members/{u}` |
/// | `delete-channel` | `{channelId}` | `DELETE …/channels/{c}` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Adds a channel, or describes an existing one anew.
    AddChannel {
        /// The channel.
        channel: ChannelId,
        /// Whether it is private.
        private: bool,
        /// Its members.
        members: Vec<UserId>,
    },
    /// Makes a channel private or public; its members stay.
    SetPrivate {
        /// The channel.
        channel: ChannelId,
        /// Whether it is private from now on.
        private: bool,
    },
    /// Makes a user a member of a channel.
    Invite {
        /// The channel.
        channel: ChannelId,
        /// The user.
        user: UserId,
    },
    /// Ends a user's membership of a channel.
    Uninvite {
        /// The channel.
        channel: ChannelId,
        /// The user.
        user: UserId,
    },
    /// Deletes a channel.
    DeleteChannel {
        /// The channel.
        channel: ChannelId,
    },
}

/// Why a request of the page is not an action.
#[derive(Debug, thiserror::Error)]
pub enum BadAction {
    /// No action has this name.
    #[error("there is no such action")]
    Unknown,
    /// The body is larger than [`MAX_DEMO_ACTION_BYTES`].
    #[error("the body is larger than {MAX_DEMO_ACTION_BYTES} bytes")]
    TooLarge,
    /// The body is not JSON of the form that the action takes.
    #[error("the body is not what this action takes: {0}")]
    Body(#[from] serde_json::Error),
    /// An identifier cannot be one.
    #[error("an id {0}")]
    Id(#[from] InvalidId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Add {
    channel_id: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Privacy {
    channel_id: String,
    private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Membership {
    channel_id: String,
    user_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OneChannel {
    channel_id: String,
}

impl Membership {
    fn ids(&self) -> Result<(ChannelId, UserId), InvalidId> {
        Ok((
            ChannelId::new(&self.channel_id)?,
            UserId::new(&self.user_id)?,
        ))
    }
}

impl Action {
    /// Reads the action of this name from a request's body.
    ///
    /// # Errors
    /// If there is no such action, or the body is not what it takes.
    pub fn parse(name: &str, body: &[u8]) -> Result<Self, BadAction> {
        if body.len() > MAX_DEMO_ACTION_BYTES {
            return Err(BadAction::TooLarge);
        }
        match name {
            "add-channel" => {
                let add: Add = read(body)?;
                let members = add.members.iter().map(|id| UserId::new(id));
                Ok(Self::AddChannel {
                    channel: ChannelId::new(&add.channel_id)?,
                    private: add.private,
                    members: members.collect::<Result<_, _>>()?,
                })
            }
            "set-private" => {
                let privacy: Privacy = read(body)?;
                Ok(Self::SetPrivate {
                    channel: ChannelId::new(&privacy.channel_id)?,
                    private: privacy.private,
                })
            }
            "invite" => {
                let (channel, user) = read::<Membership>(body)?.ids()?;
                Ok(Self::Invite { channel, user })
            }
            "uninvite" => {
                let (channel, user) = read::<Membership>(body)?.ids()?;
                Ok(Self::Uninvite { channel, user })
            }
            "delete-channel" => {
                let channel = ChannelId::new(&read::<OneChannel>(body)?.channel_id)?;
                Ok(Self::DeleteChannel { channel })
            }
            _ => Err(BadAction::Unknown),
        }
    }

    /// The command that does it.
    #[must_use]
    pub fn into_command(self) -> Command {
        match self {
            Self::AddChannel {
                channel,
                private,
                members,
            } => Command::PutChannel {
                channel,
                spec: ChannelSpec {
                    private: Some(private),
                    members: Some(members.into_iter().collect()),
                    attributes: None,
                },
            },
            Self::SetPrivate { channel, private } => Command::PutChannel {
                channel,
                spec: ChannelSpec {
                    private: Some(private),
                    ..ChannelSpec::default()
                },
            },
            Self::Invite { channel, user } => Command::PutChannelMember { channel, user },
            Self::Uninvite { channel, user } => Command::RemoveChannelMember { channel, user },
            Self::DeleteChannel { channel } => Command::DeleteChannel { channel },
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadAction> {
    Ok(serde_json::from_slice(body)?)
}
