//! What a component exports is what is asked of it, and what its source names, and nothing else: a hook
//! that nobody exports costs nothing. The components are read here without the server's own loader.

use std::fs;
use std::path::{Path, PathBuf};

use wardroom::policy::PolicyState;
use wit_parser::WorldItem;
use wit_parser::decoding::{DecodedWasm, decode};

use crate::fixtures::{guest, load, plugin};

/// Everything that a component exports, by its whole name.
fn exports(component: &Path) -> Vec<String> {
    let bytes = fs::read(component).unwrap();
    let DecodedWasm::Component(resolve, world) = decode(&bytes).unwrap() else {
        panic!("{} is no component", component.display());
    };
    let world = &resolve.worlds[world];
    let name = |(key, item): (_, &WorldItem)| match item {
        WorldItem::Interface { .. } => resolve.name_world_key(key),
        other => panic!("{} exports {other:?}", component.display()),
    };
    let mut names: Vec<_> = world.exports.iter().map(name).collect();
    names.sort();
    names
}

/// The hooks that a source names in `export!`, in the words of the interface.
fn named(source: &Path) -> Vec<String> {
    let text = fs::read_to_string(source).unwrap();
    let (_, rest) = text.split_once("\nwardroom_policy::export!(").unwrap();
    let (_, hooks) = rest.split_once(')').unwrap().0.split_once(':').unwrap();
    let hooks = hooks.split(',').map(|hook| hook.trim().replace('_', "-"));
    let mut names: Vec<_> = hooks
        .map(|hook| format!("wardroom:policy/{hook}@1.0.0"))
        .collect();
    names.sort();
    names
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

#[track_caller]
fn assert_exports_what_it_names(component: &Path, source: &Path) -> Vec<String> {
    let names = named(source);
    assert_eq!(exports(component), names, "{}", source.display());
    names
}

#[test]
fn the_shipped_policies_export_exactly_the_hooks_that_they_name() {
    let mut checked = Vec::new();
    for folder in fs::read_dir(root().join("plugins")).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let component = plugin(&name.replace('-', "_"));
        let names = assert_exports_what_it_names(&component, &folder.join("src/lib.rs"));
        assert!(names.len() >= 2, "{name}: {names:?}");
        checked.push(name);
    }
    checked.sort();
    assert_eq!(
        checked,
        [
            "media-credentials",
            "private-channels",
            "profile-privacy",
            "workspace-guard"
        ]
    );
}

#[test]
fn what_the_sdk_builds_exports_exactly_the_hooks_that_are_named() {
    for (name, hooks) in [("sdk_one", 1), ("sdk_two", 2), ("sdk_all", 5)] {
        let source = root().join(format!("tests/guests/examples/{name}.rs"));
        let names = assert_exports_what_it_names(&guest(name), &source);
        assert_eq!(names.len(), hooks, "{names:?}");
    }
}

#[test]
fn a_server_asks_exactly_the_hooks_that_are_exported() {
    for (component, expected) in [
        (guest("sdk_one"), &["admission"][..]),
        (guest("sdk_two"), &["channel-visibility", "events"]),
        (
            plugin("private_channels"),
            &["lifecycle", "channel-visibility"],
        ),
    ] {
        let policies = load(&component).unwrap();
        let status = policies.status().remove(0);
        assert_eq!(status.hooks, expected);
        assert_eq!(status.state, PolicyState::Active);
        let asked = policies.current().hooks();
        for (name, asked) in [
            ("admission", asked.admission),
            ("channel-visibility", asked.visibility),
            ("commands", asked.commands),
            ("events", asked.events),
        ] {
            assert_eq!(asked, expected.contains(&name), "{name}");
        }
    }
}
