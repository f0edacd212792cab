//! The audit file, and what keys of backends are bound to.

use super::*;

#[test]
fn the_audit_file_is_off_unless_it_is_named() {
    assert_eq!(Setup::new(KEYS).production().unwrap().audit, None);
    let text = format!("{KEYS}\n[audit]\nfile = \"audit\"\nmax_size = \"1MiB\"");
    let setup = Setup::new(&text);
    let audit = setup.production().unwrap().audit.unwrap();
    assert_eq!(audit.path, setup.0.path().join("audit"));
    assert_eq!(audit.max_bytes, 1 << 20);
    check("[audit]\nmax_size = \"1KiB\"", "audit.max_size");
    check("[audit]\nfile = \"none/audit\"", "audit.file");
    check("[audit]\nfile = \".\"", "audit.file");
}

#[test]
fn a_key_is_bound_to_the_workspaces_that_are_listed() {
    let bound = |list: &str| format!("{KEYS}workspaces = {list}\n");
    let config = Setup::new(&bound(r#"["acme", "acme-*"]"#)).production();
    let workspaces = &config.unwrap().api_keys[0].workspaces;
    assert!(workspaces.covers("acme") && workspaces.covers("acme-eu"));
    assert!(!workspaces.covers("other") && !workspaces.is_everywhere());
    let everywhere = &Setup::new(KEYS).production().unwrap().api_keys[0].workspaces;
    assert!(everywhere.is_everywhere());
    for (list, at) in [
        ("[]", "api_keys[0].workspaces"),
        (r#"["*"]"#, "api_keys[0].workspaces[0]"),
        (r#"["acme", "a*b"]"#, "api_keys[0].workspaces[1]"),
        (r#"[""]"#, "api_keys[0].workspaces[0]"),
    ] {
        let problems = problems(&bound(list));
        assert_eq!(problems.len(), 1, "{list}: {problems:?}");
        assert!(problems[0].starts_with(at), "{list}: {problems:?}");
    }
}
