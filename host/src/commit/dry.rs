//! Asks what would become of a command without committing it: for whoever has something to lose by
//! trying. It must not know who that is.

use wardroom_domain::{Command, Question, WorkspaceId};

use super::{Committer, Failure, Open};
use crate::limits::MAX_DECISION_ROUNDS;
use crate::store::Pass;

impl Committer {
    /// Whether rules and policies would let a command through as things are now. Nothing happens,
    /// and what follows may still find that things have changed.
    ///
    /// # Errors
    /// What the command itself would fail with.
    pub async fn would_accept(
        &self,
        workspace: &WorkspaceId,
        command: &Command,
    ) -> Result<(), Failure> {
        let mut answers = self.no_answers();
        for _ in 0..MAX_DECISION_ROUNDS {
            let state = self.store.snapshot(workspace).unwrap_or_default();
            let mut open = Open::Swapped;
            match self.step(&state, command, answers.as_ref(), &mut open) {
                Ok(_) => return Ok(()),
                Err(Pass::Rejected(rejection)) => return Err(Failure::Rejected(rejection)),
                Err(Pass::Again) => {}
            }
            if let Open::Questions(ask) = &open
                && !ask.questions.iter().any(may_refuse)
            {
                return Ok(());
            }
            self.supply(workspace, open, &mut answers).await?;
        }
        Err(Failure::Overloaded)
    }
}

/// Whether the answer may keep a command from being carried out. It is asked for before any other,
/// which only says how what follows looks and who sees it.
fn may_refuse(question: &Question) -> bool {
    matches!(question, Question::Admit(_) | Question::Authorize(_))
}
