//! Remembers across calls: each channel is for everyone the first time that an instance is asked,
//! and for nobody afterwards.
#![cfg(target_family = "wasm")]

use std::sync::atomic::{AtomicBool, Ordering};

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

static ASKED: AtomicBool = AtomicBool::new(false);

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn audience(_: &Channel) -> Rule {
        if ASKED.swap(true, Ordering::Relaxed) {
            Rule::Nobody
        } else {
            Rule::Everyone
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
