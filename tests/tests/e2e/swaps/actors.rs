//! Those who keep a server busy while its policies are swapped, and take down what they asked and
//! what came of it. They must not know what is right.

use serde_json::{Value, json};
use wardroom_tests::raw::Heard;
use wardroom_tests::{Client, Event, Raw};

use super::Run;
use crate::admission::entry;

/// The eras within which something happened: the newest that was known to be in force before it was
/// asked for, and the newest that may have been in force when it was answered.
pub(super) type Bracket = (usize, usize);

/// Events that were published under one name, one after the other: the number of each is its place.
pub(super) struct Published {
    pub(super) name: &'static str,
    pub(super) events: Vec<Bracket>,
}

impl Published {
    fn new(name: &'static str) -> Self {
        let events = Vec::new();
        Self { name, events }
    }
}

/// A command and its answer.
pub(super) struct Asked {
    pub(super) name: &'static str,
    /// The channel it is about.
    pub(super) channel: &'static str,
    /// The number that it carries, if it carries one.
    pub(super) number: u64,
    pub(super) within: Bracket,
    pub(super) answer: Value,
}

/// The number of a question that is none of the others.
pub(super) const LAST: u64 = 1_000_000_000;

/// The channels that are selected by turns.
const CHANNELS: [&str; 3] = ["staff", "open", "staff"];

/// Publishes numbered events under three names by turns, the next when the last is answered.
pub(super) async fn publish(run: &Run<'_>) -> [Published; 3] {
    let backend = run.server.backend();
    let mut published = [
        ("note", json!({"channel": "staff"})),
        ("word", json!({"channel": "open"})),
        ("whisper", json!({"workspace": true})),
    ]
    .map(|(name, to)| (Published::new(name), to));
    while !run.over.get() {
        for (Published { name, events }, to) in &mut published {
            let known = run.known.get();
            let number = json!({"n": events.len()});
            let answer = backend.publish(name, &number, to).await;
            assert_eq!(answer.body["outcome"], "changed", "{answer:?}");
            events.push((known, run.begun.get()));
            run.did("backend", known);
        }
    }
    published.map(|(published, _)| published)
}

