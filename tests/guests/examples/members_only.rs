//! A private channel is for its members and for nobody else, whatever the settings say: what
//! `private-channels` may be replaced by while people are in private channels.
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
use wardroom::policy::types::{Clause, Selector, Test};

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn audience(channel: &Channel) -> Rule {
        if !channel.is_private() {
            return Rule::Everyone;
        }
        let (all, none) = (vec![Test::ChannelMember], Vec::new());
        Rule::Only(Selector {
            any: vec![Clause { all, none }],
        })
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![false; subjects.len()]
    }
}
