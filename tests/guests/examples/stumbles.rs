//! Answers the first question of an instance and panics at every further one, so that each answer
//! of a server costs a trap and a fresh instance.
#![cfg(target_family = "wasm")]

use std::sync::atomic::{AtomicBool, Ordering};

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/admission-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::admission::Guest;
use wardroom::policy::context::Request;
use wardroom::policy::types::Denial;

static ASKED: AtomicBool = AtomicBool::new(false);

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn admit(_: &Request) -> Result<(), Denial> {
        assert!(
            !ASKED.swap(true, Ordering::Relaxed),
            "the fixture was asked twice"
        );
        Ok(())
    }
}
