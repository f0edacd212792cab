//! Building: the server, the shipped policies, the guests of the tests.

use anyhow::{Context, Result};

use crate::setup::{self, GUEST_TARGET};
use crate::shell::{cargo, command, root, run, target};

/// The guest of the tests that is a script.
const SCRIPT: &str = "tests/guests/javascript";

/// Builds the policies in `plugins/` to components in `target/wasm32-wasip2/release`.
pub(crate) fn policies() -> Result<()> {
    let names = shipped()?;
    let packages = names.iter().flat_map(|name| ["--package", name]);
    guest(&packages.collect::<Vec<_>>())
}

/// The names of the policies that ship: each folder of `plugins/` is a package of its name.
pub(crate) fn shipped() -> Result<Vec<String>> {
    let folders = std::fs::read_dir(root().join("plugins")).context("there is no plugins/")?;
    let mut names = Vec::new();
    for folder in folders {
        let folder = folder.context("cannot list plugins/")?;
        if folder.path().join("Cargo.toml").exists() {
            names.push(folder.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds the guests of the tests: those in Rust and the one in JavaScript to
/// `target/wasm32-wasip2/release/examples`, the one in Python to `target/python-guests`.
pub(crate) fn guests() -> Result<()> {
    guest(&["--package", "wardroom-guests", "--examples"])?;
    script()?;
    setup::python_with_environments()?;
    run(&mut command("python3", &["tests/guests/python/build.py"]))
}

fn script() -> Result<()> {
    setup::npm(SCRIPT)?;
    let folder = root().join(SCRIPT);
    run(command("npm", &["run", "--silent", "build"]).current_dir(&folder))?;
    let built = folder.join("build/sees.wasm");
    let beside_the_others = target()
        .join(GUEST_TARGET)
        .join("release/examples/sees.wasm");
    std::fs::copy(&built, beside_the_others)
        .with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(())
}

/// Builds one guest of the tests.
pub(crate) fn guest_named(name: &str) -> Result<()> {
    guest(&["--package", "wardroom-guests", "--example", name])
}

fn guest(packages: &[&str]) -> Result<()> {
    setup::guest_target()?;
    let mut build = cargo(&["build", "--locked", "--release", "--target", GUEST_TARGET]);
    // What debuggers of the host need would be most of a component. A policy is compiled once more
    // by every server that loads it, so small is fast.
    build
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "true")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    run(build.args(packages))
}

/// Builds the server for development.
pub(crate) fn server() -> Result<()> {
    run(&mut cargo(&["build", "--locked"]))
}

/// Builds everything as the tests have it, with the features that all packages together ask for:
/// another choice of packages would build every dependency once more.
pub(crate) fn workspace() -> Result<()> {
    run(&mut cargo(&["build", "--locked", "--workspace"]))
}
