//! The state of one workspace: persistent maps, so that a copy costs nothing and a decision can be
//! made on it without touching the original. Holds data and answers questions; decides nothing.

use std::ops::Bound;
use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use crate::subjects::{Connected, Gathered};
use crate::{
    Attributes, ChannelFacts, ChannelId, Generation, Json, MediaState, OnlineStatus, Role, Rules,
    SocketId, SubjectFacts, Subjects, Timestamp, UserId, View,
};

/// A member as the backend described them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `UserSchema`: an object with `id`.
    pub profile: Json,
    /// The role in this workspace.
    pub role: Option<Role>,
    /// What else the application said.
    pub attributes: Attributes,
}

/// A channel, the rules that govern it, and who sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What the backend said.
    pub facts: ChannelFacts,
    /// The policies that gave the rules; nothing where the built-in rule stands.
    pub generation: Option<Generation>,
    /// The rules, all of which must allow.
    pub rules: Arc<Rules>,
    /// The rules, evaluated for those who are connected: nobody else is told of anything, and there
    /// may be a hundred times as many of them.
    pub view: View,
}

impl Channel {
    /// Whether all rules let a subject see the channel; nothing where that is for a policy to say
    /// which is asked about [each](crate::Rule::Each) of them.
    #[must_use]
    pub fn allows(&self, subject: &SubjectFacts) -> Option<bool> {
        let mut open = false;
        for rule in self.rules.all() {
            match rule.allows(&self.facts, subject) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => open = true,
            }
        }
        (!open).then_some(true)
    }
}

/// One socket authenticated to the workspace, or held after its transport was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whose it is.
    pub user: UserId,
    /// The status it contributes to the user's combined one.
    pub status: OnlineStatus,
    /// The role that its token gave, for users or members without one in the directory.
    pub role: Option<Role>,
    /// The claims of its token: a JSON object, for admission to be asked about again.
    pub claims: Json,
    /// The address it comes from, without a port, where known.
    pub remote_address: Option<Arc<str>>,
    /// Set while the transport is lost: when the grace ends.
    pub held_until: Option<Timestamp>,
}

/// The channel a user is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The channel.
    pub channel: ChannelId,
    /// The connection that holds the conversation.
    pub socket: SocketId,
    /// The state of the user's media devices.
    pub media: MediaState,
}

/// How far a workspace has come under a new generation of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The policies that it comes under.
    pub generation: Option<Generation>,
    /// Where it is.
    pub at: SettlingAt,
}

/// Whom or what was looked at last. Users come before channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlingAt {
    /// This user's connections; nobody's so far.
    User(Option<UserId>),
    /// This channel; none so far.
    Channel(Option<ChannelId>),
}

/// Everything known of one workspace. Cloning is cheap: copies share what they have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Whether the backend ever spoke of it.
    pub(crate) known: bool,
    /// How often the directory changed: what answers that depend on the whole of it hold for.
    pub(crate) revision: u64,
    /// The policies under which every connection was admitted and every channel looked at; nothing
    /// where the built-in rules hold.
    pub(crate) settled: Option<Generation>,
    /// How far the workspace has come on its way to another generation.
    pub(crate) settling: Option<Settling>,
    pub(crate) members: OrdMap<UserId, Member>,
    pub(crate) channels: OrdMap<ChannelId, Arc<Channel>>,
    pub(crate) connections: HashMap<SocketId, Connection>,
    pub(crate) selections: OrdMap<UserId, Selection>,
    // What follows is derived from the maps above and kept for speed; the simulation checks it.
    pub(crate) sockets_of: OrdMap<UserId, Vec<SocketId>>,
    /// The role that the token of a user's latest connection gave, if it gave one.
    pub(crate) token_roles: OrdMap<UserId, Role>,
    pub(crate) selected_by: OrdMap<ChannelId, OrdSet<UserId>>,
    pub(crate) holds: OrdSet<(Timestamp, SocketId)>,
    pub(crate) restricted: OrdSet<ChannelId>,
    pub(crate) people: Gathered,
}

