//! The policy `private-channels`: a private channel is seen by its members, and by the roles that
//! the settings name; every other channel is seen by everyone.
//!
//! Settings, all optional:
//!
//! ```json
//! {"see_all_roles": ["admin"]}
//! ```
//!
//! `see_all_roles`: roles that see every private channel, members or not.

use std::sync::OnceLock;

use serde::Deserialize;

wit_bindgen::generate!({
    inline: "
        package wardroom:private-channels;
        world private-channels {
            include wardroom:policy/configurable@1.0.0;
            include wardroom:policy/visibility-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:private-channels/private-channels",
    generate_all,
});

use exports::wardroom::policy::{channel_visibility, lifecycle};
use wardroom::policy::context::{Channel, Subject};
use wardroom::policy::types::{Clause, Selector, Test};

/// What `configure` took; it runs once in each instance, before any question.
static SETTINGS: OnceLock<Settings> = OnceLock::new();

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    see_all_roles: Vec<String>,
}

struct PrivateChannels;

// The names of a component's exports are none for a native linker; the tests below need none.
#[cfg(target_family = "wasm")]
export!(PrivateChannels);

impl lifecycle::Guest for PrivateChannels {
    fn configure(settings: String) -> Result<(), String> {
        let settings = parse(&settings)?;
        SETTINGS
            .set(settings)
            .map_err(|_| "configure was called twice".to_owned())
    }
}

impl channel_visibility::Guest for PrivateChannels {
    fn audience(channel: &Channel) -> channel_visibility::Rule {
        rule(
            channel.is_private(),
            SETTINGS.get_or_init(Settings::default),
        )
    }

    fn decide(_: &Channel, subjects: Vec<Subject>) -> Vec<bool> {
        // Asked only of a policy that answers `each`, which this one never does.
        vec![false; subjects.len()]
    }
}

fn parse(settings: &str) -> Result<Settings, String> {
    let settings: Settings = serde_json::from_str(settings).map_err(|e| {
        format!("{e}; expected an object such as {{\"see_all_roles\": [\"admin\"]}}")
    })?;
    if settings.see_all_roles.iter().any(String::is_empty) {
        return Err("see_all_roles: a role must not be empty".into());
    }
    Ok(settings)
}

fn rule(private: bool, settings: &Settings) -> channel_visibility::Rule {
    if !private {
        return channel_visibility::Rule::Everyone;
    }
    let mut any = vec![only_if(Test::ChannelMember)];
    if !settings.see_all_roles.is_empty() {
        any.push(only_if(Test::Roles(settings.see_all_roles.clone())));
    }
    channel_visibility::Rule::Only(Selector { any })
}

fn only_if(test: Test) -> Clause {
    Clause {
        all: vec![test],
        none: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_channel_is_for_everyone() {
        let rule = rule(false, &Settings::default());
        assert!(matches!(rule, channel_visibility::Rule::Everyone));
    }

    #[test]
    fn a_private_channel_is_for_its_members_and_the_named_roles() {
        let settings = parse(r#"{"see_all_roles": ["admin"]}"#).expect("good settings");
        let channel_visibility::Rule::Only(selector) = rule(true, &settings) else {
            panic!("a private channel has a selector");
        };
        assert!(matches!(selector.any[0].all[..], [Test::ChannelMember]));
        assert!(matches!(&selector.any[1].all[..], [Test::Roles(r)] if *r == ["admin"]));
    }

    #[test]
    fn without_settings_no_role_is_special() {
        assert_eq!(parse("{}"), Ok(Settings::default()));
    }

    #[test]
    fn bad_settings_are_refused_in_words() {
        for (settings, word) in [
            (r#"{"see_all_role": ["admin"]}"#, "see_all_role"),
            (r#"{"see_all_roles": "admin"}"#, "expected a sequence"),
            (r#"{"see_all_roles": [""]}"#, "must not be empty"),
            ("[", "expected an object"),
        ] {
            let said = parse(settings).expect_err(settings);
            assert!(said.contains(word), "{settings}: {said}");
        }
    }
}
