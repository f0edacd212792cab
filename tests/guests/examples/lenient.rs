//! Exports every hook and lets everything through as it is. Its strict counterpart is `strict`.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/admission-policy@1.0.0;
            include wardroom:policy/visibility-policy@1.0.0;
            include wardroom:policy/commands-policy@1.0.0;
            include wardroom:policy/events-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::channel_visibility::Rule;
use exports::wardroom::policy::events::Rendering;
use exports::wardroom::policy::{admission, channel_visibility, commands, events};
use wardroom::policy::context::{Channel, Command, Event, Request, Subject};
use wardroom::policy::types::Denial;

struct Policy;
export!(Policy);

impl admission::Guest for Policy {
    fn admit(_: &Request) -> Result<(), Denial> {
        Ok(())
    }
}

impl channel_visibility::Guest for Policy {
    fn audience(_: &Channel) -> Rule {
        Rule::Everyone
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}

impl commands::Guest for Policy {
    fn authorize(_: &Command) -> Result<Option<String>, Denial> {
        Ok(None)
    }
}

impl events::Guest for Policy {
    fn render(_: &Event) -> Rendering {
        Rendering::Unchanged
    }
}
