//! Sets of people: building selectors and rules, and applying them as the server does.

use crate::{Channel, Clause, Rule, Selector, Subject, Test};

/// Who is a member of the channel in question.
#[must_use]
pub fn member() -> Test {
    Test::ChannelMember
}

/// Who has this role.
pub fn role(role: impl Into<String>) -> Test {
    Test::Roles(vec![role.into()])
}

/// Who has one of these roles.
pub fn roles<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Test {
    Test::Roles(roles.into_iter().map(Into::into).collect())
}

/// This user.
pub fn user(id: impl Into<String>) -> Test {
    Test::Users(vec![id.into()])
}

/// These users.
pub fn users<U: Into<String>>(ids: impl IntoIterator<Item = U>) -> Test {
    Test::Users(ids.into_iter().map(Into::into).collect())
}

/// Whose attribute of this name has this value: strings as they are, numbers and booleans as JSON
/// writes them.
pub fn attribute(name: impl Into<String>, value: impl Into<String>) -> Test {
    Test::Attribute((name.into(), value.into()))
}

/// Everybody.
#[must_use]
pub fn everybody() -> Clause {
    all([])
}

/// Who passes every one of the tests.
///
/// ```
/// use wardroom_policy::{Rule, all, member, role};
///
/// // Members of the channel who are staff, but not those who are suspended.
/// let rule = Rule::only(all([member(), role("staff")]).but_not(role("suspended")));
/// ```
pub fn all(tests: impl IntoIterator<Item = Test>) -> Clause {
    Clause {
        all: tests.into_iter().collect(),
        none: Vec::new(),
    }
}

/// Who passes any of the tests or clauses.
///
/// ```
/// use wardroom_policy::{Rule, any, member, role};
///
/// let rule = Rule::only(any([member(), role("admin")]));
/// ```
pub fn any<C: Into<Clause>>(clauses: impl IntoIterator<Item = C>) -> Selector {
    Selector {
        any: clauses.into_iter().map(Into::into).collect(),
    }
}

impl Clause {
    /// Without those who pass this test.
    #[must_use]
    pub fn but_not(mut self, test: Test) -> Self {
        self.none.push(test);
        self
    }

    /// These, and those whom another clause matches.
    pub fn or(self, other: impl Into<Self>) -> Selector {
        any([self, other.into()])
    }

    fn matches(&self, subject: &Subject, channel: Option<&Channel>) -> bool {
        let passes = |test: &Test| test.passes(subject, channel);
        self.all.iter().all(passes) && !self.none.iter().any(passes)
    }
}

impl Test {
    /// Who passes this test, without those who pass another.
    #[must_use]
    pub fn but_not(self, test: Self) -> Clause {
        Clause::from(self).but_not(test)
    }

    /// Who passes this test, and those whom a clause matches.
    pub fn or(self, other: impl Into<Clause>) -> Selector {
        Clause::from(self).or(other)
    }

    fn passes(&self, subject: &Subject, channel: Option<&Channel>) -> bool {
        match self {
            Self::Users(ids) => ids.contains(&subject.id()),
            Self::Roles(roles) => subject.role().is_some_and(|role| roles.contains(&role)),
            Self::ChannelMember => channel.is_some_and(|channel| subject.is_member_of(channel)),
            Self::Attribute((name, value)) => subject.attribute(name).as_ref() == Some(value),
        }
    }
}

impl Selector {
    /// These, and those whom a clause matches.
    #[must_use]
    pub fn or(mut self, other: impl Into<Clause>) -> Self {
        self.any.push(other.into());
        self
    }

    /// Whether this subject is in the set, where the question is about this channel, if any. The
    /// server tests it natively: it is of use in tests, and in [`sees`].
    ///
    /// [`sees`]: crate::ChannelVisibility::sees
    #[must_use]
    pub fn matches(&self, subject: &Subject, channel: Option<&Channel>) -> bool {
        let matches = |clause: &Clause| clause.matches(subject, channel);
        self.any.iter().any(matches)
    }
}

impl From<Test> for Clause {
    fn from(test: Test) -> Self {
        all([test])
    }
}

impl From<Test> for Selector {
    fn from(test: Test) -> Self {
        any([test])
    }
}

impl From<Clause> for Selector {
    fn from(clause: Clause) -> Self {
        any([clause])
    }
}

impl Rule {
    /// Those whom the selector, clause or test matches see the channel.
    pub fn only(people: impl Into<Selector>) -> Self {
        Self::Only(people.into())
    }

    /// All but those whom the selector, clause or test matches see the channel.
    pub fn except(people: impl Into<Selector>) -> Self {
        Self::Except(people.into())
    }

    /// Whether this subject sees the channel by this rule; none where the rule is
    /// [`Each`](Self::Each) and [`sees`](crate::ChannelVisibility::sees) has to say.
    #[must_use]
    pub fn visible_to(&self, channel: &Channel, subject: &Subject) -> Option<bool> {
        match self {
            Self::Everyone => Some(true),
            Self::Nobody => Some(false),
            Self::Only(people) => Some(people.matches(subject, Some(channel))),
            Self::Except(people) => Some(!people.matches(subject, Some(channel))),
            Self::Each => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Subject {
        Subject::new("ann")
            .with_role("staff")
            .with_attribute("region", "eu")
            .with_attribute("level", 3)
    }

    #[test]
    fn each_test_looks_at_its_own_fact() {
        let channel = Channel::new("c1").with_members(["ann"]);
        for (test, ann_passes, bob_passes) in [
            (user("ann"), true, false),
            (users(["ann", "bob"]), true, true),
            (role("staff"), true, false),
            (roles(["guest"]), false, false),
            (member(), true, false),
            (attribute("region", "eu"), true, false),
            (attribute("level", "3"), true, false),
        ] {
            let people = Selector::from(test.clone());
            let passes = |subject: &Subject| people.matches(subject, Some(&channel));
            assert_eq!(passes(&ann()), ann_passes, "ann, {test:?}");
            assert_eq!(passes(&Subject::new("bob")), bob_passes, "bob, {test:?}");
        }
    }

    #[test]
    fn membership_fails_where_no_channel_is_in_question() {
        assert!(!Selector::from(member()).matches(&ann(), None));
    }

    #[test]
    fn an_empty_selector_matches_nobody_and_an_empty_clause_everybody() {
        assert!(!any::<Test>([]).matches(&ann(), None));
        assert!(Selector::from(everybody()).matches(&ann(), None));
    }

    #[test]
    fn clauses_combine_by_all_none_and_any() {
        let staff_abroad = role("staff").but_not(attribute("region", "eu"));
        assert!(!Selector::from(staff_abroad.clone()).matches(&ann(), None));
        let or_bob = staff_abroad.or(user("bob"));
        assert!(!or_bob.matches(&ann(), None));
        assert!(or_bob.matches(&Subject::new("bob"), None));
        assert!(or_bob.or(role("staff")).matches(&ann(), None));
    }

    #[test]
    fn rules_say_who_sees() {
        let channel = Channel::new("c1");
        for (rule, sees) in [
            (Rule::Everyone, Some(true)),
            (Rule::Nobody, Some(false)),
            (Rule::only(role("staff")), Some(true)),
            (Rule::except(role("staff")), Some(false)),
            (Rule::Each, None),
        ] {
            assert_eq!(rule.visible_to(&channel, &ann()), sees, "{rule:?}");
        }
    }
}
