//! What each receiver of a workspace is about to get; must not know whom an event is for, or why.
//!
//! Between two flushes events for everybody are put together once for each lane, and not once for
//! each receiver. Whoever gets something of their own meanwhile takes first what waits in their lane.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use wardroom_domain::{Named, People, SocketId, UserId, Workspace};

use super::lanes::{Lanes, UNGROUPED};
use super::rendered::Forms;
use super::roster::Outlet;
use crate::limits::DELIVERY_TURN;

/// If more than one receiver of this many is about to get something of its own, all take what waits
/// in their lanes: sharing it is cheaper then than copying it.
const SHARING: usize = 8;

/// Receivers that are written to between two looks at the clock.
const RECEIVERS_PER_LOOK: usize = 64;

/// The receivers of one workspace.
pub(super) struct Receivers<O> {
    all: HashMap<SocketId, Receiver<O>>,
    lanes: Lanes,
    /// Those that got something of their own since the last flush, unless all took from their lanes.
    own: Vec<SocketId>,
    /// Whether all took from their lanes since then.
    shared: bool,
    /// Frames for sockets since the last flush.
    frames: u64,
}

/// One of them.
pub(super) struct Receiver<O> {
    pub(super) user: UserId,
    pub(super) outlet: O,
    /// What the socket gets at the next flush, before the rest of its lane.
    pub(super) waiting: Vec<Bytes>,
    /// Its place among the lanes.
    lane: usize,
    /// Bytes of what waits in its lane that are not for it, or not any more.
    taken: usize,
}

/// Which form of an event a receiver gets.
pub(super) struct Choice<'a> {
    forms: Forms<'a>,
    named: Named<'a>,
    /// What those in each lane get who are not named; nobody is chosen for there who is ungrouped.
    of_lanes: Vec<Option<Bytes>>,
}

impl<'a> Choice<'a> {
    /// The lanes must be right for the event.
    pub(super) fn new<O>(mut forms: Forms<'a>, receivers: &Receivers<O>) -> Self {
        let lanes = &receivers.lanes;
        let of_lane = |lane| forms.for_all_like(lanes.likeness(lane)?);
        let of_lanes = lanes.places().map(of_lane).collect();
        Self {
            named: forms.named(),
            forms,
            of_lanes,
        }
    }

    /// Whom the selectors tell from others in their lane.
    pub(super) fn named(&self) -> Named<'a> {
        self.named.clone()
    }

    fn of<O>(&mut self, receiver: &Receiver<O>, lanes: &Lanes) -> Option<Bytes> {
        if receiver.lane == UNGROUPED {
            self.forms.for_user(&receiver.user)
        } else if self.named.includes(&receiver.user) {
            let likeness = lanes.likeness(receiver.lane);
            self.forms.for_user_like(&receiver.user, likeness)
        } else {
            self.of_lanes[receiver.lane].clone()
        }
    }
}

impl<O> Receiver<O> {
    /// Takes what waits in the lane, so that something of its own may follow.
    fn catch_up(&mut self, lanes: &Lanes) {
        let waiting = lanes.waiting(self.lane);
        if self.taken < waiting.len() {
            let rest = Bytes::copy_from_slice(&waiting[self.taken..]);
            self.waiting.push(rest);
            self.taken = waiting.len();
        }
    }

    fn give(&mut self, lanes: &Lanes, frame: Bytes) {
        self.catch_up(lanes);
        self.waiting.push(frame);
    }

    /// Whether it gets something of its own for the first time since the last flush.
    fn has_nothing(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What of its lane is for it.
    fn rest(&mut self, taken: &[Bytes]) -> Option<Bytes> {
        let chunk = &taken[self.lane];
        let from = std::mem::take(&mut self.taken);
        (from < chunk.len()).then(|| chunk.slice(from..))
    }
}

impl<O: Outlet> Receiver<O> {
    /// Sends what is its own, and then the rest of its lane.
    pub(super) fn send(&mut self, rest: Option<Bytes>) {
        match rest {
            // By far the most often: nothing of its own.
            Some(rest) if self.waiting.is_empty() => self.outlet.send(&[rest]),
            rest => {
                self.waiting.extend(rest);
                if !self.waiting.is_empty() {
                    self.outlet.send(&self.waiting);
                    self.waiting = Vec::new();
                }
            }
        }
    }
}

impl<O> Default for Receivers<O> {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            lanes: Lanes::default(),
            own: Vec::new(),
            shared: false,
            frames: 0,
        }
    }
}

