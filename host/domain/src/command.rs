//! What can be asked of a workspace, what is answered, and why it may be refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use imbl::OrdSet;

use crate::{
    Attributes, ChannelId, Denial, Json, MediaPatch, Millis, OnlineStatus, Role, SocketId, UserId,
};

/// What the backend says of a member. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberSpec {
    /// The profile, `UserSchema`.
    pub profile: Option<Json>,
    /// The role; `Some(None)` takes it away.
    pub role: Option<Option<Role>>,
    /// The attributes.
    pub attributes: Option<Attributes>,
}

/// What the backend says of a channel. What is absent stays as it is, so that a partial message
/// never makes a private channel public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelSpec {
    /// Whether it is private; a new channel is public unless told otherwise.
    pub private: Option<bool>,
    /// Its members.
    pub members: Option<OrdSet<UserId>>,
    /// Its attributes.
    pub attributes: Option<Attributes>,
}

/// The whole directory of a workspace at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// All members, with the profile to give a new one that has none.
    pub members: BTreeMap<UserId, (MemberSpec, Json)>,
    /// All channels.
    pub channels: BTreeMap<ChannelId, ChannelSpec>,
}

/// How a socket went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// On purpose: it takes effect at once.
    OnPurpose,
    /// The transport was lost: the connection is held for a while.
    Lost {
        /// How long, outside a channel.
        grace: Millis,
        /// How long, while the connection holds its user's selection.
        grace_in_channel: Millis,
    },
}

/// Whom an application event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everybody.
    Workspace,
    /// Those who may see a channel.
    Channel(ChannelId),
    /// The sockets that selected a channel.
    Conversation(ChannelId),
    /// These users.
    Users(OrdSet<UserId>),
    /// These sockets.
    Sockets(Vec<SocketId>),
    /// These sockets, all of which must be this user's.
    SocketsOf(UserId, Vec<SocketId>),
}

/// An event of the application itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The event's name, checked by the edge.
    pub name: Arc<str>,
    /// The payload.
    pub data: Json,
    /// Whom it is for.
    pub to: Target,
}

/// Something asked of one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A socket whose token was verified and admitted wants in, or renews what it said.
    Connect {
        /// The socket.
        socket: SocketId,
        /// Its user.
        user: UserId,
        /// The status it asks for; by default `online`, or what it had if it renews.
        status: Option<OnlineStatus>,
        /// The role its token gives, if any.
        role: Option<Role>,
        /// Whether the token names this workspace.
        named_by_token: bool,
        /// The socket that this one replaces, by its own account.
        replaces: Option<SocketId>,
        /// The claims of the verified token: a JSON object.
        claims: Json,
        /// The address the connection comes from, without a port, where known.
        remote_address: Option<Arc<str>>,
    },
    /// A socket is gone.
    Disconnect {
        /// The socket.
        socket: SocketId,
        /// How it went.
        leave: Leave,
    },
    /// Time has passed: end every hold that is over.
    Expire,
    /// A socket enters a channel.
    Select {
        /// The socket.
        socket: SocketId,
        /// The channel.
        channel: ChannelId,
        /// The state of the media devices, laid over the default.
        media: Option<MediaPatch>,
    },
    /// A socket leaves its channel.
    Unselect {
        /// The socket.
        socket: SocketId,
    },
    /// A socket changes its media state.
    UpdateMedia {
        /// The socket.
        socket: SocketId,
        /// What changes.
        patch: MediaPatch,
    },
    /// A socket changes its online status.
    UpdateStatus {
        /// The socket.
        socket: SocketId,
        /// The new status.
        status: OnlineStatus,
    },
    /// A socket asks for the state, as of its place in the log.
    GetState {
        /// The socket.
        socket: SocketId,
    },
    /// The backend describes a member.
    PutMember {
        /// The user.
        user: UserId,
        /// What it says.
        spec: MemberSpec,
        /// The profile of a new member of whom nothing else is said.
        default_profile: Json,
    },
    /// The backend removes a member.
    RemoveMember {
        /// The user.
        user: UserId,
    },
    /// A profile changed.
    UpdateProfile {
        /// The user.
        user: UserId,
        /// The new profile.
        profile: Json,
    },
    /// The backend describes a channel.
    PutChannel {
        /// The channel.
        channel: ChannelId,
        /// What it says.
        spec: ChannelSpec,
    },
    /// The backend adds a member to a channel.
    PutChannelMember {
        /// The channel.
        channel: ChannelId,
        /// The user.
        user: UserId,
    },
    /// The backend removes a member from a channel.
    RemoveChannelMember {
        /// The channel.
        channel: ChannelId,
        /// The user.
        user: UserId,
    },
    /// The backend deletes a channel.
    DeleteChannel {
        /// The channel.
        channel: ChannelId,
    },
    /// The backend tells the whole truth at once.
    Sync {
        /// The truth.
        truth: Truth,
        /// Whether the differences go unannounced.
        quiet: bool,
    },
    /// The backend closes the workspace.
    Close,
    /// The backend throws a user's sockets out.
    Kick {
        /// The user.
        user: UserId,
    },
    /// The backend ends one live connection.
    Evict {
        /// The socket.
        socket: SocketId,
    },
    /// A backend has a connection carry out a command, for the user whom it names. Refused if the
    /// connection is another user's.
    Relay {
        /// The user for whom the backend acts.
        user: UserId,
        /// What the connection is to do.
        command: Box<Command>,
    },
    /// The application publishes an event of its own.
    Publish(Publication),
    /// The policies changed: ask again about the next few connections and channels of a workspace
    /// that has not settled under the present generation. Repeated until the workspace has.
    Settle,
}

