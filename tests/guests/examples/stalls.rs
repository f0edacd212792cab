//! Never takes its settings: `configure` goes on until the host ends it.
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

impl lifecycle::Guest for Policy {
    fn configure(_: String) -> Result<(), String> {
        loop {
            std::hint::spin_loop();
        }
    }
}

impl Guest for Policy {
    fn audience(_: &Channel) -> Rule {
        Rule::Everyone
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
