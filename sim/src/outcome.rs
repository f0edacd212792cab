//! What a command should come to, by a plain reading of `docs/protocol.md`: whether it is refused,
//! and what the directory, the connections and the selections are after it. The order of outputs
//! and who hears them is the judge's part.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_domain::limits::USERS_PER_EXPIRY;
use wardroom_domain::{
    ChannelFacts, ChannelId, ChannelSpec, Command, Connection, Leave, MediaPatch, MediaState,
    Member, MemberSpec, OnlineStatus, Rejection, Selection, SocketId, Target, Timestamp, UserId,
};

use crate::cast::{GRACE, GRACE_IN_CHANNEL};
use crate::model::Model;

/// Who sees each channel.
pub(crate) type Sight = BTreeMap<ChannelId, BTreeSet<UserId>>;

/// Why a command should be refused before any policy is asked, if it should.
pub(crate) fn refusal(model: &Model, command: &Command, sight: &Sight) -> Option<Rejection> {
    let connected = |socket: &SocketId| {
        let missing = model.live(socket).is_none();
        missing.then_some(Rejection::NotConnected)
    };
    let member = |user: &UserId| {
        let missing = !model.members.contains_key(user);
        missing.then_some(Rejection::MemberNotFound)
    };
    let channel = |channel: &ChannelId| {
        let missing = !model.channels.contains_key(channel);
        missing.then_some(Rejection::ChannelNotFound)
    };
    let exists = || (!model.exists()).then_some(Rejection::WorkspaceNotFound);
    match command {
        Command::Connect {
            user,
            named_by_token,
            ..
        } => {
            let welcome = *named_by_token || model.members.contains_key(user);
            (!welcome).then_some(Rejection::WorkspaceForbidden)
        }
        Command::Select {
            socket, channel, ..
        } => connected(socket).or_else(|| {
            let user = &model.live(socket)?.user;
            let seen = sight.get(channel).is_some_and(|s| s.contains(user));
            (!seen).then_some(Rejection::ChannelNotFound)
        }),
        Command::Unselect { socket } | Command::UpdateMedia { socket, .. } => connected(socket)
            .or_else(|| {
                let selection = model.selections.get(&model.live(socket)?.user);
                match selection {
                    None => Some(Rejection::ChannelNotSelected),
                    Some(s) if s.socket != *socket => Some(Rejection::SelectedOnAnotherDevice),
                    Some(_) => None,
                }
            }),
        Command::UpdateStatus { socket, .. }
        | Command::GetState { socket }
        | Command::Evict { socket } => connected(socket),
        Command::Relay { user, command } => {
            let owned = command
                .acts_for()
                .map(|socket| owned_by(model, user, socket));
            match owned {
                None => Some(Rejection::NotConnected),
                Some(Some(rejection)) => Some(rejection),
                Some(None) => refusal(model, command, sight),
            }
        }
        Command::RemoveMember { user } | Command::UpdateProfile { user, .. } => member(user),
        Command::PutChannelMember { channel: id, .. }
        | Command::RemoveChannelMember { channel: id, .. }
        | Command::DeleteChannel { channel: id } => channel(id),
        Command::Close | Command::Kick { .. } => exists(),
        Command::Publish(publication) => exists().or_else(|| match &publication.to {
            Target::Channel(id) | Target::Conversation(id) => channel(id),
            Target::SocketsOf(user, sockets) => {
                let live = sockets.iter().filter(|s| model.live(s).is_some());
                live.filter_map(|s| owned_by(model, user, s)).next()
            }
            _ => None,
        }),
        _ => None,
    }
}

/// Why nothing should be done for a user through a connection, if it is not a live one of theirs.
fn owned_by(model: &Model, user: &UserId, socket: &SocketId) -> Option<Rejection> {
    match model.live(socket) {
        None => Some(Rejection::NotConnected),
        Some(connection) if connection.user != *user => Some(Rejection::AnotherUsersConnection),
        Some(_) => None,
    }
}

