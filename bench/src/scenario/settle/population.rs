//! Who lives in the workspace that settles, which channels it has, and whom each change shuts out.

use serde_json::{Value, json};

use crate::fleet::Shape;

/// Channels in all.
pub(super) const CHANNELS: usize = 1_000;
/// Those of them that only some people see.
pub(super) const PRIVATE: usize = 50;
/// People who see every private channel by their role.
pub(super) const STAFF: usize = 100;
/// People whom the guard no longer admits in the end; each is in one private channel.
pub(super) const GUESTS: usize = 100;
/// Members of a private channel, besides its guests, whom no change shuts out.
pub(super) const STABLE: usize = 90;
/// Members of a private channel, besides its guests: those and some who may be expelled.
const LISTED: usize = 98;

/// The workspace beside: few people who hear much, so that a stall does not go unnoticed.
pub(super) const BESIDE: Shape = Shape {
    workspaces: 1,
    members: 10,
    prefix: "beside-",
};

/// People and the private channels that they lose sight of: the index of a socket and of a channel.
pub(super) type Pairs = Vec<(usize, usize)>;

/// A call that changes the directory, and whom it shuts out.
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: String,
    pub(super) lost: Pairs,
}

/// The people, each with one socket: staff first, then guests, then everybody else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Population {
    members: usize,
}

/// The name of a private channel.
pub(super) fn private(channel: usize) -> String {
    format!("private-{channel}")
}

impl Population {
    pub(super) fn new(members: usize) -> Self {
        Self { members }
    }

    pub(super) fn shape(self) -> Shape {
        Shape {
            members: self.members,
            ..Shape::default()
        }
    }

    pub(super) fn member(self, socket: usize) -> Value {
        let role = match socket {
            staff if staff < STAFF => "staff",
            guest if guest < STAFF + GUESTS => "guest",
            _ => "member",
        };
        json!({ "role": role })
    }

    pub(super) fn channels(self) -> Value {
        let user = |socket| self.shape().user(socket);
        let private = (0..PRIVATE).map(|channel| {
            let listed = (0..LISTED).map(|place| self.listed(channel, place));
            let all: Vec<_> = listed.chain(guests(channel)).map(user).collect();
            (private(channel), json!({ "private": true, "members": all }))
        });
        let public = (PRIVATE..CHANNELS).map(|it| (format!("public-{it}"), json!({})));
        private
            .chain(public)
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The socket of a listed member of a private channel.
    pub(super) fn listed(self, channel: usize, place: usize) -> usize {
        let others = self.members - STAFF - GUESTS;
        STAFF + GUESTS + (channel * LISTED + place) % others
    }

    /// What nobody sees who is staff only, once staff is nothing special.
    pub(super) fn seen_by_staff() -> Pairs {
        let all = |socket| (0..PRIVATE).map(move |channel| (socket, channel));
        (0..STAFF).flat_map(all).collect()
    }

    pub(super) fn seen_by_guests() -> Pairs {
        let all = |channel| guests(channel).map(move |socket| (socket, channel));
        (0..PRIVATE).flat_map(all).collect()
    }

    /// Strikes a member off the list of a private channel.
    pub(super) fn expulsion(self, turn: usize) -> Call {
        let (channel, socket) = (turn, self.listed(turn, LISTED - 1));
        let (name, user) = (private(channel), self.shape().user(socket));
        Call {
            method: "DELETE",
            path: format!("/v1/workspaces/w0/channels/{name}/members/{user}"),
            body: String::new(),
            lost: vec![(socket, channel)],
        }
    }

    /// Takes the role away from one of the staff.
    pub(super) fn demotion(self, turn: usize) -> Call {
        Call {
            method: "PUT",
            path: format!("/v1/workspaces/w0/members/{}", self.shape().user(turn)),
            body: json!({ "role": "member" }).to_string(),
            lost: (0..PRIVATE).map(|channel| (turn, channel)).collect(),
        }
    }
}

/// The sockets of the guests in a private channel.
fn guests(channel: usize) -> impl Iterator<Item = usize> {
    let each = GUESTS / PRIVATE;
    (0..each).map(move |guest| STAFF + channel * each + guest)
}
