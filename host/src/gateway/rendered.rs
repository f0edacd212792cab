//! The forms of one event that policies rendered: which of them a person gets, each encoded once.
//! It must not know who asks for them.

use bytes::Bytes;
use wardroom_domain::{Event, Likeness, Named, Rendered, SubjectFacts, UserId, Workspace};

use super::{frame, wire};

/// The forms of one event.
pub(super) struct Forms<'a> {
    event: &'a Event,
    rendered: &'a Rendered,
    /// The state that the decision left: what its selectors speak of.
    state: &'a Workspace,
    /// By the place of the rendition; made when the first person gets it.
    frames: Vec<Option<Bytes>>,
}

impl<'a> Forms<'a> {
    pub(super) fn new(event: &'a Event, rendered: &'a Rendered, state: &'a Workspace) -> Self {
        Self {
            event,
            rendered,
            state,
            frames: vec![None; rendered.renditions.len()],
        }
    }

    pub(super) fn rendered(&self) -> &'a Rendered {
        self.rendered
    }

    pub(super) fn state(&self) -> &'a Workspace {
        self.state
    }

    /// Whom the selectors tell from others who are like them.
    pub(super) fn named(&self) -> Named<'a> {
        self.rendered.named()
    }

    /// What everybody gets alike, if that does not depend on who they are.
    pub(super) fn one_for_all(&mut self) -> Option<Option<Bytes>> {
        let first = self.rendered.renditions.first()?;
        first
            .to
            .is_empty()
            .then(|| first.payload.as_ref().and_then(|_| self.frame(0)))
    }

    /// What a person gets. Whoever is not known to the workspace gets nothing.
    pub(super) fn for_user(&mut self, user: &UserId) -> Option<Bytes> {
        let place = match self.state.subject(user) {
            Some(subject) => self.rendered.place_for(&subject),
            None => self.rendered.place_for(self.departed(user)?),
        };
        self.frame(place?)
    }

    /// The same of a person of whom it is known whom they are like, if the workspace knows them.
    pub(super) fn for_user_like(
        &mut self,
        user: &UserId,
        likeness: Option<&Likeness>,
    ) -> Option<Bytes> {
        let place = match likeness {
            Some(likeness) => self.rendered.place_for_user(user, likeness),
            None => self.rendered.place_for(self.departed(user)?),
        };
        self.frame(place?)
    }

    /// What everybody gets who is like this and not [named](Forms::named).
    pub(super) fn for_all_like(&mut self, likeness: &Likeness) -> Option<Bytes> {
        self.frame(self.rendered.place_for_likeness(likeness)?)
    }

    fn departed(&self, user: &UserId) -> Option<&'a SubjectFacts> {
        let mut departed = self.rendered.departed.iter();
        departed.find(|subject| subject.user == *user)
    }

    fn frame(&mut self, place: usize) -> Option<Bytes> {
        let frame = self.frames.get_mut(place)?;
        if frame.is_none() {
            let payload = self.rendered.renditions[place].payload.as_ref()?;
            *frame = Some(frame::text(&wire::rendered(self.event, payload)));
        }
        frame.clone()
    }
}
