//! Between the WIT's types and the domain's. Decides nothing.

use std::sync::Arc;

use wardroom_domain::{Clause, Role, Rule, Selector, Test, UserId};

use super::bindings::exports::wardroom::policy::channel_visibility as visibility;
use super::bindings::wardroom::policy::types as wit;

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
