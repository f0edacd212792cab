//! Tests of [`super`]: worlds as WIT text, what is said of them, and nothing of engines.

use super::*;

const DENIAL: &str = "record denial { code: string, message: string }";

/// Compares the world `guest` of a package, whose text may use the released one.
fn said_of(source: &str) -> Surfaces {
    let mut resolve = Resolve::default();
    if !source.contains("package wardroom:policy@") {
        let mut sources = wit_parser::SourceMap::new();
        for (name, text) in WIT {
            sources.push_str(name, text);
        }
        let group = sources
            .parse()
            .unwrap_or_else(|_| panic!("the released WIT"));
        resolve.push_group(group).expect("the released WIT");
    }
    let package = resolve
        .push_source("guest.wit", source)
        .expect("a test's WIT");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("the world");
    compare(&resolve, world)
}

/// The findings as lines, those that refuse marked.
fn lines(source: &str) -> Vec<String> {
    let mark = |f: &Finding| if f.refused { "refused" } else { "note" };
    let findings = said_of(source).findings;
    findings
        .iter()
        .map(|finding| format!("{} {finding}", mark(finding)))
        .collect()
}

#[track_caller]
fn assert_says(source: &str, parts: &[&str]) {
    let lines = lines(source);
    for part in parts {
        assert!(
            lines.iter().any(|l| l.contains(part)),
            "{part} in {lines:#?}"
        );
    }
}

#[test]
fn the_whole_released_interface_has_nothing_to_be_said_of() {
    let whole = said_of("package a:b; world guest { include wardroom:policy/policy@1.0.0; }");
    assert_eq!(whole.findings, []);
    assert_eq!(whole.hooks.len(), HOOKS.len());
    assert_eq!(whole.versions, [SPOKEN]);
    assert_eq!(whole.capabilities(), ["wardroom:policy/directory@1.0.0"]);
    let one =
        said_of("package a:b; world guest { include wardroom:policy/visibility-policy@1.0.0; }");
    assert_eq!(
        (one.findings, one.hooks),
        (vec![], vec!["channel-visibility".to_owned()])
    );
}

#[test]
fn an_answer_of_another_type_is_named() {
    let source = "package wardroom:policy@1.0.0;
        interface context { resource channel; resource subject; }
        interface channel-visibility {
            use context.{channel, subject};
            record verdict { seen: bool }
            audience: func(channel: borrow<channel>) -> verdict;
            decide: func(channel: borrow<channel>, subjects: list<subject>) -> list<bool>;
        }
        world guest { export channel-visibility; }";
    assert_says(
        source,
        &[
            "refused channel-visibility.audience: your component returns `verdict`, this server \
           expects `rule` (the WIT in your project is not the released wardroom:policy@1.0.0",
        ],
    );
    assert_eq!(lines(source).len(), 1);
}

#[test]
fn a_missing_and_a_misspelt_function_are_told_apart() {
    let source = "package wardroom:policy@1.0.0;
        interface context { resource channel; resource subject; }
        interface channel-visibility {
            use context.{channel, subject};
            variant rule { everyone, nobody, only(string) }
            audience: func(channel: borrow<channel>) -> rule;
            decides: func(channel: borrow<channel>, subjects: list<subject>) -> list<bool>;
        }
        world guest { export channel-visibility; }";
    assert_says(
        source,
        &[
            "refused channel-visibility.decide: your component lacks the function",
            "note channel-visibility.decides: the interface has no such function, so nobody calls \
             it (is `decide` meant?)",
            "refused channel-visibility.rule: your variant lacks the cases `except` and `each`",
            "refused channel-visibility.rule.only: your case is `string`, this server expects \
             `selector`",
        ],
    );
}

#[test]
fn a_variant_with_one_case_more_is_said_once_however_often_it_is_used() {
    let source = "package wardroom:policy@1.0.0;
        interface types {
            variant test { users(list<string>), roles(list<string>), channel-member,
                attribute(tuple<string, string>), weekday(u8) }
            record clause { all: list<test>, none: list<test> }
            record selector { any: list<clause> }
        }
        interface context { resource event; }
        interface events {
            use types.{selector};
            use context.{event};
            record rendition { to: selector, payload: string }
            variant rendering { unchanged, replaced(string), suppressed, split(list<rendition>) }
            render: func(event: borrow<event>) -> rendering;
        }
        world guest { export events; }";
    let said = lines(source);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].starts_with(
            "refused types.test: your variant has the case `weekday`, which this server does not \
             know"
        ),
        "{said:#?}"
    );
}

