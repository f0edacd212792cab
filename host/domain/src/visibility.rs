//! Who may see a channel: facts, the rules that policies answer with, and their native evaluation.
//!
//! A rule is asked for once per channel and applied here to any number of people, so the cost of
//! a policy does not grow with its audience. Nothing here knows WebAssembly.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use imbl::OrdSet;

use crate::{Attributes, ChannelId, Role, UserId};

/// Which set of policies gave an answer. Each swap makes a new, higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// What a policy may know of a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChannelFacts {
    /// The channel.
    pub id: ChannelId,
    /// Whether the application called it private.
    pub private: bool,
    /// The members the application listed. Only a private channel needs them.
    pub members: OrdSet<UserId>,
    /// What else the application said of it.
    pub attributes: Attributes,
}

/// What a policy may know of a user in a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectFacts {
    /// The user.
    pub user: UserId,
    /// The role: the directory's, or else the one in the token.
    pub role: Option<Role>,
    /// What else the application said of this member.
    pub attributes: Attributes,
}

/// One condition on a subject in respect of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The user is one of these.
    Users(BTreeSet<UserId>),
    /// The role is one of these.
    Roles(BTreeSet<Role>),
    /// The channel lists the user as a member.
    ChannelMember,
    /// A top-level scalar attribute of the user has this value.
    Attribute {
        /// The attribute's name.
        name: Arc<str>,
        /// The value, as in [`Attributes::scalars`].
        value: Arc<str>,
    },
}

/// Matches if every test in `all` holds and none in `none` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    /// All of these must hold.
    pub all: Vec<Test>,
    /// None of these may hold.
    pub none: Vec<Test>,
}

/// Matches if any clause does. An empty selector matches nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The clauses.
    pub any: Vec<Clause>,
}

/// One policy's answer to "who may see this channel?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Everyone in the workspace.
    Everyone,
    /// Nobody.
    Nobody,
    /// Only whom the selector matches.
    Only(Selector),
    /// Everyone but whom the selector matches.
    Except(Selector),
    /// The policy wants to be asked about each subject.
    Each,
}

/// Who has the last word on private channels while policies decide who sees channels. Where none
/// does, the built-in rule holds in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PrivateChannels {
    /// The built-in rule, that a private channel is for its listed members, holds beside all
    /// policies, as the first of them: nobody else sees it, whatever they say.
    #[default]
    Members,
    /// The policies alone.
    Policies,
}

/// The rules for one channel, all of which must allow: the built-in one where it is in force, and
/// those of all policies, in order. As a slice they are those of the policies, by whose places
/// policies are asked and named. Which of them stand in for a policy that failed is kept with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    built_in: Option<Rule>,
    rules: Vec<Rule>,
    stand_ins: Vec<(usize, StandIn)>,
}

/// Why a rule is not the one of the policy in its place. Decides nothing; it is there to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Where the rule comes from.
    pub instead: Instead,
    /// How the policy failed, or failed the last time if it was not asked.
    pub failure: Arc<str>,
    /// Whether the policy was asked, and not left alone because it keeps failing.
    pub asked: bool,
}

/// What answers in the stead of a policy that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The version before the one in force, by its name.
    Former(Arc<str>),
    /// The configuration, which lets everyone see what the policy fails on.
    Open,
    /// The configuration, which lets nobody see it.
    Closed,
}

/// Who of those that are connected sees a channel now: the rules of all policies, intersected and
/// evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Everyone in the workspace.
    Everyone,
    /// These users, each of whom has a connection, live or held.
    Users(OrdSet<UserId>),
}

impl PrivateChannels {
    /// Its name in the configuration, in logs and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Policies => "policies",
        }
    }
}

impl Rules {
    /// The built-in rule alone, where no policy decides who sees channels.
    #[must_use]
    pub fn built_in_alone(channel: &ChannelFacts) -> Self {
        Self::default().with_built_in(channel)
    }

    /// The same rules of policies, with the built-in one in force before them.
    #[must_use]
    pub(crate) fn with_built_in(self, channel: &ChannelFacts) -> Self {
        Self {
            built_in: Some(Rule::built_in(channel)),
            ..self
        }
    }

    /// The built-in rule, where it is in force.
    #[must_use]
    pub fn built_in(&self) -> Option<&Rule> {
        self.built_in.as_ref()
    }

    /// All rules, the built-in one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.built_in.iter().chain(&self.rules)
    }

    /// Whether each of them lets everyone see the channel.
    pub(crate) fn are_for_everyone(&self) -> bool {
        self.all().all(|rule| *rule == Rule::Everyone)
    }

    /// Adds the rule of the next policy, or what stands in for it.
    pub fn push(&mut self, rule: Rule, stand_in: Option<StandIn>) {
        let place = self.rules.len();
        self.stand_ins
            .extend(stand_in.map(|stand_in| (place, stand_in)));
        self.rules.push(rule);
    }

    /// Why the rule at a place is not the policy's own, if it is not.
    #[must_use]
    pub fn stand_in(&self, place: usize) -> Option<&StandIn> {
        let mut all = self.stand_ins.iter();
        all.find(|(at, _)| *at == place)
            .map(|(_, stand_in)| stand_in)
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }
}

