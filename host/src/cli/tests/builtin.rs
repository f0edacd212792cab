//! Tests of how the policies in the binary are listed and used.

use super::*;

#[test]
fn the_policies_in_the_binary_are_listed_and_taken_by_the_tools() {
    let (code, out, err) = run(&["policy", "list", "--builtin"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    for policy in crate::builtin::all() {
        let line = out.lines().find(|line| {
            let rest = line.strip_prefix("builtin:");
            rest.is_some_and(|rest| rest.starts_with(policy.name))
        });
        let line = line.unwrap_or_else(|| panic!("{} in {out}", policy.name));
        assert!(line.ends_with(policy.description), "{line}");
    }
    let (code, out, err) = run(&["policy", "check", "builtin:private-channels"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("builtin:private-channels\n"), "{out}");
    let (code, _, err) = run(&["policy", "check", "builtin:private"], &[]);
    assert_eq!(code, 2);
    assert!(
        err.contains("there are builtin:media-credentials, "),
        "{err}"
    );
    let install = [
        "policy",
        "dev",
        ".",
        "--once",
        "--install",
        "builtin:private-channels",
    ];
    let (code, _, err) = run(&install, &[]);
    assert!(code == 2 && err.contains("cannot be replaced"), "{err}");
    // Without the flag a server is asked, for which a key is needed.
    let (code, _, err) = run(&["policy", "list"], &[]);
    assert!(code == 2 && err.contains("--key-file"), "{err}");
    let (code, _, err) = run(&["policy", "list", "--builtin", "--key-file", "key"], &[]);
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
}
