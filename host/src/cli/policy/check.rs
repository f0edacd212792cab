//! `wardroom policy check`: what a component exports and needs, and everything that keeps a server
//! from taking it. It must not ask the policy anything but what a server asks before it takes one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use bytesize::ByteSize;
use clap::Args;
use serde_json::{Value, json};
use wardroom_domain::Json;

use super::{Bounds, Settings, read, shown};
use crate::cli::Failure;
use crate::policy_tools::workbench::{
    Compiler, Digest, Finding, Met, NotStarted, Surfaces, Workbench, met,
};

/// Say what a component exports and imports, and why a server would refuse it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// The component
    file: PathBuf,
    /// The component in force: also say what a server would make of the exchange
    #[arg(long, value_name = "RUNNING")]
    against: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    bounds: Bounds,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy check target/wasm32-wasip2/release/my_policy.wasm
  wardroom policy check new.wasm --against /srv/wardroom/policies/my_policy.wasm
  wardroom policy check my_policy.wasm --settings settings.toml --json

The types of the component are compared with the interface of this server, function by function,
and an instance is started with the settings and asked something harmless, as a server does.

Exit codes: 0 a server takes it, 1 a server refuses it, 2 a file cannot be read.";

/// What was found out about one component.
pub(super) struct Checked {
    bytes: u64,
    digest: Digest,
    surfaces: Surfaces,
    /// How long it took to compile, if it did.
    compiled: Option<Duration>,
    /// Linear memory of an instance that has started, in bytes.
    memory: Option<usize>,
}

impl Checked {
    /// How many reasons there are to refuse it.
    pub(super) fn refusals(&self) -> usize {
        let findings = self.surfaces.findings.iter();
        findings.filter(|finding| finding.refused).count()
    }
}

pub(super) fn run(
    command: &Check,
    compiler: &Compiler,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bytes = read(&command.file)?;
    let settings = command.settings.load()?;
    let bench = Workbench::new(command.bounds.limits(None), compiler.clone())?;
    let given = command.settings.settings.is_some().then_some(&settings);
    let mut checked = check(&bench, &bytes, given);
    if let Some(running) = &command.against {
        let running = bench.inspect(&read(running)?).surfaces;
        exchange(&mut checked.surfaces, &running);
    }
    if command.json {
        let text = serde_json::to_string_pretty(&as_json(&command.file, &checked))?;
        writeln!(out, "{text}")?;
    } else {
        report(&command.file, &checked, out)?;
    }
    match checked.refusals() {
        0 => Ok(()),
        1 => Err(anyhow!("a server refuses it").into()),
        reasons => Err(anyhow!("a server refuses it for {reasons} reasons").into()),
    }
}

/// Looks at a component from all sides. Without settings, what the policy says of `{}` is no reason
/// to refuse it.
pub(super) fn check(bench: &Workbench, bytes: &[u8], settings: Option<&Json>) -> Checked {
    let inspection = bench.inspect(bytes);
    let mut surfaces = inspection.surfaces;
    let mut memory = None;
    if let Some(compiled) = &inspection.compiled {
        let none = Json::from_canonical("{}");
        match compiled.trial(settings.unwrap_or(&none)) {
            Ok(seat) => memory = Some(seat.memory_bytes()),
            Err(NotStarted::Settings(text)) if settings.is_none() => {
                surfaces.findings.push(Finding {
                    refused: false,
                    at: "settings".to_owned(),
                    said: format!("the policy needs some; of none it says: {text}"),
                    hint: Some("check it with `--settings`".to_owned()),
                });
            }
            Err(refused) => surfaces.findings.push(Finding {
                refused: true,
                at: "start".to_owned(),
                said: refused.to_string(),
                hint: None,
            }),
        }
    }
    Checked {
        bytes: bytes.len() as u64,
        digest: Digest::of(bytes),
        surfaces,
        compiled: inspection.compiled.map(|compiled| compiled.took),
        memory,
    }
}

