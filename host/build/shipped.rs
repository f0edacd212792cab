//! Puts the policies of `plugins/` into the binary, as components. Those that `cargo xtask` has built
//! from the present sources are taken; otherwise they are built here, apart from everything else that
//! is built. Knows not what is in them.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;
use std::{env, fs};

use super::profile::{GUEST_TARGET, PROFILE, SHIPPED_FOLDER};

/// What components are made of besides their own packages: each file, and all of each folder.
const SHARED: [&str; 5] = [
    "Cargo.toml",
    "Cargo.lock",
    "sdk/rust/Cargo.toml",
    "sdk/rust/src",
    "wit",
];
/// The same, of each package.
const OWN: [&str; 2] = ["Cargo.toml", "src"];
/// What the description of each package begins with.
const DESCRIPTION: &str = "description = \"Policy: ";
/// What the heading of the table of settings begins with in the README of each.
const SETTINGS: &str = "| setting";

/// Folders between what cargo gives this script and the one for everything that is built, at most:
/// of the script, of all scripts, of a profile, of a target.
const TARGET_DEPTH: usize = 5;

/// Variables that say how to reach registries and how much to do at once. All other variables of cargo
/// and rustc are about the server: whoever checks it with clippy, or builds it with a sanitizer, does
/// not mean components.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_MAKEFLAGS",
    "CARGO_BUILD_JOBS",
];
const NOT_KEPT: [&str; 6] = [
    "CARGO",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
];

/// Writes `shipped.rs` to `out`, and the components beside it.
pub(crate) fn write(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let names = names(root)?;
    let changed = last_change(root, &names)?;
    let built = match taken(root, out, &names, changed) {
        Some(folder) => Some(folder),
        None if has_target()? => Some(build(root, out, &names)?),
        None => None,
    };
    let mut code = "static SHIPPED: &[BuiltIn] = &[\n".to_owned();
    for name in built.iter().flat_map(|_| &names) {
        let package = root.join("plugins").join(name);
        let description = description(&package.join("Cargo.toml"))?;
        let settings = settings(&package.join("README.md"))?;
        writeln!(
            code,
            "BuiltIn {{ name: {name:?}, description: {description:?}, settings: &{settings:?},"
        )?;
        writeln!(
            code,
            "bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\")) }},"
        )?;
    }
    code += "];\n";
    for (name, folder) in names.iter().zip(built.iter().cycle()) {
        let component = folder.join(component(name));
        fs::copy(&component, out.join(format!("{name}.wasm")))
            .map_err(|error| format!("{}: {error}", component.display()))?;
    }
    Ok(fs::write(out.join("shipped.rs"), code)?)
}

/// The name of each package in `plugins/`, in order.
fn names(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("plugins"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            let name = entry.file_name().into_string();
            names.push(name.map_err(|_| "a name that is not UTF-8")?);
        }
    }
    names.sort();
    Ok(names)
}

/// What cargo calls the component of a package.
fn component(name: &str) -> String {
    format!("{}.wasm", name.replace('-', "_"))
}

/// What a package says of its policy.
fn description(manifest: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(manifest)?;
    let mut lines = text.lines();
    let description = lines.find_map(|line| line.strip_prefix(DESCRIPTION)?.strip_suffix('"'));
    let description = description
        .ok_or_else(|| format!("{}: no line begins with {DESCRIPTION}", manifest.display()))?;
    Ok(description.to_owned())
}

/// The settings of a policy: what stands in backticks in the first column of the table whose heading
/// begins so; of a list of tables that the heading names, what stands in each.
fn settings(readme: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", readme.display());
    let text = fs::read_to_string(readme)?;
    let mut rows = text.lines().skip_while(|line| !line.starts_with(SETTINGS));
    let heading = rows.next();
    let heading =
        heading.ok_or_else(|| format!("{}: no line begins with {SETTINGS}", readme.display()))?;
    let within = named(heading).next().map(|list| format!("{list}[]."));
    let within = within.unwrap_or_default();
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    Ok(rows
        .flat_map(named)
        .map(|name| format!("{within}{name}"))
        .collect())
}

/// What stands in backticks in the first column of a row.
fn named(row: &str) -> impl Iterator<Item = &str> {
    let column = row.split('|').nth(1).unwrap_or_default();
    column.split('`').skip(1).step_by(2)
}

