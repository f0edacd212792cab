//! `wardroom policy new`: writes a project that builds and passes its tests as it is. It must not
//! know what is in one.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;
use crate::policy_tools::template::{self, Name, TemplateError};

/// Write a project for a new policy, with tests, that builds as it is
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct New {
    /// What it is to be called, such as `quiet-hours`
    name: String,
    /// The language that it is to be written in, such as rust, typescript or ts, python or py; an unknown
    /// one lists those there are
    #[arg(long, short, value_name = "LANGUAGE")]
    lang: String,
    /// Its folder, which must not be there yet; without it, the name
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy new --lang rust quiet-hours
  wardroom policy new --lang python quiet-hours --path policies/quiet-hours

The project holds a small policy that uses every kind of hook, its table tests, the types of the
interface and a README. docs/languages.md helps to choose a language.

Exit codes: 0 written, 1 it cannot be written, 2 wrong name or language, or the folder is there.";

pub(super) fn run(command: &New, out: &mut dyn Write) -> Result<(), Failure> {
    let name = &command.name;
    let name: Name = name
        .parse()
        .map_err(|error| Failure::Usage(format!("{name:?} is no name for a policy: {error}")))?;
    let folder = command.path.clone();
    let folder = folder.unwrap_or_else(|| PathBuf::from(name.to_string()));
    let manifest = template::write(&command.lang, &name, &folder).map_err(|error| match error {
        TemplateError::Language { .. } | TemplateError::Exists(_) => {
            Failure::Usage(error.to_string())
        }
        other => Failure::Runtime(other.into()),
    })?;
    writeln!(out, "written: {}\n", folder.display())?;
    writeln!(out, "  cd {}", folder.display())?;
    if let Some(install) = &manifest.install {
        writeln!(out, "  {}", install.run)?;
    }
    writeln!(out, "  {}", manifest.build)?;
    let cases = manifest
        .cases
        .iter()
        .map(|file| format!(" {}", file.display()));
    let (file, cases) = (manifest.file.display(), cases.collect::<String>());
    writeln!(out, "  wardroom policy test {file}{cases}\n")?;
    writeln!(
        out,
        "README.md there says what it needs, and what is where."
    )?;
    Ok(())
}
