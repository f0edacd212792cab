//! Who and what there is in a simulated workspace, and the commands that come to mind. The cast
//! is small, so that things meet; it knows nothing of right and wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_domain::limits::CHANNELS_PER_SETTLING;
use wardroom_domain::{
    Attributes, ChannelId, ChannelSpec, Command, Json, Leave, MediaPatch, MemberSpec, Millis,
    OnlineStatus, Publication, Role, SocketId, Target, Truth, UserId,
};

use crate::model::Model;
use crate::random::Random;

/// How long a lost connection is held outside a channel.
pub(crate) const GRACE: Millis = Millis(5_000);
/// How long one is held that holds its user's selection.
pub(crate) const GRACE_IN_CHANNEL: Millis = Millis(60_000);

/// Everybody and everything that has a name.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) users: Vec<UserId>,
    pub(crate) sockets: Vec<SocketId>,
    pub(crate) channels: Vec<ChannelId>,
    pub(crate) roles: Vec<Role>,
}

impl Cast {
    /// A few of each, so that things meet.
    pub(crate) fn small() -> Self {
        Self::of(6, 12, 5)
    }

    /// More connections and channels than are looked at again in one decision.
    pub(crate) fn large() -> Self {
        Self::of(6, 300, 40)
    }

    fn of(users: usize, sockets: usize, channels: usize) -> Self {
        let names = |prefix: &str, count: usize| {
            let prefix = prefix.to_owned();
            (1..=count).map(move |number| format!("{prefix}{number}"))
        };
        let valid = "a letter and a digit are an id";
        Self {
            users: names("u", users)
                .map(|n| UserId::new(&n).expect(valid))
                .collect(),
            sockets: names("s", sockets)
                .map(|n| SocketId::new(&n).expect(valid))
                .collect(),
            channels: names("c", channels)
                .map(|n| ChannelId::new(&n).expect(valid))
                .collect(),
            roles: names("r", 3).map(|n| Role::new(&n).expect(valid)).collect(),
        }
    }

    pub(crate) fn is_large(&self) -> bool {
        self.channels.len() > CHANNELS_PER_SETTLING
    }

    /// A command, likely one that means something in the present state.
    pub(crate) fn command(&self, random: &mut Random, model: &Model) -> Command {
        let command = self.plain_command(random, model);
        if command.acts_for().is_some() && random.percent(25) {
            return self.relayed(random, model, command);
        }
        command
    }

    /// The command, relayed by a backend for a user who mostly is the connection's.
    fn relayed(&self, random: &mut Random, model: &Model, command: Command) -> Command {
        let connection = command.acts_for().and_then(|socket| model.live(socket));
        let user = match connection {
            Some(connection) if random.percent(75) => connection.user.clone(),
            _ => self.user(random),
        };
        Command::Relay {
            user,
            command: Box::new(command),
        }
    }

    fn plain_command(&self, random: &mut Random, model: &Model) -> Command {
        match random.below(100) {
            0..=17 => self.connect(random, model),
            18..=26 => self.disconnect(random, model),
            27..=32 => Command::Expire,
            33..=49 => Command::Select {
                socket: self.socket(random, model),
                channel: random.pick(&self.channels).clone(),
                media: random.percent(50).then(|| patch(random)),
            },
            50..=53 => Command::Unselect {
                socket: self.socket(random, model),
            },
            54..=58 => Command::UpdateMedia {
                socket: self.socket(random, model),
                patch: patch(random),
            },
            59..=62 => Command::UpdateStatus {
                socket: self.socket(random, model),
                status: status(random),
            },
            63..=64 => Command::Publish(self.publication(random)),
            65..=67 => Command::Settle,
            68..=97 => self.directory(random, model),
            99 if random.percent(15) => Command::Close,
            _ => Command::GetState {
                socket: self.socket(random, model),
            },
        }
    }

    fn user(&self, random: &mut Random) -> UserId {
        random.pick(&self.users).clone()
    }

    /// Mostly a socket that is there.
    fn socket(&self, random: &mut Random, model: &Model) -> SocketId {
        let known: Vec<SocketId> = model.connections.keys().cloned().collect();
        if known.is_empty() || random.percent(10) {
            random.pick(&self.sockets).clone()
        } else {
            random.pick(&known).clone()
        }
    }

    fn connect(&self, random: &mut Random, model: &Model) -> Command {
        let user = self.user(random);
        let own: Vec<SocketId> = model.sockets_of(&user).cloned().collect();
        let replaces = match random.below(4) {
            0 if !own.is_empty() => Some(random.pick(&own).clone()),
            1 => Some(random.pick(&self.sockets).clone()),
            _ => None,
        };
        Command::Connect {
            socket: random.pick(&self.sockets).clone(),
            user,
            status: random.percent(50).then(|| status(random)),
            role: random.percent(40).then(|| random.pick(&self.roles).clone()),
            named_by_token: random.percent(60),
            replaces,
            claims: claims(random),
            remote_address: random.percent(60).then(|| Arc::from("192.0.2.7")),
        }
    }

    /// Everybody and everything in it at once: what a workspace begins with that is large.
    pub(crate) fn crowd(&self, random: &mut Random) -> Vec<Command> {
        let channels = self.channels.iter();
        let truth = Truth {
            members: BTreeMap::new(),
            channels: channels
                .map(|c| (c.clone(), self.channel(random)))
                .collect(),
        };
        let mut commands = vec![Command::Sync {
            truth,
            quiet: false,
        }];
        for (place, socket) in self.sockets.iter().enumerate() {
            commands.push(Command::Connect {
                socket: socket.clone(),
                user: self.users[place % self.users.len()].clone(),
                status: None,
                role: random.percent(40).then(|| random.pick(&self.roles).clone()),
                named_by_token: true,
                replaces: None,
                claims: Json::from_canonical("{}"),
                remote_address: random.percent(60).then(|| Arc::from("192.0.2.7")),
            });
        }
        commands
    }

