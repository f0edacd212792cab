//! The judge: holds each decision against the expected outcome, evaluates anew who sees which
//! channel, and lets the clients hear the outputs.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::{
    Change, ChannelId, Command, Decision, Generation, Json, PrivateChannels, Question, Rejection,
    Reply, Rule, Timestamp, UserId, View,
};

use crate::clients::{Clients, Step};
use crate::consent::Asked;
use crate::model::Model;
use crate::outcome::{self, Sight};
use crate::policies::{Force, Policies};
use crate::questions::Inquiry;
use crate::settling::{self, Covered, Steps};
use crate::told::{self, Delivery};

/// What was asked, and when, and which policies were loaded.
pub(crate) struct Happened<'a> {
    pub(crate) command: &'a Command,
    pub(crate) now: Timestamp,
    pub(crate) generation: Option<Generation>,
    /// What the policies were asked.
    pub(crate) questions: &'a [Question],
}

pub(crate) struct Judge {
    policies: Policies,
    model: Model,
    force: BTreeMap<ChannelId, Force>,
    sight: Sight,
    clients: Clients,
    settling: Steps,
    counted: Counted,
}

/// How often what policies can do was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) denied: u64,
    pub(crate) granted: u64,
    pub(crate) put_out: u64,
    pub(crate) settled: u64,
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
    pub(crate) fn new(policies: Policies) -> Self {
        Self {
            policies,
            model: Model::default(),
            force: BTreeMap::new(),
            sight: Sight::new(),
            clients: Clients::default(),
            settling: Steps::default(),
            counted: Counted::default(),
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn counted(&self) -> Counted {
        self.counted
    }

    fn asked(&self, generation: Option<Generation>, model: &Model) -> Asked<'_> {
        Asked {
            policies: &self.policies,
            generation,
            digest: model.digest(),
        }
    }

    /// Why a command should be refused: what speaks against it by itself comes first, and only then
    /// policies are asked.
    fn refusal(&self, happened: &Happened<'_>) -> Option<Rejection> {
        let asked = self.asked(happened.generation, &self.model);
        outcome::refusal(&self.model, happened.command, &self.sight)
            .or_else(|| asked.refusal(&self.model, happened.command.carried_out()))
    }

    pub(crate) fn refused(
        &mut self,
        happened: &Happened<'_>,
        is: &Rejection,
    ) -> Result<(), String> {
        same("refusals", &Some(is.clone()), &self.refusal(happened))?;
        let inquiry = Inquiry {
            asked: self.asked(happened.generation, &self.model),
            command: happened.command.carried_out(),
            before: &self.model,
            after: &self.model,
            again: &BTreeSet::new(),
            told: &[],
        };
        inquiry.check(happened.questions)?;
        self.counted.denied += u64::from(matches!(is, Rejection::Denied(_)));
        Ok(())
    }

    pub(crate) fn accepted(
        &mut self,
        happened: &Happened<'_>,
        decision: &Decision,
    ) -> Result<(), String> {
        let Happened {
            command,
            now,
            generation,
            questions,
        } = *happened;
        same("refusals", &None, &self.refusal(happened))?;
        let command = command.carried_out();
        unchanged(decision)?;
        let before = self.model.clone();
        for change in &decision.changes {
            self.model.apply(change);
        }
        let covered = self.settles(&before, happened)?;
        let after = &self.model;
        next_state(after, decision)?;
        let members = outcome::members(&before, command);
        same("members", &after.members, &members)?;
        let channels = outcome::channels(&before, command);
        same("channels", &after.channels, &channels)?;
        let asked = Asked {
            policies: &self.policies,
            generation,
            digest: after.digest(),
        };
        let grant = asked.grant(&before, command);
        granted(decision, grant.as_ref())?;
        let again = match command {
            Command::Settle => covered.users.clone(),
            _ => asked.asked_again(&before, after),
        };
        let mut connections = outcome::connections(&before, command, now);
        let put_out = asked.put_out(after, &connections, &again);
        connections.retain(|socket, _| !put_out.contains_key(socket));
        same("connections", &after.connections, &connections)?;
        only_admitted(&asked, after)?;
        let force = self.rules_in_force(&before, generation, &covered);
        let sight = self.sight(after, &force);
        views(decision, &force, &sight)?;
        private_channels(decision, |generation| {
            self.policies.hooks(generation).private_channels
        })?;
        let selections = outcome::selections(&before, command, after, &sight);
        same("selections", &after.selections, &selections)?;
        let told = if self.policies.hooks_of(generation).events {
            told::facts(&before, command, &decision.changes, &decision.outputs)
        } else {
            Vec::new()
        };
        let inquiry = Inquiry {
            asked,
            command,
            before: &before,
            after,
            again: &again,
            told: &told,
        };
        inquiry.check(questions)?;
        self.counted.granted += u64::from(grant.is_some());
        self.counted.put_out += put_out.len() as u64;
        let step = Step {
            command,
            before: &before,
            after,
            seen_before: &self.sight,
            seen_after: &sight,
            force_before: &self.force,
            force_after: &force,
            put_out: &put_out,
            told: &told,
            delivery: Delivery {
                asked,
                before: &before,
                after,
                next: &decision.next,
            },
        };
        self.clients.hear(&step, &decision.outputs)?;
        self.force = force;
        self.sight = sight;
        Ok(())
    }

    /// Whether the workspace is under the policies that it should be under by now, and what a step
    /// on the way there looked at.
    fn settles(&mut self, before: &Model, happened: &Happened<'_>) -> Result<Covered, String> {
        let present = happened.generation;
        let after = &self.model;
        let there = before.settled == present && before.settling.is_none();
        if !matches!(happened.command, Command::Settle) || there {
            self.settling.end();
            settling::aside(happened.command, after, present)?;
            return Ok(Covered::default());
        }
        let asks_admission = self.policies.hooks_of(present).admission;
        self.settling.count(before, present)?;
        let covered = settling::covered(before, after, present, asks_admission)?;
        if after.settling.is_none() {
            self.settling.end();
            self.counted.settled += 1;
        }
        Ok(covered)
    }

    /// Rules stay as they were given until the channel's facts change, or, where a policy looks them
    /// up, the directory, or the host asks anew; only what `each` left open has to be asked of those
    /// who are there when somebody's facts change.
    fn rules_in_force(
        &self,
        before: &Model,
        present: Option<Generation>,
        covered: &Covered,
    ) -> BTreeMap<ChannelId, Force> {
        let moved = before.connected() != self.model.connected();
        let digest = self.model.digest();
        let hooks = self.policies.hooks_of(present);
        let looked_up = hooks.visibility_looks_up && digest != before.digest();
        let generation = present.filter(|_| hooks.visibility);
        let mut force = BTreeMap::new();
        for (id, facts) in &self.model.channels {
            let old = self.force.get(id);
            let stays = old.filter(|old| {
                let orphaned =
                    old.rules.contains(&Rule::Each) && old.generation != generation && moved;
                let asked_anew = looked_up || covered.channels.contains(id);
                before.channels.get(id) == Some(facts) && !asked_anew && !orphaned
            });
            let now = stays
                .cloned()
                .unwrap_or_else(|| self.policies.force(present, facts, digest));
            force.insert(id.clone(), now);
        }
        force
    }

    /// Who of those who are connected sees which channel, evaluated from nothing.
    fn sight(&self, model: &Model, force: &BTreeMap<ChannelId, Force>) -> Sight {
        let (subjects, digest) = (model.connected(), model.digest());
        let viewers = |(id, facts): (&ChannelId, _)| {
            let viewers = self
                .policies
                .viewers(&force[id], facts, subjects.values(), digest);
            (id.clone(), viewers)
        };
        model.channels.iter().map(viewers).collect()
    }
}

