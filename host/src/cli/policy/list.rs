//! `wardroom policy list`: the policies of a running server, or those that are part of this binary. It
//! must not know what they decide.

use std::io::{self, Write};

use bytesize::ByteSize;
use clap::Args;
use serde_json::{Value, json};

use super::remote::Remote;
use crate::builtin::{self, BuiltIn};
use crate::cli::{Environment, Failure};
use crate::policy_tools::workbench::Digest;

/// List the policies of a running server, or those in this binary
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// List the policies that are part of this binary; no server is asked
    #[arg(long, conflicts_with_all = ["url", "key_file"])]
    builtin: bool,
    #[command(flatten)]
    remote: Remote,
}

const EXAMPLES: &str = "\
Examples:
  wardroom policy list --builtin
  wardroom policy list --key-file key

A policy in the binary needs no file. The configuration names it in the place of one:

  [[policies]]
  name = \"private-channels\"
  file = \"builtin:private-channels\"

The tools take that name as well: `wardroom policy check builtin:private-channels`. To ask a server,
the key needs the scope ops:read.";

pub(super) fn run(
    command: &List,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if command.builtin {
        return list_builtin(builtin::all(), command.remote.json, out);
    }
    let remote = &command.remote;
    let said = remote.call(environment, "GET", "/v1/policies", None)?;
    if remote.json {
        writeln!(out, "{said:#}")?;
    } else {
        listed(&said, out)?;
    }
    Ok(())
}

fn list_builtin(all: &[BuiltIn], as_json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if as_json {
        let policy = |policy: &BuiltIn| {
            json!({
                "file": format!("{}{}", builtin::PREFIX, policy.name),
                "description": policy.description,
                "settings": policy.settings,
                "bytes": policy.bytes.len(),
                "digest": Digest::of(policy.bytes).to_string(),
            })
        };
        let all: Vec<_> = all.iter().map(policy).collect();
        writeln!(out, "{:#}", Value::from(all))?;
        return Ok(());
    }
    if all.is_empty() {
        let said = "this binary was built without the policies that ship; build it where `rustup \
                    target add wasm32-wasip2` has been done";
        return Err(anyhow::anyhow!(said).into());
    }
    let width = all.iter().map(|policy| policy.name.len()).max();
    let width = width.unwrap_or_default();
    for policy in all {
        let size = ByteSize(policy.bytes.len() as u64).to_string();
        let (name, description) = (policy.name, policy.description);
        let prefix = builtin::PREFIX;
        writeln!(out, "{prefix}{name:width$}  {size:>9}  {description}")?;
        writeln!(out, "  settings: {}", policy.settings.join(", "))?;
    }
    Ok(())
}

/// Prints what a server says of its policies, for people.
fn listed(said: &Value, out: &mut dyn Write) -> io::Result<()> {
    let list = |name: &str| said[name].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let policies = list("policies");
    if policies.is_empty() && list("loading").is_empty() {
        writeln!(out, "no policies: the built-in rules hold")?;
    }
    for policy in policies {
        let place = if policy["inForce"] == true {
            format!(
                "{}, since generation {}",
                text(&policy["state"]),
                policy["generation"]
            )
        } else {
            format!("{}, in shadow", text(&policy["state"]))
        };
        let (name, file) = (text(&policy["name"]), text(&policy["file"]));
        writeln!(
            out,
            "{name}  {place}\n  {file} ({})",
            text(&policy["digest"])
        )?;
        if let Some(held) = policy["heldDigest"].as_str() {
            writeln!(
                out,
                "  held back: {held}, which a rollback or a promotion took out of force; it stays out \
                 until the file holds something else"
            )?;
        }
        if let Some(error) = policy["lastError"].as_str() {
            writeln!(out, "  {error}")?;
        }
    }
    for policy in list("loading") {
        let (name, file) = (text(&policy["name"]), text(&policy["file"]));
        writeln!(
            out,
            "{name}  {}\n  {file} ({})",
            text(&policy["state"]),
            text(&policy["digest"])
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(tell: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> String {
        let mut out = Vec::new();
        tell(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_in_the_binary_is_listed_by_the_name_that_stands_for_a_file() {
        let all = [
            ("one", "does something"),
            ("another", "does something else"),
        ];
        let all = all.map(|(name, description)| BuiltIn {
            name,
            description,
            settings: &["some", "more[].of_it"],
            bytes: &[0; 2048],
        });
        let said = text(|out| list_builtin(&all, false, out));
        let expected = "builtin:one        2.0 KiB  does something
  settings: some, more[].of_it
builtin:another    2.0 KiB  does something else
  settings: some, more[].of_it
";
        assert_eq!(said, expected);
        let said: Value = serde_json::from_str(&text(|out| list_builtin(&all, true, out))).unwrap();
        assert_eq!(said[1]["file"], "builtin:another");
        assert_eq!(said[1]["settings"], json!(["some", "more[].of_it"]));
        assert_eq!(said[1]["bytes"], 2048);
        assert_eq!(said[1]["digest"], Digest::of(&[0; 2048]).to_string());
        // A binary without any says why; for a program, the list is empty.
        assert_eq!(text(|out| list_builtin(&[], true, out)), "[]\n");
        let reason = String::from(list_builtin(&[], false, &mut io::sink()).unwrap_err());
        assert!(
            reason.contains("rustup target add wasm32-wasip2"),
            "{reason}"
        );
    }

    #[test]
    fn what_a_server_says_of_its_policies_is_shown_with_what_is_wrong() {
        let said = json!({
            "policies": [
                {
                    "name": "rooms", "file": "builtin:private-channels", "digest": "sha256:01",
                    "inForce": true, "state": "active", "generation": 3, "lastError": null,
                    "heldDigest": "sha256:00",
                },
                {
                    "name": "trial", "file": "t.wasm", "digest": "sha256:02", "inForce": false,
                    "state": "stale", "generation": 3, "lastError": "it cannot be read",
                },
            ],
            "loading": [
                { "name": "large", "file": "l.wasm", "digest": "sha256:03", "state": "compiling" },
            ],
        });
        let expected = "rooms  active, since generation 3
  builtin:private-channels (sha256:01)
  held back: sha256:00, which a rollback or a promotion took out of force; it stays out until the file \
holds something else
trial  stale, in shadow
  t.wasm (sha256:02)
  it cannot be read
large  compiling
  l.wasm (sha256:03)
";
        assert_eq!(text(|out| Ok(listed(&said, out)?)), expected);
        let none = json!({"policies": [], "loading": []});
        let said = text(|out| Ok(listed(&none, out)?));
        assert_eq!(said, "no policies: the built-in rules hold\n");
    }
}
