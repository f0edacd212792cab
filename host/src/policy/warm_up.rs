//! The harmless questions that a version must be able to answer before it comes into force. What
//! it answers does not matter. Knows neither versions nor files.

use std::sync::Arc;

use wardroom_domain::{
    Attributes, ChannelFacts, ChannelId, Json, RequestFacts, SubjectFacts, UserId, Workspace,
    WorkspaceId,
};

use super::deadline::Deadline;
use super::decision::Hook;
use super::failure::{Failure, Refusal};
use super::instance::Instance;
use super::limits::PolicyLimits;
use super::question::{Asking, CommandQuestion, EventQuestion};

/// What the person, the channel and the workspace of these questions are called.
const NAME: &str = "warm-up";

/// What a hook is asked about, as a refusal says it.
fn about(hook: Hook) -> &'static str {
    match hook {
        Hook::Admission => "the request of a person without claims",
        Hook::Visibility => "an empty public channel",
        Hook::Commands => "the command `get-state`",
        Hook::Events => "the event `user-joined`",
    }
}

/// Asks a hook of an instance.
pub(super) fn ask(
    instance: &mut Instance,
    hook: Hook,
    limits: &PolicyLimits,
) -> Result<(), Refusal> {
    let state = Workspace::default();
    let workspace = WorkspaceId::new(NAME).expect("a short word is an id");
    let asking = Asking {
        workspace: &workspace,
        state: &state,
        now: None,
    };
    put(instance, asking, hook, Deadline::of_start(limits)).map_err(|failure| Refusal::WarmUp {
        about: about(hook),
        failure,
    })
}

fn put(
    instance: &mut Instance,
    asking: Asking<'_>,
    hook: Hook,
    deadline: Deadline,
) -> Result<(), Failure> {
    let subject = SubjectFacts {
        user: UserId::new(NAME).expect("a short word is an id"),
        role: None,
        attributes: Attributes::default(),
    };
    match hook {
        Hook::Admission => {
            let request = RequestFacts {
                subject,
                claims: Json::from_canonical("{}"),
                remote_address: None,
                reevaluation: false,
            };
            instance.admit(asking, &request, deadline).map(drop)
        }
        Hook::Visibility => {
            let channel = ChannelFacts {
                id: ChannelId::new(NAME).expect("a short word is an id"),
                private: false,
                members: Default::default(),
                attributes: Attributes::default(),
            };
            instance.audience(asking, &channel, deadline).map(drop)
        }
        Hook::Commands => {
            let command = CommandQuestion {
                name: Arc::from("get-state"),
                arguments: Json::from_canonical("{}"),
                subject,
                channel: None,
            };
            instance.authorize(asking, &command, deadline).map(drop)
        }
        Hook::Events => {
            let payload = Json::from_canonical(&format!(r#"{{"user":{{"id":"{NAME}"}}}}"#));
            let event = EventQuestion {
                name: Arc::from("user-joined"),
                payload: payload.clone(),
                subject: Some(subject),
                channel: None,
            };
            instance
                .render(asking, &event, &payload, deadline)
                .map(drop)
        }
    }
}