    fn disconnect(&self, random: &mut Random, model: &Model) -> Command {
        let leave = if random.percent(35) {
            Leave::OnPurpose
        } else {
            Leave::Lost {
                grace: GRACE,
                grace_in_channel: GRACE_IN_CHANNEL,
            }
        };
        Command::Disconnect {
            socket: self.socket(random, model),
            leave,
        }
    }

    fn publication(&self, random: &mut Random) -> Publication {
        let to = match random.below(6) {
            0 => Target::Workspace,
            1 => Target::Channel(random.pick(&self.channels).clone()),
            2 => Target::Conversation(random.pick(&self.channels).clone()),
            3 => Target::Users(random.some(&self.users).into_iter().collect()),
            4 => Target::SocketsOf(self.user(random), vec![random.pick(&self.sockets).clone()]),
            _ => Target::Sockets(random.some(&self.sockets)),
        };
        Publication {
            name: Arc::from("hello"),
            data: Json::from_canonical("1"),
            to,
        }
    }

    fn directory(&self, random: &mut Random, model: &Model) -> Command {
        let user = self.user(random);
        let channel = random.pick(&self.channels).clone();
        match random.below(30) {
            0..=7 => Command::PutMember {
                spec: self.member(random, &user),
                default_profile: profile(&user, "nobody"),
                user,
            },
            8..=9 => Command::RemoveMember { user },
            10..=11 => Command::UpdateProfile {
                profile: profile(&user, name(random)),
                user,
            },
            12..=18 => Command::PutChannel {
                channel,
                spec: self.channel(random),
            },
            19..=21 => Command::PutChannelMember { channel, user },
            22..=24 => Command::RemoveChannelMember { channel, user },
            25..=26 => Command::DeleteChannel { channel },
            27 if random.percent(50) => Command::Evict {
                socket: self.socket(random, model),
            },
            27 => Command::Kick { user },
            _ => Command::Sync {
                truth: self.truth(random, model),
                quiet: random.percent(20),
            },
        }
    }

    fn member(&self, random: &mut Random, user: &UserId) -> MemberSpec {
        MemberSpec {
            profile: random.percent(30).then(|| profile(user, name(random))),
            role: random
                .percent(50)
                .then(|| random.percent(70).then(|| random.pick(&self.roles).clone())),
            attributes: random.percent(30).then(|| team(random)),
        }
    }

    fn channel(&self, random: &mut Random) -> ChannelSpec {
        ChannelSpec {
            private: random.percent(50).then(|| random.percent(50)),
            members: random
                .percent(40)
                .then(|| random.some(&self.users).into_iter().collect()),
            attributes: random.percent(30).then(|| team(random)),
        }
    }

    /// Much of what is known stays, as it would in a backend's own repetition.
    fn truth(&self, random: &mut Random, model: &Model) -> Truth {
        let mut truth = Truth::default();
        for user in &self.users {
            let known = model.members.contains_key(user);
            if random.percent(if known { 80 } else { 20 }) {
                let spec = if random.percent(50) {
                    self.member(random, user)
                } else {
                    MemberSpec::default()
                };
                let member = (spec, profile(user, "nobody"));
                truth.members.insert(user.clone(), member);
            }
        }
        for channel in &self.channels {
            let known = model.channels.contains_key(channel);
            if random.percent(if known { 80 } else { 20 }) {
                let spec = if random.percent(50) {
                    self.channel(random)
                } else {
                    ChannelSpec::default()
                };
                truth.channels.insert(channel.clone(), spec);
            }
        }
        truth
    }
}

fn status(random: &mut Random) -> OnlineStatus {
    *random.pick(&[
        OnlineStatus::Offline,
        OnlineStatus::Idle,
        OnlineStatus::Online,
        OnlineStatus::Online,
    ])
}

fn patch(random: &mut Random) -> MediaPatch {
    let mut flag = || random.percent(30).then(|| random.percent(50));
    let mut patch = MediaPatch {
        microphone: flag(),
        speakers: flag(),
        screen: flag(),
        camera: flag(),
        speaking: flag(),
        rest: BTreeMap::new(),
    };
    if random.percent(30) {
        let value = random.pick(&["1", "2"]);
        patch
            .rest
            .insert(Arc::from("hand"), Json::from_canonical(value));
    }
    patch
}

fn profile(user: &UserId, name: &str) -> Json {
    Json::from_canonical(&format!(r#"{{"id":"{user}","name":"{name}"}}"#))
}

fn team(random: &mut Random) -> Attributes {
    let team = *random.pick(&["red", "blue", "green"]);
    let scalars = BTreeMap::from([(Arc::from("team"), Arc::from(team))]);
    Attributes {
        text: Json::from_canonical(&format!(r#"{{"team":"{team}"}}"#)),
        scalars: Arc::new(scalars),
    }
}

fn claims(random: &mut Random) -> Json {
    let claims: [&str; 2] = ["{}", r#"{"plan":"free"}"#];
    Json::from_canonical(claims[usize::from(random.percent(50))])
}

fn name(random: &mut Random) -> &'static str {
    let names: [&str; 2] = ["Ann", "Bob"];
    names[usize::from(random.percent(50))]
}
