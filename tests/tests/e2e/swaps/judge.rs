//! Holds what everybody was told and answered against what the version in force allowed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wardroom_tests::Event;
use wardroom_tests::raw::Heard;

use super::actors::{Asked, Bracket, Published, Session, Visits};
use super::eras::{ANN, BOSS, EVE, Era, GUS, Person};
use super::told::{Sealed, Told, is_answer, text};

impl Told<'_> {
    /// Whether something could be so in an era within which it happened.
    fn in_some(&self, (first, last): Bracket, is_so: impl Fn(&Era) -> bool) -> bool {
        self.eras[first..=last].iter().any(is_so)
    }

    /// Each event was told exactly once, in order, by a version that was in force between the call
    /// and its answer; what a version suppressed was not told.
    pub(super) fn judge_publications(&self, published: &Published) {
        let name = published.name;
        let of_name = self.told.iter().filter(|it| it.event.name == name);
        let mut told = of_name.map(|it| (it.event.data["n"].as_u64(), it.era));
        let mut next = told.next();
        for (number, within) in (0..).zip(&published.events) {
            match next {
                Some((told_number, era)) if told_number == Some(number) => {
                    let (first, last) = *within;
                    assert!(
                        (first..=last).contains(&era),
                        "{name} {number} was decided by era {era}, sent within {within:?}"
                    );
                    next = told.next();
                }
                other => assert!(
                    self.in_some(*within, |era| !era.gets(&BOSS, name)),
                    "{name} {number} is lost: sent within {within:?}, told next: {other:?}"
                ),
            }
        }
        assert_eq!(
            next, None,
            "{name}: told twice, out of order, or never sent"
        );
        for Sealed { era, event, .. } in &self.told {
            let gets = self.eras[*era].gets(&BOSS, &event.name);
            assert!(gets, "era {era} suppresses {event:?}");
        }
    }

    /// Somebody who was there all the time was told exactly what they should have been.
    pub(super) fn judge_audience(&self, person: &Person, heard: &[Event]) {
        let expected = self.expected(person, 0, self.eras.len());
        same(person, &expected, &self.unsealed(heard));
    }

    /// Somebody who is put out hears everything from the entry on to the swap, and nothing after it.
    pub(super) fn judge_visits(&self, visits: &Visits) {
        let told = self.told.iter().enumerate();
        let status = |(place, it): (usize, &Sealed)| {
            let is_status = it.event.name == "online-status-updated";
            let of_gus = it.event.data["userId"] == GUS.name;
            let online = it.event.data["onlineStatus"] == "online";
            (is_status && of_gus).then_some((place, it.era, online))
        };
        let mut statuses = told.filter_map(status);
        for session in &visits.sessions {
            let (place, era, online) = statuses.next().expect("an entry is told");
            assert!(
                online && self.eras[era].admits(&GUS),
                "admitted by era {era}"
            );
            let (first, last) = session.admitted;
            assert!((first..=last).contains(&era), "admitted by era {era}");
            let until = match session.ended {
                false => self.eras.len(),
                true => self.judge_end(session, statuses.next()),
            };
            let expected = self.expected(&GUS, place, until);
            same(&GUS, &expected, &self.unsealed(&session.heard));
            self.judge_answers(session);
        }
        assert_eq!(statuses.next(), None, "as many entries as sessions");
        for (within, answer) in &visits.refused {
            self.judge_denial(answer, *within, |era| !era.admits(&GUS));
        }
    }

    /// The era whose version put somebody out, which is the one that everybody else was told.
    fn judge_end(&self, session: &Session, told: Option<(usize, usize, bool)>) -> usize {
        let last = session.heard.last().expect("who is put out is told why");
        assert_eq!(last.name, "socket-api-error");
        assert_eq!(last.data["code"], "denied-by-policy");
        let era = self.era_of(text(&last.data, "message"));
        assert!(!self.eras[era].admits(&GUS), "put out by era {era}");
        let (_, told, online) = told.expect("an end is told");
        assert_eq!((told, online), (era, false), "told by the same version");
        era
    }

    fn judge_answers(&self, session: &Session) {
        for asked in &session.asked {
            // Asked before, answered after the end of the session.
            let code = &asked.answer["error"]["code"];
            if code == "connection-not-found" && session.ended {
                continue;
            }
            self.judge_answer(&GUS, asked);
        }
    }

    /// Refused by one version, which was in force between question and answer.
    fn judge_denial(&self, answer: &Value, within: Bracket, denies: impl Fn(&Era) -> bool) {
        assert_eq!(answer["error"]["code"], "denied-by-policy", "{answer}");
        let era = self.era_of(text(&answer["error"], "message"));
        let (first, last) = within;
        assert!((first..=last).contains(&era), "{within:?}: {answer}");
        assert!(denies(&self.eras[era]), "era {era} does not: {answer}");
    }

    /// Answered by the rule of exactly one version, and granted by it. The era, if it is granted.
    fn judge_answer(&self, person: &Person, asked: &Asked) -> Option<usize> {
        let Asked {
            name,
            channel,
            within,
            answer,
            ..
        } = asked;
        let needs_sight = *name == "select-channel";
        if answer["ok"] == true {
            let era = self.era_of_both(&answer["grant"]);
            let (first, last) = *within;
            assert!((first..=last).contains(&era), "{within:?}: {answer}");
            let granted = &self.eras[era];
            assert!(!granted.denies(person, name, channel), "{name}: {answer}");
            let sees = granted.sees(person, channel);
            assert!(sees || *name == "get-state", "{name}: {answer}");
            return Some(era);
        }
        match text(&answer["error"], "code") {
            "denied-by-policy" => self.judge_denial(answer, *within, |era| {
                era.denies(person, name, channel) && era.sees(person, channel)
            }),
            "channel-not-found" if needs_sight => {
                let unseen = self.in_some(*within, |era| !era.sees(person, channel));
                assert!(unseen, "{name} {channel} within {within:?}: {answer}");
            }
            "channel-not-selected" if !needs_sight => {}
            _ => panic!("{name} within {within:?}: {answer}"),
        }
        None
    }

    /// Each command is answered by one version; what was granted happened once, under that version,
    /// and what was refused did not happen.
    pub(super) fn judge_commands(&self, person: &Person, asked: &[Asked]) {
        let mut happened = BTreeMap::new();
        let mut left = 0_i64;
        for (place, it) in self.told.iter().enumerate() {
            let data = &it.event.data;
            match it.event.name.as_str() {
                "user-selected-channel" | "media-state-updated"
                    if data["userId"] == person.name =>
                {
                    let number = data["userMediaState"]["n"].as_u64();
                    let twice = happened.insert(number.expect("a number"), it.era);
                    assert_eq!(twice, None, "happened twice: {:?}", it.event);
                }
                "user-unselected-channel" if data["userId"] == person.name => {
                    left += i64::from(!self.is_settling(place));
                }
                _ => {}
            }
        }
        for round in asked.chunks(3) {
            let mut selected = true;
            for asked in round {
                let granted = self.judge_answer(person, asked);
                if asked.name == "unselect-channel" {
                    left -= i64::from(granted.is_some());
                } else {
                    assert_eq!(happened.remove(&asked.number), granted, "{}", asked.answer);
                }
                if asked.name == "select-channel" {
                    selected = granted.is_some();
                } else if asked.answer["error"]["code"] == "channel-not-selected" {
                    let (first, last) = (round[0].within.0, asked.within.1);
                    let hidden = |era: &Era| !era.sees(person, asked.channel);
                    let ended = selected && self.in_some((first, last), hidden);
                    assert!(!selected || ended, "{} {first}..={last}", asked.name);
                }
            }
        }
        assert_eq!(happened, BTreeMap::new(), "nobody asked for it");
        assert_eq!(left, 0, "as many conversations were left as were granted");
    }

    /// Answers stand among the events: a granted command's directly behind its own event, under the
    /// same version, and none before a later version's event.
    pub(super) fn judge_order(&self, person: &Person, heard: &[Heard], asked: &[Asked]) {
        let mut present = 0;
        let mut before: Option<&Event> = None;
        for it in heard {
            match it {
                Heard::Event(event) => {
                    if !is_answer(event) {
                        let era = self.unseal(event).era;
                        assert!(present <= era, "era {era} after {present}: {event:?}");
                        present = era;
                    }
                    before = Some(event);
                }
                Heard::Ack(number, answer) if answer["ok"] == true => {
                    let asked = &asked[usize::try_from(*number).expect("a place")];
                    let own = before.take().expect("an event before its answer");
                    assert_eq!(text(&own.data, "userId"), person.name, "{own:?}");
                    let era = self.era_of_both(&answer["grant"]);
                    assert_eq!(era, self.unseal(own).era, "{}: {own:?}", asked.name);
                    if asked.name != "unselect-channel" {
                        assert_eq!(own.data["userMediaState"]["n"], *number, "{own:?}");
                    }
                }
                Heard::Ack(..) => before = None,
            }
        }
    }

    /// Whoever leaves a conversation was in it, and nobody enters two.
    pub(super) fn judge_stories(&self) {
        let mut selected: BTreeMap<&str, &str> = BTreeMap::new();
        for (Sealed { event, .. }, channel) in self.told.iter().zip(&self.channels) {
            let Some(user) = event.data["userId"].as_str() else {
                continue;
            };
            let channel = channel.as_deref().unwrap_or_default();
            match event.name.as_str() {
                "user-selected-channel" => {
                    assert_eq!(selected.insert(user, channel), None, "{event:?}");
                }
                "user-unselected-channel" => {
                    assert_eq!(selected.remove(user), Some(channel), "{event:?}");
                }
                "media-state-updated" => assert!(selected.contains_key(user), "{event:?}"),
                _ => {}
            }
        }
    }

    /// What was to be seen was there to be seen.
    pub(super) fn judge_coverage(
        &self,
        published: &[Published],
        by_ann: &[Asked],
        visits: &Visits,
    ) {
        let modes = self.eras.windows(2).map(|it| (it[0].mode(), it[1].mode()));
        let modes: BTreeSet<_> = modes.collect();
        assert_eq!(modes.len(), 16, "each mode is followed by each: {modes:?}");
        let code = |asked: &Asked| asked.answer["error"]["code"].as_str().map(str::to_owned);
        let codes: BTreeSet<_> = by_ann.iter().filter_map(code).collect();
        let all = [
            "channel-not-found",
            "channel-not-selected",
            "denied-by-policy",
        ];
        assert_eq!(codes, all.map(str::to_owned).into());
        assert!(visits.sessions.len() > self.eras.len() / 16);
        let settling = (0..self.told.len()).filter(|place| self.is_settling(*place));
        assert!(settling.count() > self.eras.len() / 16);
        let events = published.iter().flat_map(|it| &it.events);
        let commands = by_ann.iter().map(|it| &it.within);
        for all in [events.collect::<Vec<_>>(), commands.collect()] {
            let wholly = all.into_iter().filter(|(first, last)| first == last);
            let eras: BTreeSet<_> = wholly.map(|(first, _)| *first).collect();
            assert_eq!(eras.len(), self.eras.len(), "each era was used");
        }
        let unseen = |it: &Sealed, who| !self.eras[it.era].sees(who, "staff");
        for who in [&ANN, &EVE, &GUS] {
            let notes = self.told.iter().filter(|it| it.event.name == "note");
            assert!(
                notes.filter(|it| unseen(it, who)).count() > 0,
                "{}",
                who.name
            );
        }
    }
}

