//! What is recorded of a decision of the policies, for the decision log: who decided, by which
//! version, and on what. Knows neither where records go nor how they are written.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wardroom_domain::{ChannelId, Generation, Json, SubjectFacts, WorkspaceId};

use super::Digest;

/// A hook that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Who enters.
    Admission,
    /// Who sees a channel.
    Visibility,
    /// What a client's command may do.
    Commands,
    /// How an event looks, and to whom.
    Events,
}

impl Hook {
    /// Every hook that decides.
    pub const ALL: [Self; 4] = [
        Self::Admission,
        Self::Visibility,
        Self::Commands,
        Self::Events,
    ];

    /// The name of its interface.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Visibility => "channel-visibility",
            Self::Commands => "commands",
            Self::Events => "events",
        }
    }
}

/// What one policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The policy.
    pub policy: Arc<str>,
    /// The version that answered, if one did.
    pub digest: Option<Digest>,
    /// Its verdict in a word or two: `allowed`, `denied`, `everyone`, `only`, `replaced`, `failed`.
    pub verdict: &'static str,
    /// How long it took to answer.
    pub took: Duration,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The id that a denied client's error and the log share; nothing where nobody is told one.
    pub id: Option<Arc<str>>,
    /// When.
    pub at: SystemTime,
    /// Where.
    pub workspace: WorkspaceId,
    /// By which set of policies.
    pub generation: Generation,
    /// Which hook.
    pub hook: Hook,
    /// Whether something was refused or withheld.
    pub denied: bool,
    /// The code of the denial.
    pub code: Option<Arc<str>>,
    /// The message of the denial.
    pub message: Option<Arc<str>>,
    /// What each policy that was asked said, in order.
    pub said: Vec<Said>,
    /// The person it is about.
    pub subject: Option<SubjectFacts>,
    /// The channel it is about.
    pub channel: Option<ChannelId>,
    /// The name of the command or event.
    pub name: Option<Arc<str>>,
    /// What else was asked: the claims, the arguments or the payload, a JSON text.
    pub input: Option<Json>,
}

/// Where decisions are recorded.
pub trait DecisionSink: Send + Sync {
    /// Whether a decision of this kind would be kept; asked first, so that what is not kept costs
    /// nothing.
    fn wants(&self, hook: Hook, denied: bool) -> bool;
    /// Takes a record. Must not block.
    fn record(&self, decided: Decided);
}
