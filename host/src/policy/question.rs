//! What can be asked of policies, in the words of the interface: names and JSON instead of the
//! domain's own types, so that tools can ask what no server has at hand. Knows no engine.

use std::sync::Arc;
use std::time::SystemTime;

use wardroom_domain::{ChannelFacts, Json, RequestFacts, SubjectFacts, Workspace, WorkspaceId};

use super::offenders::{Asker, Origin};

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

impl<'a> Origin<'a> {
    /// Who wants in asks for themself.
    pub(super) fn of_request(asking: Asking<'a>, request: &'a RequestFacts) -> Self {
        Self {
            workspace: asking.workspace,
            asker: Asker::User(&request.subject.user),
            input: None,
        }
    }

    /// A command is asked about for whoever sent it.
    pub(super) fn of_command(asking: Asking<'a>, command: &'a CommandQuestion) -> Self {
        Self {
            workspace: asking.workspace,
            asker: Asker::User(&command.subject.user),
            input: Some((&command.name, command.arguments.as_str())),
        }
    }

    /// Who sees a channel is asked on nobody's behalf.
    pub(super) fn of_channel(asking: Asking<'a>, channel: &'a ChannelFacts) -> Self {
        Self {
            workspace: asking.workspace,
            asker: Asker::Channel(&channel.id),
            input: None,
        }
    }

    /// What an event is asked for is that it was told of somebody, or of a channel.
    pub(super) fn of_event(asking: Asking<'a>, event: &'a EventQuestion) -> Self {
        let channel = event.channel.as_ref().map(|channel| &channel.id);
        let asker = match (&event.subject, channel) {
            (Some(subject), _) => Asker::User(&subject.user),
            (None, Some(channel)) => Asker::Channel(channel),
            (None, None) => Asker::Event(&event.name),
        };
        Self {
            workspace: asking.workspace,
            asker,
            input: Some((&event.name, channel.map_or("", |channel| channel.as_str()))),
        }
    }
}
