//! Everything that can go wrong in a call, chosen by the id of the channel. Any other channel is
//! for everyone, so that one policy shows both the failure and that nothing else suffers.
#![cfg(target_family = "wasm")]

use std::hint::black_box;

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

struct Misbehaves;
export!(Misbehaves);

impl Guest for Misbehaves {
    fn audience(channel: &Channel) -> Rule {
        match channel.id().as_str() {
            "trap" => std::process::abort(),
            "panic" => panic!("the fixture was told to panic"),
            "exit" => std::process::exit(3),
            "loop" => loop {
                black_box(0);
            },
            "call the host in a loop" => loop {
                black_box(channel.is_private());
            },
            "memory" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            "recurse" => {
                black_box(depth(1));
                Rule::Everyone
            }
            "output" => Rule::Only(Selector {
                any: vec![Clause {
                    all: vec![Test::Users(vec!["u".repeat(128); 100_000])],
                    none: Vec::new(),
                }],
            }),
            "log" => {
                for _ in 0..20 {
                    println!("{}", "noise ".repeat(1000));
                    wardroom::policy::log::write(
                        wardroom::policy::log::Level::Info,
                        &"noise ".repeat(1000),
                    );
                }
                Rule::Everyone
            }
            "each" => Rule::Each,
            _ => Rule::Everyone,
        }
    }

    fn decide(_: &Channel, _: Vec<Subject>) -> Vec<bool> {
        vec![true]
    }
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn depth(so_far: u64) -> u64 {
    black_box(depth(black_box(so_far + 1))) + 1
}
