//! Tests of variables: what overrides a setting, and what names none. They must not read the real environment.

use super::*;

#[test]
fn the_environment_overrides_the_file() {
    let setup = Setup::new(&format!("{KEYS}\n[listen]\npublic = \"127.0.0.1:1\""));
    let config = setup
        .load(
            Mode::Production,
            &[
                ("WARDROOM_LISTEN__PUBLIC", "127.0.0.1:2"),
                (
                    "WARDROOM_LISTEN__ALLOWED_ORIGINS",
                    "[\"https://App.example.com\"]",
                ),
                ("WARDROOM_LIMITS__MAX_CONNECTIONS", "7"),
                ("WARDROOM_AUTH__ISSUER", "12"),
                ("WARDROOM_API_KEYS__0__NAME", "renamed"),
                ("WARDROOM_API_KEYS__0__SCOPES__1", "ops:read"),
                ("WARDROOM_POLICIES__0__NAME", "first"),
                ("WARDROOM_POLICIES__0__FILE", "w.toml"),
                ("WARDROOM_POLICIES__0__SETTINGS", "{ n = 1 }"),
                ("WARDROOM_CONFIG", "read by the command line"),
                ("PATH", "/bin"),
                // What Kubernetes sets for a service that is called `wardroom`.
                ("WARDROOM_SERVICE_HOST", "10.0.0.1"),
                ("WARDROOM_SERVICE_PORT_CLIENTS", "7800"),
                ("WARDROOM_PORT", "tcp://10.0.0.1:7800"),
                ("WARDROOM_PORT_7800_TCP_ADDR", "10.0.0.1"),
                // And for one that is called `wardroom-internal`.
                ("WARDROOM_INTERNAL_SERVICE_HOST", "10.0.0.2"),
                ("WARDROOM_INTERNAL_PORT", "tcp://10.0.0.2:7801"),
                ("WARDROOM_INTERNAL_PORT_7801_TCP_PORT", "7801"),
                // And Docker for a link of that name.
                ("WARDROOM_NAME", "/web/wardroom"),
                ("WARDROOM_ENV_FOO", "x"),
            ],
        )
        .unwrap();
    assert_eq!(config.listen.public.port(), 2);
    assert_eq!(config.passed_over.len(), 9);
    assert_eq!(config.passed_over[1], "WARDROOM_INTERNAL_PORT");
    let origins = AllowedOrigins::Listed(vec!["https://app.example.com".into()]);
    assert_eq!(config.listen.allowed_origins, origins);
    assert_eq!(config.limits.max_connections, 7);
    assert_eq!(config.auth.tokens.issuer.as_deref(), Some("12"));
    assert_eq!(config.api_keys[0].name, "renamed");
    assert!(config.api_keys[0].allows(Scope::OpsRead));
    assert_eq!(config.policies[0].settings.as_str(), "{\"n\":1}");
}

#[test]
fn the_environment_alone_is_enough() {
    let secret = "0123456789abcdef0123456789abcdef";
    let hash = crate::auth::KeyHash::of("x").to_string();
    let environment = [
        ("WARDROOM_AUTH__KEYS__0__ALG", "HS256"),
        ("WARDROOM_AUTH__KEYS__0__SECRET", secret),
        ("WARDROOM_API_KEYS__0__NAME", "backend"),
        ("WARDROOM_API_KEYS__0__HASH", &hash),
        ("WARDROOM_API_KEYS__0__SCOPES", "[\"ops:read\"]"),
    ];
    assert!(Setup::new("").load(Mode::Production, &environment).is_ok());
}

#[test]
fn variables_that_name_no_setting_are_errors() {
    for (name, message) in [
        (
            "WARDROOM_LISTN__PUBLIC",
            "did you mean WARDROOM_LISTEN__PUBLIC?",
        ),
        (
            "WARDROOM_LISTEN_PUBLIC",
            "did you mean WARDROOM_LISTEN__PUBLIC?",
        ),
        ("WARDROOM_LISTEN_PORT", "names no setting"),
        ("WARDROOM_", "names no setting"),
        (
            "WARDROOM_AUTH__KEYS__3__ALG",
            "the list has 1 elements; the next one is 1",
        ),
        (
            "WARDROOM_LISTEN__PUBLIC__X",
            "listen.public: this is a section",
        ),
        (
            "WARDROOM_LIMITS__MAX_CONNECTIONS",
            "limits.max_connections: this is a text; expected a whole number",
        ),
    ] {
        let found = problems_of(Setup::new(KEYS).load(Mode::Production, &[(name, "x")]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{name}: ")), "{found:?}");
        assert!(found[0].contains(message), "{name}: {found:?}");
    }
}
