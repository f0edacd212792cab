//! Tests of what does not have the right form: all of it is told at once, with what would be right.

use super::*;

#[test]
fn errors_of_form_are_reported_together_with_all_others() {
    let found = problems(
        r#"
        [listen]
        public = "localhost"
        pubilc = "127.0.0.1:1"
        allowed_origins = ["https://a.example", 5, "a.example"]
        [[auth.keys]]
        alg = "HS256"
        secrt = "hunter2-hunter2"
        [auth]
        leeway = 30
        grace = "5s"
        [[api_keys]]
        name = 5
        hash = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
        scope = ["ops:read"]
        [presence]
        grace = true
        grace_in_channel = "soon"
        [limits]
        max_output = 4
        max_connections = "many"
        [socketio]
        ping_interval = 25s
        ping_timeout = "20"
        [log]
        level = warning
        [process]
        core_dumps = "no"
        "#,
    );
    let expected = [
        "listen.pubilc: unknown key; did you mean `public`?",
        "listen.allowed_origins[1]: this is a whole number; expected a text in quotes",
        "auth.leeway: expected a duration with its unit, in quotes: \"30s\"",
        "auth.keys[0].secrt: unknown key; did you mean `secret`?",
        "auth.grace: unknown key; did you mean `presence.grace`?",
        "api_keys[0].name: this is a whole number; expected a text in quotes",
        "api_keys[0].scope: unknown key; did you mean `scopes`?",
        "presence.grace: expected a duration with its unit, in quotes: \"25s\"",
        "presence.grace_in_channel: expected a duration with its unit, such as",
        "limits.max_output: expected a size with its unit, in quotes: \"4MiB\"",
        "limits.max_connections: this is a text; expected a whole number",
        "socketio.ping_timeout: expected a duration with its unit: \"20s\" or \"20ms\"",
        "process.core_dumps: this is a text; expected true or false",
        "listen.public: expected address:port",
        "listen.allowed_origins[2]: can never match: it has no scheme",
    ];
    for problem in expected {
        let told = found.iter().filter(|it| it.starts_with(problem)).count();
        assert_eq!(told, 1, "{problem} in {found:#?}");
    }
    let of_lines: Vec<_> = found.iter().filter(|it| it.contains("w.toml:")).collect();
    assert!(of_lines[0].contains("w.toml:23:") && of_lines[0].ends_with("quotes: \"25s\""));
    assert!(of_lines[1].contains("w.toml:26:") && of_lines[1].ends_with("texts stand in quotes"));
    // The key without a secret, and nothing that only follows from the others.
    assert!(
        found.iter().any(|it| it.starts_with("auth.keys[0]")),
        "{found:#?}"
    );
    assert!(!found.iter().any(|it| it.contains("hunter2")));
    assert!(found.len() <= expected.len() + 3, "{found:#?}");
}

#[test]
fn an_error_of_syntax_hides_what_only_follows_from_it() {
    // One bracket is not closed; what comes behind it is right, and all that is needed is there.
    let open = "[listen]\nallowed_origins = [\"https://a.example\"\n";
    let rest = "public = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:1\"\nkeep_alive = \"9s\"\n";
    let found = problems(&format!("{open}{rest}{KEYS}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("w.toml:3:"), "{found:?}");
    assert!(found[0].ends_with("the bracket on line 2 may lack its other half"));

    for (text, line) in [
        ("[listen\npublic = \"127.0.0.1:0\"", 1),
        ("nothing\n[listen]\npublic = 5\n???", 1),
        ("[listen]\npublic = \"127.0.0.1:0", 2),
        ("[log]\nlevel = \"info\"\n[log]\nformat = \"text\"", 3),
        ("[rates]\nx = [1, 2]\ny = {}}", 3),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(
            found[0].contains(&format!("w.toml:{line}:")),
            "{text}: {found:?}"
        );
        assert!(!found[0].contains("bracket on line"), "{found:?}");
    }

    // An open bracket is told first, and alone.
    let found = problems("[log]\nlevel = warning\n[listen]\npublic = [\n[[auth.keys]]");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("w.toml:5:") && found[0].contains("the bracket on line 4 may"));
}

#[test]
fn what_is_there_twice_is_told_with_both_lines() {
    let visibility = "[visibility]\nprivate_channels = \"members\"\n";
    for (text, line, told) in [
        (
            format!("{visibility}[listen]\n{visibility}"),
            4,
            "this section begins on line 1 already; put what belongs to it there",
        ),
        (
            format!("{visibility}private_channels = \"policies\"\n"),
            3,
            "line 2 sets it already",
        ),
        (
            "[listen]\nallowed_origins = [\n  \"https://a.example\"]\n[listen]\n".to_owned(),
            4,
            "begins on line 1 already",
        ),
        (
            format!("visibility.private_channels = \"members\"\n{visibility}"),
            2,
            "what this section sets was set before",
        ),
    ] {
        let found = problems(&format!("{text}{KEYS}"));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(&format!("w.toml:{line}:")), "{found:?}");
        assert!(found[0].contains(told), "{found:?}");
    }
}

#[test]
fn a_word_that_is_no_level_is_refused() {
    for (level, told) in [
        ("warning", "did you mean \"warn\"?"),
        ("inof", "did you mean \"info\"?"),
        (
            "info,wardroom=debug,loud",
            "there is no such level; expected",
        ),
        ("wardroom=warning", "expected a level"),
        ("a=b=c", "expected a level"),
    ] {
        let found = problems(&format!("{KEYS}\n[log]\nlevel = \"{level}\""));
        assert_eq!(found.len(), 1, "{level}: {found:?}");
        assert!(
            found[0].starts_with("log.level: ") && found[0].contains(told),
            "{found:?}"
        );
    }
    for level in [
        "warn",
        "INFO",
        "off",
        "info,wardroom::policy=debug",
        "[span]=trace,error",
    ] {
        let text = format!("{KEYS}\n[log]\nlevel = \"{level}\"");
        assert_eq!(problems(&text), [""; 0], "{level}");
    }
}

#[test]
fn the_bounds_on_compiling_leave_the_compiler_something() {
    for (setting, problem) in [
        (
            "compile_timeout = \"0s\"",
            "compile_timeout: must be longer",
        ),
        ("compile_memory = \"255MiB\"", "compile_memory: must not be"),
    ] {
        let text = format!("[policy]\n{setting}");
        super::check(&text, &format!("policy.{problem}"));
    }
    let least = "[policy]\ncompile_timeout = \"1ms\"\ncompile_memory = \"256MiB\"";
    assert_eq!(problems(&format!("{KEYS}\n{least}")), [] as [&str; 0]);
}
