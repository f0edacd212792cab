//! Everything that can go wrong in a call of any hook, chosen by the id of the channel or of the
//! person, or the name of the command or event. Anything else is allowed and unchanged, so that one
//! policy shows both the failure and that nothing else suffers. `{"at_start": "…"}` in the settings
//! has it go wrong when an instance starts.
#![cfg(target_family = "wasm")]

use std::hint::black_box;

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/configurable@1.0.0;
            include wardroom:policy/admission-policy@1.0.0;
            include wardroom:policy/visibility-policy@1.0.0;
            include wardroom:policy/commands-policy@1.0.0;
            include wardroom:policy/events-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::channel_visibility::Rule;
use exports::wardroom::policy::events::{Rendering, Rendition};
use exports::wardroom::policy::{admission, channel_visibility, commands, events, lifecycle};
use wardroom::policy::context::{self, Channel, Command, Event, Request, Subject};
use wardroom::policy::log;
use wardroom::policy::types::{Clause, Denial, Selector, Test};

struct Misbehaves;
export!(Misbehaves);

/// Goes wrong as the word says. Most words do not return.
fn misbehave(how: &str) {
    match how {
        "trap" => std::process::abort(),
        "panic" => panic!("the fixture was told to panic"),
        "exit" => std::process::exit(3),
        "loop" => loop {
            black_box(0);
        },
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurse" => {
            black_box(depth(1));
        }
        "log" => {
            for _ in 0..20 {
                println!("{}", "noise ".repeat(1000));
                log::write(log::Level::Info, &"noise ".repeat(1000));
            }
        }
        "print and trap" => {
            eprintln!("{}", "noise ".repeat(600));
            std::process::abort();
        }
        _ => {}
    }
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn depth(so_far: u64) -> u64 {
    black_box(depth(black_box(so_far + 1))) + 1
}

/// Asks the host for something, again and again.
fn ask_forever<T>(ask: impl Fn() -> T) -> ! {
    loop {
        black_box(ask());
    }
}

fn giant() -> String {
    "x".repeat(8 << 20)
}

impl lifecycle::Guest for Misbehaves {
    fn configure(settings: String) -> Result<(), String> {
        if settings.contains("at_start") {
            misbehave(settings.split('"').nth(3).unwrap_or_default());
        }
        Ok(())
    }
}

impl admission::Guest for Misbehaves {
    fn admit(request: &Request) -> Result<(), Denial> {
        let how = request.subject().id();
        misbehave(&how);
        match how.as_str() {
            "call the host in a loop" => ask_forever(|| request.claims()),
            "handles" => {
                let mut kept = Vec::new();
                loop {
                    kept.push(request.subject());
                }
            }
            "output" => Err(Denial {
                code: giant(),
                message: giant(),
            }),
            _ => Ok(()),
        }
    }
}

impl channel_visibility::Guest for Misbehaves {
    fn audience(channel: &Channel) -> Rule {
        let how = channel.id();
        misbehave(&how);
        match how.as_str() {
            "call the host in a loop" => ask_forever(|| channel.is_private()),
            "output" => Rule::Only(Selector {
                any: vec![Clause {
                    all: vec![Test::Users(vec!["u".repeat(128); 100_000])],
                    none: Vec::new(),
                }],
            }),
            "each" | "each trap" | "each loop" => Rule::Each,
            _ => Rule::Everyone,
        }
    }

    fn decide(channel: &Channel, _: Vec<Subject>) -> Vec<bool> {
        misbehave(channel.id().trim_start_matches("each "));
        vec![true]
    }
}

impl commands::Guest for Misbehaves {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        let how = command.name();
        misbehave(&how);
        match how.as_str() {
            "call the host in a loop" => ask_forever(|| command.arguments()),
            "output" => Ok(Some(giant())),
            "no object" => Ok(Some("[1]".to_owned())),
            "no json" => Ok(Some("{".to_owned())),
            "large" => Ok(Some(format!(r#"{{"x": "{}"}}"#, "x".repeat(200_000)))),
            _ => Ok(None),
        }
    }
}

impl events::Guest for Misbehaves {
    fn render(event: &Event) -> Rendering {
        let how = event.name();
        misbehave(&how);
        let everybody = Selector {
            any: vec![Clause {
                all: Vec::new(),
                none: Vec::new(),
            }],
        };
        match how.as_str() {
            "call the host in a loop" => ask_forever(context::workspace),
            "output" => Rendering::Replaced(giant()),
            "no json" => Rendering::Replaced("{".to_owned()),
            "deep json" => Rendering::Replaced("[".repeat(100_000)),
            "large" => Rendering::Replaced(format!("\"{}\"", "x".repeat(200_000))),
            "no json in one of two" => Rendering::Split(vec![
                Rendition {
                    to: everybody.clone(),
                    payload: "1".to_owned(),
                },
                Rendition {
                    to: everybody,
                    payload: "nothing".to_owned(),
                },
            ]),
            "too many" => Rendering::Split(
                (0..100)
                    .map(|n| Rendition {
                        to: Selector {
                            any: vec![Clause {
                                all: vec![Test::Users(vec![n.to_string()])],
                                none: Vec::new(),
                            }],
                        },
                        payload: n.to_string(),
                    })
                    .collect(),
            ),
            _ => Rendering::Unchanged,
        }
    }
}
