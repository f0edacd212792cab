//! Sessions that have not authenticated: how many there may be, of one address and in all. It must not
//! know what they are waiting for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::address::Source;
use super::closing::Cause;
use super::output::Output;

/// Why a session is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowded {
    /// Its address has too many that have not authenticated.
    Address,
    /// There are too many, and no address has more of them than its fair share.
    All,
}

/// The sessions that have not authenticated.
pub(super) struct Newcomers {
    most_of_address: usize,
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// Those of each address, the oldest first.
    of: HashMap<Source, BTreeMap<u64, Weak<Output>>>,
    count: usize,
    next: u64,
}

/// The place of one session; free again when it is dropped.
pub(super) struct Newcomer {
    among: Arc<Newcomers>,
    source: Source,
    number: u64,
}

impl Newcomers {
    pub(super) fn new(most_of_address: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            most_of_address,
            most,
            held: Mutex::default(),
        })
    }

    /// Takes a place. Where there is none left the address that has most of them loses its oldest
    /// session, so that nobody can keep the others out.
    pub(super) fn enter(self: &Arc<Self>, source: Source) -> Result<Newcomer, Crowded> {
        let mut held = self.held.lock();
        let own = held.of.get(&source).map_or(0, BTreeMap::len);
        if own >= self.most_of_address {
            return Err(Crowded::Address);
        }
        let crowded_out = if held.count < self.most {
            None
        } else {
            Some(held.remove_from_largest(own).ok_or(Crowded::All)?)
        };
        let number = held.next;
        held.next += 1;
        held.count += 1;
        held.of
            .entry(source)
            .or_default()
            .insert(number, Weak::new());
        drop(held);
        if let Some(output) = crowded_out.and_then(|output| output.upgrade()) {
            output.close(Cause::CrowdedOut);
        }
        Ok(Newcomer {
            among: Arc::clone(self),
            source,
            number,
        })
    }

    /// The sessions that have a place.
    pub(super) fn outputs(&self) -> Vec<Arc<Output>> {
        let held = self.held.lock();
        let places = held.of.values().flat_map(BTreeMap::values);
        places.filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.held.lock().count
    }
}

impl Held {
    /// Removes the oldest of the address that has most, if it has more than one with `own` would have.
    fn remove_from_largest(&mut self, own: usize) -> Option<Weak<Output>> {
        let (source, largest) = self.of.iter().max_by_key(|(_, of)| of.len())?;
        if largest.len() <= own + 1 {
            return None;
        }
        let (source, number) = (*source, *largest.first_key_value()?.0);
        self.remove(source, number)
    }

    fn remove(&mut self, source: Source, number: u64) -> Option<Weak<Output>> {
        let of = self.of.get_mut(&source)?;
        let removed = of.remove(&number)?;
        if of.is_empty() {
            self.of.remove(&source);
        }
        self.count -= 1;
        if self.count == 0 {
            // A flood gives its room back.
            self.of = HashMap::new();
        }
        Some(removed)
    }
}

impl Newcomer {
    /// Says which session has the place.
    pub(super) fn is(&self, output: &Arc<Output>) {
        let mut held = self.among.held.lock();
        let of = held.of.get_mut(&self.source);
        if let Some(place) = of.and_then(|of| of.get_mut(&self.number)) {
            *place = Arc::downgrade(output);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.among.held.lock().remove(self.source, self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(host: u8) -> Source {
        Source::of(Some(std::net::Ipv4Addr::new(10, 0, 0, host).into()))
    }

    #[test]
    fn an_address_that_has_all_its_places_keeps_nobody_else_out() {
        let newcomers = Newcomers::new(3, 4);
        let flood: Vec<_> = (0..3)
            .map(|_| newcomers.enter(source(1)).unwrap())
            .collect();
        assert_eq!(newcomers.enter(source(1)).err(), Some(Crowded::Address));
        let honest: Vec<_> = (2..5)
            .map(|host| newcomers.enter(source(host)).unwrap())
            .collect();
        assert_eq!(
            newcomers.count(),
            4,
            "two of the flood have lost their places"
        );
        let late = newcomers.enter(source(5));
        assert_eq!(
            late.err(),
            Some(Crowded::All),
            "nobody has more than a fair share"
        );
        // Those that lost their places give none back.
        drop(flood);
        assert_eq!(newcomers.count(), 3);
        drop(honest);
        assert_eq!(newcomers.count(), 0);
    }
}
