//! The proof that policies were asked, and the question whether a command may be carried out.

use super::Draft;
use crate::{ChannelId, Command, CommandFacts, Rejection, UserId, Verdict};

/// Proof that the policies allow something, or that none of them has a say in it. What needs
/// permission takes one, so that forgetting to ask does not compile.
pub(super) struct Permit(());

impl Permit {
    /// The policies allowed it.
    pub(super) fn given() -> Self {
        Self(())
    }

    /// No policy exports the hook.
    pub(super) fn unasked() -> Self {
        Self(())
    }

    /// The question is noted. A draft with open questions never becomes a decision; it goes on so
    /// that whatever else it has to ask is asked in the same round.
    pub(super) fn provisional() -> Self {
        Self(())
    }
}

impl Draft<'_> {
    /// Whether policies allow a client's command that has passed every check of its own.
    pub(super) fn authorize(
        &mut self,
        command: &Command,
        user: &UserId,
        channel: Option<&ChannelId>,
    ) -> Result<Permit, Rejection> {
        let Some(answers) = self.context.policies.filter(|p| p.hooks.commands) else {
            return Ok(Permit::unasked());
        };
        let Some(subject) = self.state.subject(user) else {
            return Err(Rejection::NotConnected);
        };
        let channel = channel.and_then(|id| self.state.channels.get(id));
        let facts = CommandFacts {
            command: command.clone(),
            subject,
            channel: channel.map(|c| c.facts.clone()),
        };
        match answers.authorization(&facts, self.before.revision) {
            Some(Verdict::Allowed(grant)) => {
                self.grant.clone_from(grant);
                Ok(Permit::given())
            }
            Some(Verdict::Denied(denial)) => Err(Rejection::Denied(denial.clone())),
            None => {
                self.questions.authorization(facts);
                Ok(Permit::provisional())
            }
        }
    }
}
