//! Memberships, roles and attributes change under a steady stream of events. A checker holds what
//! those heard whom the changes let in and shut out against the order of the log, as somebody was
//! told who sees everything. It must not know how the server comes to its answers.

use std::cell::Cell;

use serde_json::{Value, json};
use tokio::sync::Notify;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Backend, Client, Event, Server, backend, paths};

use crate::admission::enter;

/// How often each is shut out and let in again.
const ROUNDS: usize = 5;

/// Events that are published at least between two changes.
const BETWEEN: u64 = 3;

/// A channel, the only one that its user ever sees, and what decides whether they do.
struct Case {
    user: &'static str,
    channel: &'static str,
    change: Change,
}

enum Change {
    Membership,
    /// A member as they are put: let in, and shut out.
    Member(Value, Value),
}

fn cases() -> [Case; 3] {
    let red = json!({"attributes": {"team": "red"}});
    let blue = json!({"attributes": {"team": "blue"}});
    [
        Case {
            user: "ann",
            channel: "circle",
            change: Change::Membership,
        },
        Case {
            user: "ben",
            channel: "staff",
            change: Change::Member(json!({"role": "staff"}), json!({"role": "member"})),
        },
        Case {
            user: "eve",
            channel: "team",
            change: Change::Member(red, blue),
        },
    ]
}

impl Case {
    /// Makes the change; the number is in the profile, so that it stands in the log.
    async fn make(&self, backend: &Backend, lets_in: bool, number: usize) {
        match &self.change {
            Change::Membership => {
                let path = backend::channel(self.channel);
                let path = format!("{path}/members/{}", self.user);
                let method = if lets_in { "PUT" } else { "DELETE" };
                backend.ok(method, &path, &Value::Null).await;
            }
            Change::Member(inside, outside) => {
                let mut member = if lets_in { inside } else { outside }.clone();
                member["user"] = json!({"name": format!("{} {number}", self.user)});
                backend.put_member(self.user, &member).await;
            }
        }
    }
}

/// The stream of one channel, as far as it has come.
#[derive(Default)]
struct Stream {
    /// Events that were sent, and those of them that were answered: they are in the log.
    sent: Cell<u64>,
    answered: Cell<u64>,
    moved: Notify,
    over: Cell<bool>,
}

impl Stream {
    /// Publishes numbered events, the next when the last is answered.
    async fn flow(&self, backend: &Backend, channel: &str) {
        while !self.over.get() {
            let data = json!({"in": channel, "n": self.sent.get()});
            self.sent.set(self.sent.get() + 1);
            let to = json!({"channel": channel});
            backend.publish("note", &data, &to).await;
            self.answered.set(self.sent.get());
            self.moved.notify_one();
        }
    }

    async fn goes_on(&self) {
        let enough = self.answered.get() + BETWEEN;
        within_deadline("the going on of a stream", async {
            while self.answered.get() < enough {
                self.moved.notified().await;
            }
        })
        .await;
    }
}

/// Between which numbers of the stream a change was made: before it was asked for all below the
/// first were in the log, and when it was answered nothing from the second on had been sent.
type Bracket = (u64, u64);

/// Shuts a user out and lets them in by turns, while the stream flows. When they are in, they
/// select the channel, so that the log shows when they are shut out.
async fn change(
    case: &Case,
    backend: &Backend,
    stream: &Stream,
    client: &mut Client,
) -> Vec<Bracket> {
    let mut changes = Vec::new();
    stream.goes_on().await;
    for number in 0..2 * ROUNDS {
        let lets_in = number % 2 == 1;
        if !lets_in {
            let channel = json!({"channelId": case.channel});
            client.ask_ok("select-channel", channel).await;
        }
        let before = stream.answered.get();
        case.make(backend, lets_in, number).await;
        changes.push((before, stream.sent.get()));
        stream.goes_on().await;
    }
    stream.over.set(true);
    changes
}

/// The number of an event of a stream.
fn number(event: &Event, channel: &str) -> Option<u64> {
    let of_stream = event.name == "note" && event.data["in"] == channel;
    of_stream.then(|| event.data["n"].as_u64().expect("each has a number"))
}

/// How much of a stream stands in the log before each event that fits.
fn places(log: &[Event], channel: &str, fits: impl Fn(&Event) -> bool) -> Vec<u64> {
    let mut places = Vec::new();
    let mut next = 0;
    for event in log {
        if let Some(number) = number(event, channel) {
            assert_eq!(number, next, "{channel}: lost, told twice or out of order");
            next += 1;
        } else if fits(event) {
            places.push(next);
        }
    }
    places
}

