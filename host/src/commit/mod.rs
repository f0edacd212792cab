//! The one path of everything that changes: ask the policies, decide, commit, schedule.
//!
//! Socket events, HTTP calls and timers all come through [`Committer::run`]. It knows neither
//! sockets nor HTTP nor WebAssembly; what policies answer comes through [`Policies`].

mod appearance;
mod asking;
mod deadlines;
mod dry;
mod large;
mod reevaluation;
mod turns;
#[cfg(test)]
mod unasked_tests;

use std::sync::Arc;
use std::time::Duration;

use wardroom_domain::limits::OPTIMISTIC_ASKS;
use wardroom_domain::{
    Answers, Ask, ChannelFacts, Command, CommandFacts, Context, Decision, Denial, EventFacts,
    Generation, Hooks, Rejection, Rendition, RequestFacts, Rules, SubjectFacts, Timestamp,
    Undecided, UserId, Verdict, Workspace, WorkspaceId, decide,
};

use crate::codes::Code;
use crate::limits::MAX_DECISION_ROUNDS;
use crate::metrics::Metrics;
use crate::store::{Attempt, Entry, Pass, Store, StoreError, Waiter};
use crate::uptime;

use self::appearance::Gallery;
pub use self::appearance::{Appearance, Appearances, users_after};
pub use self::deadlines::Deadlines;
use self::turns::Turns;

/// What a question to the policies is about besides its own facts.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The workspace in which it arises.
    pub workspace: &'a WorkspaceId,
    /// The state as the decision would leave it: members and channels to look up.
    pub state: &'a Workspace,
}

