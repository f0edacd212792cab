//! Fails on every question of one hook, which `{"hook": "…"}` in the settings names, so that it
//! cannot come into force.
#![cfg(target_family = "wasm")]

use std::sync::OnceLock;

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/configurable@1.0.0;
            include wardroom:policy/admission-policy@1.0.0;
            include wardroom:policy/commands-policy@1.0.0;
            include wardroom:policy/events-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::events::Rendering;
use exports::wardroom::policy::{admission, commands, events, lifecycle};
use wardroom::policy::context::{Command, Event, Request};
use wardroom::policy::types::Denial;

static SETTINGS: OnceLock<String> = OnceLock::new();

struct Policy;
export!(Policy);

fn fail_if(hook: &str) {
    let settings = SETTINGS.get().map_or("", String::as_str);
    assert!(!settings.contains(hook), "the fixture fails on everything");
}

impl lifecycle::Guest for Policy {
    fn configure(settings: String) -> Result<(), String> {
        SETTINGS.set(settings).map_err(|_| "twice".to_owned())
    }
}

impl admission::Guest for Policy {
    fn admit(_: &Request) -> Result<(), Denial> {
        fail_if("admission");
        Ok(())
    }
}

impl commands::Guest for Policy {
    fn authorize(_: &Command) -> Result<Option<String>, Denial> {
        fail_if("commands");
        Ok(None)
    }
}

impl events::Guest for Policy {
    fn render(_: &Event) -> Rendering {
        fail_if("events");
        Rendering::Unchanged
    }
}