/// When anything was last changed that components are made of. Tells cargo to watch all of it.
fn last_change(root: &Path, names: &[String]) -> Result<SystemTime, Box<dyn Error>> {
    let shared = SHARED.iter().map(|path| root.join(path));
    let own = |name| {
        let package = root.join("plugins").join(name);
        OWN.map(|path| package.join(path))
    };
    let mut last = SystemTime::UNIX_EPOCH;
    for path in shared.chain(names.iter().flat_map(own)) {
        println!("cargo::rerun-if-changed={}", path.display());
        last = last.max(changed(&path)?);
    }
    Ok(last)
}

fn changed(path: &Path) -> Result<SystemTime, Box<dyn Error>> {
    let about = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut last = about.modified()?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            last = last.max(changed(&entry?.path())?);
        }
    }
    Ok(last)
}

/// Where `cargo xtask` keeps components, if it has built all of them since the last change.
fn taken(root: &Path, out: &Path, names: &[String], changed: SystemTime) -> Option<PathBuf> {
    let is_new = |file: PathBuf| {
        let modified = file.metadata().and_then(|about| about.modified());
        modified.is_ok_and(|modified| modified > changed)
    };
    // Where this build puts what it makes, or else where another of the repository does.
    let target = out.ancestors().skip(1).take(TARGET_DEPTH);
    let mut folders = target
        .map(Path::to_owned)
        .chain([root.join("target")])
        .map(|target| target.join(SHIPPED_FOLDER));
    let is_whole = |folder: &PathBuf| {
        let mut files = names.iter().map(|name| folder.join(component(name)));
        files.all(is_new)
    };
    folders.find(is_whole)
}

/// Whether rustc has the target; if not, tells what the binary will lack.
fn has_target() -> Result<bool, Box<dyn Error>> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let printed = rustc.args(["--print", "sysroot"]).output()?.stdout;
    let libraries = Path::new(std::str::from_utf8(&printed)?.trim()).join("lib/rustlib");
    if libraries.join(GUEST_TARGET).is_dir() {
        return Ok(true);
    }
    // The list of what is installed, which rustup writes anew when a target is added.
    let components = libraries.join("components");
    if components.is_file() {
        println!("cargo::rerun-if-changed={}", components.display());
    }
    println!(
        "cargo::warning=the policies that ship are left out of this build: they need the Rust target \
         {GUEST_TARGET}; `rustup target add {GUEST_TARGET}`, and build again"
    );
    Ok(false)
}

/// Where components are built. The cargo that waits for this script has the folder of its profile to
/// itself until it ends. If that is the one for development, components are built where `cargo xtask`
/// builds them, so that nothing is compiled twice; and in a folder of their own otherwise.
fn target(root: &Path, out: &Path) -> PathBuf {
    let shared = root.join("target");
    if out.starts_with(shared.join("debug")) {
        shared
    } else {
        out.join("target")
    }
}

/// Builds the components, and tells where they are.
fn build(root: &Path, out: &Path, names: &[String]) -> Result<PathBuf, Box<dyn Error>> {
    let target = target(root, out);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let arguments = ["build", "--locked", "--release", "--target", GUEST_TARGET];
    cargo.args(arguments).arg("--target-dir").arg(&target);
    cargo.args(names.iter().flat_map(|name| ["--package", name]));
    for (variable, _) in env::vars_os().filter(|(variable, _)| is_about_the_server(variable)) {
        cargo.env_remove(variable);
    }
    // What it prints there would be taken for instructions of this script.
    let built = cargo
        .envs(PROFILE)
        .current_dir(root)
        .stdout(Stdio::null())
        .status()?;
    if !built.success() {
        return Err(format!(
            "the policies that ship cannot be built ({built}); `cargo xtask policies` shows why"
        )
        .into());
    }
    Ok(target.join(GUEST_TARGET).join("release"))
}

fn is_about_the_server(variable: &OsStr) -> bool {
    let Some(variable) = variable.to_str() else {
        return false;
    };
    let begins = |with: &&str| variable.starts_with(*with);
    NOT_KEPT.iter().any(begins) && !KEPT.iter().any(begins)
}
