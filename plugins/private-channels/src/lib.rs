//! The policy `private-channels`: a private channel is seen by its members, and by the roles that
//! the settings name; every other channel is seen by everyone.
//!
//! Settings, all optional:
//!
//! ```json
//! {"see_all_roles": ["admin"]}
//! ```
//!
//! `see_all_roles`: roles that see every private channel, members or not. A server lets a policy widen
//! who sees a private channel only with `visibility.private_channels = "policies"`.

use serde::Deserialize;
use wardroom_policy::{Channel, ChannelVisibility, Lifecycle, Rule, Selector, member, roles};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    see_all_roles: Vec<String>,
}

/// Who sees private channels; worked out once, since it is the same for all of them.
struct PrivateChannels {
    insiders: Selector,
}

wardroom_policy::export!(PrivateChannels: lifecycle, channel_visibility);

impl Lifecycle for PrivateChannels {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, String> {
        if settings.see_all_roles.iter().any(String::is_empty) {
            return Err("see_all_roles: a role must not be empty".into());
        }
        let mut insiders = Selector::from(member());
        if !settings.see_all_roles.is_empty() {
            insiders = insiders.or(roles(settings.see_all_roles));
        }
        Ok(Self { insiders })
    }
}

impl ChannelVisibility for PrivateChannels {
    fn audience(&self, channel: &Channel) -> Rule {
        if channel.is_private() {
            Rule::Only(self.insiders.clone())
        } else {
            Rule::Everyone
        }
    }
}

#[cfg(test)]
mod tests {
    use wardroom_policy::{Subject, read_settings};

    use super::*;

    fn policy(settings: &str) -> Result<PrivateChannels, String> {
        PrivateChannels::configure(read_settings(settings)?)
    }

    #[test]
    fn a_public_channel_is_for_everyone() {
        let policy = policy("{}").expect("good settings");
        assert_eq!(policy.audience(&Channel::new("c1")), Rule::Everyone);
    }

    #[test]
    fn a_private_channel_is_for_its_members_and_the_named_roles() {
        let policy = policy(r#"{"see_all_roles": ["admin"]}"#).expect("good settings");
        let channel = Channel::new("c1").private().with_members(["ann"]);
        let rule = policy.audience(&channel);
        for (subject, sees) in [
            (Subject::new("ann"), true),
            (Subject::new("bob"), false),
            (Subject::new("bob").with_role("guest"), false),
            (Subject::new("bob").with_role("admin"), true),
        ] {
            let seen = rule.visible_to(&channel, &subject);
            assert_eq!(seen, Some(sees), "{subject:?}");
        }
    }

    #[test]
    fn without_settings_no_role_is_special() {
        let policy = policy("{}").expect("good settings");
        let rule = policy.audience(&Channel::new("c1").private());
        assert_eq!(rule, Rule::only(member()));
    }

    #[test]
    fn bad_settings_are_refused_in_words() {
        for (settings, word) in [
            (r#"{"see_all_role": ["admin"]}"#, "see_all_role"),
            (r#"{"see_all_roles": "admin"}"#, "expected a list"),
            (r#"{"see_all_roles": [""]}"#, "must not be empty"),
            (r#"{"see_all_roles": ["admin", 5]}"#, "see_all_roles[1]"),
        ] {
            let said = policy(settings).err().expect(settings);
            assert!(said.contains(word), "{settings}: {said}");
        }
    }
}