/// The members there should be.
pub(crate) fn members(before: &Model, command: &Command) -> BTreeMap<UserId, Member> {
    let mut members = before.members.clone();
    let put = |old: Option<&Member>, spec: &MemberSpec, default_profile| Member {
        profile: spec
            .profile
            .clone()
            .or(old.map(|m| m.profile.clone()))
            .unwrap_or(default_profile),
        role: match &spec.role {
            Some(role) => role.clone(),
            None => old.and_then(|m| m.role.clone()),
        },
        attributes: match (&spec.attributes, old) {
            (Some(said), _) => said.clone(),
            (None, Some(old)) => old.attributes.clone(),
            (None, None) => Default::default(),
        },
    };
    match command {
        Command::PutMember {
            user,
            spec,
            default_profile,
        } => {
            let member = put(members.get(user), spec, default_profile.clone());
            members.insert(user.clone(), member);
        }
        Command::UpdateProfile { user, profile } => {
            if let Some(member) = members.get_mut(user) {
                member.profile = profile.clone();
            }
        }
        Command::RemoveMember { user } => {
            members.remove(user);
        }
        Command::Sync { truth, .. } => {
            members = BTreeMap::new();
            for (user, (spec, default_profile)) in &truth.members {
                let member = put(before.members.get(user), spec, default_profile.clone());
                members.insert(user.clone(), member);
            }
        }
        Command::Close => members = BTreeMap::new(),
        _ => {}
    }
    members
}

/// The channels there should be.
pub(crate) fn channels(before: &Model, command: &Command) -> BTreeMap<ChannelId, ChannelFacts> {
    let mut channels = before.channels.clone();
    let put = |id: &ChannelId, spec: &ChannelSpec| {
        let old = before.channels.get(id);
        let facts = ChannelFacts {
            id: id.clone(),
            private: spec.private.or(old.map(|c| c.private)).unwrap_or(false),
            members: match (&spec.members, old) {
                (Some(said), _) => said.clone(),
                (None, Some(old)) => old.members.clone(),
                (None, None) => imbl::OrdSet::new(),
            },
            attributes: match (&spec.attributes, old) {
                (Some(said), _) => said.clone(),
                (None, Some(old)) => old.attributes.clone(),
                (None, None) => Default::default(),
            },
        };
        (id.clone(), facts)
    };
    match command {
        Command::PutChannel { channel, spec } => channels.extend([put(channel, spec)]),
        Command::PutChannelMember { channel, user } => {
            if let Some(facts) = channels.get_mut(channel) {
                facts.members.insert(user.clone());
            }
        }
        Command::RemoveChannelMember { channel, user } => {
            if let Some(facts) = channels.get_mut(channel) {
                facts.members.remove(user);
            }
        }
        Command::DeleteChannel { channel } => {
            channels.remove(channel);
        }
        Command::Sync { truth, .. } => {
            channels = truth.channels.iter().map(|(id, s)| put(id, s)).collect();
        }
        Command::Close => channels = BTreeMap::new(),
        _ => {}
    }
    channels
}

fn holds(before: &Model, user: &UserId, socket: &SocketId) -> bool {
    let selection = before.selections.get(user);
    selection.is_some_and(|s| s.socket == *socket)
}

/// The connections there should be.
pub(crate) fn connections(
    before: &Model,
    command: &Command,
    now: Timestamp,
) -> BTreeMap<SocketId, Connection> {
    let mut connections = before.connections.clone();
    match command {
        Command::Connect { .. } => connected(before, command, &mut connections),
        Command::Disconnect { socket, leave } if before.live(socket).is_some() => match leave {
            Leave::OnPurpose => {
                connections.remove(socket);
            }
            Leave::Lost { .. } => {
                if let Some(connection) = connections.get_mut(socket) {
                    let in_channel = holds(before, &connection.user, socket);
                    let grace = if in_channel { GRACE_IN_CHANNEL } else { GRACE };
                    connection.held_until = Some(Timestamp(now.0 + grace.0));
                }
            }
        },
        Command::Expire => {
            let over = |c: &Connection| c.held_until.is_some_and(|at| at <= now);
            let users = over_for_longest(before, now);
            connections.retain(|_, c| !(over(c) && users.contains(&c.user)));
        }
        Command::UpdateStatus { socket, status } => {
            if let Some(connection) = connections.get_mut(socket) {
                connection.status = *status;
            }
        }
        Command::Evict { socket } => {
            connections.remove(socket);
        }
        Command::Kick { user } | Command::RemoveMember { user } => {
            connections.retain(|_, c| c.user != *user);
        }
        Command::Sync { truth, .. } => connections.retain(|_, c| {
            !before.members.contains_key(&c.user) || truth.members.contains_key(&c.user)
        }),
        Command::Close => connections.clear(),
        _ => {}
    }
    connections
}

