//! House rules: who enters, who sees a regional channel, who gets contact data, and when a channel is
//! open. `settings.rs` says what the settings mean. Nothing is remembered between calls but them.

mod settings;
#[cfg(test)]
mod tests;

use serde_json::json;
use wardroom_policy::{
    Admission, Channel, ChannelVisibility, Command, Commands, Denial, Event, Events, Fields, Json,
    Lifecycle, Rendering, Rendition, Request, Rule, Subject, any, attribute, everybody, roles, to_json, unix_time,
    user,
};

use settings::Settings;

/// What is hidden of a user.
const CONTACT: [&str; 2] = ["email", "phone"];

struct HouseRules {
    settings: Settings,
}

wardroom_policy::export!(HouseRules: lifecycle, admission, channel_visibility, commands, events);

impl Lifecycle for HouseRules {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self { settings })
    }
}

impl Admission for HouseRules {
    // Asked when somebody comes, and again when what is known of them changes.
    fn admit(&self, request: &Request) -> Result<(), Denial> {
        match request.subject().attribute("suspended").as_deref() {
            Some("true") => Err(Denial::new(
                "suspended",
                "You are suspended; ask an administrator.",
            )),
            _ => Ok(()),
        }
    }
}

impl ChannelVisibility for HouseRules {
    fn audience(&self, channel: &Channel) -> Rule {
        // No selector compares numbers, so that the server has to ask `sees`.
        if channel.attribute("level").is_some() {
            return Rule::Each;
        }
        let Some(region) = channel.attribute("region") else {
            return Rule::Everyone;
        };
        Rule::only(any([
            attribute("region", region),
            roles(self.settings.all_regions_roles.clone()),
        ]))
    }

    fn sees(&self, channel: &Channel, subject: &Subject) -> bool {
        let high_enough = match channel.attribute("level").map(|level| whole_number(&level)) {
            None => true,
            Some(None) => false,
            Some(Some(least)) => level(subject) >= least,
        };
        high_enough && self.in_region(channel, subject)
    }
}

impl HouseRules {
    fn in_region(&self, channel: &Channel, subject: &Subject) -> bool {
        let Some(region) = channel.attribute("region") else {
            return true;
        };
        let has_role = |role| self.settings.all_regions_roles.contains(&role);
        subject.attribute("region") == Some(region) || subject.role().is_some_and(has_role)
    }
}

impl Commands for HouseRules {
    fn authorize(&self, command: &Command) -> Result<Option<Json>, Denial> {
        if command.name() != "select-channel" {
            return Ok(None);
        }
        let Some(channel) = command.channel() else {
            return Ok(None);
        };
        let region = channel.attribute("region");
        let Some(hours) = region.and_then(|region| self.settings.regions.get(&region)) else {
            return Ok(None);
        };
        if hours.open_at(unix_time()) {
            return Ok(Some(to_json(&json!({ "openUntil": hours.to }))));
        }
        let subject = command.subject();
        let has_role = |role| self.settings.any_hour_roles.contains(&role);
        if subject.role().is_some_and(has_role) || subject.is_member_of(&channel) {
            return Ok(None);
        }
        Err(Denial::new(
            "outside-working-hours",
            format!("{} is open from {hours}", channel.id()),
        ))
    }
}

impl Events for HouseRules {
    fn render(&self, event: &Event) -> Rendering {
        let hides = matches!(event.name().as_str(), "user-joined" | "user-updated");
        if !hides || self.settings.hidden_from.is_empty() {
            return Rendering::Unchanged;
        }
        let text = event.payload();
        let Some(whole) = Fields::read(&text) else {
            return Rendering::Unchanged;
        };
        let Some(redacted) = without_contact(&whole) else {
            return Rendering::Unchanged;
        };
        // People see their own contact data whatever their role.
        let themself = event.subject().map(|subject| user(subject.id()).into());
        let others = everybody().but_not(roles(self.settings.hidden_from.clone()));
        Rendering::split([
            Rendition::new(any([others].into_iter().chain(themself)), &whole),
            Rendition::new(everybody(), &redacted),
        ])
    }
}

/// The payload without contact data, or none if it has none.
fn without_contact<'a>(payload: &Fields<'a>) -> Option<Fields<'a>> {
    let user = payload.object("user")?;
    let has_some = CONTACT.iter().any(|field| user.contains(field));
    has_some.then(|| payload.with("user", &user.without(&CONTACT)))
}

/// The level that somebody has; who has none that makes sense has the lowest.
fn level(subject: &Subject) -> u32 {
    let level = subject.attribute("level");
    level.and_then(|level| whole_number(&level)).unwrap_or(0)
}

/// A number of up to nine digits and nothing else.
fn whole_number(text: &str) -> Option<u32> {
    let digits = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
