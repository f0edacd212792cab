//! Tests of [`super`] from outside: a file and an environment in, a configuration or its problems out.

#![allow(clippy::unwrap_used)]

mod audit;
mod development;
mod environment;
mod exposed;
mod form;
mod policies;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::auth::Scope;
use crate::limits;

const KEYS: &str = r#"
[[auth.keys]]
alg = "HS256"
secret = "0123456789abcdef0123456789abcdef"
[[api_keys]]
name = "backend"
hash = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
scopes = ["directory:read"]
"#;

/// A folder with a configuration file in it.
struct Setup(TempDir);

impl Setup {
    fn new(text: &str) -> Self {
        let setup = Self(TempDir::new().unwrap()).file("w.toml", text);
        exposed::set_mode(&setup, "w.toml", 0o600);
        setup
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn load(&self, mode: Mode, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&self.0.path().join("w.toml")), environment, mode)
    }

    fn production(&self) -> Result<Config, ConfigError> {
        self.load(Mode::Production, &[])
    }
}

/// Every problem of a production configuration, as `key: message`.
fn problems(text: &str) -> Vec<String> {
    problems_of(Setup::new(text).production())
}

fn problems_of(outcome: Result<Config, ConfigError>) -> Vec<String> {
    outcome
        .err()
        .map(|error| error.problems().iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

/// `KEYS`, followed by `text`, has exactly one problem, which begins with `expected`.
#[track_caller]
fn check(text: &str, expected: &str) {
    let problems = problems(&format!("{KEYS}\n{text}"));
    assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
}

#[test]
fn keys_are_enough() {
    let config = Setup::new(KEYS).production().unwrap();
    assert_eq!(config.listen.public, "0.0.0.0:7800".parse().unwrap());
    assert_eq!(config.listen.internal, "127.0.0.1:7801".parse().unwrap());
    assert_eq!(config.listen.allowed_origins, AllowedOrigins::Any);
    assert_eq!(config.auth.deadline, Duration::from_secs(10));
    assert_eq!(config.auth.expiry_notice, limits::EXPIRY_NOTICE);
    assert_eq!(config.listen.keep_alive, limits::KEEP_ALIVE);
    assert_eq!(config.presence.grace_in_channel, Duration::from_secs(60));
    assert_eq!(config.limits.max_output_bytes, 1 << 20);
    assert_eq!(config.store.path, None);
    assert!(config.api_keys[0].allows(Scope::DirectoryRead));
    assert!(config.demo.is_none() && config.warnings.is_empty());
}

#[test]
fn the_default_bounds_on_policies_are_the_engine_s_own() {
    let bounds = Setup::new(KEYS).production().unwrap().policy;
    let own = PolicyBounds {
        file_bytes: limits::POLICY_FILE_BYTES,
        compile_timeout: limits::POLICY_COMPILE_TIMEOUT,
        compile_memory_bytes: limits::POLICY_COMPILE_MEMORY_BYTES,
        deadline: limits::POLICY_CALL_DEADLINE,
        start_deadline: limits::POLICY_START_DEADLINE,
        memory_bytes: limits::POLICY_MEMORY_BYTES,
        warm_memory_bytes: limits::POLICY_WARM_MEMORY_BYTES,
        table_elements: limits::POLICY_TABLE_ELEMENTS,
        output_bytes: limits::POLICY_OUTPUT_BYTES,
        cache: None,
    };
    assert_eq!(bounds, own);
}

#[test]
fn what_would_widen_private_channels_is_warned_of_while_it_has_no_effect() {
    let policies =
        "[[policies]]\nname = \"p\"\nfile = \"p.wasm\"\nsettings = { see_all_roles = ROLES }";
    let warned = |roles: &str, visibility: &str| {
        let policies = policies.replace("ROLES", roles);
        let setup = Setup::new(&format!("{KEYS}\n{policies}\n{visibility}")).file("p.wasm", "");
        let config = setup.production().unwrap();
        (config.visibility.private_channels, config.warnings)
    };
    let (holds, warnings) = warned("[\"admin\"]", "");
    assert_eq!(holds, PrivateChannels::Members);
    assert_eq!(warnings.len(), 1);
    let beginning = "policies[0].settings.see_all_roles: has no effect: ";
    assert!(warnings[0].starts_with(beginning), "{warnings:?}");
    assert!(warned("[]", "").1.is_empty());
    let given = warned(
        "[\"admin\"]",
        "[visibility]\nprivate_channels = \"policies\"",
    );
    assert_eq!(given, (PrivateChannels::Policies, Vec::new()));
    check(
        "[visibility]\nprivate_channels = \"everyone\"",
        "visibility.private_channels: expected one of: members, policies",
    );
}

#[test]
fn decisions_are_logged_where_a_path_says_so() {
    assert_eq!(Setup::new(KEYS).production().unwrap().decision_log, None);
    let text = format!("{KEYS}\n[decision_log]\npath = \"decisions\"\nmask = [\"claims.email\"]");
    let setup = Setup::new(&text);
    let variables = [
        ("WARDROOM_DECISION_LOG__SAMPLE_ALLOWED", "0.25"),
        ("WARDROOM_DECISION_LOG__SAMPLE_DENIED", "1"),
    ];
    let log = setup.load(Mode::Production, &variables).unwrap();
    let log = log.decision_log.unwrap();
    assert_eq!(log.path, setup.0.path().join("decisions"));
    assert_eq!((log.sample_denied, log.sample_allowed), (1.0, 0.25));
    assert_eq!(log.mask[0].to_string(), "claims.email");
    assert_eq!(log.queue as u64, limits::DECISION_LOG_QUEUE);
}

#[test]
fn production_refuses_to_start_without_keys_and_says_which() {
    let problems = problems("");
    assert_eq!(problems.len(), 2);
    assert!(problems[0].starts_with("auth.keys: none configured"));
    assert!(problems[1].starts_with("api_keys: none configured"));
}

#[test]
fn weak_secrets_are_refused_by_key_path() {
    let weak = KEYS.replace("0123456789abcdef0123456789abcdef", "change-me");
    let problems = problems_of(Setup::new(&weak).production());
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .starts_with("auth.keys[0].secret: the secret has 9 bytes; HS256 needs at least 32;"),
        "{problems:?}"
    );
    let hs512 = KEYS.replace("HS256", "HS512");
    let problems = problems_of(Setup::new(&hs512).production());
    assert!(problems[0].starts_with("auth.keys[0].secret: the secret has 32 bytes; HS512"));
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let found = problems(
        r#"
        [listen]
        public = "localhost"
        allowed_origins = ["*", "app.example.com"]
        [auth]
        deadline = "0s"
        [[auth.keys]]
        alg = "none"
        secret = "s"
        [[auth.keys]]
        id = "b"
        alg = "RS256"
        secret = "s"
        [[auth.keys]]
        id = "b"
        alg = "HS256"
        secret = "s"
        public_key = "p"
        [[auth.keys]]
        id = "d"
        [[api_keys]]
        hash = "wr_oops-the-key-itself"
        scopes = ["directory:read", "root"]
        [presence]
        grace = "5"
        [limits]
        max_output = "0B"
        [log]
        format = "xml"
        "#,
    );
    let at: Vec<_> = found
        .iter()
        .map(|p| p.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        at,
        [
            "listen.public",
            "listen.allowed_origins[0]",
            "listen.allowed_origins[1]",
            "auth.deadline",
            "auth.keys[0].id",
            "auth.keys[0].alg",
            "auth.keys[1].secret",
            "auth.keys[2].id",
            "auth.keys[2]",
            "auth.keys[3].alg",
            "api_keys[0].name",
            "api_keys[0].hash",
            "api_keys[0].scopes[1]",
            "presence.grace",
            "limits.max_output",
            "log.format",
        ],
        "{found:#?}"
    );
}

#[test]
fn wrong_shapes_are_reported_with_their_key_path() {
    check(
        "[presence]\ngrace = 5",
        "presence.grace: expected a duration with its unit, in quotes: \"5s\"",
    );
    check(
        "[presence]\ngrce = \"5s\"",
        "presence.grce: unknown key; did you mean `grace`?",
    );
    check(
        "[nonsense]",
        "nonsense: unknown key; known here: listen, auth, ",
    );
    check(
        "[limits]\nmax_connections = -1",
        "limits.max_connections: this is a whole number; expected a whole number that is not negative",
    );
    check(
        "[limits]\nmax_connections = 0",
        "limits.max_connections: must be at least 1",
    );
    check(
        "[listen]\npublic = \"127.0.0.1:7801\"",
        "listen.internal: must differ",
    );
    check(
        "[store]\npath = \"no/such/folder/db\"",
        "store.path: its folder does not exist",
    );
    check("[store]\npath = \".\"", "store.path: is a folder");
    check("[log]\nlevel = \"a=b=c\"", "log.level: expected a level");
    for (setting, problem) in [
        (
            "path = \"no/such/folder/log\"",
            "path: its folder does not exist",
        ),
        ("sample_denied = 1.5", "sample_denied: must be from 0.0"),
        ("sample_allowed = -0.1", "sample_allowed: must be from 0.0"),
        ("sample_allowed = nan", "sample_allowed: must be from 0.0"),
        (
            "mask = [\"claims.x\", \"claim.x\"]",
            "mask[1]: must begin with one of",
        ),
        ("mask = [\"claims..x\"]", "mask[0]: expected keys with dots"),
        ("queue = 0", "queue: must be at least 1"),
        ("queue = 100000", "queue: must not be more than 65536"),
        ("max_size = \"1KiB\"", "max_size: must not be smaller"),
    ] {
        let text = format!("[decision_log]\n{setting}");
        check(&text, &format!("decision_log.{problem}"));
    }
    check(
        "[policy]\nstart_deadline = \"5ms\"",
        "policy.start_deadline: must not be shorter",
    );
    for origin in [
        "https://a:443",
        "https://a/",
        "http://u@a",
        "null",
        "a.example",
    ] {
        let text = format!("[listen]\nallowed_origins = [\"{origin}\"]");
        check(&text, "listen.allowed_origins[0]: can never match: ");
    }
    check(
        "[[policies]]\nname = \"A\"\nfile = \"w.toml\"",
        "policies[0].name: required",
    );
    check(
        "[[policies]]\nname = \"a\"\nfile = \"a.wasm\"",
        "policies[0].file: there is no file",
    );
    check(
        "[[policies]]\nname = \"a\"\nfile = \"w.toml\"\nsettings = { x = [{ y = nan }] }",
        "policies[0].settings.x[0].y: JSON has no infinity",
    );
    let a = "[[policies]]\nname = \"a\"\nfile = \"w.toml\"";
    check(
        &format!("{a}\n{a}"),
        "policies[1].name: is used by an earlier",
    );
    check(
        &format!("{a}\nshadow = true\nshadow_file = \"b.wasm\""),
        "policies[0].shadow_file: goes with a policy that decides",
    );
    check(
        &format!("{a}\nisolation = \"none\""),
        "policies[0].isolation: expected one of: reuse, per-call",
    );
    for grant in [
        "directory",
        "a:b",
        "a:/b",
        "wardroom:policy/directory@1.0.0",
    ] {
        check(
            &format!("{a}\ngrants = [\"{grant}\"]"),
            "policies[0].grants[0]: expected the name of an interface",
        );
    }
}

#[test]
fn two_readings_are_compared_key_by_key() {
    let before = Setup::new(KEYS).production().unwrap();
    let setup = Setup::new(KEYS);
    let after = setup
        .load(Mode::Production, &[("WARDROOM_LOG__LEVEL", "debug")])
        .unwrap();
    assert_eq!(before.written.changed(&after.written), ["log.level"]);
}

#[test]
fn broken_toml_is_reported_with_its_place_and_without_its_text() {
    let error = Setup::new("[auth]\nsecret = \"hunter2")
        .production()
        .unwrap_err()
        .to_string();
    assert!(error.contains("w.toml:2:"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_missing_file_is_an_error() {
    let error = Config::load(Some(Path::new("/no/such/w.toml")), [], Mode::Development);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("cannot read /no/such/w.toml")
    );
}

#[test]
fn no_error_and_no_debug_shows_a_secret() {
    let hidden = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let shown = |text: &str, environment: &[(&str, &str)]| {
        let setup = Setup::new(text);
        match setup.load(Mode::Development, environment) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        }
    };
    let texts = [
        format!("[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{hidden}\""),
        format!("[[auth.keys]]\nalg = \"RS256\"\npublic_key = \"{hidden}\""),
        format!(
            "[[auth.keys]]\nalg = \"HS256\"\nsecret = \"{hidden}\"\nsecret_encoding = \"base64\""
        ),
        format!("[[auth.keys]]\nalg = \"HS256\"\nsecret = [\"{hidden}\"]"),
        format!("[auth]\nkeys = \"{hidden}\""),
        format!("[[api_keys]]\nhash = \"{hidden}\""),
        format!("[limits]\nmax_connections = \"{hidden}\""),
        format!("[auth]\ndeadline = \"{hidden}\""),
    ];
    for text in &texts {
        let shown = shown(text, &[]);
        assert!(!shown.contains("hunter2"), "{text}: {shown}");
    }
    for name in [
        "WARDROOM_AUTH__KEYS",
        "WARDROOM_AUTH__KEYS__0",
        "WARDROOM_SECRET",
    ] {
        let shown = shown("", &[(name, hidden)]);
        assert!(
            shown.contains(name) && !shown.contains("hunter2"),
            "{name}: {shown}"
        );
    }
}

#[test]
fn secrets_and_paths_come_from_the_folder_of_the_file() {
    let text = KEYS.replace(
        "secret = \"0123456789abcdef0123456789abcdef\"",
        "secret_file = \"secrets/token\"\nsecret_encoding = \"base64\"",
    );
    let setup = Setup::new(&format!("{text}\n[store]\npath = \"secrets/db\""));
    let missing = problems_of(setup.production());
    assert!(
        missing[0].starts_with("auth.keys[0].secret_file: cannot read"),
        "{missing:?}"
    );

    let good = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
    let setup = setup.file("secrets/token", good);
    let config = setup.production().unwrap();
    assert_eq!(config.store.path, Some(setup.0.path().join("secrets/db")));
    let setup = setup.file("secrets/token", good.trim_end_matches(['=', '\n']));
    assert!(setup.production().is_ok());
    let setup = setup.file("secrets/token", "not base64");
    let wrong = "auth.keys[0].secret_file: is not base64, as secret_encoding says";
    assert_eq!(problems_of(setup.production()), [wrong]);
}
