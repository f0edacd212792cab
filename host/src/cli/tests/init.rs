//! Tests of a first configuration: made once, and fit for all that is done with one.

use super::*;

#[test]
fn a_first_configuration_is_made_once_and_can_be_used() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("a new folder");
    let place = place.to_str().unwrap();
    let (code, out, err) = run(&["init", place], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let file = format!("{place}/wardroom.toml");
    let quoted = format!("'{file}'");
    for words in [
        file.as_str(),
        &format!("{place}/token-secret"),
        &format!("  wardroom serve --config {quoted}\n"),
        &format!("  wardroom token --config {quoted} --user ann --workspace demo\n"),
        "http://127.0.0.1:7800",
        "http://127.0.0.1:7801/v1/workspaces/demo/channels/general",
    ] {
        assert!(out.contains(words), "{words:?} in {out}");
    }
    let (code, checked, err) = run(&["check-config", "-c", &file], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        checked.contains("API key   backend") && !checked.contains("Warning"),
        "{checked}"
    );
    let key = out
        .lines()
        .find_map(|line| line.strip_prefix("  wr_"))
        .unwrap();
    let config = Config::load(Some(file.as_ref()), [], Mode::Production).unwrap();
    let verifier = TokenVerifier::new(config.auth.tokens);
    assert!(
        ApiKeys::new(config.api_keys)
            .verify(&format!("wr_{key}"))
            .is_some()
    );
    let ann = ["token", "-c", &file, "--user", "ann", "--workspace", "demo"];
    let (code, token, err) = run(&ann, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        verifier.verify(token.trim_end()).unwrap().user.as_str(),
        "ann"
    );

    let before = fs::read(&file).unwrap();
    for place in [place, &file] {
        let (code, out, err) = run(&["init", place], &[]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(
            err.contains(&file) && err.contains("is there already"),
            "{err}"
        );
    }
    assert!(fs::read(&file).unwrap() == before);
}

#[test]
fn the_example_is_in_the_binary() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../wardroom.example.toml");
    let example = fs::read_to_string(example).unwrap();
    assert_eq!(
        run(&["init", "--example"], &[]),
        (0, example, String::new())
    );
    let (code, _, err) = run(&["init", "--example", "there"], &[]);
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
}
