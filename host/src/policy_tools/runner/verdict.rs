//! One case put to one instance: the answer laid beside what is expected of it. Knows nothing of
//! other cases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wardroom_domain::{
    ChannelFacts, Form, Pipeline, Rendered, Rule, SubjectFacts, TooManyRenditions, UserId,
};

use super::super::cases::{
    Asked, Case, ExpectAllowed, ExpectAudience, ExpectConfigured, ExpectDenied, ExpectRendered,
    ExpectVerdict,
};
use crate::policy::workbench::{Asking, CallFailed, Denied, EventQuestion, NotStarted, Seat};

/// What stands for anything in an expected value.
const ANYTHING: &str = "*";

/// How an answer differs from what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Differs {
    pub(super) expected: String,
    pub(super) found: String,
    /// Whether there was no answer, and the instance is gone.
    pub(super) call_failed: bool,
}

impl Differs {
    /// There was no instance to ask.
    pub(super) fn not_asked(asked: &Asked, refused: &NotStarted) -> Self {
        Self {
            expected: expected(asked),
            found: refused.to_string(),
            call_failed: true,
        }
    }
}

/// Puts a case to an instance.
pub(super) fn ask(seat: &mut Seat, case: &Case) -> Result<(), Differs> {
    let asking = Asking {
        workspace: &case.workspace,
        state: &case.directory,
        now: case.now,
    };
    let found = found(seat, asking, &case.asked);
    match found {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(Differs {
            expected: expected(&case.asked),
            found,
            call_failed: false,
        }),
        Err(failed) => Err(Differs {
            expected: expected(&case.asked),
            found: failed.to_string(),
            call_failed: true,
        }),
    }
}

/// What was found, where it is not what is expected.
fn found(seat: &mut Seat, asking: Asking<'_>, asked: &Asked) -> Result<Option<String>, CallFailed> {
    Ok(match asked {
        // Settings are taken, or not, before there is an instance to ask.
        Asked::Configure(_) => None,
        Asked::Request(request, expect) => {
            let answer = seat.admit(asking, request)?;
            let fits = match (expect, &answer) {
                (ExpectVerdict::Admitted, Ok(())) => true,
                (ExpectVerdict::Denied(expect), Err(denied)) => fits(expect, denied),
                _ => false,
            };
            (!fits).then(|| match &answer {
                Ok(()) => "admitted".to_owned(),
                Err(denied) => shown(denied),
            })
        }
        Asked::Channel(channel, subjects, expect) => {
            let rule = seat.audience(asking, channel)?;
            let sees = match rule {
                Rule::Each => seat.decide(asking, channel, subjects)?,
                _ => subjects
                    .iter()
                    .map(|subject| rule.allows(channel, subject).unwrap_or(false))
                    .collect(),
            };
            audience(expect, &rule, subjects, &sees)
        }
        Asked::Command(command, expect) => {
            let answer = seat.authorize(asking, command)?;
            let answer = answer
                .map(|grant| grant.and_then(|g| serde_json::from_str::<Value>(g.as_str()).ok()));
            let fits = match (expect, &answer) {
                (ExpectAllowed::Allowed(None), Ok(_)) => true,
                (ExpectAllowed::Allowed(Some(expect)), Ok(Some(grant))) => matches(expect, grant),
                (ExpectAllowed::Denied(expect), Err(denied)) => fits(expect, denied),
                _ => false,
            };
            (!fits).then(|| match &answer {
                Ok(Some(grant)) => format!("allowed, with the grant {grant}"),
                Ok(None) => "allowed, without a grant".to_owned(),
                Err(denied) => shown(denied),
            })
        }
        Asked::Event(event, people, expect) => {
            let form = seat.render(asking, event)?;
            rendered(expect, event, people, form)
        }
    })
}

fn fits(expect: &ExpectDenied, denied: &Denied) -> bool {
    expect
        .code
        .as_ref()
        .is_none_or(|code| **code == *denied.code)
        && expect
            .message
            .as_ref()
            .is_none_or(|part| denied.message.contains(part))
}

fn shown(denied: &Denied) -> String {
    format!(
        "denied, code {:?}, message {:?}",
        denied.code, denied.message
    )
}

/// Whether a value is as expected; the text `*` expects anything.
fn matches(expect: &Value, found: &Value) -> bool {
    match (expect, found) {
        (Value::String(any), _) if any == ANYTHING => true,
        (Value::Object(expect), Value::Object(found)) => {
            expect.len() == found.len()
                && expect
                    .iter()
                    .all(|(key, value)| found.get(key).is_some_and(|found| matches(value, found)))
        }
        (Value::Array(expect), Value::Array(found)) => {
            expect.len() == found.len()
                && expect
                    .iter()
                    .zip(found)
                    .all(|(expect, found)| matches(expect, found))
        }
        // TOML tells 1 from 1.0, and JSON does not.
        (Value::Number(expect), Value::Number(found)) => {
            expect == found || expect.as_f64() == found.as_f64()
        }
        _ => expect == found,
    }
}

fn audience(
    expect: &ExpectAudience,
    rule: &Rule,
    subjects: &[SubjectFacts],
    sees: &[bool],
) -> Option<String> {
    let seeing = subjects.iter().zip(sees).filter(|(_, sees)| **sees);
    let seeing: BTreeSet<UserId> = seeing.map(|(subject, _)| subject.user.clone()).collect();
    let fits = expect.sees.as_ref().is_none_or(|expect| *expect == seeing)
        && expect
            .rule
            .as_ref()
            .is_none_or(|name| name == rule_name(rule));
    (!fits).then(|| format!("{}, by the rule `{}`", seen_by(&seeing), rule_name(rule)))
}

