//! Who would gain or lose which channel if a candidate were in force now, worked out on copies of
//! the workspaces as they are. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::{
    Channel, ChannelFacts, ChannelId, PrivateChannels, Rule, SubjectFacts, UserId, Workspace,
    WorkspaceId,
};

use super::component::Digest;
use super::decision::Hook;
use super::failure::Failure;
use super::ladder::Policy;
use super::pipeline::Content;
use super::question::Asking;
use super::registry::Policies;
use super::shadow::seen;
use super::version::{Attempt, On, Version};
use crate::limits::{POLICY_DRY_RUN_CHANGES, POLICY_DRY_RUN_TIME};

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// What is in shadow.
    Shadow,
    /// What this file holds.
    File(PathBuf),
    /// A component.
    Bytes(Vec<u8>),
}

/// Why a candidate was not tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DryRunError {
    /// No policy of this name is configured.
    #[error("there is no policy of this name")]
    UnknownPolicy,
    /// Nothing of the policy is in shadow.
    #[error("nothing of the policy is in shadow; name a file")]
    NoShadow,
    /// It would not come into force.
    #[error("the candidate would be refused: {0}")]
    Refused(String),
}

/// Somebody would see a channel that they do not see, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewChange {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The channel.
    pub channel: ChannelId,
    /// Who.
    pub user: UserId,
    /// Whether they would gain it; else they would lose it.
    pub gains: bool,
}

/// What a candidate would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The candidate.
    pub digest: Digest,
    /// Workspaces that were looked at.
    pub workspaces: usize,
    /// Channels that were looked at.
    pub channels: usize,
    /// Channels for which the candidate failed to answer, so that the configured end would hold.
    pub failed: usize,
    /// How the last of those failed.
    pub last_failure: Option<String>,
    /// How many times somebody would gain a channel.
    pub gains: usize,
    /// How many times somebody would lose a channel.
    pub losses: usize,
    /// The changes, as many as are listed.
    pub changes: Vec<ViewChange>,
    /// Whether there are more changes than are listed, or not every workspace was looked at.
    pub truncated: bool,
}

impl Policies {
    /// Works out what a candidate would change for those who are there. It takes as long as its
    /// bound allows: not for a thread that serves anybody.
    ///
    /// # Errors
    /// There is no such policy, or the candidate would not come into force.
    pub fn dry_run(
        &self,
        name: &str,
        candidate: Candidate,
        workspaces: impl IntoIterator<Item = (WorkspaceId, Workspace)>,
    ) -> Result<DryRun, DryRunError> {
        let version = self.version_to_try(name, candidate)?;
        let set = self.current();
        let private_channels = set.hooks().private_channels;
        let trial = Trial::new(&version, self.places(name, &set), private_channels);
        let present = set.policies().iter().cloned().map(Place::Stays);
        let present = Trial::new(&version, present.collect(), private_channels);
        let deadline = Instant::now() + POLICY_DRY_RUN_TIME;
        let mut run = DryRun {
            digest: version.digest(),
            workspaces: 0,
            channels: 0,
            failed: 0,
            last_failure: None,
            gains: 0,
            losses: 0,
            changes: Vec::new(),
            truncated: false,
        };
        for (workspace, state) in workspaces {
            if Instant::now() >= deadline {
                run.truncated = true;
                break;
            }
            run.workspaces += 1;
            look(&mut run, [&present, &trial], &workspace, &state, deadline);
        }
        run.truncated |= run.gains + run.losses > run.changes.len();
        Ok(run)
    }

    fn version_to_try(&self, name: &str, tried: Candidate) -> Result<Arc<Version>, DryRunError> {
        let (source, limits, shadow) = self.configured(name).ok_or(DryRunError::UnknownPolicy)?;
        let content = match tried {
            Candidate::Shadow => return shadow.ok_or(DryRunError::NoShadow),
            Candidate::File(file) => Content::read(&file, limits.file_bytes).map_err(String::from),
            Candidate::Bytes(bytes) if bytes.len() as u64 > limits.file_bytes => {
                Err(format!("it is larger than {} bytes", limits.file_bytes))
            }
            Candidate::Bytes(bytes) => Ok(Content::of(bytes)),
        };
        let version = content.and_then(|content| self.try_out(&content, &source, limits));
        version.map_err(DryRunError::Refused)
    }
}

