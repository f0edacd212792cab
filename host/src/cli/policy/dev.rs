//! `wardroom policy dev`: builds, checks, tests and installs a policy whenever its sources change.
//! It must not reach into a server: a server takes the file because it follows files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Args;

use super::{Settings, check, read, shown, test, workbench};
use crate::builtin;
use crate::cli::Failure;
use crate::limits::POLICY_START_DEADLINE;
use crate::policy_tools::project::Project;
use crate::policy_tools::runner::Options;
use crate::policy_tools::server::{Server, Verdict};
use crate::policy_tools::watch::Sources;
use crate::policy_tools::workbench::Digest;
use crate::policy_tools::{cases, install};

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
    /// Where to put a component that is good: a file that a server has as a policy, or its folder
    #[arg(long, value_name = "DEST")]
    install: Option<PathBuf>,
    /// The address for backends of the server that has it, to be told what it makes of it
    #[arg(long, value_name = "URL", requires_all = ["install", "key_file"])]
    url: Option<String>,
    /// A file that holds an API key of that server with the scope ops:read
    #[arg(long, value_name = "FILE", requires = "url")]
    key_file: Option<PathBuf>,
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
does not build, is refused or fails a case is not installed. Folders named build, target,
node_modules and the like, and hidden ones, are no sources.";

/// What `dev` works with.
struct Bench<'a> {
    command: &'a Dev,
    project: Project,
    target: Option<PathBuf>,
    server: Option<Server>,
}

pub(super) fn run(command: &Dev, out: &mut dyn Write) -> Result<(), Failure> {
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
    let server = match (&command.url, &command.key_file) {
        (Some(url), Some(file)) => Some(Server::new(url, &key(file)?).map_err(usage)?),
        _ => None,
    };
    let bench = Bench {
        command,
        project,
        target,
        server,
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

fn key(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))
}

impl Bench<'_> {
    /// Once through: build, check, test, install, ask the server.
    fn round(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let started = Instant::now();
        writeln!(out, "building: {}", self.project.build)?;
        out.flush()?;
        let status = self.project.build().context("there is no shell")?;
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
        let said = if changed { "installed" } else { "unchanged" };
        writeln!(out, "{said}: {}", target.display())?;
        out.flush()?;
        match &self.server {
            Some(server) => ask(server, &bytes, target, out),
            None => Ok(()),
        }
    }

    fn examine(&self, bytes: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let command = self.command;
        let bench = workbench(Some(POLICY_START_DEADLINE))?;
        let settings = command.settings.load()?;
        let given = command.settings.settings.is_some().then_some(&settings);
        let checked = check::check(&bench, bytes, given);
        if checked.refusals() > 0 {
            check::report(&self.project.file, &checked, out)?;
            return Err(anyhow!("a server refuses it").into());
        }
        if let Some(file) = &self.project.cases {
            let cases = cases::load(file).map_err(|e| Failure::Usage(e.to_string()))?;
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
