//! When each workspace next has something to expire, and in which of them that is being seen to. Knows
//! neither a clock nor a task: whoever has both asks it what to do next.

use std::collections::{BTreeSet, HashMap};

use crate::{Timestamp, WorkspaceId};

/// The next deadline of every workspace that has one. A workspace is in one pair of hands at a time:
/// as long as those who took it have not said that they are done, a deadline that is overdue, and that
/// every commit reports again, has nobody else begin the same work.
#[derive(Debug, Default)]
pub struct Deadlines {
    queue: BTreeSet<(Timestamp, WorkspaceId)>,
    of: HashMap<WorkspaceId, Deadline>,
}

#[derive(Clone, Copy, Debug)]
enum Deadline {
    At(Timestamp),
    /// Somebody sees to it, and reports what is left.
    InHand,
}

impl Deadlines {
    /// Takes down that a workspace has something to expire then; whether that comes before everything
    /// else. Commits may report out of order, so a later time never replaces a sooner one; whoever
    /// comes too early finds nothing to do. Of a workspace in hand it is not taken down.
    pub fn set(&mut self, workspace: &WorkspaceId, at: Timestamp) -> bool {
        match self.of.get(workspace) {
            Some(Deadline::InHand) => return false,
            Some(Deadline::At(known)) if *known <= at => return false,
            Some(Deadline::At(later)) => {
                self.queue.remove(&(*later, workspace.clone()));
            }
            None => {}
        }
        self.of.insert(workspace.clone(), Deadline::At(at));
        self.queue.insert((at, workspace.clone()));
        self.queue.first().is_some_and(|(_, w)| w == workspace)
    }

    /// Takes a workspace whose deadline has come in hand.
    ///
    /// # Errors
    /// None has: when the next one does, if there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<WorkspaceId, Option<Timestamp>> {
        match self.queue.pop_first() {
            None => Err(None),
            Some((at, workspace)) if at > now => {
                self.queue.insert((at, workspace));
                Err(Some(at))
            }
            Some((_, workspace)) => {
                self.of.insert(workspace.clone(), Deadline::InHand);
                Ok(workspace)
            }
        }
    }

    /// Gives a workspace back. What is left to expire in it is to be looked up and set after that, so
    /// that nothing which was committed meanwhile is missed.
    pub fn done(&mut self, workspace: &WorkspaceId) {
        if let Some(Deadline::InHand) = self.of.get(workspace) {
            self.of.remove(workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str) -> WorkspaceId {
        WorkspaceId::new(name).expect("an id")
    }

    #[test]
    fn the_sooner_of_two_times_holds() {
        let (mut deadlines, w) = (Deadlines::default(), workspace("w"));
        assert!(deadlines.set(&w, Timestamp(5)));
        assert!(!deadlines.set(&w, Timestamp(9)));
        assert_eq!(deadlines.take(Timestamp(4)), Err(Some(Timestamp(5))));
        assert!(deadlines.set(&w, Timestamp(3)));
        assert_eq!(deadlines.take(Timestamp(4)), Ok(w));
        assert_eq!(deadlines.take(Timestamp(9)), Err(None));
    }

    #[test]
    fn a_workspace_in_hand_is_given_to_nobody_else() {
        let (mut deadlines, w) = (Deadlines::default(), workspace("w"));
        deadlines.set(&w, Timestamp(1));
        assert_eq!(deadlines.take(Timestamp(2)), Ok(w.clone()));
        // Every commit finds the deadline overdue as long as the work goes on.
        assert!(!deadlines.set(&w, Timestamp(1)));
        assert_eq!(deadlines.take(Timestamp(2)), Err(None));
        // Another workspace does not wait for it.
        deadlines.set(&workspace("v"), Timestamp(2));
        assert_eq!(deadlines.take(Timestamp(2)), Ok(workspace("v")));
        deadlines.done(&w);
        assert!(deadlines.set(&w, Timestamp(1)));
        assert_eq!(deadlines.take(Timestamp(2)), Ok(w));
    }
}