/// One place in the order of the policies.
pub(super) enum Place {
    /// A policy that stays as it is.
    Stays(Policy),
    /// Where the candidate would stand, and whether its failure lets people see.
    Candidate {
        /// As `on_failure = "open"` says.
        fails_open: bool,
    },
}

/// The policies that would answer who sees a channel, in order.
struct Trial<'a> {
    candidate: &'a Arc<Version>,
    places: Vec<Place>,
    private_channels: PrivateChannels,
}

impl<'a> Trial<'a> {
    fn new(
        candidate: &'a Arc<Version>,
        places: Vec<Place>,
        private_channels: PrivateChannels,
    ) -> Self {
        let answers = |place: &Place| match place {
            Place::Stays(policy) => policy.version.exports(Hook::Visibility),
            Place::Candidate { .. } => candidate.exports(Hook::Visibility),
        };
        Self {
            candidate,
            places: places.into_iter().filter(answers).collect(),
            private_channels,
        }
    }

    /// Who of these people would see the channel, and how the candidate failed if it did.
    fn sees(
        &self,
        asking: Asking<'_>,
        channel: &ChannelFacts,
        people: &[SubjectFacts],
    ) -> (Vec<bool>, Option<Failure>) {
        let mut all = vec![true; people.len()];
        if self.places.is_empty() || self.private_channels == PrivateChannels::Members {
            let rule = Rule::built_in(channel);
            let sees = |person| rule.allows(channel, person).unwrap_or(false);
            all = people.iter().map(sees).collect();
        }
        let mut failed = None;
        for place in &self.places {
            let (version, open) = match place {
                Place::Stays(policy) => (&policy.version, policy.fails_open()),
                Place::Candidate { fails_open } => (self.candidate, *fails_open),
            };
            let answer = version
                .audience(Attempt::now(On::Any), asking, channel)
                .and_then(|rule| seen(version, asking, channel, &rule, people));
            let sees = answer.unwrap_or_else(|failure| {
                if matches!(place, Place::Candidate { .. }) {
                    failed = Some(failure);
                }
                vec![open; people.len()]
            });
            for (all, sees) in all.iter_mut().zip(sees) {
                *all &= sees;
            }
        }
        (all, failed)
    }
}

/// Who of these people sees a channel as things are. For those who are not connected nothing is kept:
/// it is what the channel's rules say of them, and what the policies say that are asked about each.
fn seen_now(
    present: &Trial<'_>,
    asking: Asking<'_>,
    channel: &Channel,
    people: &[SubjectFacts],
) -> Vec<bool> {
    let mut open = Vec::new();
    let mut saw = Vec::with_capacity(people.len());
    for (place, person) in people.iter().enumerate() {
        saw.push(if asking.state.sockets_of(&person.user).is_empty() {
            channel.allows(person).unwrap_or_else(|| {
                open.push(place);
                false
            })
        } else {
            channel.view.includes(&person.user)
        });
    }
    if !open.is_empty() {
        let asked: Vec<_> = open.iter().map(|place| people[*place].clone()).collect();
        let (answers, _) = present.sees(asking, &channel.facts, &asked);
        for (place, answer) in open.into_iter().zip(answers) {
            saw[place] = answer;
        }
    }
    saw
}

fn look(
    run: &mut DryRun,
    [present, trial]: [&Trial<'_>; 2],
    workspace: &WorkspaceId,
    state: &Workspace,
    deadline: Instant,
) {
    let people = state.subjects();
    let asking = Asking {
        workspace,
        state,
        now: None,
    };
    for (id, channel) in state.channels() {
        if Instant::now() >= deadline {
            run.truncated = true;
            return;
        }
        run.channels += 1;
        let (sees, failed) = trial.sees(asking, &channel.facts, &people);
        if let Some(failure) = failed {
            run.failed += 1;
            run.last_failure = Some(failure.to_string());
        }
        let saw = seen_now(present, asking, channel, &people);
        for ((person, saw), sees) in people.iter().zip(saw).zip(sees) {
            if sees == saw {
                continue;
            }
            if sees {
                run.gains += 1;
            } else {
                run.losses += 1;
            }
            if run.changes.len() < POLICY_DRY_RUN_CHANGES {
                run.changes.push(ViewChange {
                    workspace: workspace.clone(),
                    channel: id.clone(),
                    user: person.user.clone(),
                    gains: sees,
                });
            }
        }
    }
}