impl<O: Outlet> Receivers<O> {
    pub(super) fn lanes(&mut self) -> &mut Lanes {
        &mut self.lanes
    }

    pub(super) fn add(&mut self, socket: &SocketId, user: &UserId, outlet: O, state: &Workspace) {
        let lane = self.lanes.enter(user, state);
        let receiver = Receiver {
            user: user.clone(),
            outlet,
            waiting: Vec::new(),
            lane,
            taken: self.lanes.waiting(lane).len(),
        };
        self.all.insert(socket.clone(), receiver);
    }

    /// Takes a receiver out, with all that it has still to get.
    pub(super) fn remove(&mut self, socket: &SocketId) -> Option<Receiver<O>> {
        let mut receiver = self.all.remove(socket)?;
        receiver.catch_up(&self.lanes);
        self.lanes.leave(receiver.lane);
        Some(receiver)
    }

    /// Groups everybody anew, or nobody.
    pub(super) fn group(&mut self, people: Option<People>, state: &Workspace) {
        self.hand_out();
        self.lanes.begin(people);
        for receiver in self.all.values_mut() {
            receiver.lane = self.lanes.enter(&receiver.user, state);
        }
    }

    /// Moves receivers to the lanes for people as their users are now.
    pub(super) fn regroup(&mut self, sockets: &[&SocketId], state: &Workspace) {
        self.before(sockets.len());
        for socket in sockets {
            let Some(receiver) = self.all.get_mut(*socket) else {
                continue;
            };
            if receiver.has_nothing() {
                self.own.push((*socket).clone());
            }
            receiver.catch_up(&self.lanes);
            // It enters before it leaves, so that a lane of which it is the last goes on.
            let lane = self.lanes.enter(&receiver.user, state);
            self.lanes.leave(receiver.lane);
            receiver.lane = lane;
            receiver.taken = self.lanes.waiting(lane).len();
        }
    }

    pub(super) fn give_all(&mut self, frame: &Bytes) {
        for lane in self.lanes.places() {
            self.lanes.put(lane, frame);
        }
        self.frames += self.all.len() as u64;
    }

    pub(super) fn give(&mut self, sockets: &[&SocketId], frame: &Bytes) {
        self.before(sockets.len());
        for socket in sockets {
            if let Some(receiver) = self.all.get_mut(*socket) {
                if receiver.has_nothing() {
                    self.own.push((*socket).clone());
                }
                receiver.give(&self.lanes, frame.clone());
                self.frames += 1;
            }
        }
    }

    /// Gives each of these its form of an event.
    pub(super) fn choose(&mut self, choice: &mut Choice<'_>, sockets: &[&SocketId]) {
        self.before(sockets.len());
        for socket in sockets {
            let Some(receiver) = self.all.get_mut(*socket) else {
                continue;
            };
            if let Some(frame) = choice.of(receiver, &self.lanes) {
                if receiver.has_nothing() {
                    self.own.push((*socket).clone());
                }
                receiver.give(&self.lanes, frame);
                self.frames += 1;
            }
        }
    }

