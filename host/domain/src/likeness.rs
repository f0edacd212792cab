//! Which people no selector can tell apart, so that a rendition is chosen once for all of them and
//! not for each. It must not know who they are or how they are reached.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};

use crate::{Attributes, Member, Rendered, Role, SocketId, SubjectFacts, Test, UserId, Workspace};

/// What selectors can tell of somebody whom they do not name: the role, and those attributes that
/// some selector was seen to compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness(SubjectFacts);

/// The attributes that selectors were seen to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared(BTreeSet<Arc<str>>);

/// Whom the selectors of an event tell from everybody else who is like them.
#[derive(Clone, Debug, Default)]
pub struct Named<'a> {
    sets: Vec<&'a BTreeSet<UserId>>,
    members: Option<&'a OrdSet<UserId>>,
    departed: &'a [SubjectFacts],
}

impl Compared {
    /// Takes in what the selectors of an event compare; whether that is anything new. Likenesses
    /// made before hold no longer then.
    pub fn widen(&mut self, rendered: &Rendered) -> bool {
        let before = self.0.len();
        for test in tests(rendered) {
            if let Test::Attribute { name, .. } = test
                && !self.0.contains(name)
            {
                self.0.insert(Arc::clone(name));
            }
        }
        self.0.len() > before
    }

    /// How many attributes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What selectors can tell of somebody.
    #[must_use]
    pub fn likeness(&self, subject: SubjectFacts) -> Likeness {
        static NONE: LazyLock<Attributes> = LazyLock::new(Attributes::default);
        let scalars = &subject.attributes.scalars;
        let compared = self.0.iter().filter_map(|name| scalars.get_key_value(name));
        let mut attributes = NONE.clone();
        if !self.0.is_empty() {
            attributes.scalars = Arc::new(
                compared
                    .map(|(name, value)| (Arc::clone(name), Arc::clone(value)))
                    .collect(),
            );
        }
        Likeness(SubjectFacts {
            user: UserId::nobody(),
            role: subject.role,
            attributes,
        })
    }
}

impl Named<'_> {
    /// Whether somebody is among them.
    #[must_use]
    pub fn includes(&self, user: &UserId) -> bool {
        self.sets.iter().any(|set| set.contains(user))
            || self.members.is_some_and(|members| members.contains(user))
            || self.departed.iter().any(|subject| subject.user == *user)
    }

    /// All of them, some perhaps more than once.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        let sets = self.sets.iter().flat_map(|set| set.iter());
        let departed = self.departed.iter().map(|subject| &subject.user);
        sets.chain(self.members.into_iter().flatten())
            .chain(departed)
    }
}

impl Rendered {
    /// Whom the selectors tell from everybody else who is like them: those whom they name, the
    /// channel's members where they speak of those, and those who are gone.
    #[must_use]
    pub fn named(&self) -> Named<'_> {
        let mut named = Named {
            departed: &self.departed,
            ..Named::default()
        };
        for test in tests(self) {
            match test {
                Test::Users(users) if !named.sets.contains(&users) => named.sets.push(users),
                Test::ChannelMember => {
                    named.members = self.channel.as_ref().map(|channel| &channel.members);
                }
                Test::Users(_) | Test::Roles(_) | Test::Attribute { .. } => {}
            }
        }
        named
    }

    /// The place of the rendition for whoever is like this and not [named](Rendered::named).
    #[must_use]
    pub fn place_for_likeness(&self, likeness: &Likeness) -> Option<usize> {
        self.place_for(&likeness.0)
    }

    /// The place of the rendition for a user who is like this, named or not.
    #[must_use]
    pub fn place_for_user(&self, user: &UserId, likeness: &Likeness) -> Option<usize> {
        self.place_for(&SubjectFacts {
            user: user.clone(),
            ..likeness.0.clone()
        })
    }
}

/// Everybody that policies can speak of, and what they may know of each, as it was in one state.
#[derive(Clone, Debug)]
pub struct People {
    members: OrdMap<UserId, Member>,
    sockets_of: OrdMap<UserId, Vec<SocketId>>,
    token_roles: OrdMap<UserId, Role>,
}

impl Workspace {
    /// Everybody that policies can speak of. It costs nothing.
    #[must_use]
    pub fn people(&self) -> People {
        People {
            members: self.members.clone(),
            sockets_of: self.sockets_of.clone(),
            token_roles: self.token_roles.clone(),
        }
    }
}

impl People {
    /// Whoever policies may know something else of in another state, some perhaps more than once.
    /// It costs little where little differs.
    pub fn changed<'a>(&'a self, to: &'a Workspace) -> impl Iterator<Item = &'a UserId> {
        let members = self.members.diff(&to.members);
        let members = members.filter_map(|difference| match difference {
            DiffItem::Add(user, _) | DiffItem::Remove(user, _) => Some(user),
            DiffItem::Update { old, new } => {
                let same = old.1.role == new.1.role && old.1.attributes == new.1.attributes;
                (!same).then_some(new.0)
            }
        });
        let present = self.sockets_of.diff(&to.sockets_of);
        let present = present.filter_map(|difference| match difference {
            DiffItem::Add(user, _) | DiffItem::Remove(user, _) => Some(user),
            // Which of several connections is the latest shows in the role that it gave.
            DiffItem::Update { .. } => None,
        });
        let roles = self.token_roles.diff(&to.token_roles);
        let roles = roles.map(|difference| match difference {
            DiffItem::Add(user, _) | DiffItem::Remove(user, _) => user,
            DiffItem::Update { new, .. } => new.0,
        });
        members.chain(present).chain(roles)
    }
}

/// Every test of every selector of an event.
fn tests(rendered: &Rendered) -> impl Iterator<Item = &Test> {
    let selectors = rendered.renditions.iter().flat_map(|r| &r.to);
    let clauses = selectors.flat_map(|selector| &selector.any);
    clauses.flat_map(|clause| clause.all.iter().chain(&clause.none))
}

#[cfg(test)]
#[path = "likeness_tests.rs"]
mod tests;
