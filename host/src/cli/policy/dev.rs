//! `wardroom policy dev`: builds, checks, tests and installs a policy whenever its sources change.
//! It must not reach into a server: a server takes the file because it follows files.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Args;

use super::remote::{DEFAULT_URL, DevKey, read_key};
use super::{Bounds, Settings, check, read, shown, test};
use crate::builtin;
use crate::cli::Failure;
use crate::limits::POLICY_START_DEADLINE;
use crate::policy_tools::install;
use crate::policy_tools::project::{Dependencies, Project};
use crate::policy_tools::runner::Options;
use crate::policy_tools::server::{Server, Verdict};
use crate::policy_tools::watch::Sources;
use crate::policy_tools::workbench::{Compiler, Digest, Workbench};

/// Build, check, test and install a policy whenever its sources change, until Ctrl-C
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Dev {
    /// The folder of the sources
    folder: PathBuf,
    /// The command that builds the component, run in the folder by a shell; without it, what the
    /// folder's policy.toml says, or Cargo's
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// The component that the command makes; found like the command
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Cases that must pass before it is installed; without it, those of policy.toml
    #[arg(long, value_name = "CASES")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    bounds: Bounds,
    /// Where to put a component that is good: a file that a server has as a policy, or its folder
    #[arg(long, value_name = "DEST")]
    install: Option<PathBuf>,
    /// The address for backends of the server that has it, to be told what it makes of it
    #[arg(long, value_name = "URL", requires = "install")]
    url: Option<String>,
    /// A file that holds an API key of that server with the scope ops:read
    #[arg(long, value_name = "FILE", requires = "url")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    key: DevKey,
    /// Do it once and end, with exit code 1 if the policy is not good
    #[arg(long)]
    once: bool,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy dev my-policy
  wardroom policy dev my-policy --cases my-policy/cases.toml \\
      --install policies/ --url http://127.0.0.1:7801 --key-file key
  wardroom policy dev my-policy --build 'make policy.wasm' --file my-policy/policy.wasm

What is installed is renamed into place, and a running server takes it within a moment. A policy that
does not build, is refused or fails a case is not installed, and one that is there already is not
written again. What .gitignore leaves out is no source, and neither are components, databases, logs,
hidden files and folders named build, target, node_modules and the like.";

/// What `dev` works with.
struct Bench<'a> {
    command: &'a Dev,
    compiler: &'a Compiler,
    project: Project,
    target: Option<PathBuf>,
    server: Option<Server>,
    /// What the project depended on when that was installed last.
    installed: Cell<Option<Dependencies>>,
}

