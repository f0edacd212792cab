//! What goes into the binary beside its code: templates of new policies, and the policies that ship.

#![allow(
    clippy::print_stdout,
    reason = "that is how a build script talks to cargo"
)]

mod profile;
mod shipped;
mod templates;

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let host = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = host.join("..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build");
    templates::write(&root, &out)?;
    shipped::write(&root, &out)
}
