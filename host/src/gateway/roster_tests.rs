//! What receivers get, put together in lanes, against the plain way: each asked by themself.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use parking_lot::Mutex;
use wardroom_domain::{
    Attributes, Change, ChannelFacts, ChannelId, Clause, Connection, Event, Json, Member,
    OnlineStatus, Rendered, Rendition, Role, Selector, SubjectFacts, Test,
};

use super::*;
use crate::limits::{MAX_COMPARED_ATTRIBUTES, MAX_LANES};

/// Takes down what it is sent.
#[derive(Default)]
struct Taken {
    bytes: Mutex<Vec<u8>>,
    ended: Mutex<bool>,
}

impl Outlet for Arc<Taken> {
    fn send(&self, frames: &[Bytes]) {
        assert!(!frames.is_empty(), "nothing was sent");
        self.bytes.lock().extend(frames.concat());
    }

    fn hold(&self) {
        self.bytes.lock().extend(b"<answer>");
    }

    fn end(&self, _: Cause) {
        *self.ended.lock() = true;
    }
}

/// Numbers that look random and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 33) as usize % end
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

fn user(number: usize) -> UserId {
    UserId::new(&format!("u{number}")).unwrap()
}

fn socket(number: usize) -> SocketId {
    SocketId::new(&format!("s{number}")).unwrap()
}

fn role(number: usize) -> Role {
    Role::new(&format!("r{number}")).unwrap()
}

fn attributes(scalars: impl IntoIterator<Item = (String, String)>) -> Attributes {
    let scalars = scalars.into_iter();
    Attributes {
        scalars: Arc::new(scalars.map(|(n, v)| (n.into(), v.into())).collect()),
        ..Attributes::default()
    }
}

/// A roster, and what each socket should have got.
struct House {
    chance: Chance,
    runtime: tokio::runtime::Runtime,
    users: usize,
    state: Workspace,
    roster: Roster<Arc<Taken>>,
    open: BTreeMap<SocketId, (UserId, Arc<Taken>, Vec<u8>)>,
    events: usize,
    frames: u64,
    written: u64,
}

impl House {
    fn new(seed: usize, users: usize) -> Self {
        Self {
            chance: Chance(seed as u64),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
            users,
            state: Workspace::default(),
            roster: Roster::default(),
            open: BTreeMap::new(),
            events: 0,
            frames: 0,
            written: 0,
        }
    }

    fn any_user(&mut self) -> UserId {
        user(self.chance.below(self.users))
    }

    fn any_role(&mut self) -> Option<Role> {
        let number = self.chance.below(5);
        (number < 4).then(|| role(number))
    }

    fn put_member(&mut self, user: UserId, attributes: Attributes) {
        let member = Member {
            profile: Json::from_canonical("{}"),
            role: self.any_role(),
            attributes,
        };
        self.state.apply(&Change::MemberPut { user, member });
    }

    fn change_people(&mut self) {
        let user = self.any_user();
        match self.chance.below(3) {
            0 => self.state.apply(&Change::MemberRemoved { user }),
            _ => {
                let team = self.chance.below(3).to_string();
                let of_team = attributes([("team".to_owned(), team)]);
                self.put_member(user, of_team);
            }
        }
    }

    fn connect(&mut self, socket: &SocketId, user: &UserId) {
        let connection = Connection {
            user: user.clone(),
            status: OnlineStatus::Online,
            role: self.any_role(),
            claims: Json::from_canonical("{}"),
            remote_address: None,
            held_until: None,
        };
        self.state.apply(&Change::ConnectionPut {
            socket: socket.clone(),
            connection,
        });
    }

    fn open(&mut self, number: usize, user: UserId) {
        let socket = socket(number);
        if self.open.contains_key(&socket) {
            return;
        }
        self.connect(&socket, &user);
        let taken = Arc::<Taken>::default();
        let outlet = Arc::clone(&taken);
        self.roster.open(&socket, &user, outlet, &self.state);
        self.open.insert(socket, (user, taken, Vec::new()));
    }

    /// The token of an open connection is renewed, or the connection is removed before its end is told.
    fn change_connection(&mut self, number: usize) {
        let socket = socket(number);
        let Some((user, ..)) = self.open.get(&socket) else {
            return;
        };
        let user = user.clone();
        if self.chance.one_in(3) {
            self.state.apply(&Change::ConnectionRemoved { socket });
        } else {
            self.connect(&socket, &user);
        }
    }

    fn close(&mut self, number: usize) {
        let socket = socket(number);
        let Some((_, taken, expected)) = self.open.remove(&socket) else {
            return;
        };
        let reason = if self.chance.one_in(2) {
            CloseReason::Kicked
        } else {
            CloseReason::Left
        };
        self.state.apply(&Change::ConnectionRemoved {
            socket: socket.clone(),
        });
        self.roster.close(&socket, &reason);
        assert_eq!(*taken.bytes.lock(), expected);
        assert_eq!(*taken.ended.lock(), reason == CloseReason::Kicked);
    }

