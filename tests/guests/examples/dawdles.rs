//! Takes most of a second for its settings, and some ticks of the host's clock for an answer.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/configurable@1.0.0;
            include wardroom:policy/visibility-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::channel_visibility::{Guest, Rule};
use exports::wardroom::policy::lifecycle;
use wardroom::policy::context::{Channel, Subject};

struct Policy;
export!(Policy);

/// Rounds that take some ten milliseconds.
const SOME_TICKS: u64 = 30_000_000;

fn work(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}

impl lifecycle::Guest for Policy {
    fn configure(_: String) -> Result<(), String> {
        work(50 * SOME_TICKS);
        Ok(())
    }
}

impl Guest for Policy {
    fn audience(_: &Channel) -> Rule {
        work(SOME_TICKS);
        Rule::Everyone
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
