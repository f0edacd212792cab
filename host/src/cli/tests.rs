//! Tests of [`super`]: arguments and an environment in, texts and an exit code out. They must not start a server.

#![allow(clippy::unwrap_used)]

mod builtin;
mod init;

use std::fs;

use clap::CommandFactory;
use tempfile::TempDir;

use super::*;
use crate::auth::{ApiKeys, Scope, TokenVerifier};
use crate::config::DEMO_FILE;

/// Runs the arguments; returns the code, the standard output and the standard error.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["wardroom"].iter().chain(arguments).map(OsString::from);
    let environment = environment
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let code = code(arguments, environment, Compiler::Here, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(err))
}

fn folder(text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("w.toml");
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (folder, file)
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn whoever_stops_reading_is_told_nothing_more() {
    /// A pipe whose reader is gone.
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let arguments = [
        "wardroom",
        "api-key",
        "--name",
        "b",
        "--scope",
        "directory:write",
    ];
    let mut err = Vec::new();
    let arguments = arguments.map(OsString::from);
    let code = code(arguments, [], Compiler::Here, &mut Gone, &mut err);
    assert_eq!((code, err.as_slice()), (RUNTIME_FAILURE, &b""[..]));
}

#[test]
fn help_and_version_are_results_and_mistakes_are_not() {
    let (code, out, err) = run(&["--help"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    for part in [
        "serve",
        "check-config",
        "token",
        "api-key",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    for subcommand in [
        "serve",
        "init",
        "check-config",
        "token",
        "api-key",
        "policy",
    ] {
        let (code, out, _) = run(&[subcommand, "--help"], &[]);
        assert!(code == 0 && out.contains("Examples:"), "{out}");
    }
    for tool in ["new", "list", "check", "test", "bench", "dev"] {
        let (code, out, _) = run(&["policy", tool, "--help"], &[]);
        assert!(code == 0 && out.contains("Examples:"), "{out}");
    }
    let version = format!("wardroom {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"], &[]), (0, version, String::new()));

    for wrong in [
        &["sevre"][..],
        &["serve", "--devv"],
        &[],
        &["api-key", "--name", "x"],
    ] {
        let (code, out, err) = run(wrong, &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{wrong:?}");
        assert!(err.contains("Usage:"), "{err}");
    }
}

#[test]
fn a_new_policy_is_written_once_and_says_how_it_goes_on() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("mine");
    let place = place.to_str().unwrap();
    let new = |language: &str, name: &str| {
        run(
            &["policy", "new", "--lang", language, name, "--path", place],
            &[],
        )
    };
    for (language, name, said) in [
        (
            "cobol",
            "quiet-hours",
            "there are assemblyscript, c, cpp, go, ",
        ),
        (
            "c",
            "Quiet Hours",
            "\"Quiet Hours\" is no name for a policy: a name is words",
        ),
        ("c", "struct", "`my-struct`"),
    ] {
        let (code, out, err) = new(language, name);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains(said) && !fs::exists(place).unwrap(), "{err}");
    }
    let (code, out, err) = new("c", "quiet-hours");
    assert_eq!((code, err.as_str()), (0, ""));
    let lines = [
        "  make\n",
        "  wardroom policy test build/quiet-hours.wasm cases.toml admission.toml\n",
    ];
    for line in lines {
        assert!(out.contains(line) && out.contains(place), "{out}");
    }
    let (code, _, err) = new("c", "quiet-hours");
    assert_eq!(code, 2);
    assert!(
        err.contains("is there already") && err.contains("--path"),
        "{err}"
    );
}

#[test]
fn every_scope_is_explained_by_its_help() {
    let (_, help, _) = run(&["api-key", "--help"], &[]);
    for scope in Scope::ALL {
        assert!(help.contains(&format!("  {scope} ")), "{scope} in {help}");
    }
    let (code, _, err) = run(&["api-key", "--name", "x", "--scope", "root"], &[]);
    assert!(
        code == 2 && err.contains("directory:read, directory:write"),
        "{err}"
    );
}

#[test]
fn a_made_key_is_accepted_by_its_section() {
    let arguments = [
        "api-key",
        "--name",
        "the \"backend\"",
        "--scope",
        "ops:read",
    ];
    let (code, out, err) = run(&arguments, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let key = out.lines().find(|line| line.starts_with("wr_")).unwrap();
    let section = out.split_once("configuration:\n").unwrap().1;

    let (_folder, file) = folder(section);
    let config = Config::load(Some(file.as_ref()), [], Mode::Development).unwrap();
    let keys = ApiKeys::new(config.api_keys);
    let found = keys.verify(key).unwrap();
    assert_eq!(found.name, "the \"backend\"");
    assert!(found.allows(Scope::OpsRead) && !found.allows(Scope::DirectoryWrite));
    assert_ne!(run(&arguments, &[]).1, out, "keys are random");
}

#[test]
fn a_made_key_is_bound_to_the_workspaces_that_are_named() {
    let arguments = [
        "api-key",
        "--name",
        "acme",
        "--scope",
        "directory:read",
        "--workspace",
        "acme",
        "--workspace",
        "acme-*",
    ];
    let (code, out, err) = run(&arguments, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let key = out.lines().find(|line| line.starts_with("wr_")).unwrap();
    let section = out.split_once("configuration:\n").unwrap().1;
    let (_folder, file) = folder(section);
    let config = Config::load(Some(file.as_ref()), [], Mode::Development).unwrap();
    let keys = ApiKeys::new(config.api_keys);
    let workspaces = &keys.verify(key).unwrap().workspaces;
    assert!(workspaces.covers("acme") && workspaces.covers("acme-eu"));
    assert!(!workspaces.covers("acmes") && !workspaces.is_everywhere());
    for wrong in ["*", "a*b", ""] {
        let arguments = ["api-key", "-n", "x", "-s", "ops:read", "-w", wrong];
        assert_eq!(run(&arguments, &[]).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_token_of_development_mode_is_accepted_by_it() {
    let (folder, file) = folder("");
    let arguments = ["token", "--dev", "-c", &file, "--user", "ann"];
    let workspaces = [
        "--workspace",
        "demo:guest",
        "-w",
        "shop",
        "-w",
        "a:b:",
        "--ttl",
        "5m",
    ];
    // A secret that no server knows is of no use.
    let (code, out, err) = run(&arguments, &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains(&format!("\n  {DEMO_FILE}: there is none here")),
        "{err}"
    );
    assert!(
        err.contains("in which `wardroom serve --dev` was started"),
        "{err}"
    );
    assert!(!folder.path().join(DEMO_FILE).exists());

    let config = Config::load(Some(file.as_ref()), [], Mode::Development).unwrap();
    assert!(folder.path().join(DEMO_FILE).exists());
    let (code, out, err) = run(&[&arguments[..], &workspaces].concat(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let bearer = format!("Bearer {}", out.trim_end());
    let (code, said, err) = run(&["token", "check", "--dev", "-c", &file, &bearer], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(said.starts_with("The token is accepted.\n"), "{said}");
    assert!(said.ends_with("a client sends it without\n"), "{said}");
    let verifier = TokenVerifier::new(config.auth.tokens);
    let claims = verifier.verify(out.trim_end()).unwrap();
    let roles: Vec<_> = claims
        .workspaces
        .iter()
        .map(|(id, role)| (id.as_str(), role.as_ref().map(|role| role.as_str())))
        .collect();
    assert_eq!(claims.user.as_str(), "ann");
    assert_eq!(
        roles,
        [("a:b", None), ("demo", Some("guest")), ("shop", None)]
    );

    let (code, _, err) = run(&[&arguments[..], &["--ttl", "0s"]].concat(), &[]);
    assert!(code == 2 && err.contains("must live between"), "{err}");
    for wrong in [["--user", ""], ["--workspace", ":x"], ["--ttl", "soon"]] {
        let (code, _, err) = run(&[&["token", "--dev"][..], &wrong].concat(), &[]);
        assert!(code == 2 && err.contains(wrong[0]), "{err}");
    }
}

#[test]
fn a_wrong_configuration_is_one_readable_block() {
    let (_folder, file) = folder("[listen]\npublic = \"here\"");
    let expected = format!(
        "error: the configuration ({file}) cannot be used:\n  \
         listen.public: expected address:port, such as \"127.0.0.1:7801\" or \"[::]:7800\"\n  \
         auth.keys: none configured"
    );
    for subcommand in ["check-config", "serve"] {
        let (code, out, err) = run(&[subcommand, "--config", &file], &[]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.starts_with(&expected), "{err}");
        assert!(err.contains("\n  api_keys: none configured"), "{err}");
    }
    let variable = [("WARDROOM_LISTN", "x")];
    let (code, _, err) = run(&["check-config", "-c", &file], &variable);
    assert!(code == 2 && err.contains("WARDROOM_LISTN: "), "{err}");
}

#[test]
fn a_valid_configuration_is_summarised_without_secrets() {
    let (_folder, file) = folder(
        "[[auth.keys]]\nid = \"k1\"\nalg = \"HS256\"\nsecret = \"0123456789abcdef0123456789abcdef\"",
    );
    let hash = crate::auth::KeyHash::of("x").to_string();
    let environment = [
        ("WARDROOM_API_KEYS__0__NAME", "backend"),
        ("WARDROOM_API_KEYS__0__HASH", &hash),
        (
            "WARDROOM_API_KEYS__0__SCOPES",
            "['directory:read', 'ops:read']",
        ),
    ];
    let (code, out, err) = run(&["check-config", "-c", &file], &environment);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("key       k1 (HS256)"), "{out}");
    assert!(
        out.contains("API key   backend (directory:read, ops:read)"),
        "{out}"
    );
    let private = "private channels  for their listed members, whatever policies say";
    assert!(out.contains(private), "{out}");
    assert!(
        !out.contains("0123456789abcdef") && !out.contains("sha256"),
        "{out}"
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let name = OsString::from("WARDROOM_LOG__LEVEL");
    let environment = [(name, OsString::from_vec(vec![0xff]))];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["wardroom", "check-config"].map(OsString::from);
    let code = code(arguments, environment, Compiler::Here, &mut out, &mut err);
    assert_eq!(code, 2);
    let err = String::from_utf8(err).unwrap();
    assert_eq!(
        err,
        "error: the variable WARDROOM_LOG__LEVEL is not UTF-8\n"
    );
}

#[test]
fn a_key_comes_from_a_file_or_the_environment_and_is_never_shown() {
    let explain = ["policy", "explain", "-w", "w", "-u", "ann", "-c", "board"];
    let (code, _, err) = run(&explain, &[]);
    assert_eq!(code, 2);
    assert!(
        err.contains("--key-file") && err.contains("WARDROOM_API_KEY"),
        "{err}"
    );
    // Nobody listens at this address.
    let at = |arguments: &[&'static str]| {
        [&explain[..], &["--url", "http://127.0.0.1:1"], arguments].concat()
    };
    let variable = [("WARDROOM_API_KEY", "wr_from_the_environment")];
    let (code, _, err) = run(&at(&[]), &variable);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("127.0.0.1:1") && !err.contains("wr_from"),
        "{err}"
    );
    let (code, _, err) = run(&at(&["--key-file", "/there/is/none"]), &variable);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(&at(&["--key", "wr_x"]), &[]);
    assert_eq!(code, 2, "a key is no argument: {err}");
    // The variable is no setting, and does not keep a server from starting.
    let (_folder, file) = folder("");
    let (_, _, err) = run(&["check-config", "-c", &file], &variable);
    assert!(!err.contains("WARDROOM_API_KEY"), "{err}");
}
