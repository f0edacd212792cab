//! Refuses and withholds in every hook: guests may not enter, `vault` may not be selected, only staff
//! sees `staff` and the e-mail of others. Selecting anything else is granted a ticket. Its lenient
//! counterpart is `lenient`.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
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
use exports::wardroom::policy::{admission, channel_visibility, commands, events};
use wardroom::policy::context::{Channel, Command, Event, Request, Subject};
use wardroom::policy::types::{Clause, Denial, Selector, Test};

struct Policy;
export!(Policy);

fn staff() -> Selector {
    let all = vec![Test::Roles(vec!["staff".to_owned()])];
    let none = Vec::new();
    Selector {
        any: vec![Clause { all, none }],
    }
}

fn everybody() -> Selector {
    let (all, none) = (Vec::new(), Vec::new());
    Selector {
        any: vec![Clause { all, none }],
    }
}

impl admission::Guest for Policy {
    fn admit(request: &Request) -> Result<(), Denial> {
        if request.subject().role().as_deref() != Some("guest") {
            return Ok(());
        }
        Err(Denial {
            code: "no-guests".to_owned(),
            message: "guests may not enter".to_owned(),
        })
    }
}

impl channel_visibility::Guest for Policy {
    fn audience(channel: &Channel) -> Rule {
        match channel.id().as_str() {
            "staff" => Rule::Only(staff()),
            _ => Rule::Everyone,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}

impl commands::Guest for Policy {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        if command.name() != "select-channel" {
            return Ok(None);
        }
        match command.channel().map(|channel| channel.id()).as_deref() {
            Some("vault") => Err(Denial {
                code: "closed".to_owned(),
                message: "the vault is closed".to_owned(),
            }),
            Some(channel) => {
                let user = command.subject().id();
                Ok(Some(format!(r#"{{"ticket":"{user}@{channel}"}}"#)))
            }
            None => Ok(None),
        }
    }
}

impl events::Guest for Policy {
    fn render(event: &Event) -> Rendering {
        let (name, subject) = (event.name(), event.subject());
        match (name.as_str(), subject) {
            ("user-joined" | "user-updated", Some(subject)) => Rendering::Split(vec![
                Rendition {
                    to: staff(),
                    payload: event.payload(),
                },
                Rendition {
                    to: everybody(),
                    payload: format!(r#"{{"user":{{"id":"{}"}}}}"#, subject.id()),
                },
            ]),
            ("for-staff", _) => Rendering::Split(vec![Rendition {
                to: staff(),
                payload: event.payload(),
            }]),
            ("withheld", _) => Rendering::Suppressed,
            _ => Rendering::Unchanged,
        }
    }
}