/// What a server makes of a component in the place of the one that is in force.
fn exchange(new: &mut Surfaces, running: &Surfaces) {
    let bare = |name: &String| name.split('@').next().unwrap_or_default().to_owned();
    let granted: Vec<String> = running.capabilities().iter().map(bare).collect();
    for capability in new.capabilities().iter().map(bare) {
        if !granted.contains(&capability) {
            new.findings.push(Finding {
                refused: true,
                said: "the version in force does not import it, and a new version gets nothing \
                       that nobody granted"
                    .to_owned(),
                hint: Some(format!(
                    "grants = [\"{capability}\"] at the policy in the server's configuration"
                )),
                at: capability,
            });
        }
    }
    let mut note = |hook: &String, said: &str| {
        new.findings.push(Finding {
            refused: false,
            at: hook.clone(),
            said: said.to_owned(),
            hint: None,
        });
    };
    let (old_hooks, new_hooks) = (&running.hooks, new.hooks.clone());
    for hook in old_hooks.iter().filter(|hook| !new_hooks.contains(hook)) {
        note(
            hook,
            "the version in force has this hook, and the new one decides nothing there",
        );
    }
    for hook in new_hooks.iter().filter(|hook| !old_hooks.contains(hook)) {
        note(hook, "the version in force does not have this hook");
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// Prints what was found out, for people.
pub(super) fn report(file: &Path, checked: &Checked, out: &mut dyn Write) -> std::io::Result<()> {
    let surfaces = &checked.surfaces;
    writeln!(out, "{}", file.display())?;
    writeln!(out, "  size        {}", ByteSize(checked.bytes))?;
    writeln!(out, "  digest      {}", checked.digest)?;
    if let Some(took) = checked.compiled {
        writeln!(out, "  compiled    in {}", shown(took))?;
    }
    if let Some(memory) = checked.memory {
        writeln!(
            out,
            "  memory      {} after the start",
            ByteSize(memory as u64)
        )?;
    }
    let versions: Vec<String> = surfaces.versions.iter().map(|it| interface(it)).collect();
    writeln!(out, "  interface   {}", listed(&versions))?;
    writeln!(out, "  hooks       {}", listed(&surfaces.hooks))?;
    if !surfaces.other_exports.is_empty() {
        writeln!(out, "  exports     {}", listed(&surfaces.other_exports))?;
    }
    let of = |kind: Met| -> Vec<String> {
        let imports = surfaces.imports.iter();
        imports.filter(|name| met(name) == kind).cloned().collect()
    };
    writeln!(out, "  imports     {}", listed(&of(Met::Offered)))?;
    // What is met by stubs is what the language's runtime brings along, whatever the policy does.
    let refused = of(Met::Refused);
    if !refused.is_empty() {
        writeln!(out, "              {} (not met)", refused.join(", "))?;
    }
    let capabilities = surfaces.capabilities();
    if !capabilities.is_empty() {
        writeln!(out, "  looks up    {}", listed(&capabilities))?;
    }
    for finding in &surfaces.findings {
        let mark = if finding.refused { "refused" } else { "note" };
        writeln!(out, "\n{mark}: {}\n  {}", finding.at, finding.said)?;
        if let Some(hint) = &finding.hint {
            writeln!(out, "  -> {hint}")?;
        }
    }
    if checked.refusals() == 0 {
        writeln!(out, "\nA server takes it.")?;
    }
    Ok(())
}

fn interface(version: &str) -> String {
    match version {
        "" => "wardroom:policy without a version".to_owned(),
        version => format!("wardroom:policy@{version}"),
    }
}

fn as_json(file: &Path, checked: &Checked) -> Value {
    let surfaces = &checked.surfaces;
    let import = |name: &String| {
        let met = match met(name) {
            Met::Offered => "offered",
            Met::Stubbed => "stub",
            Met::Absent => "absent",
            Met::Refused => "refused",
        };
        json!({ "name": name, "met": met })
    };
    let finding = |finding: &Finding| {
        json!({
            "refused": finding.refused,
            "at": finding.at,
            "said": finding.said,
            "hint": finding.hint,
        })
    };
    json!({
        "file": file.display().to_string(),
        "accepted": checked.refusals() == 0,
        "bytes": checked.bytes,
        "digest": checked.digest.to_string(),
        "versions": surfaces.versions,
        "hooks": surfaces.hooks,
        "otherExports": surfaces.other_exports,
        "imports": surfaces.imports.iter().map(import).collect::<Vec<_>>(),
        "capabilities": surfaces.capabilities(),
        "compileSeconds": checked.compiled.map(|took| took.as_secs_f64()),
        "memoryBytes": checked.memory,
        "findings": surfaces.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
