//! Looks up facts beyond the question, which this server version does not offer.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            import wardroom:policy/directory@1.0.0;
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
    fn audience(channel: &Channel) -> Rule {
        match wardroom::policy::directory::find_channel(&channel.id()) {
            Some(_) => Rule::Everyone,
            None => Rule::Nobody,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
