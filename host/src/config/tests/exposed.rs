//! Tests of what is said about secrets that others can read, and that are not what they seem. They
//! must not need the network.

use std::os::unix::fs::PermissionsExt;

use super::*;

const ENCODED: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

fn with_secret_file(encoding: &str) -> Setup {
    let keys = KEYS.replace(
        "secret = \"0123456789abcdef0123456789abcdef\"",
        &format!("secret_file = \"token-secret\"\n{encoding}"),
    );
    Setup::new(&keys).file("token-secret", &format!("{ENCODED}\n"))
}

/// Says who may do what with a file of the folder.
pub(super) fn set_mode(setup: &Setup, name: &str, mode: u32) {
    let mode = fs::Permissions::from_mode(mode);
    fs::set_permissions(setup.0.path().join(name), mode).unwrap();
}

fn warnings(setup: &Setup) -> Vec<String> {
    setup.production().unwrap().warnings
}

/// Whether others can come as far as the folders of temporary files are.
fn others_come_here(setup: &Setup) -> bool {
    let folder = setup.0.path().canonicalize().unwrap();
    let passes = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 1 != 0;
    folder.ancestors().all(passes)
}

fn give_away(setup: &Setup, name: &str) {
    set_mode(setup, "", 0o755);
    set_mode(setup, name, 0o644);
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_of_and_not_shown() {
    let said = "every user of this machine can read it";
    let setup = with_secret_file("secret_encoding = \"base64\"");
    set_mode(&setup, "token-secret", 0o600);
    assert_eq!(warnings(&setup), [] as [&str; 0]);
    give_away(&setup, "token-secret");
    // The configuration itself, which is as open, holds no secret.
    give_away(&setup, "w.toml");
    if others_come_here(&setup) {
        let found = warnings(&setup);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("auth.keys[0].secret_file: "),
            "{found:?}"
        );
        assert!(found[0].contains(said) && !found[0].contains(ENCODED));
    }
    let inline = Setup::new(KEYS);
    assert_eq!(warnings(&inline), [] as [&str; 0]);
    give_away(&inline, "w.toml");
    if others_come_here(&inline) {
        let found = warnings(&inline);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("w.toml") && found[0].contains(said));
    }
}

#[test]
fn a_secret_that_looks_encoded_is_asked_about_unless_it_is_said() {
    let encoded = |setup: Setup| {
        set_mode(&setup, "token-secret", 0o600);
        warnings(&setup)
    };
    let found = encoded(with_secret_file(""));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("auth.keys[0].secret_file: looks like base64"));
    assert!(!found[0].contains(ENCODED));
    for said in ["text", "base64"] {
        let setup = with_secret_file(&format!("secret_encoding = \"{said}\""));
        assert_eq!(encoded(setup), [] as [&str; 0], "{said}");
    }
}

#[test]
fn the_hash_of_an_example_is_refused_in_production() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let setup = Setup::new(&KEYS.replace(hash, &"0".repeat(64)));
    let found = problems_of(setup.production());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("api_keys[0].hash: is a placeholder"));
    let config = setup.load(Mode::Development, &[]).unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}
