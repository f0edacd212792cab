//! Questions put to the policy on this machine, without a server: `cargo test`. What it answers as
//! a component, `cases.toml` says.

use wardroom_policy::{read_settings, roles};

use super::*;

fn policy(settings: &str) -> HouseRules {
    let settings = read_settings(settings).expect("good settings");
    HouseRules::configure(settings).expect("good settings")
}

#[test]
fn a_regional_channel_is_for_its_region_and_the_roles_of_all() {
    let channel = Channel::new("eu-desk").with_attribute("region", "eu");
    let rule = policy(r#"{"all_regions_roles": ["admin"]}"#).audience(&channel);
    assert_eq!(
        rule,
        Rule::only(any([attribute("region", "eu"), roles(["admin"])]))
    );
    let ann = Subject::new("ann").with_attribute("region", "eu");
    let bob = Subject::new("bob").with_attribute("region", "us");
    assert_eq!(rule.visible_to(&channel, &ann), Some(true));
    assert_eq!(rule.visible_to(&channel, &bob), Some(false));
}

#[test]
fn hours_are_those_of_the_region_and_may_go_past_midnight() {
    for (from, to, utc_offset, hour, open) in [
        (8, 18, 1, 7, true),
        (8, 18, 1, 17, false),
        (22, 6, -6, 5, true),
        (22, 6, 0, 6, false),
    ] {
        let hours = settings::Hours {
            from,
            to,
            utc_offset,
        };
        assert_eq!(hours.open_at(hour * 3600), open, "{hours} at {hour}");
    }
}

#[test]
fn settings_that_are_wrong_are_named() {
    for (settings, said) in [
        (
            r#"{"hidden_from": "guest"}"#,
            "hidden_from: expected a list, found a string",
        ),
        (
            r#"{"any_hour_roles": [""]}"#,
            "any_hour_roles: must be a list of roles",
        ),
    ] {
        let read = read_settings::<Settings>(settings);
        let refusal = read
            .and_then(|settings| settings.check())
            .expect_err(settings);
        assert_eq!(refusal, said);
    }
}
