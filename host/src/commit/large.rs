//! Commands that move a workspace as a whole, and all workspaces at the start. It must not know how a
//! command is decided.

use wardroom_domain::{Command, Truth, WorkspaceId};

use super::{Committer, Failure};
use crate::limits::LONG_DECISION_ROWS;
use crate::store::Attempt;

impl Committer {
    /// Whether a command moves a large workspace as a whole.
    pub(super) fn takes_long(&self, workspace: &WorkspaceId, command: &Command) -> bool {
        let Command::Sync { truth, .. } = command else {
            return false;
        };
        let state = self.store.snapshot(workspace);
        let there = state.map_or(0, |state| state.members().len() + state.channels().len());
        there.max(truth.members.len() + truth.channels.len()) >= LONG_DECISION_ROWS
    }

    /// Brings back what a durable store remembers. Nothing is announced, for nobody is there yet, and
    /// nothing is written, for it is there already.
    ///
    /// # Errors
    /// If a workspace cannot be brought back, which a limit lowered since then may cause.
    pub async fn restore(&self, remembered: Vec<(WorkspaceId, Truth)>) -> Result<(), Failure> {
        for (workspace, truth) in remembered {
            let command = Command::Sync { truth, quiet: true };
            let long = self.takes_long(&workspace, &command);
            let attempt = Attempt::remembered().taking_long(long);
            self.run_from(&workspace, command, attempt).await?;
        }
        self.store.recalled();
        Ok(())
    }
}