impl Deref for Rules {
    type Target = [Rule];

    fn deref(&self) -> &[Rule] {
        &self.rules
    }
}

impl<const N: usize> PartialEq<[Rule; N]> for Rules {
    fn eq(&self, other: &[Rule; N]) -> bool {
        self.rules == other
    }
}

impl View {
    /// Whether this user sees the channel.
    #[must_use]
    pub fn includes(&self, user: &UserId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Users(users) => users.contains(user),
        }
    }
}

impl Test {
    fn holds(&self, channel: Option<&ChannelFacts>, subject: &SubjectFacts) -> bool {
        match self {
            Self::Users(users) => users.contains(&subject.user),
            Self::Roles(roles) => subject.role.as_ref().is_some_and(|r| roles.contains(r)),
            Self::ChannelMember => channel.is_some_and(|c| c.members.contains(&subject.user)),
            Self::Attribute { name, value } => subject
                .attributes
                .scalars
                .get(name)
                .is_some_and(|v| v == value),
        }
    }

    /// Whether this test can hold for users outside a small, known set.
    fn names_users(&self) -> bool {
        matches!(self, Self::Users(_) | Self::ChannelMember)
    }
}

impl Clause {
    fn matches(&self, channel: Option<&ChannelFacts>, subject: &SubjectFacts) -> bool {
        self.all.iter().all(|t| t.holds(channel, subject))
            && !self.none.iter().any(|t| t.holds(channel, subject))
    }
}

impl Selector {
    /// Whether a subject is selected in respect of a channel.
    #[must_use]
    pub fn matches(&self, channel: &ChannelFacts, subject: &SubjectFacts) -> bool {
        self.matches_in(Some(channel), subject)
    }

    /// Whether a subject is selected in respect of a channel, where one is in question.
    #[must_use]
    pub fn matches_in(&self, channel: Option<&ChannelFacts>, subject: &SubjectFacts) -> bool {
        self.any
            .iter()
            .any(|clause| clause.matches(channel, subject))
    }

    /// Whether nobody at all can fail to be selected: a clause asks nothing.
    pub(crate) fn matches_everybody(&self) -> bool {
        let mut clauses = self.any.iter();
        clauses.any(|clause| clause.all.is_empty() && clause.none.is_empty())
    }

    /// The users outside whom nobody can match, if each clause names users, and if those are not
    /// more than so many. It saves a walk over all who are connected where a rule speaks of a
    /// channel's members or of named users.
    fn candidates<'a>(&'a self, channel: &'a ChannelFacts, most: usize) -> Option<Vec<&'a UserId>> {
        let mut named = Vec::with_capacity(self.any.len());
        let mut count = 0;
        for clause in &self.any {
            let test = clause.all.iter().find(|t| t.names_users())?;
            count += match test {
                Test::ChannelMember => channel.members.len(),
                Test::Users(users) => users.len(),
                Test::Roles(_) | Test::Attribute { .. } => return None,
            };
            if count > most {
                return None;
            }
            named.push(test);
        }
        let mut users = Vec::with_capacity(count);
        for test in named {
            match test {
                Test::Users(named) => users.extend(named),
                _ => users.extend(&channel.members),
            }
        }
        if self.any.len() > 1 {
            users.sort_unstable();
            users.dedup();
        }
        Some(users)
    }
}

impl Rule {
    /// The built-in rule: a private channel is for its listed members.
    #[must_use]
    pub fn built_in(channel: &ChannelFacts) -> Self {
        if channel.private {
            Self::Only(Selector {
                any: vec![Clause {
                    all: vec![Test::ChannelMember],
                    none: Vec::new(),
                }],
            })
        } else {
            Self::Everyone
        }
    }

    /// Whether the rule lets a subject see the channel; nothing for [`Rule::Each`], which only
    /// the policy can answer.
    #[must_use]
    pub fn allows(&self, channel: &ChannelFacts, subject: &SubjectFacts) -> Option<bool> {
        match self {
            Self::Everyone => Some(true),
            Self::Nobody => Some(false),
            Self::Only(selector) => Some(selector.matches(channel, subject)),
            Self::Except(selector) => Some(!selector.matches(channel, subject)),
            Self::Each => None,
        }
    }

    /// The users outside whom the rule allows nobody, in order, where that is known without looking
    /// at everyone and they are not more than so many.
    pub(crate) fn candidates<'a>(
        &'a self,
        channel: &'a ChannelFacts,
        most: usize,
    ) -> Option<Vec<&'a UserId>> {
        match self {
            Self::Nobody => Some(Vec::new()),
            Self::Only(selector) => selector.candidates(channel, most),
            Self::Everyone | Self::Except(_) | Self::Each => None,
        }
    }
}
