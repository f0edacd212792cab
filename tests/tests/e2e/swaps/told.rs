//! Everything that happened, in the order of the log, and what of it somebody has to have been told.
//! It must not know how the server comes to its answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_tests::raw::Heard;
use wardroom_tests::{Event, event};

use super::eras::{Era, Person, person};
use super::{ANNEX, HOUSE};

/// An event without its seals.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sealed {
    /// The era whose version sealed it.
    pub(super) era: usize,
    form: String,
    pub(super) event: Event,
}

/// Everything that happened, in the order of the log, as somebody was told who sees everything.
pub(super) struct Told<'a> {
    pub(super) eras: &'a [Era],
    by_seal: BTreeMap<String, usize>,
    pub(super) told: Vec<Sealed>,
    /// The channel of each event, if it is about one.
    pub(super) channels: Vec<Option<String>>,
}

/// The events of all that was heard.
pub(super) fn events(heard: &[Heard]) -> Vec<Event> {
    let event = |heard: &Heard| match heard {
        Heard::Event(event) => Some(event.clone()),
        Heard::Ack(..) => None,
    };
    heard.iter().filter_map(event).collect()
}

/// Whether an event is an answer to whoever gets it, and not something that happened.
pub(super) fn is_answer(event: &Event) -> bool {
    event.name == "auth-success" || event.name.starts_with("socket-api-error")
}

pub(super) fn text<'v>(data: &'v Value, key: &str) -> &'v str {
    let text = data[key].as_str();
    text.unwrap_or_else(|| panic!("no {key} in {data}"))
}

impl<'a> Told<'a> {
    pub(super) fn new(eras: &'a [Era], heard: Vec<Event>) -> Self {
        let by_seal: BTreeMap<_, _> = eras.iter().map(Era::seal).zip(0..).collect();
        assert_eq!(by_seal.len(), eras.len(), "each era has its own seal");
        let mut told = Self {
            eras,
            by_seal,
            told: Vec::new(),
            channels: Vec::new(),
        };
        told.told = told.unsealed(&heard);
        assert!(
            told.told.is_sorted_by_key(|it| it.era),
            "an event was decided by a version that was swapped out already"
        );
        let mut selected = BTreeMap::new();
        for Sealed { event, .. } in &told.told {
            let data = &event.data;
            let channel = match event.name.as_str() {
                "note" => Some("staff".to_owned()),
                "word" => Some("open".to_owned()),
                "whisper" | "online-status-updated" => None,
                "user-selected-channel" => {
                    let channel = text(data, "channelId").to_owned();
                    selected.insert(text(data, "userId").to_owned(), channel.clone());
                    Some(channel)
                }
                "user-unselected-channel" => Some(text(data, "channelId").to_owned()),
                "media-state-updated" => Some(selected[text(data, "userId")].clone()),
                _ => panic!("nobody had this happen: {event:?}"),
            };
            told.channels.push(channel);
        }
        told
    }

    pub(super) fn era_of(&self, seal: &str) -> usize {
        let era = self.by_seal.get(seal);
        *era.unwrap_or_else(|| panic!("the seal {seal} is of no era"))
    }

    /// The era of what both policies sealed; they came into force together.
    pub(super) fn era_of_both(&self, seals: &Value) -> usize {
        let (house, annex) = (text(seals, HOUSE), text(seals, ANNEX));
        let era = self.era_of(house);
        let serial = self.eras[era].serial;
        assert_eq!(
            annex,
            format!("{serial}.0"),
            "of one configuration: {seals}"
        );
        era
    }

    /// What happened, of all that somebody heard.
    pub(super) fn unsealed(&self, heard: &[Event]) -> Vec<Sealed> {
        let happened = heard.iter().filter(|event| !is_answer(event));
        happened.map(|event| self.unseal(event)).collect()
    }

    pub(super) fn unseal(&self, event: &Event) -> Sealed {
        let mut event = event.clone();
        let mut take = |name: &str| {
            let seal = event.data.as_object_mut().and_then(|it| it.remove(name));
            let seal = seal.as_ref().and_then(Value::as_str).map(str::to_owned);
            seal.unwrap_or_else(|| panic!("{event:?} bears no seal of {name}"))
        };
        let (house, annex) = (take(HOUSE), take(ANNEX));
        let (house, form) = house.split_once(' ').expect("seal and form");
        let (annex, whole) = annex.split_once(' ').expect("seal and form");
        assert_eq!(
            whole, "whole",
            "the annex lets everything through: {event:?}"
        );
        Sealed {
            era: self.era_of_both(&json!({HOUSE: house, ANNEX: annex})),
            form: form.to_owned(),
            event,
        }
    }

    /// Whether something happened because of the swap that began its era: somebody is put out, or
    /// what they selected is no longer theirs to see.
    pub(super) fn is_settling(&self, place: usize) -> bool {
        let Sealed { era, event, .. } = &self.told[place];
        let (era, data) = (&self.eras[*era], &event.data);
        match (event.name.as_str(), &self.channels[place]) {
            ("user-unselected-channel", Some(channel)) => {
                let user = person(text(data, "userId"));
                !era.admits(user) || !era.sees(user, channel)
            }
            ("online-status-updated", _) => data["onlineStatus"] == "offline",
            _ => false,
        }
    }

    /// What somebody has to have been told who is there from one place of what happened to the end
    /// of an era: what concerns them in the form for them, and with each swap exactly the
    /// difference.
    pub(super) fn expected(&self, person: &Person, from: usize, until: usize) -> Vec<Sealed> {
        let mut expected = Vec::new();
        let mut place = from;
        let first = self.told.get(from).map_or(0, |it| it.era);
        let first = if from == 0 { 0 } else { first };
        for at in first..until {
            let era = &self.eras[at];
            let tell = |place: usize, view: &Era| {
                let Sealed { event, .. } = &self.told[place];
                let channel = self.channels[place].as_deref();
                let sees = channel.is_none_or(|channel| view.sees(person, channel));
                let gets = sees && era.gets(person, &event.name);
                gets.then(|| event.clone())
            };
            let seal = |event| Sealed {
                era: at,
                form: era.form(person).to_owned(),
                event,
            };
            let here = |place: usize| self.told.get(place).is_some_and(|it| it.era == at);
            if at > first {
                // Conversations end before those who saw them, then the view changes.
                let before = &self.eras[at - 1];
                while here(place) && self.is_settling(place) {
                    expected.extend(tell(place, before).map(seal));
                    place += 1;
                }
                let staff = json!({"channelId": "staff"});
                match (before.sees(person, "staff"), era.sees(person, "staff")) {
                    (true, false) => expected.push(seal(event("channel-deleted", staff))),
                    (false, true) => expected.push(seal(event("channel-created", staff))),
                    _ => {}
                }
            }
            while here(place) {
                assert!(!self.is_settling(place), "late: {:?}", self.told[place]);
                expected.extend(tell(place, era).map(seal));
                place += 1;
            }
        }
        expected
    }
}
