//! Answers as it should and keeps something of each call about a channel of that name: a handle to a
//! person, or some memory.
#![cfg(target_family = "wasm")]

use std::mem::forget;

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

    fn decide(channel: &Channel, mut subjects: Vec<Subject>) -> Vec<bool> {
        let answers = vec![true; subjects.len()];
        match channel.id().as_str() {
            "handles" => forget(subjects.pop()),
            "memory" => forget(std::hint::black_box(vec![1_u8; 64 << 10])),
            _ => {}
        }
        answers
    }
}
