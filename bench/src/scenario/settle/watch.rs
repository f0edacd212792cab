//! What the sockets of the workspace that settles, and of the one beside it, hear: whether they
//! should, and how late. Must not know what is changed or how.

use std::cell::RefCell;

use super::population::{PRIVATE, Pairs, Population, STABLE};
use crate::histogram::Histogram;
use crate::hub::Observer;
use crate::mark::Mark;

/// Whether a person may hear of a private channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They may.
    Allowed,
    /// A change is being made that shuts them out; it is not known to be in force.
    Leaving,
    /// They must not hear what was published after this time, in microseconds of the run.
    ShutOut(u64),
}

/// What was heard between the beginning and the end of a change.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    /// Events that reached somebody although they were published after the change was known to be
    /// in force, or after that person was told that the channel is gone.
    pub(super) wrong: u64,
    /// Events published earlier that reached somebody after the change was known to be in force.
    pub(super) late: u64,
    /// When the last of those came, in microseconds after that.
    pub(super) latest_us: u64,
    /// People that were told, as they should be, that a channel is gone or there.
    pub(super) told: u64,
    /// The same, as they should not be.
    pub(super) misdirected: u64,
}

/// The time between publishing and hearing, with the time of publishing.
#[derive(Debug, Default)]
struct Delays(RefCell<Vec<(u64, u64)>>);

impl Delays {
    fn record(&self, mark: Mark, now_us: u64) {
        let delay = now_us.saturating_sub(mark.sent_us);
        self.0.borrow_mut().push((mark.sent_us, delay));
    }

    fn between(&self, from_us: u64, to_us: u64) -> Histogram {
        let mut times = Histogram::default();
        let all = self.0.borrow();
        let within = all
            .iter()
            .filter(|(sent, _)| (from_us..=to_us).contains(sent));
        within.for_each(|(_, delay)| times.record(*delay));
        times
    }
}

/// Watches the workspace that settles.
pub(super) struct Watch {
    inner: RefCell<Inner>,
    delays: Delays,
}

struct Inner {
    /// By receiver and private channel.
    standing: Vec<Standing>,
    gone: Vec<bool>,
    stable: Vec<bool>,
    stable_heard: u64,
    tally: Tally,
}

fn place(receiver: usize, channel: usize) -> usize {
    receiver * PRIVATE + channel
}

impl Watch {
    pub(super) fn new(people: Population) -> Self {
        let pairs = people.shape().members * PRIVATE;
        let mut stable = vec![false; pairs];
        for channel in 0..PRIVATE {
            for listed in 0..STABLE {
                stable[place(people.listed(channel, listed), channel)] = true;
            }
        }
        Self {
            inner: RefCell::new(Inner {
                standing: vec![Standing::Allowed; pairs],
                gone: vec![false; pairs],
                stable,
                stable_heard: 0,
                tally: Tally::default(),
            }),
            delays: Delays::default(),
        }
    }

    /// A change is about to be made that shuts these people out of these channels.
    pub(super) fn leaving(&self, lost: &Pairs) {
        self.stand(lost, Standing::Leaving);
    }

    /// That change is known to be in force.
    pub(super) fn shut_out(&self, lost: &Pairs, now_us: u64) {
        self.stand(lost, Standing::ShutOut(now_us));
    }

    /// A change is about to be made that lets these people see these channels again.
    pub(super) fn allowed(&self, gained: &Pairs) {
        self.stand(gained, Standing::Allowed);
    }

    fn stand(&self, pairs: &Pairs, standing: Standing) {
        let mut inner = self.inner.borrow_mut();
        for (receiver, channel) in pairs {
            inner.standing[place(*receiver, *channel)] = standing;
        }
    }

    /// What was heard since this was asked last.
    pub(super) fn take(&self) -> Tally {
        std::mem::take(&mut self.inner.borrow_mut().tally)
    }

    /// Deliveries to those whom no change concerns.
    pub(super) fn stable_heard(&self) -> u64 {
        self.inner.borrow().stable_heard
    }

    /// How late the events came that were published between these times.
    pub(super) fn delays(&self, from_us: u64, to_us: u64) -> Histogram {
        self.delays.between(from_us, to_us)
    }
}

impl Inner {
    fn event(&mut self, receiver: usize, mark: Mark, now_us: u64) {
        let pair = place(receiver, mark.number as usize % PRIVATE);
        self.stable_heard += u64::from(self.stable[pair]);
        let tally = &mut self.tally;
        match self.standing[pair] {
            _ if self.gone[pair] => tally.wrong += 1,
            Standing::Allowed | Standing::Leaving => {}
            Standing::ShutOut(since) if mark.sent_us > since => tally.wrong += 1,
            Standing::ShutOut(since) => {
                tally.late += 1;
                tally.latest_us = tally.latest_us.max(now_us.saturating_sub(since));
            }
        }
    }

