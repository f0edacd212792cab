//! What policies are asked: only what somebody exports, with facts that are true, and nothing that
//! the domain knows by itself.

use std::collections::BTreeSet;

use wardroom_domain::{Command, EventFacts, Question, UserId};

use crate::consent::{Asked, command_facts};
use crate::judge::ensure;
use crate::model::Model;
use crate::outcome;

/// What is known of a command that was decided.
pub(crate) struct Inquiry<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) command: &'a Command,
    pub(crate) before: &'a Model,
    /// As it was before where the command was refused.
    pub(crate) after: &'a Model,
    /// Who had to be asked about again.
    pub(crate) again: &'a BTreeSet<UserId>,
    /// What may be known of each event.
    pub(crate) told: &'a [Vec<EventFacts>],
}

impl Inquiry<'_> {
    pub(crate) fn check(&self, questions: &[Question]) -> Result<(), String> {
        for question in questions {
            ensure(self.exported(question), || {
                format!("nobody exports the hook: {question:?}")
            })?;
            ensure(self.fits(question), || {
                format!("there is no reason to ask: {question:?}")
            })?;
        }
        Ok(())
    }

    fn exported(&self, question: &Question) -> bool {
        let hooks = self.asked.policies.hooks_of(self.asked.generation);
        match question {
            Question::Audience(_) | Question::Subjects { .. } => hooks.visibility,
            Question::Admit(_) => hooks.admission,
            Question::Authorize(_) => hooks.commands,
            Question::Render(_) => hooks.events,
        }
    }

    fn fits(&self, question: &Question) -> bool {
        match question {
            Question::Admit(request) if request.reevaluation => {
                // The connection may be gone by now, for that is what is asked.
                let connections = self.before.connections.values();
                let mut asked = connections.filter(|c| self.again.contains(&c.user));
                asked.any(|c| self.after.request(c, true) == *request)
            }
            Question::Admit(request) => {
                let connection = outcome::newcomer(self.before, self.command);
                connection.is_some_and(|c| self.before.request(&c, false) == *request)
            }
            Question::Authorize(facts) => {
                command_facts(self.before, self.command).as_ref() == Some(facts)
            }
            Question::Audience(facts) => self.after.channels.get(&facts.id) == Some(facts),
            // Only of people who are connected: what others would see is of no use to anybody.
            Question::Subjects {
                channel, subjects, ..
            } => {
                let here = [self.before, self.after].map(Model::connected);
                let connected = |user| here.iter().any(|here| here.contains_key(user));
                self.after.channels.get(&channel.id) == Some(channel)
                    && subjects.iter().all(|subject| connected(&subject.user))
            }
            // Only of what is told in the end, and nothing of what is refused.
            Question::Render(facts) => {
                let mut told = self.told.iter();
                told.any(|told| told.contains(facts))
            }
        }
    }
}
