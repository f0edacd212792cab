//! Tests of where policies come from: files and the binary. They must not load any.

use super::*;

#[test]
fn a_policy_may_be_shadowed_by_a_file_that_is_not_there_yet() {
    let text = "[[policies]]\nname = \"a\"\nfile = \"w.toml\"\nshadow_file = \"next.wasm\"\n\
        isolation = \"per-call\"\ngrants = [\"wardroom:policy/directory\"]";
    let setup = Setup::new(&format!("{KEYS}\n{text}"));
    let policy = setup.production().unwrap().policies.remove(0);
    let candidate = setup.0.path().join("next.wasm");
    assert_eq!(policy.shadow, Shadow::Candidate(candidate));
    assert_eq!(policy.isolation, Isolation::PerCall);
    assert_eq!(policy.grants, ["wardroom:policy/directory"]);
}

#[test]
fn a_policy_in_the_binary_needs_no_file_and_is_no_path() {
    let text = "[[policies]]\nname = \"a\"\nfile = \"builtin:private-channels\"\n\
        shadow_file = \"builtin:profile-privacy\"";
    let setup = Setup::new(&format!("{KEYS}\n{text}"));
    let policy = setup.production().unwrap().policies.remove(0);
    assert_eq!(policy.file, Path::new("builtin:private-channels"));
    let candidate = "builtin:profile-privacy".into();
    assert_eq!(policy.shadow, Shadow::Candidate(candidate));

    // A file of such a name has a path.
    let text = "[[policies]]\nname = \"a\"\nfile = \"./builtin:mine\"";
    let setup = Setup::new(&format!("{KEYS}\n{text}")).file("builtin:mine", "");
    let policy = setup.production().unwrap().policies.remove(0);
    assert_eq!(policy.file, setup.0.path().join("builtin:mine"));
}

#[test]
fn an_unknown_policy_in_the_binary_is_answered_with_the_nearest_and_all() {
    for (key, other) in [("file", ""), ("shadow_file", "file = \"w.toml\"")] {
        let text =
            format!("[[policies]]\nname = \"a\"\n{other}\n{key} = \"builtin:workspace-gard\"");
        let found = problems(&format!("{KEYS}\n{text}"));
        let expected = format!(
            "policies[0].{key}: there is no builtin:workspace-gard; did you mean \
             builtin:workspace-guard? There are builtin:media-credentials, "
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&expected), "{found:?}");
    }
}

#[test]
fn whoever_names_a_file_that_is_not_there_hears_of_those_that_need_none() {
    let text = "[[policies]]\nname = \"a\"\nfile = \"private-channels\"";
    let found = problems(&format!("{KEYS}\n{text}"));
    assert_eq!(found.len(), 1, "{found:?}");
    for words in [
        "policies[0].file: there is no file",
        "`wardroom policy list --builtin`",
    ] {
        assert!(found[0].contains(words), "{words:?} in {found:?}");
    }
}

#[test]
fn a_policy_without_a_file_is_told_once() {
    for file in ["", "file = \"\""] {
        let found = problems(&format!("{KEYS}\n[[policies]]\nname = \"a\"\n{file}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("policies[0].file: required; "),
            "{found:?}"
        );
    }
}