/// A command that came to nothing did nothing.
fn unchanged(decision: &Decision) -> Result<(), String> {
    let mut changes = decision.changes.iter();
    let silent =
        changes.all(|c| matches!(c, Change::Settled { .. })) && decision.outputs.is_empty();
    ensure(decision.reply != Reply::Unchanged || silent, || {
        format!("not unchanged: {decision:?}")
    })
}

/// What is granted is what policies grant, and only the acknowledgement has it.
fn granted(decision: &Decision, should: Option<&Json>) -> Result<(), String> {
    same("grants", &decision.grant.as_ref(), &should)?;
    let Some(grant) = should else {
        return Ok(());
    };
    let shown = format!("{:?} {:?}", decision.changes, decision.outputs);
    ensure(!shown.contains("secret-"), || {
        format!("the grant {grant:?} is seen by others: {shown}")
    })
}

/// In a workspace that has settled, the policies in force admit whoever is connected.
fn only_admitted(asked: &Asked<'_>, model: &Model) -> Result<(), String> {
    if model.settled != asked.generation || model.settling.is_some() {
        return Ok(());
    }
    for (socket, connection) in &model.connections {
        if let Err(denial) = asked.admits(model, connection, true) {
            return Err(format!("{socket} is connected against {denial:?}"));
        }
    }
    Ok(())
}

/// The changes, and the state that the domain says they lead to, tell the same story.
fn next_state(after: &Model, decision: &Decision) -> Result<(), String> {
    let next = &decision.next;
    same("settled", &after.settled, &next.settled())?;
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

/// Nobody sees a private channel that does not list them, unless the generation of policies under
/// which its view was made was given private channels.
fn private_channels(
    decision: &Decision,
    given_to: impl Fn(Generation) -> PrivateChannels,
) -> Result<(), String> {
    for (id, channel) in decision.next.channels() {
        let given = channel.generation.map(&given_to);
        if !channel.facts.private || given == Some(PrivateChannels::Policies) {
            continue;
        }
        let members = &channel.facts.members;
        let stranger = match &channel.view {
            View::Everyone => Some("everyone".to_owned()),
            View::Users(users) => {
                let stranger = users.iter().find(|user| !members.contains(*user));
                stranger.map(ToString::to_string)
            }
        };
        if let Some(stranger) = stranger {
            return Err(format!("{id} is private and seen by {stranger}"));
        }
    }
    Ok(())
}

/// The domain's views are those of the rules in force.
fn views(
    decision: &Decision,
    force: &BTreeMap<ChannelId, Force>,
    sight: &Sight,
) -> Result<(), String> {
    let connected: BTreeSet<UserId> = decision.next.connected_users().cloned().collect();
    for (id, channel) in decision.next.channels() {
        let is = Force {
            generation: channel.generation,
            for_members: channel.rules.built_in().is_some(),
            rules: channel.rules.to_vec(),
        };
        same(&format!("rules of {id}"), &is, &force[id])?;
        let seen_by = match &channel.view {
            View::Everyone => connected.clone(),
            View::Users(users) => users.iter().cloned().collect(),
        };
        same(&format!("viewers of {id}"), &seen_by, &sight[id])?;
    }
    Ok(())
}
