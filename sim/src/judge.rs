//! The judge: holds each decision against the expected outcome, evaluates anew who sees which
//! channel, and lets the clients hear the outputs.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Change, ChannelId, Command, Decision, Generation, Rejection, Reply, Rule, Timestamp, UserId,
    View,
};

use crate::cast::Cast;
use crate::clients::{Clients, Step};
use crate::model::Model;
use crate::outcome::{self, Sight};
use crate::policies::{self, Force};

/// What was asked, and when, and which policies were loaded.
pub(crate) struct Happened<'a> {
    pub(crate) command: &'a Command,
    pub(crate) now: Timestamp,
    pub(crate) generation: Option<Generation>,
}

pub(crate) struct Judge {
    cast: Cast,
    model: Model,
    force: BTreeMap<ChannelId, Force>,
    sight: Sight,
    clients: Clients,
}

/// Fails with a sentence where a thing that must be so is not.
pub(crate) fn ensure(holds: bool, violation: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(violation()) }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Result<(), String> {
    ensure(is == should, || {
        format!("{what} are {is:?}, should be {should:?}")
    })
}

impl Judge {
    pub(crate) fn new(cast: Cast) -> Self {
        Self {
            cast,
            model: Model::default(),
            force: BTreeMap::new(),
            sight: Sight::new(),
            clients: Clients::default(),
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn deliveries(&self) -> u64 {
        self.clients.deliveries()
    }

    pub(crate) fn refused(&self, happened: &Happened<'_>, is: &Rejection) -> Result<(), String> {
        let should = outcome::refusal(&self.model, happened.command, &self.sight);
        same("refusals", &Some(is.clone()), &should)
    }

    pub(crate) fn accepted(
        &mut self,
        happened: &Happened<'_>,
        decision: &Decision,
    ) -> Result<(), String> {
        let command = happened.command;
        let refusal = outcome::refusal(&self.model, command, &self.sight);
        same("refusals", &None, &refusal)?;
        if decision.reply == Reply::Unchanged {
            let mut changes = decision.changes.iter();
            let silent =
                changes.all(|c| matches!(c, Change::Settled { .. })) && decision.outputs.is_empty();
            ensure(silent, || format!("not unchanged: {decision:?}"))?;
        }
        let before = self.model.clone();
        for change in &decision.changes {
            self.model.apply(change);
        }
        let after = &self.model;
        next_state(after, decision)?;
        same(
            "members",
            &after.members,
            &outcome::members(&before, command),
        )?;
        same(
            "channels",
            &after.channels,
            &outcome::channels(&before, command),
        )?;
        let connections = outcome::connections(&before, command, happened.now);
        same("connections", &after.connections, &connections)?;
        let force = self.rules_in_force(&before, happened);
        let sight = sight(after, &force);
        views(decision, &force, &sight)?;
        let selections = outcome::selections(&before, command, after, &sight);
        same("selections", &after.selections, &selections)?;
        let step = Step {
            command,
            before: &before,
            after,
            seen_before: &self.sight,
            seen_after: &sight,
            force_before: &self.force,
            force_after: &force,
        };
        self.clients.hear(&step, &decision.outputs)?;
        self.force = force;
        self.sight = sight;
        Ok(())
    }

    /// Rules stay as they were given until the channel's facts change or the host asks anew; only
    /// what `each` left open has to be asked of those who are there when somebody's facts change.
    fn rules_in_force(
        &self,
        before: &Model,
        happened: &Happened<'_>,
    ) -> BTreeMap<ChannelId, Force> {
        let moved = before.subjects() != self.model.subjects();
        let settles = matches!(happened.command, Command::Settle);
        let mut force = BTreeMap::new();
        for (id, facts) in &self.model.channels {
            let old = self.force.get(id);
            let stays = old.filter(|old| {
                let orphaned = old.rules.contains(&Rule::Each)
                    && old.generation != happened.generation
                    && moved;
                let asked_anew = settles && old.generation != happened.generation;
                before.channels.get(id) == Some(facts) && !asked_anew && !orphaned
            });
            let now = stays
                .cloned()
                .unwrap_or_else(|| policies::force(happened.generation, facts, &self.cast));
            force.insert(id.clone(), now);
        }
        force
    }
}

/// Who sees which channel, evaluated from nothing.
fn sight(model: &Model, force: &BTreeMap<ChannelId, Force>) -> Sight {
    let subjects = model.subjects();
    model
        .channels
        .iter()
        .map(|(id, facts)| (id.clone(), force[id].viewers(facts, subjects.values())))
        .collect()
}

/// The changes, and the state that the domain says they lead to, tell the same story.
fn next_state(after: &Model, decision: &Decision) -> Result<(), String> {
    let next = &decision.next;
    let members = next.members().iter();
    let members: BTreeMap<_, _> = members.map(|(k, v)| (k.clone(), v.clone())).collect();
    same("members by changes", &after.members, &members)?;
    let connections = next.connections().iter();
    let connections: BTreeMap<_, _> = connections.map(|(k, v)| (k.clone(), v.clone())).collect();
    same("connections by changes", &after.connections, &connections)?;
    let selections = next.selections().iter();
    let selections: BTreeMap<_, _> = selections.map(|(k, v)| (k.clone(), v.clone())).collect();
    same("selections by changes", &after.selections, &selections)?;
    let channels = next.channels().iter();
    let channels: BTreeMap<_, _> = channels
        .map(|(k, v)| (k.clone(), v.facts.clone()))
        .collect();
    same("channels by changes", &after.channels, &channels)
}

/// The domain's views are those of the rules in force.
fn views(
    decision: &Decision,
    force: &BTreeMap<ChannelId, Force>,
    sight: &Sight,
) -> Result<(), String> {
    let subjects: BTreeSet<UserId> = decision
        .next
        .subjects()
        .into_iter()
        .map(|s| s.user)
        .collect();
    for (id, channel) in decision.next.channels() {
        let is = Force {
            generation: channel.generation,
            rules: channel.rules.to_vec(),
        };
        same(&format!("rules of {id}"), &is, &force[id])?;
        let seen_by = match &channel.view {
            View::Everyone => subjects.clone(),
            View::Users(users) => users.iter().cloned().collect(),
        };
        same(&format!("viewers of {id}"), &seen_by, &sight[id])?;
    }
    Ok(())
}
