//! Tests of `workspace-guard` on this machine; `cases.toml` asks the component.

use serde_json::json;
use wardroom_policy::{Subject, read_settings};

use super::*;

fn policy(settings: &str) -> Result<WorkspaceGuard, String> {
    WorkspaceGuard::configure(read_settings(settings)?)
}

fn ask(settings: &str, request: &Request) -> Result<(), String> {
    let policy = policy(settings).expect("good settings");
    policy.admit(request).map_err(|denial| denial.code)
}

fn ann() -> Request {
    Request::new(Subject::new("ann").with_role("staff"))
}

#[test]
fn without_rules_everybody_enters() {
    assert_eq!(ask(r#"{"rules": []}"#, &ann()), Ok(()));
}

#[test]
fn a_role_is_asked_for() {
    let settings = r#"{"rules": [{"roles": ["staff", "admin"]}]}"#;
    assert_eq!(ask(settings, &ann()), Ok(()));
    let denied = Err("role-not-admitted".to_owned());
    let guest = Request::new(Subject::new("gus").with_role("guest"));
    assert_eq!(ask(settings, &guest), denied);
    assert_eq!(ask(settings, &Request::new(Subject::new("nobody"))), denied);
}

#[test]
fn a_rule_holds_for_its_workspaces_only() {
    let settings = r#"{"rules": [{"workspaces": ["board"], "roles": ["director"]}]}"#;
    assert_eq!(ask(settings, &ann().in_workspace("canteen")), Ok(()));
    let denied = ask(settings, &ann().in_workspace("board"));
    assert_eq!(denied, Err("role-not-admitted".into()));
}

#[test]
fn claims_are_compared_by_value_in_lists_and_by_pointer() {
    let settings = r#"{"rules": [{"claims": {
        "email_verified": [true], "groups": ["ops", "dev"], "/org/id": [7]}}]}"#;
    let good = json!({"email_verified": true, "groups": ["x", "dev"], "org": {"id": 7}});
    assert_eq!(ask(settings, &ann().with_claims(good.clone())), Ok(()));
    for (claim, value) in [
        ("email_verified", json!("true")),
        ("groups", json!(["x"])),
        ("groups", json!([])),
        ("org", json!({"id": "7"})),
        ("org", json!(7)),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        let denied = ask(settings, &ann().with_claims(claims.clone()));
        assert_eq!(denied, Err("claim-not-admitted".into()), "{claims}");
    }
    let denied = ask(settings, &ann());
    assert_eq!(denied, Err("claim-not-admitted".into()));
}

#[test]
fn addresses_are_matched_by_network_in_both_families() {
    let settings = r#"{"rules": [{"addresses": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]}]}"#;
    for (address, enters) in [
        ("10.255.0.1", true),
        ("11.0.0.1", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8:ffff::1", true),
        ("2001:db9::1", false),
        ("::ffff:10.1.2.3", true),
        ("::ffff:11.1.2.3", false),
        ("nonsense", false),
    ] {
        let entered = ask(settings, &ann().from_address(address)).is_ok();
        assert_eq!(entered, enters, "{address}");
    }
    let unknown = ask(settings, &ann());
    assert_eq!(unknown, Err("address-not-admitted".into()));
}

#[test]
fn exempt_roles_pass_a_rule_and_only_that_rule() {
    let settings = r#"{"rules": [
        {"addresses": ["10.0.0.0/8"], "exempt_roles": ["staff"]},
        {"claims": {"mfa": [true]}}]}"#;
    assert_eq!(
        ask(settings, &ann().with_claims(json!({"mfa": true}))),
        Ok(())
    );
    assert_eq!(ask(settings, &ann()), Err("claim-not-admitted".into()));
}

#[test]
fn a_message_of_the_operator_is_shown() {
    let settings = r#"{"rules": [{"roles": ["admin"], "message": "Ask Ann."}]}"#;
    let policy = policy(settings).expect("good settings");
    let denial = policy.admit(&ann()).expect_err("no admin");
    assert_eq!(denial.message, "Ask Ann.");
}

#[test]
fn bad_settings_are_refused_in_words() {
    for (settings, refusal) in [
        ("{}", "`rules` is missing"),
        (r#"{"rules": [{}]}"#, "rules[0]: asks for nothing"),
        (
            r#"{"rules": [{"roles": []}]}"#,
            "rules[0].roles: name at least one",
        ),
        (
            r#"{"rules": [{"roles": ["a", ""]}]}"#,
            "rules[0].roles[1]: must not be empty",
        ),
        (
            r#"{"rules": [{"roles": ["a"], "workspaces": []}]}"#,
            "rules[0].workspaces: name",
        ),
        (
            r#"{"rules": [{"claims": {"a": []}}]}"#,
            "rules[0].claims.a: name at least one",
        ),
        (
            r#"{"rules": [{"claims": {"a": 1}}]}"#,
            "rules[0].claims.a: expected a list",
        ),
        (
            r#"{"rules": [{"addresses": ["10.0.0.0/33"]}]}"#,
            "rules[0].addresses[0]: expected",
        ),
        (
            r#"{"rules": [{"addresses": ["10.0.0.1/8"]}]}"#,
            "is 10.0.0.0/8 meant?",
        ),
        (
            r#"{"rules": [{"addresses": ["::ffff:10.0.0.0/104"]}]}"#,
            "write the IPv4 network",
        ),
        (
            r#"{"rules": [{"role": ["a"]}]}"#,
            "rules[0]: unknown key `role`",
        ),
    ] {
        let said = policy(settings).err().expect(settings);
        assert!(said.contains(refusal), "{settings}: {said}");
    }
}
