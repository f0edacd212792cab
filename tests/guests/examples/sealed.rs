//! Exports every hook and seals whatever it answers, so that whoever gets it can tell which version
//! with which settings gave it. What it allows depends on both: see `mode`.
//!
//! Settings: `{"mode":0,"name":"house","serial":7}`, with the keys in this order. A test makes other
//! versions of it by changing the last letter of [`VERSION`] in the built file.
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
use wardroom::policy::context::{Channel, Command, Event, Request, Subject};
use wardroom::policy::types::{Clause, Denial, Selector, Test};

/// What of the component is replaced to make another version of it.
static VERSION: &[u8; 28] = b"this is the sealed version 0";

/// How many modes there are.
const MODES: u64 = 4;

struct Settings {
    name: String,
    serial: u64,
    mode: u64,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

struct Policy;
export!(Policy);

/// The settings; a mode that the version adds to.
fn settings() -> &'static Settings {
    SETTINGS.get().expect("configured first of all")
}

/// The last digit of [`VERSION`] as it stands in the file.
fn version() -> u64 {
    // The compiler must not know what a test puts there.
    let version = std::hint::black_box(VERSION);
    u64::from(version[version.len() - 1] - b'0')
}

/// 0: everything goes.
/// 1: guests may not enter; the channel `staff` is for staff; only staff tells of its media; others
///    get events in brief.
/// 2: guests do not see `staff`, which is asked one by one; only staff selects it; guests get no
///    notes.
/// 3: Ann does not see `staff`; whispers are suppressed.
fn mode() -> u64 {
    (settings().mode + version()) % MODES
}

fn seal() -> String {
    format!("{}.{}", settings().serial, version())
}

fn is_staff(role: Option<String>) -> bool {
    role.as_deref() == Some("staff")
}

fn selector(test: Test) -> Selector {
    let (all, none) = (vec![test], Vec::new());
    Selector {
        any: vec![Clause { all, none }],
    }
}

fn everybody_but(test: Test) -> Selector {
    let (all, none) = (Vec::new(), vec![test]);
    Selector {
        any: vec![Clause { all, none }],
    }
}

fn roles(role: &str) -> Test {
    Test::Roles(vec![role.to_owned()])
}

/// The number that follows a key in canonical JSON.
fn number(json: &str, key: &str) -> Result<u64, String> {
    let (_, rest) = json.split_once(key).ok_or(format!("{key} is missing"))?;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end]
        .parse()
        .map_err(|_| format!("{key} is a number"))
}

impl lifecycle::Guest for Policy {
    fn configure(settings: String) -> Result<(), String> {
        let name = settings.split_once(r#""name":""#);
        let name = name.and_then(|(_, rest)| rest.split_once('"'));
        let (name, _) = name.ok_or("name: say what the seal is to be called")?;
        let settings = Settings {
            name: name.to_owned(),
            serial: number(&settings, r#""serial":"#)?,
            mode: number(&settings, r#""mode":"#)?,
        };
        SETTINGS.set(settings).map_err(|_| "twice".to_owned())
    }
}

impl admission::Guest for Policy {
    fn admit(request: &Request) -> Result<(), Denial> {
        if mode() == 1 && request.subject().role().as_deref() == Some("guest") {
            return Err(Denial {
                code: "no-guests".to_owned(),
                message: seal(),
            });
        }
        Ok(())
    }
}

impl channel_visibility::Guest for Policy {
    fn audience(channel: &Channel) -> Rule {
        if channel.id() != "staff" {
            return Rule::Everyone;
        }
        match mode() {
            1 => Rule::Only(selector(roles("staff"))),
            2 => Rule::Each,
            3 => Rule::Except(selector(Test::Users(vec!["ann".to_owned()]))),
            _ => Rule::Everyone,
        }
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        let guest = |subject: &Subject| subject.role().as_deref() == Some("guest");
        subjects.iter().map(|subject| !guest(subject)).collect()
    }
}

impl commands::Guest for Policy {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        let name = command.name();
        let on_staff = command.channel().is_some_and(|it| it.id() == "staff");
        let denied = match mode() {
            1 => name == "update-media-state",
            2 => name == "select-channel" && on_staff,
            _ => false,
        };
        if denied && !is_staff(command.subject().role()) {
            return Err(Denial {
                code: "not-now".to_owned(),
                message: seal(),
            });
        }
        let (name, seal) = (&settings().name, seal());
        Ok(Some(format!(r#"{{"{name}":"{seal}"}}"#)))
    }
}

impl events::Guest for Policy {
    fn render(event: &Event) -> Rendering {
        let payload = event.payload();
        let Some(rest) = payload.strip_prefix('{') else {
            return Rendering::Unchanged;
        };
        let name = &settings().name;
        let form = |form: &str| {
            let comma = if rest == "}" { "" } else { "," };
            format!(r#"{{"{name}":"{} {form}"{comma}{rest}"#, seal())
        };
        let one = |to: Selector, payload: String| Rendering::Split(vec![Rendition { to, payload }]);
        match (mode(), event.name().as_str()) {
            (1, _) => Rendering::Split(vec![
                Rendition {
                    to: selector(roles("staff")),
                    payload: form("whole"),
                },
                Rendition {
                    to: everybody_but(roles("staff")),
                    payload: form("brief"),
                },
            ]),
            (2, "note") => one(everybody_but(roles("guest")), form("whole")),
            (3, "whisper") => Rendering::Suppressed,
            _ => Rendering::Replaced(form("whole")),
        }
    }
}
