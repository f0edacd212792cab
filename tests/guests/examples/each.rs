//! A channel is seen by whoever shares its attribute `team` or is a member: asked one by one.
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
        Rule::Each
    }

    fn decide(channel: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        let team = channel.attribute("team");
        subjects
            .iter()
            .map(|s| s.attribute("team") == team || s.is_member_of(channel))
            .collect()
    }
}
