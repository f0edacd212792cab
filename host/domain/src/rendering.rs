//! How an event looks, and to whom: what one policy answers, how the answers of several combine,
//! and which form a person gets. Pure, and applied natively to any number of people.

use std::sync::Arc;

use crate::limits::MAX_RENDITIONS_PER_EVENT;
use crate::{ChannelFacts, Json, Selector, SubjectFacts};

/// What one policy makes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// It goes on as it is.
    Unchanged,
    /// All get this instead.
    Replaced(Json),
    /// Nobody gets it.
    Suppressed,
    /// Each person gets the first payload whose selector matches them, and nothing when none does.
    Split(Vec<(Selector, Json)>),
}

/// One form of an event for some of its audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// Who gets it: whom all of these match. With none, everybody.
    pub to: Vec<Selector>,
    /// What they get; without it they get nothing.
    pub payload: Option<Json>,
}

/// The renditions of an event in order: each person gets the first that matches them, and nothing
/// when none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The renditions.
    pub renditions: Vec<Rendition>,
    /// The channel that the selectors speak of, if the event is about one.
    pub channel: Option<ChannelFacts>,
    /// Those in the audience who were known before the decision and are not after it, as they were.
    pub departed: Vec<SubjectFacts>,
}

/// What policies made of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rendering {
    /// Everybody in the audience gets the event as it is.
    #[default]
    Unchanged,
    /// Everybody in the audience gets what the renditions say.
    Rendered(Arc<Rendered>),
}

impl Rendition {
    fn matches(&self, channel: Option<&ChannelFacts>, subject: &SubjectFacts) -> bool {
        self.to.iter().all(|s| s.matches_in(channel, subject))
    }
}

impl Rendered {
    /// The place of the rendition that a person gets, or nothing if they get nothing.
    #[must_use]
    pub fn place_for(&self, subject: &SubjectFacts) -> Option<usize> {
        let channel = self.channel.as_ref();
        let mut renditions = self.renditions.iter();
        let place = renditions.position(|r| r.matches(channel, subject))?;
        self.renditions[place].payload.as_ref().map(|_| place)
    }

    /// Whether it is plain, without a look at anybody, that all get something: no rendition is empty,
    /// down to one for everybody. Where this is false, all may get something nevertheless.
    #[must_use]
    pub fn leaves_nobody_out(&self) -> bool {
        let mut renditions = self.renditions.iter();
        let decisive = renditions.find(|r| r.to.is_empty() || r.payload.is_none());
        decisive.is_some_and(|rendition| rendition.payload.is_some())
    }
}

/// The policies made more renditions of one event than [`MAX_RENDITIONS_PER_EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRenditions;

/// An event on its way through the policies, in configured order: each is asked about every form
/// that the former ones left.
#[derive(Clone, Debug)]
pub struct Pipeline {
    renditions: Vec<Rendition>,
    changed: bool,
}

impl Pipeline {
    /// An event with its own payload, for everybody.
    #[must_use]
    pub fn new(payload: Json) -> Self {
        Self {
            renditions: vec![Rendition {
                to: Vec::new(),
                payload: Some(payload),
            }],
            changed: false,
        }
    }

    /// Takes the event through one more policy, which is asked once for each payload left.
    ///
    /// # Errors
    /// What `ask` fails with, or, as `too_many` says it, that the forms became too many. The
    /// pipeline is then as it was.
    pub fn through<E>(
        &mut self,
        mut ask: impl FnMut(&Json) -> Result<Form, E>,
        too_many: impl FnOnce(TooManyRenditions) -> E,
    ) -> Result<(), E> {
        let mut renditions = Vec::with_capacity(self.renditions.len());
        let mut changed = self.changed;
        for rendition in &self.renditions {
            let form = match &rendition.payload {
                Some(payload) => ask(payload)?,
                None => Form::Unchanged,
            };
            changed |= form != Form::Unchanged;
            let to = rendition.to.clone();
            match form {
                Form::Unchanged => renditions.push(rendition.clone()),
                Form::Replaced(payload) => renditions.push(Rendition {
                    to,
                    payload: Some(payload),
                }),
                Form::Suppressed => renditions.push(Rendition { to, payload: None }),
                Form::Split(forms) => {
                    let mut some_are_left = true;
                    for (selector, payload) in forms {
                        // Behind a form for everybody nobody is left: what stood there would be
                        // looked at for each receiver, and shown to every further policy.
                        some_are_left = !selector.matches_everybody();
                        let narrower = some_are_left.then_some(selector);
                        renditions.push(Rendition {
                            to: to.iter().cloned().chain(narrower).collect(),
                            payload: Some(payload),
                        });
                        if !some_are_left {
                            break;
                        }
                    }
                    // Whom none of the forms is for gets nothing, and not what others get.
                    if some_are_left {
                        renditions.push(Rendition { to, payload: None });
                    }
                }
            }
        }
        if renditions.len() > MAX_RENDITIONS_PER_EVENT {
            return Err(too_many(TooManyRenditions));
        }
        self.renditions = renditions;
        self.changed = changed;
        Ok(())
    }

    /// What became of the event: nothing if no policy changed it.
    #[must_use]
    pub fn end(self) -> Option<Vec<Rendition>> {
        self.changed.then_some(self.renditions)
    }
}

#[cfg(test)]
#[path = "rendering_tests.rs"]
mod tests;
