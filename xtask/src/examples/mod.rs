//! `cargo xtask examples`: one policy in every language. A project is written by `wardroom policy
//! new`, built by its own tool and put through the cases that all of them must pass, so that the
//! templates and the examples are proven at once. What a project is, its `policy.toml` says.

mod files;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, bail};

use crate::shell::{command, root, run_unseen, say, target};
use crate::{build, setup};

/// Where the examples are.
const EXAMPLES: &str = "examples/policies";
/// What the projects are called: not as the examples are, so that a name left behind shows.
const NAME: &str = "my-policy";
/// Questions that one instance is asked at the end.
const ENDURANCE: &str = "5000";

/// What can be said to `cargo xtask examples`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this language; may be given several times
    #[arg(long, value_name = "LANGUAGE")]
    language: Vec<String>,
    /// The server that does it, instead of one that is built first
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// Builds the server, and proves examples with it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = match &arguments.server {
        Some(server) => std::path::absolute(server).context("there is no such server")?,
        None => {
            build::workspace()?;
            target().join("debug/wardroom")
        }
    };
    prove(&server, &arguments.language)
}

/// Proves the examples in these languages, or in all.
pub(crate) fn prove(server: &Path, only: &[String]) -> Result<()> {
    let known = languages()?;
    if let Some(unknown) = only.iter().find(|language| !known.contains(language)) {
        bail!(
            "there is no example in {unknown}; there are {}",
            known.join(", ")
        );
    }
    let chosen = |language: &String| only.is_empty() || only.contains(language);
    let mut examples = Vec::new();
    // One after the other: what is installed is installed once.
    for language in known.into_iter().filter(chosen) {
        let tools = setup::language(&language);
        let tools = tools.with_context(|| format!("{language} cannot be built on this machine"))?;
        examples.push(Example::new(server, language, tools));
    }
    say(&format!(
        "building and testing {} examples, beside each other",
        examples.len()
    ));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(example) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
            match example.prove() {
                Ok(said) => say(&format!("{}: {said}", example.language)),
                Err(error) => {
                    say(&format!("{}: FAILED: {error:#}", example.language));
                    failed.push(example.language.clone());
                }
            }
        }
        failed
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let failed = workers.into_iter().map(|worker| worker.join());
        failed.collect::<Result<Vec<_>, _>>()
    })
    .map_err(|_| anyhow!("a build panicked"))?
    .concat();
    if !failed.is_empty() {
        bail!("examples that failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The languages that there are examples in: the folders that say how they are built.
fn languages() -> Result<Vec<String>> {
    let folders = fs::read_dir(root().join(EXAMPLES)).context("there are no examples")?;
    let mut languages = Vec::new();
    for folder in folders {
        let folder = folder.context("cannot list the examples")?;
        if folder.path().join("policy.toml").is_file() {
            languages.push(folder.file_name().to_string_lossy().into_owned());
        }
    }
    languages.sort();
    Ok(languages)
}

struct Example<'a> {
    server: &'a Path,
    language: String,
    /// Folders of programs that the build needs.
    tools: Vec<PathBuf>,
    /// Where the project is built.
    project: PathBuf,
    /// The project as it was when it was built last.
    built: PathBuf,
    /// The project as it is written now.
    fresh: PathBuf,
}

impl<'a> Example<'a> {
    fn new(server: &'a Path, language: String, tools: Vec<PathBuf>) -> Self {
        let place = |what: &str| target().join("examples").join(what).join(&language);
        Self {
            server,
            tools,
            project: place("projects"),
            built: place("built"),
            fresh: place("fresh"),
            language,
        }
    }

    /// Writes, builds and tests it; says how that went.
    fn prove(&self) -> Result<String> {
        self.write()?;
        let manifest = fs::read_to_string(self.fresh.join("policy.toml"))?;
        let manifest: toml::Table = manifest.parse().context("policy.toml is no TOML")?;
        let says = |key: &str| manifest.get(key).and_then(toml::Value::as_str);
        let needs = |key: &str| says(key).with_context(|| format!("policy.toml has no `{key}`"));
        let component = self.project.join(needs("file")?);
        let started = Instant::now();
        let took = if component.exists() && files::same(&self.fresh, &self.built)? {
            None
        } else {
            files::sync(&self.fresh, &self.project)?;
            let install = manifest.get("install").and_then(|it| it.get("run"));
            if let Some(install) = install.and_then(toml::Value::as_str) {
                self.shell(install)?;
            }
            self.shell(needs("build")?)?;
            if let Some(tests) = says("unit_tests") {
                self.shell(tests)?;
            }
            files::replace(&self.fresh, &self.built)?;
            Some(started.elapsed())
        };
        let tested = Instant::now();
        let mut test = Command::new(self.server);
        test.args(["policy", "test"]).arg(component);
        let cases = manifest
            .get("cases")
            .context("policy.toml has no `cases`")?;
        let cases = cases
            .as_array()
            .map_or(std::slice::from_ref(cases), Vec::as_slice);
        for file in cases.iter().filter_map(toml::Value::as_str) {
            test.arg(self.project.join(file));
        }
        let said = run_unseen(test.args(["--endurance", ENDURANCE]))?;
        let passed = said.lines().last().unwrap_or_default();
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let built = took.map_or("had been built".to_owned(), |took| {
            format!("built in {}", seconds(took))
        });
        Ok(format!(
            "{built}, {passed}, in all {}",
            seconds(tested.elapsed())
        ))
    }

    /// Has the server write the project, and sees that it has what git has and nothing else.
    fn write(&self) -> Result<()> {
        if self.fresh.exists() {
            fs::remove_dir_all(&self.fresh).context("cannot remove an old project")?;
        }
        let mut new = Command::new(self.server);
        new.args(["policy", "new", "--lang", &self.language, NAME, "--path"]);
        run_unseen(new.arg(&self.fresh))?;
        let example = Path::new(EXAMPLES).join(&self.language);
        let mut tracked = files::tracked(&example, Path::new(""))?;
        tracked.extend([".gitignore", "cases.toml"].map(PathBuf::from));
        let written = files::all(&self.fresh)?;
        let differ: Vec<_> = tracked.symmetric_difference(&written).collect();
        if !differ.is_empty() {
            bail!(
                "`wardroom policy new` does not write what git has in {}: {differ:?} (`touch \
                 host/build.rs` and build again if they are new)",
                example.display()
            );
        }
        Ok(())
    }

    fn shell(&self, line: &str) -> Result<()> {
        let mut shell = command("sh", &["-c", line]);
        let own = self.tools.iter().cloned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.chain(std::env::split_paths(&path)))?;
        // A project is built as its author would, with nothing of the cargo that runs this.
        let of_cargo = std::env::vars_os().map(|(name, _)| name);
        for name in of_cargo.filter(|name| name.to_string_lossy().starts_with("CARGO")) {
            if name != "CARGO_HOME" {
                shell.env_remove(name);
            }
        }
        shell.current_dir(&self.project).env("PATH", path);
        run_unseen(&mut shell).map(drop)
    }
}
