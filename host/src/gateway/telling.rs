//! How `get-state` is answered: its place is in the log, and the answer is made while delivery goes on;
//! must not know how it is made or how bytes travel.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use wardroom_domain::{Command, Json, Workspace};

use super::conversation::{Conversations, Reply, fault_of, seated};
use super::delivery::Told;
use super::frame;
use super::output::Held;
use super::peer::Peer;
use super::states::Asked;
use super::wire::{self, Fault, Page};
use crate::store::Entry;

/// What delivery found at the place of an answer.
struct Place {
    held: Held,
    state: Workspace,
    grant: Option<Json>,
}

impl Conversations {
    /// Answers `get-state`. Delivery only keeps the place for the answer: what this client gets after it
    /// waits, and nobody else does.
    pub(super) async fn tell_state(
        &self,
        peer: &Arc<Peer>,
        reply: &Reply,
        page: Option<Page>,
    ) -> Result<(), Fault> {
        let seat = seated(peer)?;
        let prepared = async {
            // One at a time: whoever does not take the last one gets no other.
            peer.output().answer_has_left().await;
            // Where policies render events, most of what they are asked is asked before others wait.
            self.committer.prepare_appearances(&seat.workspace).await;
        };
        // Whoever is gone is not kept from departing, here and below.
        tokio::select! {
            biased;
            () = peer.output().is_over() => return Ok(()),
            () = prepared => {}
        }
        let (reached, is_reached) = oneshot::channel();
        let (wanted, to) = (reply.ack.is_some(), Arc::clone(peer));
        let told = move |entry: &Entry| {
            wanted.then(|| {
                // Whoever asked waits for it, unless the connection is over.
                let place = Place {
                    held: to.output().held(),
                    state: entry.state.clone(),
                    grant: entry.grant.clone(),
                };
                reached.send(place).ok();
                Told::Later
            })
        };
        let socket = peer.id().clone();
        let command = Command::GetState { socket };
        self.run_telling(peer, &seat, command, told).await?;
        let (Some(id), Ok(place)) = (reply.ack, is_reached.await) else {
            return Ok(());
        };
        let Place { held, state, grant } = place;
        let asked = Asked {
            user: &seat.user,
            page: page.as_ref(),
        };
        let made = async {
            let text = self.states.text(&seat.workspace, &state, asked).await?;
            let share = match held.is_copied() {
                true => Some(self.states.room_for(text.len()).await?),
                false => None,
            };
            Ok((text, share))
        };
        let made = tokio::select! {
            biased;
            () = peer.output().is_over() => return Ok(()),
            made = made => made,
        };
        let (text, share) = made.map_err(fault_of)?;
        let (before, after) = wire::around_state(id, grant.as_ref());
        let before = frame::beginning(&before, text.len() + after.len());
        held.fill(&[before, text, Bytes::from(after)], share);
        Ok(())
    }
}
