//! Building: the server, the shipped policies, the guests of the tests.

use std::fs::{self, File};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::profile::{GUEST_TARGET, PROFILE, SHIPPED_FOLDER};
use crate::setup;
use crate::shell::{cargo, command, root, run, target};

/// The guest of the tests that is a script.
const SCRIPT: &str = "tests/guests/javascript";

/// Builds the policies in `plugins/` to components in `target/wasm32-wasip2/release`, and keeps them
/// for the builds of the server, which have them in the binary.
pub(crate) fn policies() -> Result<()> {
    let names = shipped()?;
    let packages = names.iter().flat_map(|name| ["--package", name]);
    let began = SystemTime::now();
    guest(&packages.collect::<Vec<_>>())?;
    keep(&names, began)
}

/// Keeps a copy of each component. Its time is that of the sources it was built from: what has changed
/// since then is not in it.
fn keep(names: &[String], began: SystemTime) -> Result<()> {
    let folder = target().join(SHIPPED_FOLDER);
    let kept = |name: &String| {
        let component = format!("{}.wasm", name.replace('-', "_"));
        let built = target().join(GUEST_TARGET).join("release").join(&component);
        fs::copy(built, folder.join(&component))?;
        let copy = File::options().write(true).open(folder.join(&component))?;
        copy.set_modified(began)
    };
    fs::create_dir_all(&folder)
        .and_then(|()| names.iter().try_for_each(kept))
        .with_context(|| format!("cannot keep the policies in {}", folder.display()))
}

/// The names of the policies that ship: each folder of `plugins/` is a package of its name.
pub(crate) fn shipped() -> Result<Vec<String>> {
    let folders = fs::read_dir(root().join("plugins")).context("there is no plugins/")?;
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
    fs::copy(&built, beside_the_others)
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
    build.envs(PROFILE);
    run(build.args(packages))
}

/// Builds the server for development, and nothing else: none of what the tests, the simulation and the
/// benchmark need is compiled, nor the features that only they ask for.
pub(crate) fn server() -> Result<()> {
    let server = [
        "build",
        "--locked",
        "--package",
        "wardroom",
        "--bin",
        "wardroom",
    ];
    run(&mut cargo(&server))
}

/// Builds everything as the tests have it, with the features that all packages together ask for:
/// another choice of packages would build every dependency once more.
pub(crate) fn workspace() -> Result<()> {
    run(&mut cargo(&["build", "--locked", "--workspace"]))
}
