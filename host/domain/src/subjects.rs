//! Lists of people that are asked about at once: shared, in order, each once. Knows nothing of why
//! somebody asks.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use imbl::OrdSet;

use crate::{SubjectFacts, UserId};

/// People in order of their ids, each once. Copies share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subjects(Arc<[SubjectFacts]>);

impl From<Vec<SubjectFacts>> for Subjects {
    fn from(mut people: Vec<SubjectFacts>) -> Self {
        // Whoever gathers them mostly goes in order already, which the sort notices.
        people.sort();
        people.dedup();
        Self(people.into())
    }
}

impl FromIterator<SubjectFacts> for Subjects {
    fn from_iter<I: IntoIterator<Item = SubjectFacts>>(people: I) -> Self {
        people.into_iter().collect::<Vec<_>>().into()
    }
}

impl Deref for Subjects {
    type Target = [SubjectFacts];

    fn deref(&self) -> &[SubjectFacts] {
        &self.0
    }
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What was answered about people, in the order in which it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered(Vec<(Subjects, Vec<bool>)>);

impl Answered {
    /// Takes down answers. Of two about the same person the later holds; where there are fewer than
    /// people, the rest is answered no.
    pub(crate) fn answer(&mut self, people: Subjects, allowed: Vec<bool>) {
        self.0.push((people, allowed));
    }

    /// Somebody who goes through people in their order finds each answer beside the one before.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            next: vec![0; self.0.len()],
            answered: &self.0,
        }
    }
}

/// Looks answers up.
pub(crate) struct Reader<'a> {
    answered: &'a [(Subjects, Vec<bool>)],
    /// In each list, the place behind the person found last.
    next: Vec<usize>,
}

impl Reader<'_> {
    /// What was answered about somebody, if anything was.
    pub(crate) fn get(&mut self, person: &SubjectFacts) -> Option<bool> {
        let lists = self.answered.iter().zip(&mut self.next);
        for ((people, allowed), next) in lists.rev() {
            let place = match people.get(*next) {
                Some(found) if found == person => *next,
                _ => match people.binary_search(person) {
                    Ok(place) => place,
                    Err(_) => continue,
                },
            };
            *next = place + 1;
            return Some(allowed.get(place).copied().unwrap_or(false));
        }
        None
    }
}

/// Lists of the people of one state, each gathered when somebody first wants it. They are derived from
/// what they stand beside, so that they make no difference between two states.
#[derive(Clone, Default)]
pub(crate) struct Gathered(Arc<Lists>);

#[derive(Default)]
struct Lists {
    everybody: OnceLock<Subjects>,
    connected: OnceLock<Connected>,
}

/// Those who have a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connected {
    /// What policies may know of them.
    pub(crate) subjects: Subjects,
    /// Who they are.
    pub(crate) users: OrdSet<UserId>,
}

impl Gathered {
    pub(crate) fn everybody(&self, gather: impl FnOnce() -> Subjects) -> &Subjects {
        self.0.everybody.get_or_init(gather)
    }

    pub(crate) fn connected(&self, gather: impl FnOnce() -> Subjects) -> &Connected {
        self.0.connected.get_or_init(|| {
            let subjects = gather();
            let users = subjects.iter().map(|s| s.user.clone()).collect();
            Connected { subjects, users }
        })
    }

    /// What has been gathered so far: everybody, and those who have a connection.
    pub(crate) fn so_far(&self) -> (Option<&Subjects>, Option<&Connected>) {
        (self.0.everybody.get(), self.0.connected.get())
    }
}

impl PartialEq for Gathered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Gathered {}

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attributes, UserId};

    fn person(name: &str) -> SubjectFacts {
        SubjectFacts {
            user: UserId::new(name).expect("an id"),
            role: None,
            attributes: Attributes::default(),
        }
    }

    fn people(names: &str) -> Subjects {
        names.split_whitespace().map(person).collect()
    }

    #[test]
    fn people_are_in_order_and_each_once() {
        assert_eq!(people("cid ann bob ann"), people("ann bob cid"));
        assert_eq!(people("cid ann bob ann").len(), 3);
    }

    #[test]
    fn answers_are_found_in_any_order() {
        let mut answered = Answered::default();
        answered.answer(people("ann bob cid"), vec![true, false, true]);
        answered.answer(people("dan eve"), vec![true]);
        for order in ["ann bob cid dan eve fay", "eve bob fay dan ann cid bob"] {
            let mut reader = answered.reader();
            for name in order.split_whitespace() {
                let expected = match name {
                    "ann" | "cid" | "dan" => Some(true),
                    "bob" | "eve" => Some(false),
                    _ => None,
                };
                assert_eq!(reader.get(&person(name)), expected, "{name} in {order}");
            }
        }
    }

    #[test]
    fn the_later_of_two_answers_holds() {
        let mut answered = Answered::default();
        answered.answer(people("ann bob"), vec![true, true]);
        answered.answer(people("bob"), vec![false]);
        let mut reader = answered.reader();
        assert_eq!(reader.get(&person("ann")), Some(true));
        assert_eq!(reader.get(&person("bob")), Some(false));
    }
}