/// Whose holds end first, as many users as one decision sees off.
fn over_for_longest(before: &Model, now: Timestamp) -> BTreeSet<UserId> {
    let connections = before.connections.iter();
    let holds = connections.filter_map(|(socket, c)| Some((c.held_until?, socket, &c.user)));
    let holds: BTreeSet<_> = holds.filter(|(until, ..)| *until <= now).collect();
    let mut users = BTreeSet::new();
    for (_, _, user) in holds {
        if users.len() == USERS_PER_EXPIRY {
            break;
        }
        users.insert(user.clone());
    }
    users
}

/// The connection that somebody asks for.
pub(crate) fn newcomer(before: &Model, command: &Command) -> Option<Connection> {
    let Command::Connect {
        socket,
        user,
        status,
        role,
        claims,
        remote_address,
        ..
    } = command
    else {
        return None;
    };
    let renewed = before.live(socket).filter(|c| c.user == *user);
    Some(Connection {
        user: user.clone(),
        status: status
            .or(renewed.map(|c| c.status))
            .unwrap_or(OnlineStatus::Online),
        role: role.clone(),
        claims: claims.clone(),
        remote_address: remote_address.clone(),
        held_until: None,
    })
}

/// A returning user takes the place of what is held, but for the holder of the selection unless
/// it is named.
fn connected(before: &Model, command: &Command, connections: &mut BTreeMap<SocketId, Connection>) {
    let Command::Connect {
        socket,
        user,
        replaces,
        ..
    } = command
    else {
        return;
    };
    let Some(connection) = newcomer(before, command) else {
        return;
    };
    connections.retain(|other, c| {
        let named = replaces.as_ref() == Some(other);
        let idle_hold = c.held_until.is_some() && !holds(before, user, other);
        c.user != *user || !(named || idle_hold)
    });
    connections.insert(socket.clone(), connection);
}

/// The selections there should be, given the connections and who sees what after the command.
pub(crate) fn selections(
    before: &Model,
    command: &Command,
    after: &Model,
    sight: &Sight,
) -> BTreeMap<UserId, Selection> {
    let mut selections = before.selections.clone();
    match command {
        Command::Connect {
            socket,
            user,
            replaces: Some(replaces),
            ..
        } => {
            if let Some(selection) = selections.get_mut(user)
                && selection.socket == *replaces
            {
                selection.socket = socket.clone();
            }
        }
        Command::Select {
            socket,
            channel,
            media,
        } => {
            if let Some(connection) = before.live(socket) {
                let old = before.selections.get(&connection.user);
                let chosen = chosen(old, socket, channel, media.as_ref());
                selections.insert(connection.user.clone(), chosen);
            }
        }
        Command::Unselect { socket } => selections.retain(|_, s| s.socket != *socket),
        Command::UpdateMedia { socket, patch } => {
            for selection in selections.values_mut().filter(|s| s.socket == *socket) {
                selection.media = patched(selection.media.clone(), patch);
            }
        }
        _ => {}
    }
    selections.retain(|user, selection| {
        let connection = after.connections.get(&selection.socket);
        let seen = sight.get(&selection.channel);
        connection.is_some_and(|c| c.user == *user) && seen.is_some_and(|s| s.contains(user))
    });
    selections
}

fn chosen(
    old: Option<&Selection>,
    socket: &SocketId,
    channel: &ChannelId,
    media: Option<&MediaPatch>,
) -> Selection {
    let here = old.filter(|s| s.socket == *socket);
    if let Some(same) = here.filter(|s| s.channel == *channel) {
        return same.clone();
    }
    let base = here.map_or_else(
        || MediaState {
            microphone: false,
            speakers: true,
            screen: false,
            camera: false,
            speaking: false,
            rest: BTreeMap::new(),
        },
        |s| s.media.clone(),
    );
    Selection {
        channel: channel.clone(),
        socket: socket.clone(),
        media: match media {
            Some(patch) => patched(base, patch),
            None => base,
        },
    }
}

fn patched(mut media: MediaState, patch: &MediaPatch) -> MediaState {
    let lay = |flag: &mut bool, over: Option<bool>| *flag = over.unwrap_or(*flag);
    lay(&mut media.microphone, patch.microphone);
    lay(&mut media.speakers, patch.speakers);
    lay(&mut media.screen, patch.screen);
    lay(&mut media.camera, patch.camera);
    lay(&mut media.speaking, patch.speaking);
    for (key, value) in &patch.rest {
        media.rest.insert(key.clone(), value.clone());
    }
    media
}
