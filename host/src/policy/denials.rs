//! The latest refusals, each under the id that the person who was refused has been told, so that an
//! operator who is given one learns which policy refused and why. Holds no claims, arguments or
//! payloads. Knows neither guests nor the decision log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use wardroom_domain::{ChannelId, Generation, UserId, WorkspaceId};

use super::component::Digest;
use super::decision::Hook;
use crate::limits::POLICY_REMEMBERED_DENIALS;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The id that the client's error and the log share.
    pub id: Arc<str>,
    /// When.
    pub at: SystemTime,
    /// Where.
    pub workspace: WorkspaceId,
    /// By which set of policies.
    pub generation: Generation,
    /// Which hook.
    pub hook: Hook,
    /// The policy that refused.
    pub policy: Arc<str>,
    /// The version that refused, or failed to answer.
    pub digest: Digest,
    /// The policy's own word for the reason.
    pub code: Arc<str>,
    /// What the person was told.
    pub message: Arc<str>,
    /// How the policy failed, where that is why it was refused: it is configured to fail closed.
    pub failure: Option<Arc<str>>,
    /// Who was refused.
    pub user: Option<UserId>,
    /// The channel it was about.
    pub channel: Option<ChannelId>,
    /// The name of the command.
    pub name: Option<Arc<str>>,
}

/// The latest refusals of a server, oldest first; no more than [`POLICY_REMEMBERED_DENIALS`].
#[derive(Default)]
pub(super) struct Denials(Mutex<VecDeque<Arc<Denied>>>);

impl Denials {
    /// Takes one down; the oldest makes room for it.
    pub(super) fn note(&self, denied: Denied) {
        let denied = Arc::new(denied);
        let mut all = self.0.lock();
        if all.len() == POLICY_REMEMBERED_DENIALS {
            all.pop_front();
        }
        all.push_back(denied);
    }

    /// The one with this id, if it is still known.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Denied>> {
        let all = self.0.lock();
        all.iter().rev().find(|denied| &*denied.id == id).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn denied(id: usize) -> Denied {
        Denied {
            id: Arc::from(id.to_string()),
            at: SystemTime::UNIX_EPOCH,
            workspace: WorkspaceId::new("w").unwrap(),
            generation: Generation(1),
            hook: Hook::Commands,
            policy: Arc::from("p"),
            digest: Digest::of(b""),
            code: Arc::from("no"),
            message: Arc::from("No."),
            failure: None,
            user: None,
            channel: None,
            name: None,
        }
    }

    #[test]
    fn the_latest_are_found_and_the_oldest_makes_room() {
        let denials = Denials::default();
        (0..=POLICY_REMEMBERED_DENIALS).for_each(|id| denials.note(denied(id)));
        assert_eq!(denials.find("0"), None);
        for id in [1, POLICY_REMEMBERED_DENIALS] {
            assert_eq!(*denials.find(&id.to_string()).unwrap(), denied(id));
        }
        assert_eq!(denials.0.lock().len(), POLICY_REMEMBERED_DENIALS);
    }
}
