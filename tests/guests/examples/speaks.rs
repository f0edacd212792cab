//! Answers every hook by what it is asked about, and repeats the facts it was given, so that a test
//! sees each of them arrive. `{"tag": "x"}` in the settings marks what this policy did.
#![cfg(target_family = "wasm")]

use std::sync::OnceLock;

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
use wardroom::policy::types::{Clause, Denial, Selector, Test};

static TAG: OnceLock<String> = OnceLock::new();

struct Policy;
export!(Policy);

fn tag() -> &'static str {
    TAG.get().map_or("", String::as_str)
}

fn denial(code: &str, message: String) -> Denial {
    Denial {
        code: code.to_owned(),
        message,
    }
}

fn described(subject: &Subject) -> String {
    let (role, team) = (subject.role(), subject.attribute("team"));
    let attributes = subject.attributes();
    format!("{} {role:?} {team:?} {attributes}", subject.id())
}

/// A JSON string, in which quotes are single ones and nothing is escaped.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "'").replace('\\', ""))
}

fn for_role(role: &str, payload: &str) -> Rendition {
    let all = vec![Test::Roles(vec![role.to_owned()])];
    let any = vec![Clause {
        all,
        none: Vec::new(),
    }];
    Rendition {
        to: Selector { any },
        payload: payload.to_owned(),
    }
}

impl lifecycle::Guest for Policy {
    fn configure(settings: String) -> Result<(), String> {
        let tag = settings.split('"').nth(3).unwrap_or_default();
        TAG.set(tag.to_owned()).map_err(|_| "twice".to_owned())
    }
}

impl admission::Guest for Policy {
    fn admit(request: &Request) -> Result<(), Denial> {
        let subject = request.subject();
        match subject.id().as_str() {
            "banned" => Err(denial("banned", format!("you are banned, says {}", tag()))),
            "long" => Err(denial(&"c".repeat(1000), "m".repeat(10_000))),
            "echo" => {
                let facts = [
                    context::workspace(),
                    described(&subject),
                    request.claims(),
                    format!("{:?}", request.remote_address()),
                    request.is_reevaluation().to_string(),
                ];
                Err(denial("echo", facts.join(" | ")))
            }
            _ => Ok(()),
        }
    }
}

impl channel_visibility::Guest for Policy {
    fn audience(channel: &Channel) -> Rule {
        match channel.id().as_str() {
            "hidden" => Rule::Nobody,
            "each" => Rule::Each,
            _ => Rule::Everyone,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        subjects.iter().map(|s| s.id() != "blind").collect()
    }
}

impl commands::Guest for Policy {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        match command.name().as_str() {
            "echo" => {
                let channel = command.channel().map(|c| {
                    let (private, members) = (c.is_private(), c.members());
                    let is_member = command.subject().is_member_of(&c);
                    format!("{} {private} {members:?} {is_member}", c.id())
                });
                let facts = [
                    context::workspace(),
                    described(&command.subject()),
                    format!("{channel:?}"),
                    command.arguments(),
                ];
                Err(denial("echo", facts.join(" | ")))
            }
            "denied" => Err(denial("not-now", format!("not now, says {}", tag()))),
            "granted" => Ok(Some(format!(r#"{{"by": "{0}", "{0}": [1, 2]}}"#, tag()))),
            _ => Ok(None),
        }
    }
}

impl events::Guest for Policy {
    fn render(event: &Event) -> Rendering {
        match event.name().as_str() {
            "echo" => {
                let facts = [
                    context::workspace(),
                    format!("{:?}", event.subject().map(|s| described(&s))),
                    format!("{:?}", event.channel().map(|c| c.id())),
                    event.payload(),
                ];
                Rendering::Replaced(quoted(&facts.join(" | ")))
            }
            "replaced" => {
                let payload = event.payload();
                Rendering::Replaced(format!(r#" {{"was": {payload}, "by": "{}"}} "#, tag()))
            }
            "suppressed" => Rendering::Suppressed,
            "split" => {
                let mine = format!(r#"["{}", {}]"#, tag(), event.payload());
                Rendering::Split(vec![
                    for_role(tag(), &mine),
                    for_role("guest", &event.payload()),
                ])
            }
            "shattered" => {
                let pieces = (0..9).map(|n| for_role(&format!("r{n}"), &n.to_string()));
                Rendering::Split(pieces.collect())
            }
            _ => Rendering::Unchanged,
        }
    }
}
