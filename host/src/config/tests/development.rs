//! Tests of development mode: what is generated, kept and warned of. They must not need secrets.

use super::*;

#[test]
fn development_mode_makes_what_is_missing_once() {
    let setup = Setup::new("");
    let first = setup.load(Mode::Development, &[]).unwrap();
    let key = first.demo.unwrap().api_key.unwrap();
    let keys = crate::auth::ApiKeys::new(first.api_keys);
    assert!(
        Scope::ALL
            .iter()
            .all(|scope| keys.verify(&key).unwrap().allows(*scope))
    );
    assert!(first.listen.public.ip().is_loopback());
    assert_eq!(first.warnings.len(), 2);
    assert_eq!(first.auth.tokens.keys.len(), 1);

    let again = setup.load(Mode::Development, &[]).unwrap();
    assert_eq!(again.demo.unwrap().api_key.unwrap(), key);
    let files: Vec<_> = fs::read_dir(setup.0.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert_eq!(files.len(), 2, "no draft is left behind: {files:?}");

    let damaged = setup.file(DEMO_FILE, "token_secret = \"hunter2");
    let error = damaged
        .load(Mode::Development, &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is damaged") && !error.contains("hunter2"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn the_demo_secrets_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new("");
    setup.load(Mode::Development, &[]).unwrap();
    let file = fs::metadata(setup.0.path().join(DEMO_FILE)).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn development_mode_keeps_what_is_configured_and_warns_of_weakness() {
    let setup = Setup::new(&KEYS.replace("0123456789abcdef0123456789abcdef", "short"));
    let config = setup.load(Mode::Development, &[]).unwrap();
    assert!(config.demo.unwrap().api_key.is_none());
    assert!(!setup.0.path().join(DEMO_FILE).exists());
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].starts_with("auth.keys[0].secret: the secret has 5 bytes"));
    let empty = Setup::new(&KEYS.replace("0123456789abcdef0123456789abcdef", ""));
    let found = problems_of(empty.load(Mode::Development, &[]));
    assert_eq!(found, ["auth.keys[0].secret: is empty"]);
}
