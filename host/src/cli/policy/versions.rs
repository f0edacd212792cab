//! `wardroom policy rollback | promote | shadow | dry-run`: calls a running server about the versions
//! of a policy. It must not know how a server changes them.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::read;
use super::remote::Remote;
use crate::cli::{Environment, Failure};
use crate::policy_tools::api::{Body, encoded};

/// Bring the version before into force again
#[derive(Args, Debug)]
#[command(after_help = ROLLBACK)]
pub(super) struct Rollback {
    #[command(flatten)]
    of: Named,
}

const ROLLBACK: &str = "\
Examples:
  wardroom policy rollback private-channels --key-file key

It stays until the file holds something else. The key needs the scope ops:write.";

/// Bring what is in shadow into force
#[derive(Args, Debug)]
#[command(after_help = PROMOTE)]
pub(super) struct Promote {
    #[command(flatten)]
    of: Named,
}

const PROMOTE: &str = "\
Examples:
  wardroom policy promote private-channels --key-file key

The configuration must follow for it to survive a restart. The key needs the scope ops:write.";

/// Say how the answers of what is in shadow differ from those that hold
#[derive(Args, Debug)]
#[command(after_help = SHADOW)]
pub(super) struct Shadow {
    #[command(flatten)]
    of: Named,
}

const SHADOW: &str = "\
Examples:
  wardroom policy shadow private-channels --key-file key

The key needs the scope ops:read.";

/// List who would gain or lose which channel with a candidate in a policy's place
#[derive(Args, Debug)]
#[command(after_help = DRY_RUN)]
pub(super) struct DryRun {
    #[command(flatten)]
    of: Named,
    /// The candidate, a component on this machine; without it, what is in shadow
    #[arg(value_name = "COMPONENT")]
    component: Option<PathBuf>,
}

const DRY_RUN: &str = "\
Examples:
  wardroom policy dry-run private-channels next.wasm --key-file key
  wardroom policy dry-run private-channels --json --key-file key

Nothing changes. The key needs the scope ops:write.";

/// Which policy of which server.
#[derive(Args, Debug)]
struct Named {
    /// The name of the policy in the server's configuration
    name: String,
    #[command(flatten)]
    remote: Remote,
}

impl Named {
    /// Makes a call about the policy. The answer is given unless it was printed as it is.
    fn call(
        &self,
        environment: &Environment,
        method: &str,
        call: &str,
        body: Option<Body<'_>>,
        out: &mut dyn Write,
    ) -> Result<Option<Value>, Failure> {
        let path = format!("/v1/policies/{}/{call}", encoded(&self.name));
        let said = self.remote.call(environment, method, &path, body)?;
        if self.remote.json {
            writeln!(out, "{said:#}")?;
            return Ok(None);
        }
        Ok(Some(said))
    }

    fn replace(
        &self,
        environment: &Environment,
        call: &str,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if let Some(said) = self.call(environment, "POST", call, None, out)? {
            let (digest, generation) = (text(&said["digest"]), &said["generation"]);
            writeln!(out, "in force: {digest}, generation {generation}")?;
        }
        Ok(())
    }
}

pub(super) fn roll_back(
    command: &Rollback,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    command.of.replace(environment, "rollback", out)
}

pub(super) fn promote(
    command: &Promote,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    command.of.replace(environment, "promote", out)
}

pub(super) fn shadow(
    command: &Shadow,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let Some(said) = command.of.call(environment, "GET", "shadow", None, out)? {
        shadow_told(&said, out)?;
    }
    Ok(())
}

pub(super) fn dry_run(
    command: &DryRun,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bytes = command.component.as_deref().map(read).transpose()?;
    let body = bytes.as_ref().map(|bytes| Body {
        media_type: "application/wasm",
        bytes,
    });
    if let Some(said) = command.of.call(environment, "POST", "dry-run", body, out)? {
        dry_run_told(&said, out)?;
    }
    Ok(())
}