    fn any_audience(&mut self) -> Audience {
        match self.chance.below(5) {
            0 => {
                let count = self.chance.below(self.users);
                let users = (0..count).map(|_| self.any_user());
                Audience::Users(users.collect())
            }
            1 => {
                let count = self.chance.below(3);
                let sockets = (0..count).map(|_| socket(self.chance.below(2 * self.users)));
                Audience::Sockets(sockets.collect())
            }
            _ => Audience::Workspace,
        }
    }

    fn any_test(&mut self) -> Test {
        match self.chance.below(8) {
            0 => Test::Users([self.any_user()].into()),
            1 => Test::ChannelMember,
            2 => Test::Attribute {
                name: "team".into(),
                value: self.chance.below(3).to_string().into(),
            },
            _ => Test::Roles([role(self.chance.below(4))].into()),
        }
    }

    fn any_selector(&mut self) -> Selector {
        let any = (0..1 + self.chance.below(2)).map(|_| {
            let all = (0..self.chance.below(3)).map(|_| self.any_test()).collect();
            let none = (0..self.chance.below(2)).map(|_| self.any_test()).collect();
            Clause { all, none }
        });
        Selector { any: any.collect() }
    }

    fn any_rendered(&mut self) -> Rendered {
        let renditions = (0..1 + self.chance.below(4)).map(|place| Rendition {
            to: (0..self.chance.below(3))
                .map(|_| self.any_selector())
                .collect(),
            payload: (!self.chance.one_in(6)).then(|| {
                let payload = "x".repeat(self.chance.below(20));
                Json::from_canonical(&format!("\"{place}{payload}\""))
            }),
        });
        let renditions = renditions.collect();
        let members = (0..self.chance.below(self.users)).map(|_| self.any_user());
        let members = members.collect();
        let departed = (0..self.chance.below(3)).map(|_| SubjectFacts {
            user: self.any_user(),
            role: self.any_role(),
            attributes: Attributes::default(),
        });
        let departed: Vec<_> = departed.collect();
        Rendered {
            renditions,
            channel: Some(ChannelFacts {
                id: ChannelId::new("c").unwrap(),
                private: true,
                members,
                attributes: Attributes::default(),
            }),
            departed,
        }
    }

    fn expect(&mut self, audience: &Audience, mut of: impl FnMut(&UserId) -> Option<Bytes>) {
        for (socket, (user, _, expected)) in &mut self.open {
            let times = match audience {
                Audience::Workspace => 1,
                Audience::Users(users) => usize::from(users.contains(user)),
                Audience::Sockets(sockets) => sockets.iter().filter(|s| *s == socket).count(),
            };
            for frame in (0..times).filter_map(|_| of(user)) {
                expected.extend(&frame);
                self.frames += 1;
            }
        }
    }

    fn tell(&mut self) {
        let audience = self.any_audience();
        self.events += 1;
        let frame = Bytes::from(format!("<plain {}>", self.events));
        self.expect(&audience, |_| Some(frame.clone()));
        self.roster.tell(&frame, &audience);
    }

    fn render(&mut self, rendered: &Rendered, audience: &Audience) {
        self.events += 1;
        let event = Event::UserUpdated {
            user: user(0),
            profile: Json::from_canonical("{}"),
        };
        let state = self.state.clone();
        let mut forms = Forms::new(&event, rendered, &state);
        // What does not depend on who they are, those get too whom the workspace knows no longer.
        let one = forms.one_for_all();
        self.expect(audience, |user| match &one {
            Some(frame) => frame.clone(),
            None => forms.for_user(user),
        });
        let forms = Forms::new(&event, rendered, &state);
        self.roster.tell_rendered(forms, audience);
    }

    fn answer(&mut self, number: usize) {
        let socket = socket(number);
        let Some((_, taken, expected)) = self.open.get_mut(&socket) else {
            return;
        };
        let frame = Bytes::from_static(b"<answer>");
        expected.extend(&frame);
        self.roster.answer(&socket, taken, frame);
    }

    fn flush(&mut self) {
        let flushing = self.roster.flush(&self.state);
        self.written += self.runtime.block_on(flushing);
        assert_eq!(self.written, self.frames);
        for (socket, (_, taken, expected)) in &mut self.open {
            let mut bytes = taken.bytes.lock();
            let (found, wanted) = (bytes.escape_ascii(), expected.escape_ascii());
            assert_eq!(found.to_string(), wanted.to_string(), "{socket}");
            bytes.clear();
            expected.clear();
        }
    }

