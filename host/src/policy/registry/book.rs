//! What is kept of each configured policy beside the set in force: how its file fares, what is in
//! shadow, how the last reload went. Knows neither files nor the engine.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use wardroom_domain::PrivateChannels;

use super::super::compiling::Stop;
use super::super::component::Digest;
use super::super::limits::PolicyLimits;
use super::super::pipeline::Content;
use super::super::shadow::Shadow;
use super::super::source::PolicySource;

/// What had a policy loaded or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server started.
    Start,
    /// The policy's file changed.
    File,
    /// The configuration changed.
    Configuration,
    /// Somebody called for the version before.
    Rollback,
    /// Somebody called for the version in shadow.
    Promotion,
}

impl Cause {
    /// Its name in logs and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::File => "file",
            Self::Configuration => "configuration",
            Self::Rollback => "rollback",
            Self::Promotion => "promotion",
        }
    }
}

/// The last time that something tried to bring a version of a policy into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// When it ended.
    pub at: SystemTime,
    /// What had it begin.
    pub cause: Cause,
    /// How long it took, from the look at the file to the swap.
    pub took: Duration,
    /// Why it was refused; nothing if the version came into force.
    pub refused: Option<String>,
}

impl Reload {
    pub(super) fn now(cause: Cause, took: Duration, refused: Option<String>) -> Self {
        Self {
            at: SystemTime::now(),
            cause,
            took,
            refused,
        }
    }
}

/// A configuration that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedConfiguration {
    /// Since when.
    pub at: SystemTime,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// One configured policy.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) source: Arc<PolicySource>,
    /// Why the file's present content is not in force.
    pub(super) stale: Option<String>,
    /// Why the present configuration of it is not in force.
    pub(super) refused: Option<String>,
    /// Content of the file that somebody called off: it does not come into force by itself.
    pub(super) held: Option<Digest>,
    /// Whether what the configuration has in shadow was promoted.
    pub(super) promoted: bool,
    /// What is in shadow: the whole policy or a candidate.
    pub(super) shadow: Option<Arc<Shadow>>,
    /// Why the candidate's file is not in shadow.
    pub(super) shadow_error: Option<String>,
    pub(super) last: Reload,
}

impl Record {
    pub(super) fn new(source: Arc<PolicySource>, last: Reload) -> Self {
        Self {
            source,
            stale: None,
            refused: None,
            held: None,
            promoted: false,
            shadow: None,
            shadow_error: None,
            last,
        }
    }

    /// The whole policy, if that is in shadow.
    pub(super) fn whole(&self) -> Option<&Arc<Shadow>> {
        self.shadow.as_ref().filter(|shadow| shadow.whole)
    }
}

/// What a file was found to hold when it was first looked at.
pub(super) type Held = OnceLock<Result<Content, String>>;

/// What is configured, and what its files hold.
pub(super) struct Wanted<'a> {
    pub(super) sources: &'a [PolicySource],
    pub(super) contents: &'a [Result<Content, String>],
    /// What the files of the candidates hold.
    pub(super) candidates: &'a [Held],
    /// Calls it off.
    pub(super) stop: &'a Stop,
    pub(super) limits: PolicyLimits,
    pub(super) private_channels: PrivateChannels,
}

impl Wanted<'_> {
    /// Whether all but the list of policies is as it was.
    pub(super) fn same_terms(&self, book: &Book) -> bool {
        book.limits == self.limits && book.private_channels == self.private_channels
    }
}

/// All configured policies, in order.
pub(super) struct Book {
    pub(super) limits: PolicyLimits,
    /// Who has the last word on private channels.
    pub(super) private_channels: PrivateChannels,
    pub(super) records: Vec<Record>,
    pub(super) configuration: Option<RefusedConfiguration>,
    /// Goes up with each change of a record that leaves the set in force as it is.
    pub(super) revision: u64,
}

impl Book {
    pub(super) fn find(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|r| &*r.source.name == name)
    }

    pub(super) fn find_mut(&mut self, name: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|r| &*r.source.name == name)
    }

    /// The record of this policy if it is configured as it was then.
    pub(super) fn same(&mut self, source: &Arc<PolicySource>) -> Option<&mut Record> {
        let mut records = self.records.iter_mut();
        records.find(|record| Arc::ptr_eq(&record.source, source))
    }
}
