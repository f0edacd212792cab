//! Who sees a channel, asked by somebody who only wants to know why. It is counted nowhere, no shadow
//! hears of it, it is in no log, and a failure is held against no policy. Knows neither files nor the
//! engine.

use std::sync::Arc;

use wardroom_domain::{ChannelFacts, StandIn, SubjectFacts};

use super::component::Digest;
use super::decision::Hook;
use super::question::Asking;
use super::set::{PolicySet, decided, origin_of_channel};

/// A policy that answers who sees a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its name.
    pub name: Arc<str>,
    /// The version in force.
    pub digest: Digest,
    /// How the version last failed to answer who sees a channel, if it ever did.
    pub last_failure: Option<Arc<str>>,
}

/// What a policy says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whether it lets the person see the channel.
    pub allows: bool,
    /// What answered in its stead, if it failed.
    pub stand_in: Option<StandIn>,
}

impl PolicySet {
    /// The policies that answer who sees a channel, in the order of their rules.
    #[must_use]
    pub fn viewers(&self) -> Vec<Viewer> {
        let viewers = self.asked(Hook::Visibility).map(|policy| Viewer {
            name: policy.source.name.clone(),
            digest: policy.version.digest(),
            last_failure: policy.version.measure().last_failure(Hook::Visibility),
        });
        viewers.collect()
    }

    /// What [`Self::decide`] would say of one person. Where there is no policy at this place, nobody
    /// sees the channel.
    #[must_use]
    pub fn would_decide(
        &self,
        asking: Asking<'_>,
        policy: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> Opinion {
        let Some(policy) = self.asked(Hook::Visibility).nth(policy) else {
            return Opinion {
                allows: false,
                stand_in: None,
            };
        };
        let subjects = std::slice::from_ref(subject);
        let origin = origin_of_channel(asking, channel);
        let asked = policy.peek(Hook::Visibility, origin, |version, attempt| {
            decided(policy, version, attempt, asking, channel, subjects)
        });
        let stand_in = policy.stand_in(&asked);
        let answer = asked.answer.and_then(|answers| answers.first().copied());
        Opinion {
            allows: answer.unwrap_or_else(|| policy.fails_open()),
            stand_in,
        }
    }
}
