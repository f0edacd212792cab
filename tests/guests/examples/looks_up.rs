//! Looks up facts beyond the question, and keeps handles longer than it may.
#![cfg(target_family = "wasm")]

use std::cell::RefCell;

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            import wardroom:policy/directory@1.0.0;
            include wardroom:policy/admission-policy@1.0.0;
            include wardroom:policy/visibility-policy@1.0.0;
            include wardroom:policy/commands-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::channel_visibility::Rule;
use exports::wardroom::policy::{admission, channel_visibility, commands};
use wardroom::policy::context::{Channel, Command, Request, Subject};
use wardroom::policy::directory::{find_channel, find_subject};
use wardroom::policy::types::Denial;

thread_local! {
    static KEPT: RefCell<Vec<Subject>> = const { RefCell::new(Vec::new()) };
    static KEPT_CHANNELS: RefCell<Vec<Channel>> = const { RefCell::new(Vec::new()) };
}

struct Policy;
export!(Policy);

impl admission::Guest for Policy {
    /// Whoever is listed in the channel `door` enters, and whoever is looked up there.
    fn admit(request: &Request) -> Result<(), Denial> {
        let denial = |code: &str| Denial {
            code: code.to_owned(),
            message: "the door is closed".to_owned(),
        };
        let door = find_channel("door").ok_or_else(|| denial("no-door"))?;
        let subject = request.subject();
        if subject.is_member_of(&door) {
            return Ok(());
        }
        Err(denial("not-listed"))
    }
}

impl channel_visibility::Guest for Policy {
    /// A channel is seen by everyone while the channel it names in `with` is there.
    fn audience(channel: &Channel) -> Rule {
        match channel.attribute("with").map(|other| find_channel(&other)) {
            Some(None) => Rule::Nobody,
            _ => Rule::Everyone,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        vec![true; subjects.len()]
    }
}

impl commands::Guest for Policy {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        match command.name().as_str() {
            "look up" => {
                let found = |id: &str| find_subject(id).map(|s| (s.id(), s.role()));
                let text = format!("{:?} {:?}", found("ann"), found("nobody"));
                Ok(Some(format!(
                    r#"{{"found": "{}"}}"#,
                    text.replace('"', "'")
                )))
            }
            "look up much" => {
                for _ in 0..20_000 {
                    assert_eq!(find_subject("ann").map(|s| s.id()).as_deref(), Some("ann"));
                }
                Ok(None)
            }
            "keep all" => {
                let kept: Vec<_> = (0..20_000).map(|_| find_subject("ann")).collect();
                Ok(Some(format!(r#"{{"kept": {}}}"#, kept.len())))
            }
            "keep" => {
                KEPT.with_borrow_mut(|kept| kept.extend(find_subject("ann")));
                KEPT.with_borrow_mut(|kept| kept.push(command.subject()));
                KEPT_CHANNELS.with_borrow_mut(|kept| kept.extend(find_channel("door")));
                Ok(None)
            }
            "use what was kept" => {
                let id = KEPT.with_borrow(|kept| kept.first().map(Subject::id));
                Ok(id.map(|id| format!(r#"{{"kept": "{id}"}}"#)))
            }
            "use the asker that was kept" => {
                let id = KEPT.with_borrow(|kept| kept.last().map(Subject::id));
                Ok(id.map(|id| format!(r#"{{"kept": "{id}"}}"#)))
            }
            "use the channel that was kept" => {
                let id = KEPT_CHANNELS.with_borrow(|kept| kept.first().map(Channel::id));
                Ok(id.map(|id| format!(r#"{{"kept": "{id}"}}"#)))
            }
            "drop what was kept" => {
                KEPT.with_borrow_mut(Vec::clear);
                KEPT_CHANNELS.with_borrow_mut(Vec::clear);
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