#[test]
fn fields_are_compared_by_name_order_and_type() {
    let admission = |denial: &str| {
        format!(
            "package wardroom:policy@1.0.0;
             interface types {{ {denial} }}
             interface context {{ resource request; }}
             interface admission {{
                use types.{{denial}};
                use context.{{request}};
                admit: func(request: borrow<request>) -> result<_, denial>;
             }}
             world guest {{ export admission; }}"
        )
    };
    assert_eq!(lines(&admission(DENIAL)), [] as [&str; 0]);
    let turned = "record denial { message: string, code: string }";
    assert_says(
        &admission(turned),
        &["types.denial: your record has its fields in another order"],
    );
    let other = "record denial { code: u32, message: string }";
    assert_says(
        &admission(other),
        &["types.denial.code: your field is `u32`, this server expects `string`"],
    );
}

#[test]
fn another_package_an_older_and_a_newer_version_are_said() {
    let hook = |package: &str| {
        format!(
            "package {package};
             interface events {{ render: func(event: string) -> string; }}
             world guest {{ export events; }}"
        )
    };
    assert_says(
        &hook("acme:policy@1.0.0"),
        &[
            "refused acme:policy/events@1.0.0: the hook `events` is exported under another package",
            "export `wardroom:policy/events@1.0.0`",
        ],
    );
    assert_says(
        &hook("wardroom:policy@1.7.0"),
        &["built against 1.7.0, this server speaks 1.0.0 (upgrade the server"],
    );
    assert_says(
        &hook("wardroom:policy@2.0.0"),
        &[
            "refused wardroom:policy/events@2.0.0: your component was built against 2.0.0, this \
             server speaks 1.0.0 (another major version is another interface: upgrade the server, \
             or write the policy against wardroom:policy@1.0.0)",
        ],
    );
    assert_says(
        &hook("wardroom:policy@0.3.0"),
        &[
            "built against 0.3.0, this server speaks 1.0.0 (another major version is another \
           interface: take the WIT of wardroom:policy@1.0.0 and build again)",
        ],
    );
    let unversioned = "package wardroom:policy;
        interface events { render: func(event: string) -> string; }
        world guest { export events; }";
    let mut resolve = Resolve::default();
    let package = resolve.push_source("guest.wit", unversioned).expect("WIT");
    let world = resolve.select_world(&[package], None).expect("a world");
    let said = compare(&resolve, world).findings[0].to_string();
    assert!(said.contains("a package without a version"), "{said}");
}

#[test]
fn imports_that_are_not_granted_are_named_with_what_brings_them_in() {
    let source = "package a:b;
        interface network { open: func(); }
        world guest {
            import network;
            import open-door: func();
            import wardroom:policy/lifecycle@1.0.0;
            export wardroom:policy/commands@1.0.0;
        }";
    assert_says(
        source,
        &[
            "refused a:b/network: your component imports it, and a policy is not granted it",
            "refused open-door: ",
            "refused wardroom:policy/lifecycle@1.0.0: your component imports a hook",
        ],
    );
    let (_, hint) = hints::import("wasi:http/outgoing-handler@0.2.0");
    assert!(hint.is_some_and(|hint| hint.contains("HTTP client")));
    assert!(
        hints::import("wasi:cli/environment@0.3.0")
            .0
            .contains("0.3")
    );
}

#[test]
fn a_getter_that_is_not_there_is_said_with_the_one_that_is() {
    let source = "package wardroom:policy@1.0.0;
        interface types { record denial { code: string, message: string } }
        interface context {
            resource request { claim: func() -> string; remote-address: func() -> string; }
        }
        interface admission {
            use types.{denial};
            use context.{request};
            admit: func(request: borrow<request>) -> result<_, denial>;
        }
        world guest { import context; export admission; }";
    assert_says(
        source,
        &[
            "refused context.request.claim: your component calls it, and this server does not \
             offer it (is `request.claims` meant?)",
            "refused context.request.remote-address: your component returns `string`, this server \
             expects `option<string>`",
        ],
    );
}

