//! Answers to `get-state` in large workspaces. They are made outside of delivery, once for all who are
//! to get the same, and within a bound on the bytes of all that have not left yet; must not know how
//! bytes travel.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::timeout;
use wardroom_domain::{Generation, UserId, Workspace, WorkspaceId};

use super::wire::{Asker, Page, Survey};
use crate::budget::{Budget, Share};
use crate::commit::{Appearances, Committer, Failure};
use crate::limits::{MAX_STATE_BYTES, STATE_PATIENCE, STATE_TURN_BYTES, SURVEYED_PER_TURN};
use crate::metrics::{Metrics, StateAnswer};

/// Makes answers.
pub(super) struct States {
    committer: Arc<Committer>,
    metrics: Arc<Metrics>,
    budget: Budget,
    /// How long an answer may take to be made, with the wait for room.
    patience: Duration,
    /// Of each workspace in which somebody waits for an answer, or has one that has not left yet.
    rooms: Mutex<HashMap<WorkspaceId, Weak<Room>>>,
}

/// Who asks, and for which part of the state.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) user: &'a UserId,
    pub(super) page: Option<&'a Page>,
}

/// What was made in one workspace. Whoever makes something holds it, so that nobody makes the same.
#[derive(Default)]
struct Room(tokio::sync::Mutex<Made>);

#[derive(Default)]
struct Made {
    /// The state that all of it tells, and the policies that were in force.
    of: Option<(Workspace, Option<Generation>)>,
    appearances: Option<Arc<Appearances>>,
    /// By what those who get it have in common.
    texts: HashMap<Vec<u8>, Weak<Text>>,
}

/// The text that some get, as long as somebody has not got it.
struct Text {
    text: String,
    share: Option<Share>,
    budget: Budget,
    metrics: Arc<Metrics>,
    /// Keeps what was made for others to find.
    _room: Arc<Room>,
}

impl Drop for Text {
    fn drop(&mut self) {
        self.share = None;
        self.metrics.state_bytes(self.budget.taken());
    }
}

struct Shared(Arc<Text>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.text.as_bytes()
    }
}

impl States {
    pub(super) fn new(committer: Arc<Committer>, metrics: Arc<Metrics>) -> Self {
        Self::within(MAX_STATE_BYTES, STATE_PATIENCE, committer, metrics)
    }

    fn within(
        bytes: u32,
        patience: Duration,
        committer: Arc<Committer>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            committer,
            metrics,
            budget: Budget::new(bytes),
            patience,
            rooms: Mutex::default(),
        }
    }

    /// Takes all the room there is.
    #[cfg(test)]
    pub(super) async fn all_room(&self) -> Share {
        self.budget.take(MAX_STATE_BYTES as usize).await
    }

    /// Bytes of answers that have not left.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.budget.taken()
    }

    /// Whether an answer is being made, or has not left.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        let rooms = self.rooms.lock();
        rooms.values().any(|room| room.strong_count() > 0)
    }

    /// What somebody may know of a workspace, but for the end of the answer.
    ///
    /// # Errors
    /// [`Failure::Overloaded`] if there is no room for it in time.
    pub(super) async fn text(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        asked: Asked<'_>,
    ) -> Result<Bytes, Failure> {
        let room = self.room(workspace);
        let made = timeout(
            self.patience,
            self.find_or_make(&room, workspace, state, asked),
        );
        let (answer, text) = match made.await {
            Ok((answer, text)) => (answer, Ok(text)),
            Err(_) => (StateAnswer::Refused, Err(Failure::Overloaded)),
        };
        self.metrics.state_answer(answer);
        text
    }

    /// Room for a copy of an answer, for a client that polls.
    ///
    /// # Errors
    /// [`Failure::Overloaded`] if there is none in time.
    pub(super) async fn room_for(&self, bytes: usize) -> Result<Share, Failure> {
        let share = timeout(self.patience, self.budget.take(bytes)).await;
        let share = share.map_err(|_| Failure::Overloaded)?;
        self.metrics.state_bytes(self.budget.taken());
        Ok(share)
    }

    fn room(&self, workspace: &WorkspaceId) -> Arc<Room> {
        let mut rooms = self.rooms.lock();
        if let Some(room) = rooms.get(workspace).and_then(Weak::upgrade) {
            return room;
        }
        rooms.retain(|_, room| room.strong_count() > 0);
        let room = Arc::<Room>::default();
        rooms.insert(workspace.clone(), Arc::downgrade(&room));
        room
    }

    async fn find_or_make(
        &self,
        room: &Arc<Room>,
        workspace: &WorkspaceId,
        state: &Workspace,
        Asked { user, page }: Asked<'_>,
    ) -> (StateAnswer, Bytes) {
        let mut share: Option<Share> = None;
        let mut appearances: Arc<Appearances>;
        let (mut made, survey) = loop {
            let mut made = room.0.lock().await;
            appearances = self.appearances(&mut made, workspace, state).await;
            let asker = Asker {
                user,
                page,
                appearances: &appearances,
            };
            let survey = surveyed(state, asker).await;
            if let Some(text) = made.texts.get(&survey.class()).and_then(Weak::upgrade) {
                return (StateAnswer::Shared, Bytes::from_owner(Shared(text)));
            }
            if share.is_none() {
                share = self.budget.try_take(survey.bytes());
            }
            if share.is_some() {
                break (made, survey);
            }
            // Others of the workspace may find their text while this one waits for room.
            drop(made);
            share = Some(self.budget.take(survey.bytes()).await);
        };
        let class = survey.class();
        let text = written(survey).await;
        if let Some(share) = &mut share {
            share.shrink(text.len());
        }
        self.metrics.state_bytes(self.budget.taken());
        let text = Arc::new(Text {
            text,
            share,
            budget: self.budget.clone(),
            metrics: Arc::clone(&self.metrics),
            _room: Arc::clone(room),
        });
        made.texts.retain(|_, text| text.strong_count() > 0);
        made.texts.insert(class, Arc::downgrade(&text));
        (StateAnswer::Made, Bytes::from_owner(Shared(text)))
    }

    /// How members appear in this state. What was made of another is forgotten.
    async fn appearances(
        &self,
        made: &mut Made,
        workspace: &WorkspaceId,
        state: &Workspace,
    ) -> Arc<Appearances> {
        let generation = self.committer.generation();
        let of = made.of.as_ref();
        let stands = of.is_some_and(|(of, by)| *by == generation && of.is_same(state));
        if let (true, Some(appearances)) = (stands, &made.appearances) {
            return Arc::clone(appearances);
        }
        *made = Made::default();
        let appearances = self.committer.appearances(workspace, state).await;
        let appearances = Arc::new(appearances);
        made.of = Some((state.without_lists(), generation));
        made.appearances = Some(Arc::clone(&appearances));
        appearances
    }
}

/// Looks at all that an answer tells, and lets other work run in between.
async fn surveyed<'a>(state: &'a Workspace, asker: Asker<'a>) -> Survey<'a> {
    let mut survey = Survey::new(state, asker);
    while survey.look(SURVEYED_PER_TURN) {
        tokio::task::yield_now().await;
    }
    survey
}

/// Writes an answer, and lets other work run between its parts.
async fn written(survey: Survey<'_>) -> String {
    let mut text = String::with_capacity(survey.bytes());
    let mut turn = 0;
    for part in survey.parts() {
        text.push_str(&part);
        turn += part.len();
        if turn > STATE_TURN_BYTES {
            turn = 0;
            tokio::task::yield_now().await;
        }
    }
    text.shrink_to_fit();
    text
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
