//! `cargo xtask fuzz`: what `fuzz/` holds, guided by coverage, with `cargo fuzz`. What is right and wrong is
//! `host/src/fuzzing.rs`'s business.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup;
use crate::shell::{cargo, root, run, say, target};

/// The version of `cargo-fuzz` whose instrumentation is known to work with the stable compiler.
const CARGO_FUZZ: &str = "0.13.2";

/// How a target is built. Sanitizers need a nightly compiler; without `unsafe` there is little for them to
/// find. With debug assertions an overflow is a finding. In 16 units both cores compile the large crates.
const BUILD: [&str; 5] = [
    "--sanitizer",
    "none",
    "--debug-assertions",
    "--codegen-units",
    "16",
];

/// Which targets to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The targets; all of them if none is named.
    targets: Vec<String>,
    /// How long to fuzz each target, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn fuzz(arguments: &Arguments) -> Result<()> {
    let seeds = root().join("fuzz/seeds");
    let all = names(&seeds)?;
    for target in &arguments.targets {
        if !all.contains(target) {
            bail!(
                "there is no target {target:?}; there are {}",
                all.join(", ")
            );
        }
    }
    setup::debian("c++", "g++")?;
    if !crate::shell::exists("cargo-fuzz") {
        say("`cargo-fuzz` is missing: installing it");
        let version = ["--version", CARGO_FUZZ];
        let mut install = cargo(&["install", "--locked", "--quiet", "cargo-fuzz"]);
        run(install.args(version)).context(
            "cargo-fuzz is missing and cannot be installed; install it with `cargo install --locked \
             cargo-fuzz`, where crates can be fetched",
        )?;
    }
    let chosen = if arguments.targets.is_empty() {
        &all
    } else {
        &arguments.targets
    };
    for name in chosen {
        one(name, &seeds.join(name), arguments.seconds)?;
    }
    say(&format!("{} targets: nothing wrong", chosen.len()));
    Ok(())
}

fn names(seeds: &Path) -> Result<Vec<String>> {
    let folders = fs::read_dir(seeds).context("there is no fuzz/seeds")?;
    let names = folders.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// Fuzzes one target. What is found new stays in `target/fuzz`, from where the next run goes on.
fn one(name: &str, seeds: &Path, seconds: u64) -> Result<()> {
    let found = target().join("fuzz/corpus").join(name);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let mut fuzz = cargo(&["fuzz", "run"]);
    fuzz.args(BUILD);
    fuzz.arg("--target-dir").arg(target().join("fuzz/build"));
    fuzz.arg(name).arg(&found).arg(seeds);
    let time = format!("-max_total_time={seconds}");
    let bounds = ["-max_len=65536", "-timeout=10", "-print_final_stats=1"];
    run(fuzz.args(["--", &time]).args(bounds)).with_context(|| {
        format!(
            "{name} does not hold; the input, if it was built and ran, is in fuzz/artifacts/{name}: \
             mend the reader, and keep the input as a seed in fuzz/seeds/{name}"
        )
    })
}