#[test]
fn of_what_a_runtime_exports_for_itself_nothing_is_said() {
    let source = "package a:b; world guest { export init: func(); export run: func(); }";
    assert_says(
        source,
        &["note run: this server never asks it", "it exports `run`"],
    );
    let lines = lines(source);
    assert!(
        !lines.iter().any(|line| line.contains("init")),
        "{lines:#?}"
    );
}

#[test]
fn no_hook_and_functions_by_themselves_are_said() {
    assert_says(
        "package a:b; world guest { export run: func(); }",
        &[
            "note run: this server never asks it",
            "refused exports: your component exports no hook",
            "it exports `run`",
        ],
    );
    assert_says(
        "package a:b; world guest { export audience: func(id: string) -> bool; }",
        &[
            "refused audience: it is exported by itself",
            "export wardroom:policy/channel-visibility@1.0.0",
        ],
    );
    assert_says(
        "package a:b; world guest { export wardroom:policy/lifecycle@1.0.0; }",
        &["exports no hook that decides; it exports `lifecycle`"],
    );
}

#[test]
fn a_file_that_is_no_component_has_no_surface() {
    assert_eq!(surfaces(b"\0asm\x01\0\0\0"), None);
    assert_eq!(surfaces(b"nothing"), None);
}

#[test]
fn an_export_that_nobody_asks_is_refused_if_it_is_of_the_package() {
    let world = |interface: &str| {
        format!(
            "package wardroom:policy@1.0.0;
             interface {interface} {{ judge: func(text: string) -> bool; }}
             world guest {{ export {interface}; }}"
        )
    };
    assert_says(
        &world("moderation"),
        &[
            "refused wardroom:policy/moderation@1.0.0: there is no such hook, so that what your \
             policy decides there would go unheard (remove the export, or use a server that asks \
             it)",
        ],
    );
    assert_says(
        &world("visibility"),
        &["(is `wardroom:policy/channel-visibility@1.0.0` meant?)"],
    );
    assert_says(
        &world("context"),
        &["refused wardroom:policy/context@1.0.0: your component exports it, and it is the server"],
    );
}

/// The interface as version 1.0.0 was released, which never changes.
const GOLDEN: [&str; 5] = [
    include_str!("../../../../tests/golden/1.0.0/wit/package.wit"),
    include_str!("../../../../tests/golden/1.0.0/wit/types.wit"),
    include_str!("../../../../tests/golden/1.0.0/wit/context.wit"),
    include_str!("../../../../tests/golden/1.0.0/wit/hooks.wit"),
    include_str!("../../../../tests/golden/1.0.0/wit/worlds.wit"),
];

/// Whatever a component of 1.0.0 imports and exports, all of it at once.
fn whole_of(files: &[&str]) -> Surfaces {
    let mut sources = wit_parser::SourceMap::new();
    for (number, text) in files.iter().enumerate() {
        sources.push_str(&format!("{number}.wit"), *text);
    }
    let group = sources.parse().unwrap_or_else(|_| panic!("WIT"));
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).expect("WIT");
    let world = resolve.select_world(&[package], Some("policy"));
    compare(&resolve, world.expect("the world of everything"))
}

#[test]
fn the_interface_still_takes_everything_that_was_built_against_the_first_release() {
    let whole = whole_of(&GOLDEN);
    assert_eq!(whole.findings, []);
    assert_eq!(whole.hooks.len(), 5);
    assert_eq!(whole.versions, ["1.0.0"]);
    assert_eq!(whole.capabilities(), ["wardroom:policy/directory@1.0.0"]);
}

#[test]
fn a_change_that_would_break_the_first_release_does_not_go_unnoticed() {
    // The released text is turned around instead: what it has more than the present interface is
    // what the present one would have lost.
    for (file, from, to) in [
        (1, "code: string", "code: string,\n  reason: string"),
        (
            2,
            "member-count: func() -> u32",
            "member-count: func() -> u64",
        ),
        (3, "-> list<bool>", "-> list<u8>"),
    ] {
        let mut files = GOLDEN.map(str::to_owned);
        assert!(files[file].contains(from), "{from} is not in the WIT");
        files[file] = files[file].replacen(from, to, 1);
        let files = files.each_ref().map(String::as_str);
        let findings = whole_of(&files).findings;
        assert!(
            findings.iter().any(|finding| finding.refused),
            "{to}: {findings:?}"
        );
    }
}