/// The policies of one generation. They never fail: what a broken policy means is settled behind
/// this. Called in place, for microseconds each.
pub trait PolicySet: Send + Sync {
    /// Which set this is.
    fn generation(&self) -> Generation;
    /// Which hooks are asked at all.
    fn hooks(&self) -> Hooks;
    /// The rule of each visibility policy for a channel, in the order of the configuration.
    fn audience(&self, asking: Asking<'_>, channel: &ChannelFacts) -> Rules;
    /// Which subjects the visibility policy at this place lets see the channel.
    fn decide(
        &self,
        asking: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool>;
    /// Whether a person may enter or stay.
    ///
    /// # Errors
    /// The first denial.
    fn admit(&self, asking: Asking<'_>, request: &RequestFacts) -> Result<(), Denial>;
    /// Whether a command may be carried out, and what goes with the acknowledgement.
    fn authorize(&self, asking: Asking<'_>, command: &CommandFacts) -> Verdict;
    /// The renditions of an event, or nothing if it goes on as it is.
    fn render(&self, asking: Asking<'_>, event: &EventFacts) -> Option<Vec<Rendition>>;
    /// Whether an answer of [`PolicySet::render`] may depend on more of the directory than the facts
    /// of the event: then it holds for this directory only.
    fn rendering_looks_up(&self) -> bool {
        true
    }
}

/// Where the current policies are to be had.
pub trait Policies: Send + Sync {
    /// The current generation, or nothing if no policy exports a hook. Asked under the store's
    /// lock, so it must be quick.
    fn generation(&self) -> Option<Generation>;
    /// The current generation and the hooks it exports, or nothing if no policy exports one. Asked
    /// once for every command, so it should neither allocate nor take a lock.
    fn standing(&self) -> Option<(Generation, Hooks)> {
        self.current().map(|set| (set.generation(), set.hooks()))
    }
    /// The current set, or nothing if no policy exports a hook. Asked for only when there is a
    /// question to put.
    fn current(&self) -> Option<Arc<dyn PolicySet>>;
}

/// No policies at all.
pub struct NoPolicies;

impl Policies for NoPolicies {
    fn generation(&self) -> Option<Generation> {
        None
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
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
    /// The directory cannot be made durable now. Nothing changed; the log says why.
    #[error("the directory cannot be written now; try again later")]
    Unwritable,
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
            Self::Overloaded | Self::Unwritable => Code::Overloaded,
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
    policies: Arc<dyn Policies>,
    deadlines: Arc<Deadlines>,
    gallery: Gallery,
    settling: Turns,
    /// Commands that others made ask too often, and now have their workspace to themselves.
    exclusive: Turns,
    metrics: Arc<Metrics>,
    start: Duration,
}

impl Committer {
    /// A committer whose clock starts now.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, policies: Arc<dyn Policies>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            policies,
            deadlines: Arc::new(Deadlines::default()),
            gallery: Gallery::default(),
            settling: Turns::default(),
            exclusive: Turns::default(),
            metrics,
            start: uptime::now(),
        }
    }

    /// The store behind it, for reading and following.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    fn now(&self) -> Timestamp {
        let elapsed = (uptime::now() - self.start).as_millis();
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
        let long = self.takes_long(workspace, &command);
        let attempt = Attempt::new(waiter).taking_long(long);
        self.run_from(workspace, command, attempt).await
    }

    async fn run_from(
        &self,
        workspace: &WorkspaceId,
        command: Command,
        mut attempt: Attempt,
    ) -> Result<Arc<Entry>, Failure> {
        let must_happen = matches!(
            command,
            Command::Disconnect { .. } | Command::Expire | Command::Settle
        );
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
        let mut trial = Trial {
            command,
            attempt,
            answers: self.no_answers(),
            rounds: 0,
            asks: 0,
        };
        // What the others wait for waits for none of them.
        let settles = matches!(command, Command::Settle);
        while trial.asks < OPTIMISTIC_ASKS || settles {
            if !settles && !trial.attempt.must_go_on() {
                self.exclusive.pass(workspace).await;
            }
            if let Some(result) = self.round(workspace, &mut trial).await {
                return result;
            }
        }
        // What others commit gives it new questions each time. More rounds of the same would cost the
        // more, the busier the workspace is.
        self.metrics.exclusive_command();
        if trial.attempt.must_go_on() {
            let alone = self.all_rounds(workspace, trial);
            self.exclusive.alone_if_free(workspace, alone).await
        } else {
            let alone = self.all_rounds(workspace, trial);
            self.exclusive.alone(workspace, alone).await
        }
    }

    async fn all_rounds(
        &self,
        workspace: &WorkspaceId,
        mut trial: Trial<'_>,
    ) -> Result<Arc<Entry>, Failure> {
        loop {
            if let Some(result) = self.round(workspace, &mut trial).await {
                return result;
            }
        }
    }

    /// Tries to commit a command, and sees to what keeps it from being decided; nothing if it is to be
    /// tried again.
    async fn round(
        &self,
        workspace: &WorkspaceId,
        trial: &mut Trial<'_>,
    ) -> Option<Result<Arc<Entry>, Failure>> {
        if trial.rounds >= MAX_DECISION_ROUNDS && !trial.attempt.must_go_on() {
            tracing::error!(%workspace, "policies keep changing; a command was given up");
            return Some(Err(Failure::Overloaded));
        }
        trial.rounds += 1;
        let mut open = Open::Swapped;
        let (command, answers) = (trial.command, trial.answers.as_ref());
        let result = self
            .store
            .transact(
                workspace,
                &mut |state| self.step(state, command, answers, &mut open),
                trial.attempt,
            )
            .await;
        match result {
            Ok(entry) => {
                self.deadlines.set(workspace, entry.state.next_deadline());
                Some(Ok(entry))
            }
            Err(StoreError::Undecided(Pass::Rejected(rejection))) => {
                Some(Err(Failure::Rejected(rejection)))
            }
            Err(StoreError::Undecided(Pass::Again)) => {
                trial.asks += usize::from(matches!(open, Open::Questions(_)));
                let supplied = self.supply(workspace, open, &mut trial.answers).await;
                supplied.err().map(Err)
            }
            Err(StoreError::Full) => {
                tracing::warn!(%workspace, "the log of a workspace is full: delivery lags");
                Some(Err(Failure::Overloaded))
            }
            // The store has said in the log what failed.
            Err(StoreError::Durable(_)) => Some(Err(Failure::Unwritable)),
        }
    }

    fn no_answers(&self) -> Option<Answers> {
        let standing = self.policies.standing();
        standing.map(|(generation, hooks)| Answers::new(generation, hooks))
    }

    /// Sees to what keeps a command from being decided.
    async fn supply(
        &self,
        workspace: &WorkspaceId,
        open: Open,
        answers: &mut Option<Answers>,
    ) -> Result<(), Failure> {
        match open {
            Open::Swapped => *answers = self.no_answers(),
            Open::Unsettled => Box::pin(self.settle(workspace)).await?,
            Open::Questions(ask) => {
                let generation = answers.as_ref().map(Answers::generation);
                match (self.policies.current(), answers) {
                    (Some(policies), Some(answers))
                        if Some(policies.generation()) == generation =>
                    {
                        asking::answer(&*policies, answers, workspace, *ask).await;
                    }
                    (_, answers) => *answers = self.no_answers(),
                }
            }
        }
        Ok(())
    }

    /// Decides on the state as it is, unless the policies that answered are no longer the
    /// current ones. Because this is asked under the store's lock, no decision of an old
    /// generation can follow the re-evaluation that a new one starts.
    fn step(
        &self,
        state: &Workspace,
        command: &Command,
        answers: Option<&Answers>,
        open: &mut Open,
    ) -> Result<Decision, Pass> {
        *open = Open::Swapped;
        if self.policies.generation() != answers.map(Answers::generation) {
            return Err(Pass::Again);
        }
        let context = Context {
            now: self.now(),
            policies: answers,
        };
        decide(state, command, &context).map_err(|undecided| match undecided {
            Undecided::Rejected(rejection) => Pass::Rejected(rejection),
            Undecided::Ask(ask) => {
                *open = Open::Questions(ask);
                Pass::Again
            }
            Undecided::Unsettled => {
                *open = Open::Unsettled;
                Pass::Again
            }
        })
    }

    /// The policies in force, if one of them exports a hook.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        self.policies.generation()
    }

    /// The workspaces that a user is a member of.
    #[must_use]
    pub fn workspaces_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.store.workspaces_of(user)
    }
}

/// A command on its way to being committed.
struct Trial<'a> {
    command: &'a Command,
    attempt: &'a mut Attempt,
    answers: Option<Answers>,
    /// How often it was tried.
    rounds: usize,
    /// How often it had questions.
    asks: usize,
}

/// What keeps a command from being decided.
enum Open {
    /// The policies that answered are no longer the current ones.
    Swapped,
    /// The policies have to answer first.
    Questions(Box<Ask>),
    /// The workspace has to settle first.
    Unsettled,
}

/// What a command is called in metrics.
fn name(command: &Command) -> &'static str {
    match command.carried_out() {
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
        Command::Evict { .. } => "evict",
        // What is relayed is not relayed again.
        Command::Relay { .. } => "relay",
        Command::Publish(_) => "publish",
        Command::Settle => "settle",
    }
}
