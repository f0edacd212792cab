//! How an answer of a shadow differs from the one that holds. Pure. Knows neither who gave them nor
//! what becomes of a difference.

use std::collections::BTreeSet;
use std::sync::Arc;

use wardroom_domain::{Form, Json, Rule};

use super::super::convert::{Grant, Refused};
use crate::json::{self, JsonText};
use crate::limits::POLICY_SHADOW_KEYS;

/// In what way the answer of a shadow differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// It allows or shows what is denied or withheld.
    NowAllowed,
    /// It denies or withholds what is allowed or shown.
    NowDenied,
    /// Both allow, or both deny, and what goes with it differs.
    PayloadDiffers,
    /// It did not answer.
    Failed,
}

impl DifferenceKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::NowAllowed,
        Self::NowDenied,
        Self::PayloadDiffers,
        Self::Failed,
    ];

    /// Its name in metrics and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NowAllowed => "now_allowed",
            Self::NowDenied => "now_denied",
            Self::PayloadDiffers => "payload_differs",
            Self::Failed => "failed",
        }
    }
}

/// One difference. It shows which keys differ and never their values, which may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) kind: DifferenceKind,
    /// What holds, in a few words.
    pub(super) live: String,
    /// What the shadow says, in a few words.
    pub(super) shadow: String,
    /// Top-level keys whose values differ.
    pub(super) keys: Vec<String>,
    /// The place of the first person whom it concerns, where people were in question.
    pub(super) person: Option<usize>,
}

impl Difference {
    fn of(kind: DifferenceKind, live: impl Into<String>, shadow: impl Into<String>) -> Self {
        Self {
            kind,
            live: live.into(),
            shadow: shadow.into(),
            keys: Vec::new(),
            person: None,
        }
    }

    /// The shadow did not answer.
    pub(super) fn failed(why: impl ToString) -> Self {
        Self::of(DifferenceKind::Failed, "answered", why.to_string())
    }
}

/// An allowance with what goes with it, or a denial.
pub(super) type Verdict = Result<Option<Grant>, Refused>;

/// Compares what was said of a person who enters, or of a command.
pub(super) fn verdicts(live: &Verdict, shadow: &Verdict) -> Option<Difference> {
    let denied = |refused: &Refused| format!("denied: {}", refused.code);
    match (live, shadow) {
        (Err(refused), Ok(_)) => Some(Difference::of(
            DifferenceKind::NowAllowed,
            denied(refused),
            "allowed",
        )),
        (Ok(_), Err(refused)) => Some(Difference::of(
            DifferenceKind::NowDenied,
            "allowed",
            denied(refused),
        )),
        (Err(live), Err(shadow)) => (live != shadow)
            .then(|| Difference::of(DifferenceKind::PayloadDiffers, denied(live), denied(shadow))),
        (Ok(live), Ok(shadow)) => {
            let none = Grant::new();
            let keys = differing_keys(
                live.as_ref().unwrap_or(&none),
                shadow.as_ref().unwrap_or(&none),
            );
            (!keys.is_empty()).then(|| Difference {
                keys,
                ..Difference::of(DifferenceKind::PayloadDiffers, "allowed", "allowed")
            })
        }
    }
}

