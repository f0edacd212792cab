//! The groups of a workspace's receivers that get the same of every rendered event, each with what
//! waits for all in it. It must not know who the receivers are.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use wardroom_domain::{Compared, Likeness, People, Rendered, UserId, Workspace};

use crate::limits::{MAX_COMPARED_ATTRIBUTES, MAX_LANES};

/// The lane of those who are not grouped: everybody until an event is rendered for some of them, and
/// then whoever finds no lane any more. What they get of a rendered event is looked up for each.
pub(super) const UNGROUPED: usize = 0;

/// The lanes of one workspace.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// By what selectors can tell of people; nothing for those whom the workspace does not know.
    places: BTreeMap<Option<Likeness>, usize>,
    free: Vec<usize>,
    compared: Compared,
    /// Those whom the grouping is right for, if there is one.
    people: Option<People>,
}

/// One group.
#[derive(Default)]
pub(super) struct Lane {
    likeness: Option<Likeness>,
    receivers: usize,
    waiting: BytesMut,
}

/// What the grouping must do before an event is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// Nothing but keep up with changed people.
    Stands,
    /// All must be grouped anew.
    Anew,
    /// Nobody can be grouped.
    Impossible,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: vec![Lane::default()],
            places: BTreeMap::new(),
            free: Vec::new(),
            compared: Compared::default(),
            people: None,
        }
    }
}

impl Lanes {
    /// Takes in what the selectors of an event compare.
    pub(super) fn compare(&mut self, rendered: &Rendered) -> Grouping {
        let mut wider = self.compared.widen(rendered);
        if self.compared.count() > MAX_COMPARED_ATTRIBUTES {
            self.compared = Compared::default();
            self.compared.widen(rendered);
            wider = true;
        }
        if self.compared.count() > MAX_COMPARED_ATTRIBUTES {
            self.compared = Compared::default();
            return Grouping::Impossible;
        }
        if wider || self.people.is_none() {
            Grouping::Anew
        } else {
            Grouping::Stands
        }
    }

    /// Begins anew with these people, or with nobody grouped. Nothing may wait in any lane.
    pub(super) fn begin(&mut self, people: Option<People>) {
        self.lanes.truncate(1);
        self.lanes[UNGROUPED].receivers = 0;
        self.places.clear();
        self.free.clear();
        self.people = people;
    }

    /// Moves on to another state: those for whom the grouping was right, if there is one.
    pub(super) fn move_on(&mut self, state: &Workspace) -> Option<People> {
        let people = self.people.as_mut()?;
        Some(std::mem::replace(people, state.people()))
    }

    /// Adds a receiver of a user to the lane for people like them, which is returned.
    pub(super) fn enter(&mut self, user: &UserId, state: &Workspace) -> usize {
        let lane = if self.people.is_some() {
            self.lane_for(state.subject(user).map(|s| self.compared.likeness(s)))
        } else {
            UNGROUPED
        };
        self.lanes[lane].receivers += 1;
        lane
    }

    fn lane_for(&mut self, likeness: Option<Likeness>) -> usize {
        if let Some(lane) = self.places.get(&likeness) {
            return *lane;
        }
        // The one of the ungrouped does not count.
        if self.places.len() >= MAX_LANES {
            return UNGROUPED;
        }
        let lane = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(Lane::default());
            self.lanes.len() - 1
        });
        self.lanes[lane].likeness.clone_from(&likeness);
        self.places.insert(likeness, lane);
        lane
    }

    /// Takes a receiver out of its lane.
    pub(super) fn leave(&mut self, at: usize) {
        let lane = &mut self.lanes[at];
        lane.receivers -= 1;
        if lane.receivers == 0 {
            lane.waiting.clear();
            if at != UNGROUPED {
                self.places.remove(&lane.likeness.take());
                self.free.push(at);
            }
        }
    }

    /// Receivers that are not grouped.
    pub(super) fn ungrouped(&self) -> usize {
        self.lanes[UNGROUPED].receivers
    }

    /// What selectors can tell of those in a lane; nothing for those whom the workspace does not know.
    pub(super) fn likeness(&self, lane: usize) -> Option<&Likeness> {
        self.lanes[lane].likeness.as_ref()
    }

    /// Every lane, by its place.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.lanes.len()
    }

    /// How many receivers are in a lane.
    pub(super) fn receivers(&self, lane: usize) -> usize {
        self.lanes[lane].receivers
    }

    /// Has a frame wait for all in a lane.
    pub(super) fn put(&mut self, lane: usize, frame: &Bytes) {
        let lane = &mut self.lanes[lane];
        if lane.receivers > 0 {
            lane.waiting.extend_from_slice(frame);
        }
    }

    /// What waits for all in a lane.
    pub(super) fn waiting(&self, lane: usize) -> &[u8] {
        &self.lanes[lane].waiting
    }

    /// Takes what waits in every lane, by its place, if anything waits at all.
    pub(super) fn take(&mut self) -> Option<Vec<Bytes>> {
        let waits = self.lanes.iter().any(|lane| !lane.waiting.is_empty());
        waits.then(|| {
            let lanes = self.lanes.iter_mut();
            lanes.map(|lane| lane.waiting.split().freeze()).collect()
        })
    }
}
