//! The facts that a guest's handles stand for. A handle is the number of a place, so that making
//! and dropping one costs no table of resources. Knows nothing of what is kept in a place.

/// The places of one kind of facts, for one instance.
///
/// Numbers go up from question to question, so that a handle which a guest kept over a call finds
/// nothing rather than somebody else. They cannot come round: see the assertion in
/// `crate::limits`.
pub(super) struct Places<T> {
    /// The number of the first place of the present question.
    first: u32,
    /// Places that belong to the question. Those behind them hold what was looked up.
    given: usize,
    facts: Vec<T>,
    /// Looked-up places whose handle was dropped.
    free: Vec<u32>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            first: 0,
            given: 0,
            facts: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Clone> Places<T> {
    /// Takes the facts of a new question.
    pub(super) fn give<'a>(&mut self, facts: impl IntoIterator<Item = &'a T>)
    where
        T: 'a,
    {
        self.forget();
        self.facts.extend(facts.into_iter().cloned());
        self.given = self.facts.len();
    }
}

impl<T> Places<T> {
    /// Forgets the facts, and moves on to numbers that no handle has.
    pub(super) fn forget(&mut self) {
        self.first = self.first.wrapping_add(self.facts.len() as u32);
        self.given = 0;
        self.facts.clear();
        self.free.clear();
    }

    /// The number of one of the question's own places.
    pub(super) fn number(&self, place: usize) -> u32 {
        self.first.wrapping_add(place as u32)
    }

    /// The numbers of the question's own places, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<T> {
        let first = self.first;
        (0..self.given as u32).map(move |place| first.wrapping_add(place))
    }

    /// Whether the question gives a fact of this kind.
    pub(super) fn any_given(&self) -> bool {
        self.given > 0
    }

    /// What a handle stands for.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.facts.get(number.wrapping_sub(self.first) as usize)
    }

    /// Takes in something looked up, and returns its number. There are never more places than
    /// handles that the guest may hold at once.
    pub(super) fn find(&mut self, fact: T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.facts[place as usize] = fact;
                self.first.wrapping_add(place)
            }
            None => {
                self.facts.push(fact);
                self.number(self.facts.len() - 1)
            }
        }
    }

    /// A handle was dropped. Each looked-up place has exactly one; one of an earlier question
    /// stands for nothing.
    pub(super) fn dropped(&mut self, number: u32) {
        let place = number.wrapping_sub(self.first);
        if (self.given..self.facts.len()).contains(&(place as usize)) {
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_kept_over_a_question_finds_nothing() {
        let mut places = Places::default();
        places.give(&["ann", "bob"]);
        let kept = places.number(1);
        let looked_up = places.find("cid");
        assert_eq!(places.get(kept), Some(&"bob"));
        assert_eq!(places.get(looked_up), Some(&"cid"));
        places.give(&["dan", "eve", "fay"]);
        for number in [kept, looked_up] {
            assert_eq!(places.get(number), None);
            places.dropped(number);
        }
        let numbers: Vec<u32> = places.numbers().collect();
        let found: Vec<_> = numbers.iter().map(|n| places.get(*n)).collect();
        assert_eq!(found, [Some(&"dan"), Some(&"eve"), Some(&"fay")]);
    }

    #[test]
    fn places_of_dropped_look_ups_are_used_again() {
        let mut places = Places::default();
        places.give(&["ann"]);
        for _ in 0..1000 {
            let number = places.find("bob");
            places.dropped(number);
        }
        let (bob, cid) = (places.find("bob"), places.find("cid"));
        assert_eq!(
            (places.get(bob), places.get(cid)),
            (Some(&"bob"), Some(&"cid"))
        );
        assert_eq!(places.facts.len(), 3);
        // The question's own facts stay, however many handles to them are dropped.
        places.dropped(places.number(0));
        assert_ne!(places.find("dan"), places.number(0));
        assert_eq!(places.get(places.number(0)), Some(&"ann"));
    }
}