fn rule_name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Everyone => "everyone",
        Rule::Nobody => "nobody",
        Rule::Only(_) => "only",
        Rule::Except(_) => "except",
        Rule::Each => "each",
    }
}

fn seen_by(users: &BTreeSet<UserId>) -> String {
    if users.is_empty() {
        return "seen by none of the subjects".to_owned();
    }
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    format!("seen by {}", names.join(", "))
}

fn rendered(
    expect: &ExpectRendered,
    event: &EventQuestion,
    people: &[SubjectFacts],
    form: Form,
) -> Option<String> {
    let unchanged = form == Form::Unchanged;
    let suppressed = form == Form::Suppressed;
    let gets = match gets(event.channel.as_ref(), event, people, form) {
        Ok(gets) => gets,
        Err(TooManyRenditions) => return Some("more forms than a server takes".to_owned()),
    };
    let everyone = |wanted: Option<&Value>| {
        !people.is_empty() && gets.values().all(|found| found.as_ref() == wanted)
    };
    let own: Option<Value> = serde_json::from_str(event.payload.as_str()).ok();
    let fits = match expect {
        ExpectRendered::Unchanged => unchanged || everyone(own.as_ref()),
        ExpectRendered::Suppressed => suppressed || everyone(None),
        ExpectRendered::Gets(expect) => expect.iter().all(|(user, expect)| {
            match (expect, gets.get(user).and_then(Option::as_ref)) {
                (None, None) => true,
                (Some(expect), Some(found)) => matches(expect, found),
                _ => false,
            }
        }),
    };
    (!fits).then(|| match (unchanged, suppressed) {
        (true, _) => "unchanged".to_owned(),
        (_, true) => "suppressed".to_owned(),
        _ => shown_gets(&gets),
    })
}

/// What each person gets, as a server would deliver it.
fn gets(
    channel: Option<&ChannelFacts>,
    event: &EventQuestion,
    people: &[SubjectFacts],
    form: Form,
) -> Result<BTreeMap<UserId, Option<Value>>, TooManyRenditions> {
    let mut pipeline = Pipeline::new(event.payload.clone());
    pipeline.through(|_| Ok(form.clone()), |too_many| too_many)?;
    let own = || serde_json::from_str(event.payload.as_str()).ok();
    let Some(renditions) = pipeline.end() else {
        return Ok(people.iter().map(|s| (s.user.clone(), own())).collect());
    };
    let rendered = Rendered {
        renditions,
        channel: channel.cloned(),
        departed: Vec::new(),
    };
    let payload = |subject: &SubjectFacts| {
        let rendition = &rendered.renditions[rendered.place_for(subject)?];
        serde_json::from_str(rendition.payload.as_ref()?.as_str()).ok()
    };
    Ok(people
        .iter()
        .map(|subject| (subject.user.clone(), payload(subject)))
        .collect())
}

fn shown_gets(gets: &BTreeMap<UserId, Option<Value>>) -> String {
    let one = |(user, payload): (&UserId, &Option<Value>)| match payload {
        Some(payload) => format!("{user} gets {payload}"),
        None => format!("{user} gets nothing"),
    };
    let all: Vec<String> = gets.iter().map(one).collect();
    match all.is_empty() {
        true => "another form, and there is no audience to show it".to_owned(),
        false => all.join("; "),
    }
}

pub(super) fn expected_configured(expect: &ExpectConfigured) -> String {
    match expect {
        ExpectConfigured::Accepted => "the settings are accepted".to_owned(),
        ExpectConfigured::Refused(part) => {
            format!("the settings are refused, in words that hold {part:?}")
        }
    }
}

fn expected_denied(expect: &ExpectDenied) -> String {
    let mut text = "denied".to_owned();
    if let Some(code) = &expect.code {
        text += &format!(", code {code:?}");
    }
    if let Some(message) = &expect.message {
        text += &format!(", a message that holds {message:?}");
    }
    text
}

fn expected(asked: &Asked) -> String {
    match asked {
        Asked::Configure(expect) => expected_configured(expect),
        Asked::Request(_, ExpectVerdict::Admitted) => "admitted".to_owned(),
        Asked::Request(_, ExpectVerdict::Denied(denied))
        | Asked::Command(_, ExpectAllowed::Denied(denied)) => expected_denied(denied),
        Asked::Channel(_, _, expect) => {
            let sees = expect.sees.as_ref().map(seen_by);
            let rule = expect
                .rule
                .as_ref()
                .map(|rule| format!("the rule `{rule}`"));
            let both: Vec<String> = sees.into_iter().chain(rule).collect();
            both.join(", by ")
        }
        Asked::Command(_, ExpectAllowed::Allowed(None)) => "allowed".to_owned(),
        Asked::Command(_, ExpectAllowed::Allowed(Some(grant))) => {
            format!("allowed, with the grant {grant}")
        }
        Asked::Event(_, _, ExpectRendered::Unchanged) => "unchanged".to_owned(),
        Asked::Event(_, _, ExpectRendered::Suppressed) => "suppressed".to_owned(),
        Asked::Event(_, _, ExpectRendered::Gets(gets)) => shown_gets(gets),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_expects_anything_and_everything_else_itself() {
        let found = json!({"token": "x1", "ttl": 60.0, "ids": [1, 2]});
        assert!(matches(
            &json!({"token": "*", "ttl": 60, "ids": [1, "*"]}),
            &found
        ));
        for wrong in [
            json!({"token": "*", "ttl": 61, "ids": [1, 2]}),
            json!({"token": "*", "ttl": 60}),
            json!({"token": "*", "ttl": 60, "ids": [1]}),
            json!({"token": "*", "ttl": 60, "ids": [1, 2], "more": "*"}),
        ] {
            assert!(!matches(&wrong, &found), "{wrong}");
        }
        assert!(matches(&json!("*"), &json!(null)));
    }
}
