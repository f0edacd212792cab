//! `wardroom api-key`: makes a key for a backend and shows it once. It must not keep it.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;

use super::Failure;
use crate::auth::{KeyHash, Scope, UnknownScope, new_api_key};
use crate::binding::{InvalidPattern, Pattern};

/// Make an API key for a backend, and the configuration section that accepts it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MakeApiKey {
    /// What logs call the key
    #[arg(long, short, value_parser = name)]
    name: String,
    /// What the key may be used for; may be repeated
    #[arg(long, short, required = true, value_parser = scope)]
    scope: Vec<Scope>,
    /// A workspace that the key is bound to, or "acme-*" for all that begin so; may be repeated.
    /// Without one it is good for all workspaces and for the server as a whole
    #[arg(long, short, value_parser = pattern)]
    workspace: Vec<Pattern>,
}

const EXAMPLES: &str = "\
Examples:
  wardroom api-key --name backend --scope directory:read --scope directory:write
  wardroom api-key --name metrics --scope ops:read
  wardroom api-key --name acme --scope directory:write --workspace acme --workspace 'acme-*'

Scopes:
  directory:read       read workspaces, members, channels and presence
  directory:write      change members, profiles, channels and whole workspaces
  events:publish       publish the application's own events
  connections:control  act for connections, disconnect users
  ops:read             read policies and metrics, explain who sees what
  ops:write            roll back, promote and try versions of policies

The key is shown once. The configuration holds its hash only.";

fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("must not be empty or hold control characters".into());
    }
    Ok(text.to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse()
        .map_err(|error: UnknownScope| error.to_string())
}

fn pattern(text: &str) -> Result<Pattern, String> {
    text.parse()
        .map_err(|error: InvalidPattern| error.to_string())
}

pub(super) fn run(command: &MakeApiKey, out: &mut dyn Write) -> Result<(), Failure> {
    let key = new_api_key(rand::random());
    let scopes: BTreeSet<_> = command.scope.iter().copied().collect();
    let scopes: Vec<_> = scopes.into_iter().map(Scope::as_str).collect();
    let scopes = toml::Value::from(scopes);
    let name = toml::Value::from(command.name.as_str());
    writeln!(
        out,
        "# The key, shown this once. Backends send it as `Authorization: Bearer <key>`."
    )?;
    writeln!(out, "{key}\n")?;
    writeln!(out, "# Its section in the configuration:")?;
    writeln!(out, "[[api_keys]]\nname = {name}")?;
    writeln!(out, "hash = \"{}\"\nscopes = {scopes}", KeyHash::of(&key))?;
    if !command.workspace.is_empty() {
        let bound: Vec<_> = command.workspace.iter().map(Pattern::to_string).collect();
        writeln!(out, "workspaces = {}", toml::Value::from(bound))?;
    }
    Ok(())
}
