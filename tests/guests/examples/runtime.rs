//! Leans on everything of WASI that the standard library reaches for: each channel id names one
//! thing, and the answer is `everyone` if it came out as the contract says.
#![cfg(target_family = "wasm")]

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    fn audience(channel: &Channel) -> Rule {
        let as_promised = match channel.id().as_str() {
            "random" => {
                // The map's hasher takes its seed from the host.
                HashMap::from([(1, 2)]).get(&1) == Some(&2)
            }
            "time" => {
                let before = Instant::now();
                // It ends at once: time stands still.
                std::thread::sleep(Duration::from_secs(3600));
                before.elapsed() == Duration::ZERO
                    && SystemTime::now().duration_since(UNIX_EPOCH).is_ok()
            }
            "print" => {
                println!("to standard output");
                eprintln!("to standard error");
                true
            }
            "read" => std::io::stdin().lines().next().is_none(),
            "environment" => std::env::vars().next().is_none() && std::env::args().next().is_none(),
            "files" => std::fs::read("/etc/passwd").is_err(),
            _ => true,
        };
        if as_promised {
            Rule::Everyone
        } else {
            Rule::Nobody
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}