impl Command {
    /// The connection that a command acts for, if it is one that a backend may relay.
    #[must_use]
    pub fn acts_for(&self) -> Option<&SocketId> {
        match self {
            Self::Select { socket, .. }
            | Self::Unselect { socket }
            | Self::UpdateMedia { socket, .. }
            | Self::UpdateStatus { socket, .. }
            | Self::Evict { socket } => Some(socket),
            _ => None,
        }
    }

    /// The command that is carried out: what is relayed, or the command itself.
    #[must_use]
    pub fn carried_out(&self) -> &Self {
        match self {
            Self::Relay { command, .. } => command.carried_out(),
            command => command,
        }
    }
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Something new exists.
    Created,
    /// Something changed.
    Changed,
    /// Everything was so already.
    Unchanged,
}

/// Why a command is refused. Nothing changes then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The user is no member and the token does not name the workspace.
    WorkspaceForbidden,
    /// The backend never spoke of this workspace.
    WorkspaceNotFound,
    /// The socket has no live connection in this workspace.
    NotConnected,
    /// The connection is another user's than the one for whom the backend acts.
    AnotherUsersConnection,
    /// There is no such channel, or this user may not see it: the two look alike.
    ChannelNotFound,
    /// The user is no member.
    MemberNotFound,
    /// A policy refuses.
    Denied(Denial),
    /// The user is in no channel.
    ChannelNotSelected,
    /// Another socket of the user holds the conversation.
    SelectedOnAnotherDevice,
    /// The media state would become larger than [`crate::limits::MAX_MEDIA_STATE_BYTES`].
    MediaStateTooLarge,
    /// A limit of [`crate::limits`] is reached.
    LimitReached {
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        most: usize,
    },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkspaceForbidden => f.write_str("this workspace is not open to you"),
            Self::WorkspaceNotFound => f.write_str("there is no such workspace"),
            Self::NotConnected => f.write_str("this socket is not connected to the workspace"),
            Self::AnotherUsersConnection => {
                f.write_str("the connection belongs to another user than the one named")
            }
            Self::ChannelNotFound => f.write_str("there is no such channel"),
            Self::MemberNotFound => f.write_str("there is no such member"),
            Self::Denied(denial) => denial.fmt(f),
            Self::ChannelNotSelected => f.write_str("no channel is selected"),
            Self::SelectedOnAnotherDevice => {
                f.write_str("the channel is selected on another device")
            }
            Self::MediaStateTooLarge => write!(
                f,
                "the media state is larger than {} bytes",
                crate::limits::MAX_MEDIA_STATE_BYTES
            ),
            Self::LimitReached { what, most } => write!(f, "there may be at most {most} {what}"),
        }
    }
}

impl std::error::Error for Rejection {}