/// The same events in the same order; the first difference is shown with what stands around it.
fn same(person: &Person, expected: &[Sealed], heard: &[Sealed]) {
    let (expected, heard) = (in_one_order(expected), in_one_order(heard));
    let differs = |at: &usize| expected.get(*at) != heard.get(*at);
    let Some(at) = (0..expected.len().max(heard.len())).find(differs) else {
        return;
    };
    let around = |all: &[Sealed]| {
        let part = all.iter().enumerate().skip(at.saturating_sub(5)).take(12);
        let lines = part.map(|(at, it)| format!("{at}: {it:?}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    panic!(
        "{} was told otherwise than expected at {at}.\nexpected of {}:\n{}\nheard of {}:\n{}",
        person.name,
        expected.len(),
        around(&expected),
        heard.len(),
        around(&heard)
    );
}

/// Somebody is put out and somebody else's view changes: which is told first is left open, and is
/// not seen by somebody whose view does not change.
fn in_one_order(events: &[Sealed]) -> Vec<Sealed> {
    let mut events = events.to_vec();
    for at in 1..events.len() {
        let is_end = events[at - 1].event.data["onlineStatus"] == "offline";
        let is_view = events[at].event.name.starts_with("channel-");
        if is_end && is_view {
            events.swap(at - 1, at);
        }
    }
    events
}
