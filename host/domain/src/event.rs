//! What the world is to see: events, who they are for, and sockets that open and close.
//! Knows neither the encoding of an event nor how it travels.

use imbl::OrdSet;

use crate::{ChannelId, Denial, Json, MediaState, OnlineStatus, Rendering, SocketId, UserId};

/// A server event. The documented ones carry exactly the documented fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A channel appeared, for all or for those who now may see it.
    ChannelCreated {
        /// The channel.
        channel: ChannelId,
    },
    /// A channel is gone, for all or for those who no longer may see it.
    ChannelDeleted {
        /// The channel.
        channel: ChannelId,
    },
    /// A member was added.
    UserJoined {
        /// The user.
        user: UserId,
        /// `UserSchema`: an object with `id`.
        profile: Json,
    },
    /// A member was removed.
    UserLeavedWorkspace {
        /// The user.
        user: UserId,
    },
    /// A profile changed.
    UserUpdated {
        /// The user.
        user: UserId,
        /// `UserSchema`: an object with `id`.
        profile: Json,
    },
    /// A user entered a channel.
    UserSelectedChannel {
        /// The user.
        user: UserId,
        /// The channel.
        channel: ChannelId,
        /// The state of the user's media devices.
        media: MediaState,
    },
    /// A user left a channel.
    UserUnselectedChannel {
        /// The user.
        user: UserId,
        /// The channel.
        channel: ChannelId,
    },
    /// The conversation moved to another of the user's sockets.
    UserChangedDevice,
    /// A user's combined status changed.
    OnlineStatusUpdated {
        /// The user.
        user: UserId,
        /// The new combined status.
        status: OnlineStatus,
    },
    /// The state of a user's media devices changed.
    MediaStateUpdated {
        /// The user.
        user: UserId,
        /// The whole new state.
        media: MediaState,
    },
    /// An event of the application itself.
    Application {
        /// The event's name.
        name: std::sync::Arc<str>,
        /// The payload.
        data: Json,
    },
}

/// Whose sockets an event goes to, within one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every socket of the workspace.
    Workspace,
    /// Every socket of these users.
    Users(OrdSet<UserId>),
    /// These sockets.
    Sockets(Vec<SocketId>),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client left on purpose: it disconnected, or its socket moved to another workspace.
    Left,
    /// The transport was lost; the user is held for the time of grace.
    Lost,
    /// The same user came back and named this connection as the one it replaces.
    Superseded,
    /// The backend asked for it.
    Kicked,
    /// The user is no longer a member of the workspace.
    MembershipEnded,
    /// The workspace was closed.
    WorkspaceClosed,
    /// Policies no longer admit the connection.
    NotAdmitted(Denial),
}

/// One thing the world is to see. Outputs of one decision, and of decisions in the order of their
/// commits, are handed out strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// From here on the socket belongs to the workspace's audiences.
    Opened {
        /// The socket.
        socket: SocketId,
        /// Its user.
        user: UserId,
    },
    /// An event and who it is for.
    Event {
        /// The event.
        event: Event,
        /// Who it is for.
        audience: Audience,
        /// What policies made of it: each person in the audience gets the form meant for them.
        rendering: Rendering,
    },
    /// From here on the socket belongs to no audience of the workspace.
    Closed {
        /// The socket.
        socket: SocketId,
        /// Why.
        reason: CloseReason,
    },
}
