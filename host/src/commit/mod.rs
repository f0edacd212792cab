//! The one path of everything that changes: ask the policies, decide, commit, schedule.
//!
//! Socket events, HTTP calls and timers all come through [`Committer::run`]. It knows neither
//! sockets nor HTTP nor WebAssembly; what policies answer comes through [`Visibility`].

mod deadlines;
mod reevaluation;

use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::{
    Answers, ChannelFacts, Command, Context, Decision, Generation, Question, Rejection, Rule,
    SubjectFacts, Timestamp, Truth, Undecided, UserId, Workspace, WorkspaceId, decide,
};

use crate::codes::Code;
use crate::limits::{MAX_DECISION_ROUNDS, MAX_SUBJECTS_PER_CALL};
use crate::metrics::Metrics;
use crate::store::{Attempt, Entry, Pass, Store, StoreError, Waiter};

pub use self::deadlines::Deadlines;

/// The visibility policies of one generation. They never fail: what a broken policy means is
/// settled behind this.
pub trait VisibilitySet: Send + Sync {
    /// Which set this is.
    fn generation(&self) -> Generation;
    /// The rule of each policy for a channel, in the order of the configuration.
    fn audience(&self, channel: &ChannelFacts) -> Vec<Rule>;
    /// Which subjects the policy at this place lets see the channel.
    fn decide(&self, policy: usize, channel: &ChannelFacts, subjects: &[SubjectFacts])
    -> Vec<bool>;
}

/// Where the current visibility policies are to be had.
pub trait Visibility: Send + Sync {
    /// The current generation, or nothing if no policy answers for visibility. Asked under the
    /// store's lock, so it must be quick.
    fn generation(&self) -> Option<Generation>;
    /// The current set, or nothing if no policy answers for visibility.
    fn current(&self) -> Option<Arc<dyn VisibilitySet>>;
}

/// No policies at all.
pub struct NoPolicies;

impl Visibility for NoPolicies {
    fn generation(&self) -> Option<Generation> {
        None
    }

    fn current(&self) -> Option<Arc<dyn VisibilitySet>> {
        None
    }
}

/// Why a command came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The rules refuse it.
    #[error("{0}")]
    Rejected(Rejection),
    /// The server cannot take it now.
    #[error("the server is busy; try again later")]
    Overloaded,
    /// Something failed that is not the caller's business; the log says what.
    #[error("something failed inside the server")]
    Internal,
}

