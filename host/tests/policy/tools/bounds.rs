//! The tools compile as a server does: apart, within its bounds, and only what it would.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use wardroom::policy::{Compiler, PolicyLimits};

use super::{assert_code, assert_has, folder, policy, policy_by, text};
use crate::bombs;
use crate::compiling::{apart, made, program, refusal};
use crate::fixtures::{guest, limits};

/// A case that any policy that hides everything passes.
const CASE: &str = "[[case]]\nname = \"hidden\"\nchannel = { id = \"c\" }\n\
                    expect = { rule = \"nobody\" }\n";

/// Runs each of the tools that compile on a component, with these arguments in the end.
fn each_tool(file: &Path, end: &[&str], then: impl Fn(&str, ExitCode, &str)) {
    let (_folder, cases) = folder("cases.toml", CASE);
    for tool in [
        &["check", text(file)][..],
        &["test", text(file), text(&cases)],
        &["bench", text(file)],
    ] {
        let (code, out, err) = policy(&[tool, end].concat());
        then(tool[0], code, &format!("{out}{err}"));
    }
}

#[test]
fn what_takes_too_long_is_refused_as_by_a_server() {
    let (_folder, file) = made(bombs::slow);
    each_tool(&file, &["--compile-timeout", "1s"], |tool, code, said| {
        assert_code(code, 1);
        assert!(said.contains("takes longer than 1s"), "{tool}: {said}");
        assert_has(said, &["raise policy.compile_timeout"]);
    });
}

#[test]
fn what_takes_too_much_memory_is_refused_as_by_a_server() {
    let (_folder, file) = made(bombs::large);
    let end = ["--compile-memory", "512MiB", "--compile-timeout", "5m"];
    each_tool(&file, &end, |tool, code, said| {
        assert_code(code, 1);
        assert!(
            said.contains("more memory than 512.0 MiB"),
            "{tool}: {said}"
        );
        assert_has(said, &["raise policy.compile_memory"]);
    });
}

#[test]
fn the_bounds_are_those_of_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let text_of = format!("echo \"$@\" > {}; printf rseen", seen.display());
    let compiler = program(&folder, &text_of);
    let (code, out, _) = policy_by(compiler, &["check", text(&guest("nobody"))]);
    assert_code(code, 1);
    assert_has(&out, &["not a valid component: seen"]);
    let given = fs::read_to_string(seen).unwrap();
    let memory = PolicyLimits::default().compile_memory_bytes.to_string();
    assert!(
        given.starts_with(&format!("compile-component {memory} ")),
        "{given}"
    );
}

/// A compiler that says that it was asked would be heard.
#[test]
fn what_can_be_seen_from_outside_is_refused_without_compiling() {
    let folder = tempfile::tempdir().unwrap();
    let reads = env!("CARGO_BIN_EXE_wardroom");
    let stands_in =
        format!("case \"$*\" in *--surfaces*) exec {reads} \"$@\";; esac; printf rasked");
    let compiler = program(&folder, &stands_in);
    for name in ["liar", "half", "future", "reaches_out", "no_hook"] {
        let (code, out, _) = policy_by(compiler.clone(), &["check", text(&guest(name))]);
        assert_code(code, 1);
        assert!(!out.contains("asked"), "{name}: {out}");
        assert_has(&out, &["refused: "]);
    }
    let (_, out, _) = policy_by(compiler, &["check", text(&guest("nobody"))]);
    assert_has(&out, &["not a valid component: asked"]);
}

/// The code that counts instructions is of another kind, which the engine would refuse.
#[test]
fn what_is_measured_is_compiled_apart_as_well() {
    let (code, out, err) = policy(&["bench", text(&guest("nobody")), "--json"]);
    assert_eq!(err, "");
    assert_code(code, 0);
    let costs: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(costs["hooks"][0]["instructions"].as_u64().unwrap() > 0);
}

/// The library that reads interfaces goes round in this circle until its stack is used up, which would end
/// the process that it is in.
#[test]
fn packages_that_need_each_other_in_a_circle_end_no_tool_and_no_server() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds/component/packages_in_a_circle.wasm");
    let (code, out, _) = policy(&["check", text(&file)]);
    assert_code(code, 1);
    assert_has(&out, &["in a circle", "refused: "]);
    let said = refusal(&file, apart(), limits());
    assert!(!said.is_empty());
}

#[test]
fn what_a_component_shows_is_the_same_wherever_it_is_read() {
    let file = guest("liar");
    let (_, here, _) = policy_by(Compiler::Here, &["check", text(&file), "--json"]);
    let (_, apart, _) = policy_by(apart(), &["check", text(&file), "--json"]);
    assert_eq!(here, apart);
    assert!(here.contains("\"refused\""), "{here}");
}