/// What was heard of a stream from each time that the channel came into sight until it went out of
/// sight: the first number, and the one after the last.
fn heard_between(case: &Case, heard: &[Event]) -> Vec<(u64, u64)> {
    let Case { user, channel, .. } = *case;
    let (mut spans, mut open) = (Vec::new(), Some(None));
    for event in heard {
        match event.name.as_str() {
            "note" => {
                let number = number(event, channel);
                let number = number.unwrap_or_else(|| panic!("{user} heard {event:?}"));
                let span = open.as_mut();
                let span = span.unwrap_or_else(|| panic!("{user}, shut out, heard {event:?}"));
                let (_, next) = span.get_or_insert((number, number));
                assert_eq!(number, *next, "{user} missed an event, or was told twice");
                *next += 1;
            }
            "channel-created" => {
                assert_eq!(event.data["channelId"], channel, "{user} heard {event:?}");
                assert_eq!(open, None, "{user} was let in and saw it already");
                open = Some(None);
            }
            "channel-deleted" => {
                assert_eq!(event.data["channelId"], channel, "{user} heard {event:?}");
                let span = open.take().unwrap_or_else(|| panic!("{user} saw none"));
                spans.push(span.unwrap_or_else(|| panic!("{user} was in and heard nothing")));
            }
            _ => {}
        }
    }
    spans.extend(open.flatten());
    spans
}

/// Holds what a user heard against the log and against when the changes were made.
fn judge(case: &Case, changes: &[Bracket], heard: &[Event], log: &[Event], all: u64) {
    let Case { user, channel, .. } = *case;
    let spans = heard_between(case, heard);
    let about = |event: &Event, name: &str| event.name == name && event.data["userId"] == user;
    let ends = places(log, channel, |it| about(it, "user-unselected-channel"));
    let marks = places(log, channel, |it| {
        it.name == "user-updated" && it.data["user"]["id"] == user
    });
    assert_eq!(spans.len(), ROUNDS + 1, "{user}: {spans:?}");
    assert_eq!(ends.len(), ROUNDS, "{user}: {ends:?}");
    let whole = (spans[0].0, spans[ROUNDS].1);
    assert_eq!(whole, (0, all), "{user} misses an end: {spans:?}");
    for round in 0..ROUNDS {
        let (shut_out, let_in) = (changes[2 * round], changes[2 * round + 1]);
        let (end, begin) = (spans[round].1, spans[round + 1].0);
        let what = format!("{user}, round {round}: {spans:?}, {changes:?}");
        assert_eq!(end, ends[round], "by the log; {what}");
        assert!((shut_out.0..=shut_out.1).contains(&end), "{what}");
        assert!((let_in.0..=let_in.1).contains(&begin), "{what}");
        if matches!(case.change, Change::Member(..)) {
            let marks = (marks[2 * round], marks[2 * round + 1]);
            assert_eq!((end, begin), marks, "by the log; {what}");
        }
    }
}

/// A server on which each of the three is in: each policy decides about one of the channels.
async fn scene(cases: &[Case; 3]) -> Server {
    let server = Server::with()
        .policy("roles", &paths::guest("strict"))
        .policy("members", &paths::private_channels())
        .policy("attributes", &paths::guest("each"));
    let server = server.start().await;
    let backend = server.backend();
    let circle = json!({"private": true, "members": ["boss", "ann"]});
    let team = json!({"attributes": {"team": "red"}, "members": ["boss"]});
    for (channel, body) in [("circle", circle), ("staff", json!({})), ("team", team)] {
        backend.put_channel(channel, &body).await;
    }
    for case in cases {
        match &case.change {
            Change::Membership => {}
            Change::Member(inside, _) => {
                backend.put_member(case.user, inside).await;
            }
        }
    }
    server
}

#[tokio::test]
async fn no_event_after_a_change_reaches_whom_it_shut_out_nor_misses_whom_it_let_in() {
    let cases = cases();
    let server = scene(&cases).await;
    let backend = server.backend();
    let mut boss = enter(&server, "boss", "staff").await;
    assert_eq!(boss.channels().await, ["circle", "staff", "team"]);
    let mut clients = Vec::new();
    for case in &cases {
        let mut client = server.join(case.user).await;
        assert_eq!(client.channels().await, [case.channel], "{}", case.user);
        clients.push(client);
    }
    for client in clients.iter_mut().chain([&mut boss]) {
        client.heard().await;
    }

    let streams: [Stream; 3] = Default::default();
    let play = async |at: usize, client: &mut Client| {
        let (case, stream) = (&cases[at], &streams[at]);
        let flow = stream.flow(&backend, case.channel);
        let change = change(case, &backend, stream, client);
        tokio::join!(flow, change).1
    };
    let [ann, ben, eve] = &mut clients[..] else {
        unreachable!("there are three cases");
    };
    let (ann, ben, eve) = tokio::join!(play(0, ann), play(1, ben), play(2, eve));

    let log = boss.heard().await;
    for (at, changes) in [ann, ben, eve].iter().enumerate() {
        let (case, all) = (&cases[at], streams[at].sent.get());
        let told = log.iter().filter_map(|it| number(it, case.channel)).count();
        assert_eq!(told as u64, all, "{} is told whole", case.channel);
        let heard = clients[at].heard().await;
        judge(case, changes, &heard, &log, all);
    }
}
