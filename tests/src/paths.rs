//! Where things are that `cargo xtask test` makes before the tests run. It must not make any of them.

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lives in a folder of the repository")
}

/// The server: `TEST_SERVER_BIN`, or the one of the debug build.
#[must_use]
pub fn server() -> PathBuf {
    let named = std::env::var_os("TEST_SERVER_BIN").map(PathBuf::from);
    made(named.unwrap_or_else(|| target().join("debug/wardroom")))
}

/// The shipped policy that decides who may see private channels.
#[must_use]
pub fn private_channels() -> PathBuf {
    made(target().join("wasm32-wasip2/release/private_channels.wasm"))
}

/// A policy that ships, by the name of its folder in `plugins`.
#[must_use]
pub fn plugin(name: &str) -> PathBuf {
    let component = format!("{}.wasm", name.replace('-', "_"));
    made(target().join("wasm32-wasip2/release").join(component))
}

/// A policy that only tests have use for, of `tests/guests`.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    made(target().join(format!("wasm32-wasip2/release/examples/{name}.wasm")))
}

/// The driver of the JavaScript clients, with its packages installed.
#[must_use]
pub fn js_driver() -> PathBuf {
    let folder = root().join("tests/clients/js");
    made(folder.join("node_modules"));
    folder.join("driver.js")
}

/// A script of `tests/clients/python`.
#[must_use]
pub fn python_script(name: &str) -> PathBuf {
    root().join("tests/clients/python").join(name)
}

/// The Python interpreter that has the pinned packages.
#[must_use]
pub fn python() -> PathBuf {
    made(target().join("venv/bin/python"))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn made(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is not there; run the tests with `cargo xtask test`, which makes it",
        path.display()
    );
    path
}