fn shadow_told(said: &Value, out: &mut dyn Write) -> io::Result<()> {
    match said["digest"].as_str() {
        Some(digest) => writeln!(out, "in shadow: {} ({digest})", text(&said["file"]))?,
        None => writeln!(out, "not in shadow: {}", text(&said["file"]))?,
    }
    if let Some(error) = said["lastError"].as_str() {
        writeln!(out, "  {error}")?;
    }
    writeln!(
        out,
        "  asked {}, dropped {}",
        said["asked"], said["dropped"]
    )?;
    let differences = list(&said["differences"]);
    if differences.is_empty() {
        writeln!(out, "  no answer differs")?;
    }
    for difference in differences {
        let (hook, kind) = (text(&difference["hook"]), text(&difference["kind"]));
        writeln!(out, "  {}  {hook} {kind}", difference["count"])?;
    }
    for sample in list(&said["samples"]) {
        let about = ["workspaceId", "userId", "channelId", "name"];
        let about = about.iter().filter_map(|key| sample[*key].as_str());
        let about: Vec<_> = about.collect();
        writeln!(
            out,
            "{} {} {}: {} -> {}",
            text(&sample["at"]),
            text(&sample["hook"]),
            about.join(" "),
            text(&sample["live"]),
            text(&sample["shadow"])
        )?;
    }
    Ok(())
}

fn dry_run_told(said: &Value, out: &mut dyn Write) -> io::Result<()> {
    for change in list(&said["changes"]) {
        let verb = if change["gains"] == true {
            "gains"
        } else {
            "loses"
        };
        let (workspace, user) = (text(&change["workspaceId"]), text(&change["userId"]));
        writeln!(
            out,
            "{workspace}: {user} {verb} {}",
            text(&change["channelId"])
        )?;
    }
    writeln!(
        out,
        "{} gained and {} lost, of {} in {}",
        said["gains"],
        said["losses"],
        counted(&said["channels"], "channel"),
        counted(&said["workspaces"], "workspace")
    )?;
    if let Some(failure) = said["lastFailure"].as_str() {
        writeln!(
            out,
            "the candidate failed for {} channels; the last time: {failure}",
            said["failed"]
        )?;
    }
    if said["truncated"] == true {
        writeln!(
            out,
            "this is not all: more is not listed, or was not looked at"
        )?;
    }
    Ok(())
}

fn counted(number: &Value, thing: &str) -> String {
    let plural = if *number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn told(tell: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        tell(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_dry_run_lists_changes_and_then_counts_them() {
        let said = json!({
            "workspaces": 1, "channels": 2, "failed": 1, "lastFailure": "trap", "gains": 1,
            "losses": 1, "truncated": true,
            "changes": [
                {"workspaceId": "w", "channelId": "p", "userId": "ann", "gains": true},
                {"workspaceId": "w", "channelId": "p", "userId": "bob", "gains": false},
            ],
        });
        let expected = "w: ann gains p
w: bob loses p
1 gained and 1 lost, of 2 channels in 1 workspace
the candidate failed for 1 channels; the last time: trap
this is not all: more is not listed, or was not looked at
";
        assert_eq!(told(|out| dry_run_told(&said, out)), expected);
    }

    #[test]
    fn a_shadow_is_told_with_its_differences() {
        let said = json!({
            "file": "next.wasm", "digest": "sha256:01", "lastError": null, "asked": 9, "dropped": 0,
            "differences": [{"hook": "commands", "kind": "now_denied", "count": 2}],
            "samples": [{
                "at": "2026-01-01T00:00:00.000Z", "workspaceId": "w", "hook": "commands",
                "kind": "now_denied", "userId": "ann", "channelId": null, "name": "get-state",
                "live": "allowed", "shadow": "denied: no", "keys": [],
            }],
        });
        let expected = "in shadow: next.wasm (sha256:01)
  asked 9, dropped 0
  2  commands now_denied
2026-01-01T00:00:00.000Z commands w ann get-state: allowed -> denied: no
";
        assert_eq!(told(|out| shadow_told(&said, out)), expected);
    }
}