impl Failure {
    /// What it is called on the wire.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Rejected(rejection) => Code::from(rejection),
            Self::Overloaded => Code::Overloaded,
            Self::Internal => Code::Internal,
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Runs commands against the store.
pub struct Committer {
    store: Arc<dyn Store>,
    visibility: Arc<dyn Visibility>,
    deadlines: Arc<Deadlines>,
    metrics: Arc<Metrics>,
    start: Instant,
}

impl Committer {
    /// A committer whose clock starts now.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        visibility: Arc<dyn Visibility>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            store,
            visibility,
            deadlines: Arc::new(Deadlines::default()),
            metrics,
            start: Instant::now(),
        }
    }

    /// The store behind it, for reading and following.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn now(&self) -> Timestamp {
        let elapsed = self.start.elapsed().as_millis();
        Timestamp(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// Decides and commits one command. When this returns, its events stand in the log behind
    /// all earlier ones. The waiter runs when this node's delivery reaches them, and never if
    /// the command fails.
    ///
    /// # Errors
    /// Whatever keeps the command from being committed; nothing happened then. A command that
    /// takes something away because it is over (a lost socket, an expired hold, a view) does not
    /// give up because the server is busy.
    pub async fn run(
        &self,
        workspace: &WorkspaceId,
        command: Command,
        waiter: Option<Waiter>,
    ) -> Result<Arc<Entry>, Failure> {
        let must_happen = matches!(
            command,
            Command::Disconnect { .. } | Command::Expire | Command::Reevaluate { .. }
        );
        let mut attempt = Attempt::new(waiter);
        loop {
            match self.attempt(workspace, &command, &mut attempt).await {
                Err(Failure::Overloaded) if must_happen => tokio::task::yield_now().await,
                result => {
                    self.metrics
                        .command(name(&command), result.as_ref().err().map(Failure::code));
                    return result;
                }
            }
        }
    }

    async fn attempt(
        &self,
        workspace: &WorkspaceId,
        command: &Command,
        attempt: &mut Attempt,
    ) -> Result<Arc<Entry>, Failure> {
        let mut policies = self.visibility.current();
        let mut answers = policies.as_ref().map(|p| Answers::new(p.generation()));
        let mut rounds = 0;
        while rounds < MAX_DECISION_ROUNDS || attempt.must_go_on() {
            rounds += 1;
            let mut questions = Vec::new();
            let result = self
                .store
                .transact(
                    workspace,
                    &mut |state| self.step(state, command, answers.as_ref(), &mut questions),
                    attempt,
                )
                .await;
            match result {
                Ok(entry) => {
                    self.deadlines.set(workspace, entry.state.next_deadline());
                    return Ok(entry);
                }
                Err(StoreError::Undecided(Pass::Rejected(rejection))) => {
                    return Err(Failure::Rejected(rejection));
                }
                Err(StoreError::Undecided(Pass::Again)) if questions.is_empty() => {
                    policies = self.visibility.current();
                    answers = policies.as_ref().map(|p| Answers::new(p.generation()));
                }
                Err(StoreError::Undecided(Pass::Again)) => {
                    if let (Some(policies), Some(answers)) = (&policies, &mut answers) {
                        answer(&**policies, answers, questions).await;
                    }
                }
                Err(StoreError::Full) => {
                    tracing::warn!(%workspace, "the log of a workspace is full: delivery lags");
                    return Err(Failure::Overloaded);
                }
                // The store has said in the log what failed.
                Err(StoreError::Durable(_)) => return Err(Failure::Internal),
            }
        }
        tracing::error!(%workspace, "policies keep changing; a command was given up");
        Err(Failure::Overloaded)
    }

    /// Decides on the state as it is, unless the policies that answered are no longer the
    /// current ones. Because this is asked under the store's lock, no decision of an old
    /// generation can follow the re-evaluation that a new one starts.
    fn step(
        &self,
        state: &Workspace,
        command: &Command,
        answers: Option<&Answers>,
        questions: &mut Vec<Question>,
    ) -> Result<Decision, Pass> {
        questions.clear();
        if self.visibility.generation() != answers.map(Answers::generation) {
            return Err(Pass::Again);
        }
        let context = Context {
            now: self.now(),
            visibility: answers,
        };
        decide(state, command, &context).map_err(|undecided| match undecided {
            Undecided::Rejected(rejection) => Pass::Rejected(rejection),
            Undecided::Ask(asked) => {
                *questions = asked;
                Pass::Again
            }
        })
    }

    /// Brings back what a durable store remembers. Nothing is announced: nobody is there yet.
    ///
    /// # Errors
    /// If a workspace cannot be brought back, which a limit lowered since then may cause.
    pub async fn restore(&self, remembered: Vec<(WorkspaceId, Truth)>) -> Result<(), Failure> {
        for (workspace, truth) in remembered {
            let command = Command::Sync { truth, quiet: true };
            self.run(&workspace, command, None).await?;
        }
        Ok(())
    }

    /// The workspaces that a user is a member of.
    #[must_use]
    pub fn workspaces_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.store.workspaces_of(user)
    }
}

/// Puts questions to the policies. Between calls it lets other work run, so that a question about
/// a large workspace does not hold up a thread.
async fn answer(policies: &dyn VisibilitySet, answers: &mut Answers, questions: Vec<Question>) {
    for question in questions {
        match question {
            Question::Audience(channel) => {
                let rules = policies.audience(&channel);
                answers.answer_rules(channel, rules);
                tokio::task::yield_now().await;
            }
            Question::Subjects {
                channel,
                policy,
                subjects,
            } => {
                for batch in subjects.chunks(MAX_SUBJECTS_PER_CALL) {
                    let allowed = policies.decide(policy, &channel, batch);
                    answers.answer_subjects(&channel, policy, batch.to_vec(), &allowed);
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// What a command is called in metrics.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Connect { .. } => "connect",
        Command::Disconnect { .. } => "disconnect",
        Command::Expire => "expire",
        Command::Select { .. } => "select-channel",
        Command::Unselect { .. } => "unselect-channel",
        Command::UpdateMedia { .. } => "update-media-state",
        Command::UpdateStatus { .. } => "update-online-status",
        Command::GetState { .. } => "get-state",
        Command::PutMember { .. } => "put-member",
        Command::RemoveMember { .. } => "remove-member",
        Command::UpdateProfile { .. } => "update-profile",
        Command::PutChannel { .. } => "put-channel",
        Command::PutChannelMember { .. } => "put-channel-member",
        Command::RemoveChannelMember { .. } => "remove-channel-member",
        Command::DeleteChannel { .. } => "delete-channel",
        Command::Sync { .. } => "sync",
        Command::Close => "close",
        Command::Kick { .. } => "kick",
        Command::Publish(_) => "publish",
        Command::Reevaluate { .. } => "re-evaluate",
    }
}