/// Compares who sees a channel: the same people in the same order. At most one difference of each
/// kind, however many people it concerns.
pub(super) fn views(live: &[bool], shadow: &[bool]) -> Vec<Difference> {
    let changed = |from: bool| {
        let pairs = || live.iter().zip(shadow);
        let concerned = pairs().filter(|(l, s)| **l == from && **s != from).count();
        let person = pairs().position(|(l, s)| *l == from && *s != from)?;
        let people = |verb: &str| match concerned {
            1 => format!("{verb} by one person"),
            several => format!("{verb} by {several} people"),
        };
        let difference = if from {
            Difference::of(DifferenceKind::NowDenied, people("seen"), "not seen")
        } else {
            Difference::of(DifferenceKind::NowAllowed, "not seen", people("seen"))
        };
        Some(Difference {
            person: Some(person),
            ..difference
        })
    };
    [changed(false), changed(true)]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether two rules are known to let the same people see a channel without asking about each.
pub(super) fn same_rule(live: &Rule, shadow: &Rule) -> bool {
    live == shadow && *live != Rule::Each
}

/// Compares what became of an event.
pub(super) fn forms(live: &Form, shadow: &Form, payload: &Json) -> Option<Difference> {
    if live == shadow {
        return None;
    }
    let kind = match (live, shadow) {
        (Form::Suppressed, _) => DifferenceKind::NowAllowed,
        (_, Form::Suppressed) => DifferenceKind::NowDenied,
        _ => DifferenceKind::PayloadDiffers,
    };
    let keys = match (single(live, payload), single(shadow, payload)) {
        (Some(live), Some(shadow)) => json_keys(live, shadow),
        _ => Vec::new(),
    };
    // Another form that says the same: a payload that is replaced by itself.
    let same = match (single(live, payload), single(shadow, payload)) {
        (Some(live), Some(shadow)) => live == shadow || in_order(live) == in_order(shadow),
        _ => false,
    };
    (!same).then(|| Difference {
        keys,
        ..Difference::of(kind, form_name(live), form_name(shadow))
    })
}

/// The keys of the server's own payloads have an order of their own.
fn in_order(payload: &Json) -> Option<Json> {
    json::kept_before(payload.as_str()).ok()
}

/// The payload that everybody gets, if everybody gets the same.
fn single<'a>(form: &'a Form, payload: &'a Json) -> Option<&'a Json> {
    match form {
        Form::Unchanged => Some(payload),
        Form::Replaced(payload) => Some(payload),
        Form::Suppressed | Form::Split(_) => None,
    }
}

fn form_name(form: &Form) -> String {
    match form {
        Form::Unchanged => "unchanged".to_owned(),
        Form::Replaced(_) => "replaced".to_owned(),
        Form::Suppressed => "suppressed".to_owned(),
        Form::Split(forms) => format!("split into {}", forms.len()),
    }
}

fn json_keys(live: &Json, shadow: &Json) -> Vec<String> {
    let object = |json: &Json| JsonText::from(json).members().ok();
    match (object(live), object(shadow)) {
        (Some(live), Some(shadow)) => differing_keys(&live, &shadow),
        _ => Vec::new(),
    }
}

fn differing_keys(live: &Grant, shadow: &Grant) -> Vec<String> {
    let all: BTreeSet<&Arc<str>> = live.keys().chain(shadow.keys()).collect();
    let differing = all
        .into_iter()
        .filter(|key| live.get(*key) != shadow.get(*key));
    let shown = differing.take(POLICY_SHADOW_KEYS);
    shown.map(|key| key.to_string()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn denied(code: &str) -> Verdict {
        Err(Refused {
            code: Arc::from(code),
            message: Arc::from("no"),
        })
    }

    fn grant(text: &str) -> Verdict {
        Ok(Some(JsonText::new(text).unwrap().members().unwrap()))
    }

    fn kind(difference: Option<Difference>) -> Option<DifferenceKind> {
        difference.map(|d| d.kind)
    }

    fn json(text: &str) -> Json {
        Json::from_canonical(text)
    }

    #[test]
    fn verdicts_differ_in_what_they_allow_and_in_what_goes_with_it() {
        use DifferenceKind::{NowAllowed, NowDenied, PayloadDiffers};
        for (live, shadow, expected) in [
            (Ok(None), Ok(None), None),
            (denied("a"), denied("a"), None),
            (denied("a"), Ok(None), Some(NowAllowed)),
            (Ok(None), denied("a"), Some(NowDenied)),
            (denied("a"), denied("b"), Some(PayloadDiffers)),
            (Ok(None), grant(r#"{"k":1}"#), Some(PayloadDiffers)),
            (grant(r#"{"k":1}"#), grant(r#"{"k":1}"#), None),
            // Nothing and an empty object say the same to a client.
            (Ok(None), grant("{}"), None),
        ] {
            assert_eq!(
                kind(verdicts(&live, &shadow)),
                expected,
                "{live:?} {shadow:?}"
            );
        }
    }

    #[test]
    fn a_difference_names_keys_and_shows_no_value() {
        let live = grant(r#"{"token":"s3cret","same":1,"gone":2}"#);
        let shadow = grant(r#"{"token":"0ther","same":1}"#);
        let difference = verdicts(&live, &shadow).unwrap();
        assert_eq!(difference.keys, ["gone", "token"]);
        let shown = format!("{difference:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("0ther"),
            "{shown}"
        );
    }

    #[test]
    fn views_differ_both_ways_at_once_and_count_people() {
        assert_eq!(views(&[true, false], &[true, false]), []);
        let both = views(&[true, false, false], &[false, true, true]);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].kind, DifferenceKind::NowAllowed);
        assert_eq!(
            (both[0].person, &*both[0].shadow),
            (Some(1), "seen by 2 people")
        );
        assert_eq!(both[1].kind, DifferenceKind::NowDenied);
        assert_eq!(
            (both[1].person, &*both[1].live),
            (Some(0), "seen by one person")
        );
    }

    #[test]
    fn forms_differ_by_what_people_get() {
        use DifferenceKind::{NowAllowed, NowDenied, PayloadDiffers};
        let payload = json(r#"{"a":1,"b":2}"#);
        let cut = Form::Replaced(json(r#"{"a":1}"#));
        let same = Form::Replaced(payload.clone());
        for (live, shadow, expected) in [
            (Form::Unchanged, Form::Unchanged, None),
            (Form::Unchanged, same, None),
            (Form::Unchanged, Form::Suppressed, Some(NowDenied)),
            (Form::Suppressed, Form::Unchanged, Some(NowAllowed)),
            (
                Form::Unchanged,
                Form::Split(Vec::new()),
                Some(PayloadDiffers),
            ),
            (Form::Unchanged, cut.clone(), Some(PayloadDiffers)),
        ] {
            let found = kind(forms(&live, &shadow, &payload));
            assert_eq!(found, expected, "{live:?} {shadow:?}");
        }
        let difference = forms(&Form::Unchanged, &cut, &payload).unwrap();
        assert_eq!(difference.keys, ["b"]);
    }

    #[test]
    fn equal_rules_need_no_look_at_people_unless_each_is_asked_about() {
        assert!(same_rule(&Rule::Nobody, &Rule::Nobody));
        assert!(!same_rule(&Rule::Each, &Rule::Each));
        assert!(!same_rule(&Rule::Nobody, &Rule::Everyone));
    }
}
