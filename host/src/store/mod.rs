//! The port through which everything that changes goes: decide, commit, follow.
//!
//! A store keeps the state and the log of each workspace and moves both together. It knows neither
//! the rules (they come as a function) nor sockets (they follow the log).

pub mod embedded;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use wardroom_domain::{
    Decision, Json, Output, Rejection, Reply, SocketId, UserId, Workspace, WorkspaceId,
};

/// The place of an entry in the log of its workspace: 1, 2, 3, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// Something to be done by this node's follower exactly when delivery reaches an entry: that is
/// how the answer to a command stands in one order with the events.
pub type Waiter = Box<dyn FnOnce(&Entry) + Send>;

/// What a command keeps from one attempt to commit it to the next.
#[derive(Default)]
pub struct Attempt {
    /// What is to be done when delivery reaches the command; taken when it is committed.
    pub waiter: Option<Waiter>,
    /// What the store holds for this command: only the store knows what it is.
    held: Option<Box<dyn Any + Send>>,
    /// Whether what the command says of the directory is in its durable form already.
    remembered: bool,
    /// Whether deciding it takes long.
    long: bool,
}

impl Attempt {
    /// The first attempt of a command.
    #[must_use]
    pub fn new(waiter: Option<Waiter>) -> Self {
        Self {
            waiter,
            ..Self::default()
        }
    }

    /// The same of a command that takes long to decide, if it does: then it holds up neither the
    /// thread that decides nor those who read the state.
    #[must_use]
    pub fn taking_long(self, long: bool) -> Self {
        Self { long, ..self }
    }

    /// The first attempt of a command that brings back what the store itself remembers: nothing of
    /// it is written again.
    #[must_use]
    pub fn remembered() -> Self {
        Self {
            remembered: true,
            ..Self::default()
        }
    }

    /// Whether the store has begun something that only this command can end: it must be tried
    /// again.
    #[must_use]
    pub fn must_go_on(&self) -> bool {
        self.held.is_some()
    }
}

/// One committed decision in the log of a workspace.
pub struct Entry {
    /// Its place.
    pub offset: Offset,
    /// What the world is to see, in order.
    pub outputs: Vec<Output>,
    /// What the command came to.
    pub reply: Reply,
    /// What policies attach to the answer: a JSON object.
    pub grant: Option<Json>,
    /// The state after it.
    pub state: Workspace,
    waiter: Mutex<Option<Waiter>>,
}

impl Entry {
    /// Runs what waits for this entry, if this node has not done so yet.
    pub fn run_waiter(&self) {
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter(self);
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("offset", &self.offset)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError<E> {
    /// The decision function gave no decision.
    #[error("not decided")]
    Undecided(E),
    /// The workspace's log stayed full.
    #[error("the log of the workspace is full")]
    Full,
    /// The directory could not be written. Nothing changed.
    #[error("the directory could not be written: {0}")]
    Durable(Arc<str>),
}

/// Why a decision function gave no decision.
#[derive(Debug)]
pub enum Pass {
    /// The command is refused.
    Rejected(Rejection),
    /// The caller must do something first, and knows what.
    Again,
}

/// A function from the current state to a decision. It may be asked more than once, and only its
/// last decision counts.
pub type Decide<'a> = &'a mut (dyn FnMut(&Workspace) -> Result<Decision, Pass> + Send);

/// A boxed future, so that stores can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The log of one workspace, read from its tail on.
pub trait Tail: Send {
    /// Waits for entries and takes at least one, at most
    /// [`crate::limits::MAX_BATCH_ENTRIES`], in order and without gaps.
    fn next(&mut self) -> BoxFuture<'_, Vec<Arc<Entry>>>;
}

/// State and log of every workspace.
pub trait Store: Send + Sync {
    /// Decides on the current state and commits the decision: state, events and, where the
    /// directory changed, its durable form, together or not at all. The waiter is taken when the
    /// decision is committed, and left where it is otherwise.
    fn transact<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        decide: Decide<'a>,
        attempt: &'a mut Attempt,
    ) -> BoxFuture<'a, Result<Arc<Entry>, StoreError<Pass>>>;

    /// Follows the log of a workspace: every entry committed after this call.
    fn follow(&self, workspace: &WorkspaceId) -> Box<dyn Tail>;

    /// The state of a workspace, if it exists.
    fn snapshot(&self, workspace: &WorkspaceId) -> Option<Workspace>;

    /// The workspaces that exist, in no order.
    fn workspaces(&self) -> Vec<WorkspaceId>;

    /// The workspaces that a user is a member of, in order.
    fn workspaces_of(&self, user: &UserId) -> Vec<WorkspaceId>;

    /// One of them, at a cost that does not depend on how many there are.
    fn workspace_of(&self, user: &UserId) -> Option<WorkspaceId>;

    /// The workspaces in which a user has a connection, live or held, in order.
    fn presences_of(&self, user: &UserId) -> Vec<WorkspaceId>;

    /// The workspace in which a socket has a live connection.
    fn locate(&self, socket: &SocketId) -> Option<WorkspaceId>;

    /// Why nothing of the directory can be changed now, in words, if that is so.
    fn fault(&self) -> Option<Arc<str>> {
        None
    }

    /// Says that all that the store remembered has been brought back. Before that, a durable form
    /// that failed is not mended from memory, which does not have all of it.
    fn recalled(&self) {}
}
