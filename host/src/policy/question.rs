//! What can be asked of policies, in the words of the interface: names and JSON instead of the
//! domain's own types, so that tools can ask what no server has at hand. Knows no engine.

use std::sync::Arc;
use std::time::SystemTime;

use wardroom_domain::{ChannelFacts, Json, SubjectFacts, Workspace, WorkspaceId};

/// What a question is about besides its own facts.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The workspace in which it arises.
    pub workspace: &'a WorkspaceId,
    /// Members and channels to look up.
    pub state: &'a Workspace,
    /// The time of the decision; by default, now.
    pub now: Option<SystemTime>,
}

/// A client's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandQuestion {
    /// Its name in the protocol, such as `select-channel`.
    pub name: Arc<str>,
    /// Its fields: a JSON object.
    pub arguments: Json,
    /// Who sent it.
    pub subject: SubjectFacts,
    /// The channel it is about, if it is about one.
    pub channel: Option<ChannelFacts>,
}

/// An event before it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuestion {
    /// Its name in the protocol, such as `user-updated`.
    pub name: Arc<str>,
    /// Its data: any JSON.
    pub payload: Json,
    /// The person it is about, if it is about one.
    pub subject: Option<SubjectFacts>,
    /// The channel it is about, if it is about one.
    pub channel: Option<ChannelFacts>,
}
