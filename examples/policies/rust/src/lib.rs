//! House rules: who sees a regional channel, who gets contact data, and when a channel is open.
//! `settings.rs` says what the settings mean. Nothing is remembered between calls but them.

mod settings;

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use exports::wardroom::policy::{channel_visibility, commands, events, lifecycle};
use settings::Settings;
use wardroom::policy::context::{Channel, Command, Event, Subject};
use wardroom::policy::types::{Clause, Denial, Selector, Test};

wit_bindgen::generate!({ path: "wit", world: "house-rules", generate_all });

struct HouseRules;
export!(HouseRules);

const CONTACT: [&str; 2] = ["email", "phone"];

/// What `configure` took; it runs once in each instance, before any question.
static SETTINGS: OnceLock<Settings> = OnceLock::new();

fn settings() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}

impl lifecycle::Guest for HouseRules {
    fn configure(text: String) -> Result<(), String> {
        let taken = settings::parse(&text)?;
        SETTINGS
            .set(taken)
            .map_err(|_| "configure was called twice".to_owned())
    }
}

impl channel_visibility::Guest for HouseRules {
    fn audience(channel: &Channel) -> channel_visibility::Rule {
        let Some(region) = channel.attribute("region") else {
            return channel_visibility::Rule::Everyone;
        };
        let same_region = Test::Attribute(("region".to_owned(), region));
        let all_regions = Test::Roles(settings().all_regions_roles.clone());
        channel_visibility::Rule::Only(Selector {
            any: vec![all_of(vec![same_region]), all_of(vec![all_regions])],
        })
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        // Asked only of a policy that answers `each`, which this one never does.
        vec![false; subjects.len()]
    }
}

impl commands::Guest for HouseRules {
    fn authorize(command: &Command) -> Result<Option<String>, Denial> {
        if command.name() != "select-channel" {
            return Ok(None);
        }
        let Some(channel) = command.channel() else {
            return Ok(None);
        };
        let region = channel.attribute("region");
        let Some(hours) = region.and_then(|r| settings().regions.get(&r)) else {
            return Ok(None);
        };
        if hours.open_at(now()) {
            return Ok(Some(json!({ "openUntil": hours.to }).to_string()));
        }
        let subject = command.subject();
        let any_hour = subject.role().is_some_and(|r| settings().any_hour_roles.contains(&r));
        if any_hour || subject.is_member_of(&channel) {
            return Ok(None);
        }
        let (channel, from, to, offset) = (channel.id(), hours.from, hours.to, hours.utc_offset);
        Err(Denial {
            code: "outside-working-hours".to_owned(),
            message: format!("{channel} is open from {from} to {to} (UTC{offset:+})"),
        })
    }
}

impl events::Guest for HouseRules {
    fn render(event: &Event) -> events::Rendering {
        let hides = matches!(event.name().as_str(), "user-joined" | "user-updated");
        if !hides || settings().hidden_from.is_empty() {
            return events::Rendering::Unchanged;
        }
        let whole = event.payload();
        let Some(redacted) = without_contact(&whole) else {
            return events::Rendering::Unchanged;
        };
        // People see their own contact data whatever their role.
        let mut may_see = vec![none_of(vec![Test::Roles(settings().hidden_from.clone())])];
        if let Some(subject) = event.subject() {
            may_see.push(all_of(vec![Test::Users(vec![subject.id()])]));
        }
        let everybody = Selector { any: vec![all_of(vec![])] };
        events::Rendering::Split(vec![
            events::Rendition { to: Selector { any: may_see }, payload: whole },
            events::Rendition { to: everybody, payload: redacted },
        ])
    }
}

/// The payload without contact data, or none if it has none.
fn without_contact(payload: &str) -> Option<String> {
    let mut payload: Value = serde_json::from_str(payload).ok()?;
    let user = payload.get_mut("user")?.as_object_mut()?;
    let fields = user.len();
    user.retain(|key, _| !CONTACT.contains(&key.as_str()));
    (user.len() < fields).then(|| payload.to_string())
}

/// The time of the decision, in seconds since 1970.
fn now() -> i64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn all_of(all: Vec<Test>) -> Clause {
    Clause { all, none: Vec::new() }
}

fn none_of(none: Vec<Test>) -> Clause {
    Clause { all: Vec::new(), none }
}
