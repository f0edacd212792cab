//! Imports an interface that nobody grants.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        interface network {
            fetch: func(url: string) -> string;
        }
        world guest {
            import network;
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
        match wardroom::guests::network::fetch(&channel.id()).as_str() {
            "yes" => Rule::Everyone,
            _ => Rule::Nobody,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
