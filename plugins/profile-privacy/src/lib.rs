//! The policy `profile-privacy`: some fields of a profile are shown to some roles only. It gives
//! `user-joined` and `user-updated` one form for each group of roles that sees the same, and
//! leaves every other event alone.
//!
//! Settings:
//!
//! ```json
//! {"fields": {"email": ["admin", "support"], "phone": ["admin"], "birthday": []}}
//! ```
//!
//! `fields`: for each field of the profile the roles that see it; nobody does where there is none.
//! Everybody sees all of their own profile. Fields that are not named are seen by all.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use wardroom_policy::{
    Event, Events, Fields, Lifecycle, Rendering, Rendition, Selector, any, everybody, roles, user,
};

/// Most roles that the settings may name; more are refused. An event has at most two forms more
/// than that, which is well within what a server takes.
const MAX_ROLES: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    fields: BTreeMap<String, BTreeSet<String>>,
}

struct ProfilePrivacy {
    fields: BTreeMap<String, BTreeSet<String>>,
}

wardroom_policy::export!(ProfilePrivacy: lifecycle, events);

impl Lifecycle for ProfilePrivacy {
    type Settings = Settings;

    fn configure(Settings { fields }: Settings) -> Result<Self, String> {
        if fields.is_empty() {
            return Err("fields: name at least one".into());
        }
        if fields.contains_key("id") {
            return Err("fields.id: clients must know whom an event is about".into());
        }
        if let Some((name, _)) = fields.iter().find(|(_, roles)| roles.contains("")) {
            return Err(format!("fields.{name}: a role must not be empty"));
        }
        let named: BTreeSet<_> = fields.values().flatten().collect();
        if named.len() > MAX_ROLES {
            return Err(format!("fields: name at most {MAX_ROLES} roles in all"));
        }
        Ok(Self { fields })
    }
}

impl Events for ProfilePrivacy {
    fn render(&self, event: &Event) -> Rendering {
        if !matches!(event.name().as_str(), "user-joined" | "user-updated") {
            return Rendering::Unchanged;
        }
        let text = event.payload();
        let Some(payload) = Fields::read(&text) else {
            return Rendering::Unchanged;
        };
        // The profile is what stands under `user`, or else the payload itself.
        let user = payload.object("user");
        let profile = user.as_ref().unwrap_or(&payload);
        let there = |(field, _): &(&String, _)| profile.contains(field);
        let private: Vec<_> = self.fields.iter().filter(there).collect();
        if private.is_empty() {
            return Rendering::Unchanged;
        }
        let without = |hidden: &[&str]| match &user {
            Some(user) => payload.with("user", &user.without(hidden)),
            None => payload.without(hidden),
        };
        let whole = Rendition::new(see_all(event, &private), &payload);
        let parts = groups(&private)
            .into_iter()
            .map(|(hidden, group)| Rendition::new(roles(group), &without(&hidden)));
        let all: Vec<_> = private.iter().map(|(field, _)| field.as_str()).collect();
        let rest = Rendition::new(everybody(), &without(&all));
        Rendering::split([whole].into_iter().chain(parts).chain([rest]))
    }
}

type Private<'a> = [(&'a String, &'a BTreeSet<String>)];

/// Who sees the whole profile: the person themself, and the roles that every private field names.
fn see_all(event: &Event, private: &Private<'_>) -> Selector {
    let named = private.iter().flat_map(|(_, roles)| roles.iter());
    let of_all = named.filter(|role| private.iter().all(|(_, roles)| roles.contains(*role)));
    let of_all: BTreeSet<_> = of_all.cloned().collect();
    let themself = event.subject().map(|subject| user(subject.id()));
    let insiders = (!of_all.is_empty()).then(|| roles(of_all));
    any(themself.into_iter().chain(insiders))
}

/// The roles that see some of the private fields but not all, by what is hidden from them.
fn groups<'a>(private: &Private<'a>) -> BTreeMap<Vec<&'a str>, Vec<&'a str>> {
    let named: BTreeSet<_> = private.iter().flat_map(|(_, roles)| roles.iter()).collect();
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for role in named {
        let hidden = private.iter().filter(|(_, roles)| !roles.contains(role));
        let hidden: Vec<_> = hidden.map(|(field, _)| field.as_str()).collect();
        if !hidden.is_empty() {
            groups.entry(hidden).or_default().push(role.as_str());
        }
    }
    groups
}

#[cfg(test)]
mod tests;
