//! What policies should say of a command, asked about the facts of the judge's own model: whether
//! they refuse it, what they grant with it, and whom a change puts out.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Command, CommandFacts, Connection, Denial, Generation, Json, Rejection, SocketId, UserId,
    Verdict,
};

use crate::model::Model;
use crate::outcome;
use crate::policies::{Digest, Policies};

/// Who is asked, and about which directory.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) policies: &'a Policies,
    pub(crate) generation: Option<Generation>,
    pub(crate) digest: Digest,
}

impl Asked<'_> {
    /// Why policies should refuse a command that nothing else speaks against, if they should.
    pub(crate) fn refusal(&self, model: &Model, command: &Command) -> Option<Rejection> {
        let denial = match self.verdict(model, command) {
            Some(Verdict::Denied(denial)) => Some(denial),
            Some(Verdict::Allowed(_)) => None,
            None => {
                let connection = outcome::newcomer(model, command)?;
                self.admits(model, &connection, false).err()
            }
        };
        denial.map(Rejection::Denied)
    }

    /// What should go with the acknowledgement of a command that is carried out.
    pub(crate) fn grant(&self, model: &Model, command: &Command) -> Option<Json> {
        match self.verdict(model, command) {
            Some(Verdict::Allowed(grant)) => grant,
            _ => None,
        }
    }

    fn verdict(&self, model: &Model, command: &Command) -> Option<Verdict> {
        let generation = self.generation?;
        let hooked = self.policies.hooks(generation).commands;
        let facts = hooked.then(|| command_facts(model, command))??;
        Some(self.policies.verdict(generation, &facts, self.digest))
    }

    pub(crate) fn admits(
        &self,
        model: &Model,
        connection: &Connection,
        reevaluation: bool,
    ) -> Result<(), Denial> {
        let request = model.request(connection, reevaluation);
        match self.generation {
            Some(generation) => self.policies.admits(generation, &request, self.digest),
            None => Ok(()),
        }
    }

    /// Of these connections, those that are no longer admitted, if these users are asked about.
    pub(crate) fn put_out(
        &self,
        after: &Model,
        connections: &BTreeMap<SocketId, Connection>,
        users: &BTreeSet<UserId>,
    ) -> BTreeMap<SocketId, Denial> {
        let asked = connections.iter().filter(|(_, c)| users.contains(&c.user));
        asked
            .filter_map(|(socket, c)| Some((socket.clone(), self.admits(after, c, true).err()?)))
            .collect()
    }

    /// Who is asked about again because a command changed what policies may look at.
    pub(crate) fn asked_again(&self, before: &Model, after: &Model) -> BTreeSet<UserId> {
        let hooks = self.policies.hooks_of(self.generation);
        if !hooks.admission {
            return BTreeSet::new();
        }
        let all: BTreeSet<&UserId> = before.connections.values().map(|c| &c.user).collect();
        let whole = hooks.admission_looks_up && before.digest() != after.digest();
        let changed = |user: &&UserId| {
            let facts = |model: &Model| {
                let member = model.members.get(*user);
                member.map(|m| (m.role.clone(), m.attributes.clone()))
            };
            whole || facts(before) != facts(after)
        };
        all.into_iter().filter(changed).cloned().collect()
    }
}

/// What policies may know of a client's command that they have a say in.
pub(crate) fn command_facts(model: &Model, command: &Command) -> Option<CommandFacts> {
    let (socket, channel) = match command {
        Command::Select {
            socket, channel, ..
        } => (socket, Some(channel)),
        Command::Unselect { socket } | Command::UpdateMedia { socket, .. } => {
            let user = &model.live(socket)?.user;
            (socket, model.selections.get(user).map(|s| &s.channel))
        }
        Command::UpdateStatus { socket, .. } | Command::GetState { socket } => (socket, None),
        _ => return None,
    };
    let user = &model.live(socket)?.user;
    Some(CommandFacts {
        command: command.clone(),
        subject: model.known(user)?,
        channel: channel.and_then(|id| model.channels.get(id)).cloned(),
    })
}