impl Workspace {
    /// Whether the backend spoke of this workspace or somebody is in it.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.known || !self.connections.is_empty()
    }

    /// Whether the backend spoke of this workspace, so that it exists without anybody in it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The policies under which everything in it was decided; nothing where the built-in rules hold.
    #[must_use]
    pub fn settled(&self) -> Option<Generation> {
        self.settled
    }

    /// Whether everything in it is under these policies, or under the built-in rules alone. One that
    /// was on its way to others is not, though it has not left these altogether.
    #[must_use]
    pub fn is_settled(&self, present: Option<Generation>) -> bool {
        self.settled == present && self.settling.is_none()
    }

    /// How often the directory has changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The members, by user.
    #[must_use]
    pub fn members(&self) -> &OrdMap<UserId, Member> {
        &self.members
    }

    /// The channels, by id.
    #[must_use]
    pub fn channels(&self) -> &OrdMap<ChannelId, Arc<Channel>> {
        &self.channels
    }

    /// The connections, live and held.
    #[must_use]
    pub fn connections(&self) -> &HashMap<SocketId, Connection> {
        &self.connections
    }

    /// Who is in which channel.
    #[must_use]
    pub fn selections(&self) -> &OrdMap<UserId, Selection> {
        &self.selections
    }

    /// How many connections are live.
    #[must_use]
    pub fn live_connections(&self) -> usize {
        self.connections.len() - self.holds.len()
    }

    /// The live connection of a socket.
    #[must_use]
    pub fn live(&self, socket: &SocketId) -> Option<&Connection> {
        self.connections
            .get(socket)
            .filter(|c| c.held_until.is_none())
    }

    /// The users who have connections, live or held, from this id on, with the sockets of each.
    pub fn sockets_from(&self, user: &str) -> impl Iterator<Item = (&UserId, &Vec<SocketId>)> {
        let from = (Bound::Included(user), Bound::Unbounded);
        self.sockets_of.range::<_, str>(from)
    }

    /// The connections of a user, live and held, in the order in which they came.
    #[must_use]
    pub fn sockets_of(&self, user: &UserId) -> &[SocketId] {
        self.sockets_of.get(user).map_or(&[], Vec::as_slice)
    }

    /// Users who have a connection, live or held.
    pub fn connected_users(&self) -> impl Iterator<Item = &UserId> {
        self.sockets_of.keys()
    }

    /// The user's combined status: the highest of their connections'. A held connection still
    /// counts, which is what hides a short loss from everybody.
    #[must_use]
    pub fn status(&self, user: &UserId) -> OnlineStatus {
        self.sockets_of(user)
            .iter()
            .filter_map(|s| self.connections.get(s))
            .map(|c| c.status)
            .max()
            .unwrap_or_default()
    }

    /// What policies may know of a user, if the user is a member or connected.
    #[must_use]
    pub fn subject(&self, user: &UserId) -> Option<SubjectFacts> {
        let member = self.members.get(user);
        if member.is_none() && self.sockets_of(user).is_empty() {
            return None;
        }
        let role = member.and_then(|member| member.role.clone());
        Some(SubjectFacts {
            user: user.clone(),
            role: role.or_else(|| self.role_by_token(user)),
            attributes: member.map(|m| m.attributes.clone()).unwrap_or_default(),
        })
    }

    /// The role that the user's latest connection brought.
    fn role_by_token(&self, user: &UserId) -> Option<Role> {
        let latest = self.sockets_of(user).last()?;
        self.connections.get(latest)?.role.clone()
    }

    /// A member as the directory alone has them, whoever is connected: what policies find when they
    /// look somebody up. An answer that rests on it holds until the directory changes; the role that
    /// a token brings comes and goes without the directory's revision moving.
    #[must_use]
    pub fn listed(&self, user: &UserId) -> Option<SubjectFacts> {
        let member = self.members.get(user)?;
        Some(SubjectFacts {
            user: user.clone(),
            role: member.role.clone(),
            attributes: member.attributes.clone(),
        })
    }

    /// Everybody a policy can speak of: members and connected users, in order of their ids.
    #[must_use]
    pub fn subjects(&self) -> Subjects {
        self.people.everybody(|| self.gather_subjects()).clone()
    }

    /// What policies may know of a user who has a connection, live or held: only of such it is kept
    /// what they see.
    #[must_use]
    pub fn connected_subject(&self, user: &UserId) -> Option<SubjectFacts> {
        if self.sockets_of(user).is_empty() {
            return None;
        }
        self.subject(user)
    }

    /// All of them, in order of their ids.
    pub(crate) fn connected(&self) -> &Connected {
        self.people.connected(|| self.gather_connected())
    }

    /// Whether this is the very state that the other one is: nothing happened in between but commands
    /// that changed nothing. Looks at no more than where the two keep what they know.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.members.ptr_eq(&other.members)
            && self.channels.ptr_eq(&other.channels)
            && self.connections.ptr_eq(&other.connections)
            && self.selections.ptr_eq(&other.selections)
            && self.sockets_of.ptr_eq(&other.sockets_of)
    }

    /// The same state, without the lists that it keeps so that deciding is quick: for whoever keeps
    /// many states.
    #[must_use]
    pub fn without_lists(&self) -> Self {
        Self {
            people: Gathered::default(),
            ..self.clone()
        }
    }

    pub(crate) fn gather_subjects(&self) -> Subjects {
        let members = self.members.iter().map(|(user, member)| SubjectFacts {
            user: user.clone(),
            role: member.role.clone().or_else(|| self.role_by_token(user)),
            attributes: member.attributes.clone(),
        });
        let guests = self
            .sockets_of
            .keys()
            .filter(|user| !self.members.contains_key(*user));
        let guests = guests.filter_map(|user| self.subject(user));
        members.chain(guests).collect()
    }

    pub(crate) fn gather_connected(&self) -> Subjects {
        let users = self.sockets_of.keys();
        users.filter_map(|user| self.subject(user)).collect()
    }

    /// Whether the user, who is connected, may see the channel.
    #[must_use]
    pub fn may_see(&self, user: &UserId, channel: &ChannelId) -> bool {
        self.channels
            .get(channel)
            .is_some_and(|c| c.view.includes(user))
    }

    /// When the next hold ends, if there is one: the time for [`crate::Command::Expire`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.holds.get_min().map(|(at, _)| *at)
    }
}
