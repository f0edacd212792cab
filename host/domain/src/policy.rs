//! What the domain asks policies beyond who sees a channel, and what they answer: admission,
//! commands, events. Knows nothing of how a question is put or of WebAssembly.

use std::fmt;
use std::sync::Arc;

use crate::{ChannelFacts, Command, Event, Json, PrivateChannels, SubjectFacts};

/// Which hooks the policies of one generation export, and how far their word goes. For a hook that
/// nobody exports nothing is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Who enters.
    pub admission: bool,
    /// Who sees a channel.
    pub visibility: bool,
    /// What a client's command may do.
    pub commands: bool,
    /// How an event looks, and to whom.
    pub events: bool,
    /// Whether an answer of admission may depend on the whole directory: then every change of the
    /// directory has it asked again.
    pub admission_looks_up: bool,
    /// The same of visibility.
    pub visibility_looks_up: bool,
    /// Whether an answer about a command may depend on the whole directory: then it holds for one
    /// state of that alone.
    pub commands_looks_up: bool,
    /// The same of events.
    pub events_looks_up: bool,
    /// Who has the last word on private channels, where policies decide who sees a channel.
    pub private_channels: PrivateChannels,
}

/// What a policy may know of somebody who asks to enter, or is asked about again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestFacts {
    /// Who asks, with the role and the attributes they would have.
    pub subject: SubjectFacts,
    /// The claims of the verified token: a JSON object.
    pub claims: Json,
    /// The address the connection comes from, without a port, where known.
    pub remote_address: Option<Arc<str>>,
    /// Whether this is about a connection that is open already.
    pub reevaluation: bool,
}

/// What a policy may know of a client's command. It has passed the domain's own checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandFacts {
    /// The command.
    pub command: Command,
    /// Who sent it.
    pub subject: SubjectFacts,
    /// The channel it is about, if it is about one.
    pub channel: Option<ChannelFacts>,
}

/// What a policy may know of an event before it is committed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventFacts {
    /// The event.
    pub event: Event,
    /// The person it is about, if it is about one.
    pub subject: Option<SubjectFacts>,
    /// The channel it is about, if it is about one.
    pub channel: Option<ChannelFacts>,
}

/// Why a policy refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Denial {
    /// The policy's name.
    pub policy: Arc<str>,
    /// The policy's own word for the reason, for programs.
    pub code: Arc<str>,
    /// The reason, for the person who is refused.
    pub message: Arc<str>,
    /// The id under which the client's error, the log and the decision log know this decision.
    pub decision: Arc<str>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What all policies together say of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be carried out; with it goes this JSON object, if any.
    Allowed(Option<Json>),
    /// It may not.
    Denied(Denial),
}