    /// Gives everybody their form of an event; `apart` are those whom it names.
    pub(super) fn choose_all(&mut self, choice: &mut Choice<'_>, apart: &[&SocketId]) {
        self.before(apart.len() + self.lanes.ungrouped());
        let mut passed_over = 0;
        for socket in apart {
            let Some(receiver) = self.all.get_mut(*socket) else {
                continue;
            };
            let frame = choice.of(receiver, &self.lanes);
            if receiver.has_nothing() {
                self.own.push((*socket).clone());
            }
            receiver.catch_up(&self.lanes);
            if let Some(frame) = frame {
                receiver.waiting.push(frame);
                self.frames += 1;
            }
            // What the lane is about to get is not for it.
            if let Some(others) = &choice.of_lanes[receiver.lane] {
                receiver.taken += others.len();
                passed_over += 1;
            }
        }
        if self.lanes.ungrouped() > 0 {
            let ungrouped = self.all.iter_mut();
            for (socket, receiver) in ungrouped.filter(|(_, r)| r.lane == UNGROUPED) {
                let named = choice.named.includes(&receiver.user);
                if let Some(frame) = (!named).then(|| choice.of(receiver, &self.lanes)).flatten() {
                    if receiver.has_nothing() {
                        self.own.push(socket.clone());
                    }
                    receiver.give(&self.lanes, frame);
                    self.frames += 1;
                }
            }
        }
        for (lane, frame) in choice.of_lanes.iter().enumerate() {
            if let Some(frame) = frame {
                self.lanes.put(lane, frame);
                self.frames += self.lanes.receivers(lane) as u64;
            }
        }
        self.frames -= passed_over;
    }

    /// Whether the socket is here, and gets these frames.
    pub(super) fn answer(&mut self, socket: &SocketId, frames: &Bytes) -> bool {
        self.before(1);
        let receiver = self.all.get_mut(socket);
        let here = receiver.is_some();
        if let Some(receiver) = receiver {
            if receiver.has_nothing() {
                self.own.push(socket.clone());
            }
            receiver.give(&self.lanes, frames.clone());
        }
        here
    }

    /// Whether the socket is here, and gets what waits for it before an answer that is not made yet.
    pub(super) fn hold(&mut self, socket: &SocketId) -> bool {
        self.before(1);
        let Some(receiver) = self.all.get_mut(socket) else {
            return false;
        };
        receiver.catch_up(&self.lanes);
        receiver.send(None);
        receiver.outlet.hold();
        true
    }

    /// Before so many receivers get something of their own.
    fn before(&mut self, receivers: usize) {
        if receivers * SHARING > self.all.len() {
            self.hand_out();
        }
    }

    /// Gives everybody what waits in their lane.
    fn hand_out(&mut self) {
        let Some(taken) = self.lanes.take() else {
            return;
        };
        self.shared = true;
        for receiver in self.all.values_mut() {
            let rest = receiver.rest(&taken);
            receiver.waiting.extend(rest);
        }
    }

    /// Writes what waits to every socket; how many frames that was. Now and then it lets other work
    /// run, for that is where delivery spends its time.
    pub(super) async fn flush(&mut self) -> u64 {
        let taken = self.lanes.take();
        let own = std::mem::take(&mut self.own);
        let mut pace = Pace::new();
        if std::mem::take(&mut self.shared) || taken.is_some() {
            for receiver in self.all.values_mut() {
                let rest = taken.as_ref().and_then(|taken| receiver.rest(taken));
                receiver.send(rest);
                pace.keep().await;
            }
        } else {
            for socket in &own {
                if let Some(receiver) = self.all.get_mut(socket) {
                    receiver.send(None);
                    pace.keep().await;
                }
            }
        }
        std::mem::take(&mut self.frames)
    }
}

/// Sees to it that other work gets its turn.
struct Pace {
    written: usize,
    turn: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            written: 0,
            turn: Instant::now(),
        }
    }

    /// After each receiver that was written to.
    async fn keep(&mut self) {
        if self.is_over(Instant::now) {
            tokio::task::yield_now().await;
            self.turn = Instant::now();
        }
    }

    /// Whether the turn is over, one receiver later. The clock is not looked at for each.
    fn is_over(&mut self, now: impl FnOnce() -> Instant) -> bool {
        self.written += 1;
        self.written.is_multiple_of(RECEIVERS_PER_LOOK) && now() - self.turn > DELIVERY_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_over_after_its_time_and_not_by_the_number_of_receivers() {
        let mut pace = Pace::new();
        let began = pace.turn;
        let early = |pace: &mut Pace| pace.is_over(|| began + DELIVERY_TURN);
        assert!((0..100 * RECEIVERS_PER_LOOK).all(|_| !early(&mut pace)));
        let late = |pace: &mut Pace| pace.is_over(|| began + DELIVERY_TURN * 2);
        let until = (1..).find(|_| late(&mut pace));
        assert_eq!(until, Some(RECEIVERS_PER_LOOK));
    }
}
