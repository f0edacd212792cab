//! Between the WIT's types and the domain's. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_domain::{Clause, Form, Json, Role, Rule, Selector, Test, UserId};

use super::bindings::exports::wardroom::policy::channel_visibility as visibility;
use super::bindings::exports::wardroom::policy::events;
use super::bindings::wardroom::policy::types as wit;
use super::failure::Failure;
use crate::json::{self, JsonText, Unfit};
use crate::limits::{POLICY_DENIAL_CODE_BYTES, POLICY_DENIAL_MESSAGE_BYTES, POLICY_PAYLOAD_BYTES};

/// Why a policy refused, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: Arc<str>,
    pub(super) message: Arc<str>,
}

/// A guest's denial, cut to what a client and the log can bear.
pub(super) fn refused(denial: wit::Denial) -> Refused {
    Refused {
        code: Arc::from(cut(&denial.code, POLICY_DENIAL_CODE_BYTES)),
        message: Arc::from(cut(&denial.message, POLICY_DENIAL_MESSAGE_BYTES)),
    }
}

/// The longest beginning that has at most so many bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A guest's answer as a rule of the domain.
pub(super) fn rule(answer: visibility::Rule) -> Rule {
    match answer {
        visibility::Rule::Everyone => Rule::Everyone,
        visibility::Rule::Nobody => Rule::Nobody,
        visibility::Rule::Only(s) => Rule::Only(selector(s)),
        visibility::Rule::Except(s) => Rule::Except(selector(s)),
        visibility::Rule::Each => Rule::Each,
    }
}

/// What a guest makes of an event of which it was given this payload.
pub(super) fn form(answer: events::Rendering, given: &Json) -> Result<Form, Failure> {
    let payload = |text: &str| {
        if text == given.as_str() {
            // Those who see all of it mostly are among those it is split for.
            return Ok(given.clone());
        }
        payload(text)
    };
    Ok(match answer {
        events::Rendering::Unchanged => Form::Unchanged,
        events::Rendering::Replaced(json) => Form::Replaced(payload(&json)?),
        events::Rendering::Suppressed => Form::Suppressed,
        events::Rendering::Split(renditions) => {
            let renditions = renditions.into_iter();
            let forms = renditions.map(|r| Ok((selector(r.to), payload(&r.payload)?)));
            Form::Split(forms.collect::<Result<_, Failure>>()?)
        }
    })
}

fn payload(text: &str) -> Result<Json, Failure> {
    let json = json::keep(text).map_err(|unfit| unusable("a payload", &unfit))?;
    bounded(&json, "a payload")?;
    Ok(json)
}

fn unusable(what: &str, Unfit { pointer, why }: &Unfit) -> Failure {
    Failure::answer(match &**pointer {
        "" => format!("{what} {why}"),
        pointer => format!("{what}: `{pointer}` {why}"),
    })
}

/// What goes along with an allowance: the members of an object.
pub(super) type Grant = BTreeMap<Arc<str>, Json>;

/// What a guest gives along with an allowance.
pub(super) fn grant(text: &str) -> Result<Grant, Failure> {
    let members = JsonText::new(text).and_then(JsonText::members);
    let grant = members.map_err(|unfit| unusable("the grant", &unfit))?;
    bounded(&json::of_members(&grant), "the grant")?;
    Ok(grant)
}

fn bounded(json: &Json, what: &str) -> Result<(), Failure> {
    if json.as_str().len() > POLICY_PAYLOAD_BYTES {
        let detail = format!("{what} is larger than {POLICY_PAYLOAD_BYTES} bytes");
        return Err(Failure::answer(detail));
    }
    Ok(())
}

fn selector(from: wit::Selector) -> Selector {
    Selector {
        any: from.any.into_iter().map(clause).collect(),
    }
}

fn clause(from: wit::Clause) -> Clause {
    Clause {
        all: from.all.into_iter().map(test).collect(),
        none: from.none.into_iter().map(test).collect(),
    }
}

/// Text that cannot be an id or a role names nobody, so leaving it out changes no answer.
fn test(from: wit::Test) -> Test {
    match from {
        wit::Test::Users(users) => {
            Test::Users(users.iter().filter_map(|u| UserId::new(u).ok()).collect())
        }
        wit::Test::Roles(roles) => {
            Test::Roles(roles.iter().filter_map(|r| Role::new(r).ok()).collect())
        }
        wit::Test::ChannelMember => Test::ChannelMember,
        wit::Test::Attribute((name, value)) => Test::Attribute {
            name: Arc::from(name),
            value: Arc::from(value),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_payload_is_any_json_in_canonical_form() {
        let json = payload(r#" {"b": [1, null], "a": "x"} "#).unwrap();
        assert_eq!(json.as_str(), r#"{"a":"x","b":[1,null]}"#);
        assert_eq!(payload("3").unwrap().as_str(), "3");
        let numbers = r#"[117.63333139400017,12345678901234567890123,-0,1e2]"#;
        assert_eq!(payload(numbers).unwrap().as_str(), numbers);
        for (bad, word) in [("", "EOF"), ("{'a':1}", "key"), ("[1] x", "trailing")] {
            let said = payload(bad).unwrap_err().detail;
            assert!(
                said.contains("not valid JSON") && said.contains(word),
                "{said}"
            );
        }
        let large = format!("\"{}\"", "x".repeat(POLICY_PAYLOAD_BYTES));
        assert!(payload(&large).unwrap_err().detail.contains("larger than"));
        let deep = "[".repeat(100_000);
        assert!(payload(&deep).is_err());
    }

    #[test]
    fn a_grant_is_an_object() {
        let text = r#"{"at":117.63333139400017,"id":12345678901234567890123}"#;
        let members = grant(text).unwrap();
        assert_eq!(json::of_members(&members).as_str(), text);
        let twice = grant(r#"{"a":{"b":1,"b":2}}"#).unwrap_err().detail;
        assert_eq!(twice, r#"the grant: `/a` holds the key "b" more than once"#);
        for bad in ["[]", "null", "\"text\""] {
            assert_eq!(
                grant(bad).unwrap_err().detail,
                "the grant must be an object"
            );
        }
        let detail = grant("{").unwrap_err().detail;
        assert!(
            detail.starts_with("the grant is not valid JSON"),
            "{detail}"
        );
    }

    #[test]
    fn a_denial_is_cut_between_characters() {
        let denial = wit::Denial {
            code: "ж".repeat(POLICY_DENIAL_CODE_BYTES),
            message: "closed".to_owned(),
        };
        let refused = refused(denial);
        assert_eq!(refused.code.len(), POLICY_DENIAL_CODE_BYTES);
        assert_eq!(&*refused.message, "closed");
    }
}
