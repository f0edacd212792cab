//! Who comes to a rush, and what they do there. It knows nothing of what comes of it.

use std::collections::BTreeMap;

use wardroom_domain::{
    ChannelId, ChannelSpec, Command, Json, Leave, MemberSpec, OnlineStatus, SocketId, Timestamp,
    UserId,
};

use crate::cast::{GRACE, GRACE_IN_CHANNEL};
use crate::random::Random;

/// From one burst to the next, in milliseconds.
const BURST_EVERY: u64 = 1_000;
/// Users in a burst.
const BURST: u64 = 40;
/// Within how long they come, in milliseconds.
const SPREAD: u64 = 80;
/// How soon half of them lose their transport, in milliseconds.
const LOST_AFTER: u64 = 50;
/// How long the others stay, in milliseconds.
const STAYS: u64 = 1_200;

/// What is going to be asked of the workspace.
pub(super) struct Load {
    random: Random,
    agenda: BTreeMap<Timestamp, Vec<Command>>,
    channels: Vec<ChannelId>,
    came: u64,
    next_burst: Timestamp,
}

impl Load {
    pub(super) fn new(seed: u64) -> Self {
        let channels = ["c1", "c2", "c3"].map(|name| ChannelId::new(name).expect("an id"));
        let mut load = Self {
            random: Random::new(seed),
            agenda: BTreeMap::new(),
            channels: channels.to_vec(),
            came: 0,
            next_burst: Timestamp(1),
        };
        for channel in load.channels.clone() {
            load.put_channel(Timestamp(0), channel);
        }
        load
    }

    /// Has the next burst come when it is time.
    pub(super) fn arrive(&mut self, now: Timestamp) {
        if now < self.next_burst {
            return;
        }
        self.next_burst = Timestamp(now.0 + BURST_EVERY);
        for _ in 0..BURST {
            self.came += 1;
            let at = Timestamp(now.0 + self.random.below(SPREAD));
            let command = Command::Connect {
                socket: SocketId::new(&format!("s{}", self.came)).expect("an id"),
                user: user(self.came),
                status: None,
                role: None,
                named_by_token: true,
                replaces: None,
                claims: Json::from_canonical("{}"),
                remote_address: None,
            };
            self.add(at, command);
        }
        // The backend goes on with its work meanwhile.
        let at = Timestamp(now.0 + self.random.below(BURST_EVERY));
        let channel = self.random.pick(&self.channels).clone();
        let deleted = channel.clone();
        self.add(at, Command::DeleteChannel { channel: deleted });
        self.put_channel(Timestamp(at.0 + 100), channel);
        let member = user(1 + self.random.below(self.came));
        let profile = Json::from_canonical(&format!(r#"{{"id":"{member}"}}"#));
        let put = Command::PutMember {
            user: member,
            spec: MemberSpec::default(),
            default_profile: profile,
        };
        self.add(Timestamp(at.0 + 200), put);
    }

    /// Plans what somebody does who was let in.
    pub(super) fn stay(&mut self, now: Timestamp, socket: &SocketId) {
        let (socket, channel) = (socket.clone(), self.random.pick(&self.channels).clone());
        let until = if self.random.percent(50) {
            let lost = Leave::Lost {
                grace: GRACE,
                grace_in_channel: GRACE_IN_CHANNEL,
            };
            self.leave(LOST_AFTER, now, &socket, lost)
        } else {
            self.leave(STAYS, now, &socket, Leave::OnPurpose);
            let select = Command::Select {
                socket: socket.clone(),
                channel,
                media: None,
            };
            self.add(Timestamp(now.0 + 200), select);
            now.0 + STAYS
        };
        let status = Command::UpdateStatus {
            socket,
            status: OnlineStatus::Idle,
        };
        self.add(Timestamp(until - 10), status);
    }

    fn leave(&mut self, after: u64, now: Timestamp, socket: &SocketId, leave: Leave) -> u64 {
        let socket = socket.clone();
        self.add(
            Timestamp(now.0 + after),
            Command::Disconnect { socket, leave },
        );
        now.0 + after
    }

    /// What is to be done by now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Command> {
        let later = self.agenda.split_off(&Timestamp(now.0 + 1));
        let due = std::mem::replace(&mut self.agenda, later);
        due.into_values().flatten().collect()
    }

    /// Whether nothing is planned any more.
    pub(super) fn is_over(&self) -> bool {
        self.agenda.is_empty()
    }

    fn put_channel(&mut self, at: Timestamp, channel: ChannelId) {
        let spec = ChannelSpec::default();
        self.add(at, Command::PutChannel { channel, spec });
    }

    fn add(&mut self, at: Timestamp, command: Command) {
        self.agenda.entry(at).or_default().push(command);
    }
}

fn user(number: u64) -> UserId {
    UserId::new(&format!("r{number}")).expect("an id")
}
