//! The rules of Wardroom as pure functions: workspaces, members, channels, connections, presence.
//!
//! This crate knows no clock, no randomness, no sockets, no JSON library, no WebAssembly and no
//! store. [`decide`] takes the state of one workspace, a [`Command`], the answers of the policies
//! and the time, and returns a [`Decision`]: the next state, the [`Change`]s that lead to it, and
//! the [`Output`]s, in order, that the world is to see.

mod change;
mod command;
mod deadlines;
mod decide;
mod event;
mod ids;
mod indexes;
mod json;
mod likeness;
pub mod limits;
mod policy;
mod presence;
mod rendering;
mod state;
mod subjects;
mod time;
mod visibility;

pub use change::Change;
pub use command::{
    ChannelSpec, Command, Leave, MemberSpec, Publication, Rejection, Reply, Target, Truth,
};
pub use deadlines::Deadlines;
pub use decide::{Answers, Ask, Context, Decision, Question, Undecided, decide};
pub use event::{Audience, CloseReason, Event, Output};
pub use ids::{ChannelId, InvalidId, Role, SocketId, UserId, WorkspaceId};
pub use json::{Attributes, Json};
pub use likeness::{Compared, Likeness, Named, People};
pub use policy::{CommandFacts, Denial, EventFacts, Hooks, RequestFacts, Verdict};
pub use presence::{MediaPatch, MediaState, OnlineStatus};
pub use rendering::{Form, Pipeline, Rendered, Rendering, Rendition, TooManyRenditions};
pub use state::{Channel, Connection, Member, Selection, Settling, SettlingAt, Workspace};
pub use subjects::Subjects;
pub use time::{Millis, Timestamp};
pub use visibility::{
    ChannelFacts, Clause, Generation, Instead, PrivateChannels, Rule, Rules, Selector, StandIn,
    SubjectFacts, Test, View,
};