/// The commands of one round: each about the conversation that the first begins.
fn round(number: u64, channel: &str) -> [(&'static str, Value); 3] {
    let next = number + 1;
    [
        (
            "select-channel",
            json!({"channelId": channel, "userMediaState": {"n": number}}),
        ),
        ("update-media-state", json!({"userMediaState": {"n": next}})),
        ("unselect-channel", json!({})),
    ]
}

/// Sends the commands of a round all at once, and the next round when all are answered. Returns all
/// that was heard, and the commands by number.
pub(super) async fn hurry(run: &Run<'_>, raw: &mut Raw) -> (Vec<Heard>, Vec<Asked>) {
    let (mut heard, mut asked) = (Vec::new(), Vec::<Asked>::new());
    while !run.over.get() {
        let known = run.known.get();
        let first = asked.len();
        let channel = CHANNELS[first / 3 % CHANNELS.len()];
        let number = first as u64;
        for (at, (name, data)) in (number..).zip(round(number, channel)) {
            raw.ask(at, name, &data).await;
            asked.push(Asked {
                name,
                channel,
                number: at,
                within: (known, known),
                answer: Value::Null,
            });
        }
        let mut open = 3;
        while open > 0 {
            let next = raw.heard().await.expect("nothing ends this session");
            if let Heard::Ack(number, answer) = &next {
                let asked = usize::try_from(*number).map(|number| &mut asked[number]);
                let asked = asked.expect("one of the numbers above");
                assert_eq!(asked.answer, Value::Null, "{number} is answered twice");
                asked.answer = answer.clone();
                asked.within.1 = run.begun.get();
                open -= 1;
            }
            heard.push(next);
        }
        run.did("ann", known);
    }
    (heard, asked)
}

/// Sends the same commands one by one, with a stock client.
pub(super) async fn stroll(run: &Run<'_>, client: &mut Client) -> Vec<Asked> {
    let mut asked = Vec::<Asked>::new();
    while !run.over.get() {
        let channel = CHANNELS[asked.len() / 3 % CHANNELS.len()];
        let number = asked.len() as u64;
        for (at, (name, data)) in (number..).zip(round(number, channel)) {
            let known = run.known.get();
            let answer = client.ask(name, data).await;
            asked.push(Asked {
                name,
                channel,
                number: at,
                within: (known, run.begun.get()),
                answer,
            });
            run.did("eve", known);
        }
    }
    asked
}

/// Hears everything up to an answer, and returns it with the answer; nothing else if the session ends
/// before it.
pub(super) async fn answer(raw: &mut Raw, to: u64) -> (Vec<Event>, Option<Value>) {
    let mut events = Vec::new();
    loop {
        match raw.heard().await {
            Some(Heard::Event(event)) => events.push(event),
            Some(Heard::Ack(number, answer)) => {
                assert_eq!(number, to, "another answer came: {answer}");
                return (events, Some(answer));
            }
            None => return (events, None),
        }
    }
}

/// Everything that was heard and not read yet.
pub(super) async fn rest(raw: &mut Raw) -> Vec<Heard> {
    raw.ask(LAST, "get-state", &json!({})).await;
    let (events, answer) = answer(raw, LAST).await;
    let answer = answer.expect("nothing ends this session");
    assert_eq!(answer["ok"], true, "{answer}");
    events.into_iter().map(Heard::Event).collect()
}

/// Somebody who is put out now and then, and comes back.
#[derive(Default)]
pub(super) struct Visits {
    /// What was heard in each session, from the admission on.
    pub(super) sessions: Vec<Session>,
    /// Refused attempts to enter.
    pub(super) refused: Vec<(Bracket, Value)>,
    /// The last session, if it has not ended.
    open: Option<Raw>,
}

#[derive(Default)]
pub(super) struct Session {
    pub(super) admitted: Bracket,
    pub(super) heard: Vec<Event>,
    pub(super) asked: Vec<Asked>,
    pub(super) ended: bool,
}

impl Visits {
    /// Hears what is left of the last session.
    pub(super) async fn end(&mut self) {
        if let (Some(raw), Some(session)) = (&mut self.open, self.sessions.last_mut()) {
            let rest = rest(raw).await;
            session.heard.extend(super::told::events(&rest));
        }
    }
}

/// Enters as often as it takes, stays as long as it may.
pub(super) async fn come_and_go(run: &Run<'_>) -> Visits {
    let mut visits = Visits::default();
    let auth = entry("gus", "w", "guest");
    while !run.over.get() {
        let mut raw = Raw::connect(run.server).await;
        let mut session = Session::default();
        let mut open = false;
        while !open && !run.over.get() {
            let known = run.known.get();
            raw.ask(0, "auth", &auth).await;
            let (events, answer) = answer(&mut raw, 0).await;
            // Whoever was not admitted for long enough is closed, and begins anew.
            let Some(answer) = answer else { break };
            let within = (known, run.begun.get());
            if answer["ok"] == true {
                open = true;
                session.admitted = within;
                session.heard = events;
            } else {
                visits.refused.push((within, answer));
                run.did("gus", known);
            }
        }
        if open {
            stay(run, &mut raw, &mut session).await;
            if !session.ended {
                visits.open = Some(raw);
            }
            visits.sessions.push(session);
        }
    }
    visits
}

async fn stay(run: &Run<'_>, raw: &mut Raw, session: &mut Session) {
    let (select, nothing) = (json!({"channelId": "staff"}), json!({}));
    while !run.over.get() {
        let known = run.known.get();
        let number = session.asked.len() as u64;
        let (name, data) = match number % 2 {
            0 => ("select-channel", &select),
            _ => ("get-state", &nothing),
        };
        raw.ask(number, name, data).await;
        let (events, answer) = answer(raw, number).await;
        session.heard.extend(events);
        let Some(answer) = answer else {
            session.ended = true;
            return;
        };
        session.asked.push(Asked {
            name,
            channel: "staff",
            number,
            within: (known, run.begun.get()),
            answer,
        });
        run.did("gus", known);
    }
}