    fn told(&mut self, receiver: usize, channel: Option<usize>, gone: bool) {
        let pair = channel.map(|channel| place(receiver, channel));
        // No public channel ever comes or goes.
        let Some(pair) = pair.filter(|pair| *pair < self.gone.len()) else {
            self.tally.misdirected += 1;
            return;
        };
        let shut_out = self.standing[pair] != Standing::Allowed;
        if shut_out == gone && self.gone[pair] != gone {
            self.gone[pair] = gone;
            self.tally.told += 1;
        } else {
            self.tally.misdirected += 1;
        }
    }
}

impl Observer for Watch {
    fn received(&self, receiver: usize, packet: &[u8], mark: Option<Mark>, now_us: u64) {
        let mut inner = self.inner.borrow_mut();
        if let Some(mark) = mark {
            self.delays.record(mark, now_us);
            inner.event(receiver, mark, now_us);
        } else if packet.starts_with(b"42[\"channel-deleted\"") {
            inner.told(receiver, private_channel(packet), true);
        } else if packet.starts_with(b"42[\"channel-created\"") {
            inner.told(receiver, private_channel(packet), false);
        }
    }
}

/// The index of the private channel that a packet names.
fn private_channel(packet: &[u8]) -> Option<usize> {
    let packet = std::str::from_utf8(packet).ok()?;
    let (_, rest) = packet.split_once(r#""channelId":"private-"#)?;
    let (index, _) = rest.split_once('"')?;
    index.parse().ok().filter(|index| *index < PRIVATE)
}

/// Watches the workspace beside.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    delays: Delays,
}

impl Elsewhere {
    /// How late the events came that were published between these times.
    pub(super) fn delays(&self, from_us: u64, to_us: u64) -> Histogram {
        self.delays.between(from_us, to_us)
    }
}

impl Observer for Elsewhere {
    fn received(&self, _: usize, _: &[u8], mark: Option<Mark>, now_us: u64) {
        if let Some(mark) = mark {
            self.delays.record(mark, now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::population::private;
    use super::*;

    const STAFF: usize = 3;

    fn watch() -> Watch {
        Watch::new(Population::new(400))
    }

    fn hear(watch: &Watch, channel: usize, sent_us: u64, now_us: u64) {
        let mark = Mark {
            publisher: 0,
            number: (PRIVATE + channel) as u64,
            sent_us,
        };
        watch.received(STAFF, b"", Some(mark), now_us);
    }

    fn tell(watch: &Watch, event: &str, channel: &str) {
        let packet = format!(r#"42["{event}",{{"channelId":"{channel}"}}]"#);
        watch.received(STAFF, packet.as_bytes(), None, 0);
    }

    #[test]
    fn what_was_published_before_the_change_is_late_and_what_came_after_it_is_wrong() {
        let watch = watch();
        let lost = vec![(STAFF, 7)];
        watch.leaving(&lost);
        hear(&watch, 7, 100, 110);
        watch.shut_out(&lost, 120);
        hear(&watch, 7, 115, 150);
        hear(&watch, 8, 130, 150);
        let tally = watch.take();
        assert_eq!((tally.wrong, tally.late, tally.latest_us), (0, 1, 30));
        hear(&watch, 7, 121, 160);
        assert_eq!(watch.take().wrong, 1);
    }

    #[test]
    fn nothing_may_follow_the_news_that_the_channel_is_gone() {
        let watch = watch();
        let lost = vec![(STAFF, 7)];
        watch.leaving(&lost);
        tell(&watch, "channel-deleted", &private(7));
        hear(&watch, 7, 100, 110);
        let tally = watch.take();
        assert_eq!((tally.wrong, tally.told, tally.misdirected), (1, 1, 0));
    }

    #[test]
    fn news_for_others_or_twice_is_misdirected() {
        let watch = watch();
        let lost = vec![(STAFF, 7)];
        tell(&watch, "channel-deleted", &private(7));
        watch.leaving(&lost);
        tell(&watch, "channel-deleted", &private(7));
        tell(&watch, "channel-deleted", &private(7));
        tell(&watch, "channel-deleted", "public-60");
        watch.allowed(&lost);
        tell(&watch, "channel-created", &private(7));
        let tally = watch.take();
        assert_eq!((tally.told, tally.misdirected), (2, 3));
    }
}
