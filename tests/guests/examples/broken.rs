//! Fails on every question, so that it cannot come into force.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/visibility-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::channel_visibility::{Guest, Rule};
use wardroom::policy::context::{Channel, Subject};

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn audience(_: &Channel) -> Rule {
        panic!("the fixture fails on everything")
    }

    fn decide(channel: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        let _ = (channel, subjects);
        Vec::new()
    }
}