pub(super) fn run(command: &Dev, compiler: &Compiler, out: &mut dyn Write) -> Result<(), Failure> {
    let usage = Failure::Usage;
    let install = command.install.as_ref();
    if install.is_some_and(|to| builtin::is_builtin(to)) {
        let reason =
            "--install: a policy in the binary cannot be replaced; name a file or a folder";
        return Err(usage(reason.to_owned()));
    }
    let (build, file) = (command.build.clone(), command.file.clone());
    let project = Project::new(&command.folder, build, file, command.cases.clone());
    let project = project.map_err(usage)?;
    let target = install.map(|to| install::target(&project.file, to));
    let target = target.transpose();
    let target = target.map_err(|reason| usage(format!("--install: {reason}")))?;
    let server = command.server()?;
    let bench = Bench {
        command,
        compiler,
        project,
        target,
        server,
        installed: Cell::new(None),
    };
    // The sources are looked at before they are built, so that what changes meanwhile is seen.
    let made = bench.target.iter().chain([&bench.project.file]).cloned();
    let mut sources = Sources::follow(&command.folder, made.collect())?;
    if command.once {
        return bench.round(out);
    }
    if sources.truncated() {
        writeln!(out, "The folder holds more files than are followed.")?;
    }
    loop {
        match bench.round(out) {
            Ok(()) | Err(Failure::Told) => {}
            Err(Failure::Usage(reason)) => writeln!(out, "not good: {reason}")?,
            Err(Failure::Runtime(reason)) => writeln!(out, "not good: {reason:#}")?,
        }
        writeln!(
            out,
            "waiting for changes in {}; Ctrl-C ends",
            command.folder.display()
        )?;
        out.flush()?;
        let changed = sources.changed();
        let first = changed.first().map(|path| path.display().to_string());
        let more = match changed.len() {
            0 | 1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        writeln!(out, "\nchanged: {}{more}", first.unwrap_or_default())?;
    }
}

impl Dev {
    /// The server that is to be told of, if one is.
    fn server(&self) -> Result<Option<Server>, Failure> {
        let key = match (&self.key_file, self.key.found()?) {
            (Some(file), _) => read_key(file)?,
            (None, Some(key)) => key,
            (None, None) if self.url.is_some() => {
                return Err(Failure::Usage(
                    "an API key is needed for --url: name its file with --key-file, or take the key of \
                     `wardroom serve --dev` with --dev"
                        .to_owned(),
                ));
            }
            (None, None) => return Ok(None),
        };
        if self.install.is_none() {
            return Err(Failure::Usage(
                "--dev asks the server about what was installed: give --install".to_owned(),
            ));
        }
        let url = self.url.as_deref().unwrap_or(DEFAULT_URL);
        Server::new(url, &key).map(Some).map_err(Failure::Usage)
    }
}

impl Bench<'_> {
    /// Once through: build, check, test, install, ask the server.
    fn round(&self, out: &mut dyn Write) -> Result<(), Failure> {
        self.depend(out)?;
        let started = Instant::now();
        writeln!(out, "building: {}", self.project.build)?;
        out.flush()?;
        let status = self.project.run(&self.project.build);
        let status = status.context("there is no shell")?;
        if !status.success() {
            return Err(anyhow!("the build failed ({status})").into());
        }
        writeln!(out, "built in {}", shown(started.elapsed()))?;
        let bytes = read(&self.project.file)?;
        self.examine(&bytes, out)?;
        let Some(target) = &self.target else {
            writeln!(out, "good: {}", self.project.file.display())?;
            return Ok(());
        };
        let changed = install::install(&bytes, target)
            .with_context(|| format!("cannot write {}", target.display()))?;
        match changed {
            true => writeln!(out, "installed: {}", target.display())?,
            false => writeln!(
                out,
                "unchanged: {} holds this very component already, and nothing is installed",
                target.display()
            )?,
        }
        out.flush()?;
        match &self.server {
            Some(server) => ask(server, &bytes, target, out),
            None => Ok(()),
        }
    }

    /// Installs what the project depends on, unless nothing has changed there since.
    fn depend(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(install) = &self.project.install else {
            return Ok(());
        };
        let before = self.installed.take();
        if before.is_some() && before == self.project.dependencies() {
            self.installed.set(before);
            return Ok(());
        }
        writeln!(out, "installing: {}", install.run)?;
        out.flush()?;
        let status = self.project.run(&install.run);
        let status = status.context("there is no shell")?;
        if !status.success() {
            return Err(anyhow!("what it depends on cannot be installed ({status})").into());
        }
        // Tools write down what they chose, which is no news to them.
        self.installed.set(self.project.dependencies());
        Ok(())
    }

    fn examine(&self, bytes: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let command = self.command;
        let limits = command.bounds.limits(Some(POLICY_START_DEADLINE));
        let bench = Workbench::new(limits, self.compiler.clone())?;
        let settings = command.settings.load()?;
        let given = command.settings.settings.is_some().then_some(&settings);
        let checked = check::check(&bench, bytes, given);
        if checked.refusals() > 0 {
            check::report(&self.project.file, &checked, out)?;
            return Err(anyhow!("a server refuses it").into());
        }
        if !self.project.cases.is_empty() {
            let cases = test::load(&self.project.cases)?;
            let options = Options {
                seed: u64::from(rand::random::<u32>()),
                repeat: 1,
                reuse: true,
                endurance: 0,
            };
            let policy = bench.compile(bytes)?;
            let report = test::test(&policy, &cases, options, out)?;
            if report.failed() > 0 {
                let (failed, all) = (report.failed(), report.outcomes.len());
                return Err(anyhow!("{failed} of {all} cases failed").into());
            }
        }
        Ok(())
    }
}

/// Tells what a server makes of a component that was put where it looks.
fn ask(server: &Server, bytes: &[u8], target: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let digest = Digest::of(bytes).to_string();
    let verdict = server.verdict(&digest, &target.display().to_string());
    match verdict.map_err(|reason| anyhow!(reason))? {
        Verdict::InForce { name, generation } => {
            writeln!(out, "in force: policy {name:?}, generation {generation}")?;
            Ok(())
        }
        Verdict::Refused { name, reason } => {
            Err(anyhow!("the server refused it for policy {name:?}: {reason}").into())
        }
        Verdict::Unknown => Err(anyhow!(
            "the server has not taken it: is {} the file of one of its policies?",
            target.display()
        )
        .into()),
    }
}