    fn step(&mut self) {
        let number = self.chance.below(2 * self.users);
        match self.chance.below(20) {
            0 | 1 => {
                // A user may have several.
                let user = user(number / 2);
                self.open(number, user);
            }
            2 => self.close(number),
            3 => self.change_people(),
            4 => self.change_connection(number),
            5 | 6 => self.answer(number),
            7 => self.flush(),
            8..12 => self.tell(),
            _ => {
                let (rendered, audience) = (self.any_rendered(), self.any_audience());
                self.render(&rendered, &audience);
            }
        }
    }
}

#[test]
fn everybody_gets_what_is_meant_for_them_in_order() {
    for seed in 0..60 {
        let mut house = House::new(seed, 2 + seed % 20);
        (0..400).for_each(|_| house.step());
        house.flush();
    }
}

fn by_attribute(tests: impl IntoIterator<Item = (String, String)>) -> Rendered {
    let to = |(name, value): (String, String)| Selector {
        any: vec![Clause {
            all: vec![Test::Attribute {
                name: name.into(),
                value: value.into(),
            }],
            none: Vec::new(),
        }],
    };
    let rendition = |(place, test)| Rendition {
        to: vec![to(test)],
        payload: Some(Json::from_canonical(&format!("{place}"))),
    };
    Rendered {
        renditions: tests.into_iter().enumerate().map(rendition).collect(),
        channel: None,
        departed: Vec::new(),
    }
}

#[test]
fn whoever_finds_no_lane_gets_the_same() {
    let people = 2 * MAX_LANES;
    let mut house = House::new(7, people);
    for number in 0..people {
        let place = attributes([("place".to_owned(), number.to_string())]);
        house.put_member(user(number), place);
        house.open(number, user(number));
    }
    let few = [3, MAX_LANES + 3, people - 1].map(|n| ("place".to_owned(), n.to_string()));
    let rendered = by_attribute(few);
    house.render(&rendered, &Audience::Workspace);
    assert!(house.roster.receivers.lanes().ungrouped() >= people - MAX_LANES);
    house.tell();
    house.render(&rendered, &Audience::Users((0..people).map(user).collect()));
    house.render(&rendered, &Audience::Workspace);
    house.flush();
    // Where lanes come free, those are taken.
    (0..people - 10).for_each(|number| house.close(number));
    house.render(
        &by_attribute([("new".into(), "1".into())]),
        &Audience::Workspace,
    );
    assert_eq!(house.roster.receivers.lanes().ungrouped(), 0);
    house.flush();
}

#[test]
fn selectors_that_compare_more_and_more_attributes_are_followed() {
    let mut house = House::new(8, 10);
    let name = |number: usize| format!("a{number}");
    for number in 0..10 {
        let own =
            (0..3 * MAX_COMPARED_ATTRIBUTES).map(|a| (name(a), (a % (number + 1)).to_string()));
        house.put_member(user(number), attributes(own));
        house.open(number, user(number));
    }
    for first in 0..2 * MAX_COMPARED_ATTRIBUTES {
        let pair = [first, first + 1].map(|a| (name(a), "1".to_owned()));
        house.render(&by_attribute(pair), &Audience::Workspace);
        assert_eq!(house.roster.receivers.lanes().ungrouped(), 0);
        house.tell();
    }
    let all = (0..2 * MAX_COMPARED_ATTRIBUTES).map(|a| (name(a), "2".to_owned()));
    house.render(&by_attribute(all), &Audience::Workspace);
    assert_eq!(house.roster.receivers.lanes().ungrouped(), 10);
    house.tell();
    house.render(&by_attribute([(name(1), "1".into())]), &Audience::Workspace);
    assert_eq!(house.roster.receivers.lanes().ungrouped(), 0);
    house.flush();
}

#[test]
fn an_answer_that_is_not_made_yet_keeps_its_place() {
    let mut house = House::new(1, 3);
    (0..3).for_each(|number| house.open(number, user(number)));
    let outlet = |house: &House, number| Arc::clone(&house.open[&socket(number)].1);
    let (holding, leaving) = (outlet(&house, 1), outlet(&house, 2));
    let all = Audience::Workspace;
    house.roster.tell(&Bytes::from_static(b"before "), &all);
    house.roster.hold(&socket(1), &holding);
    house.roster.tell(&Bytes::from_static(b" after"), &all);
    let flushed = house.roster.flush(&house.state);
    house.runtime.block_on(flushed);
    let got = |taken: &Taken| String::from_utf8(taken.bytes.lock().clone()).unwrap();
    assert_eq!(got(&outlet(&house, 0)), "before  after");
    assert_eq!(got(&holding), "before <answer> after");
    // Who has been closed meanwhile gets it behind everything.
    house.roster.close(&socket(2), &CloseReason::Kicked);
    house.roster.hold(&socket(2), &leaving);
    assert_eq!(got(&leaving), "before  after<answer>");
}
