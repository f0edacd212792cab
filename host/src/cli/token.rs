//! `wardroom token`: signs a token with a configured shared secret. It must not sign with anything else.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use wardroom_domain::{Role, UserId, WorkspaceId};

use super::{Development, Environment, Failure, Source, load};
use crate::auth::{IssueError, TokenIssuer};

/// Sign a token for a user, to try things out or to script
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Token {
    /// The user's id
    #[arg(long, short, value_name = "ID", value_parser = user)]
    user: UserId,
    /// A workspace that the token admits to, with an optional role; may be repeated
    #[arg(long, short, value_name = "ID[:ROLE]", value_parser = workspace)]
    workspace: Vec<(WorkspaceId, Option<Role>)>,
    /// How long the token is valid
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        value_parser = humantime::parse_duration
    )]
    ttl: Duration,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    development: Development,
}

const EXAMPLES: &str = "\
Examples:
  wardroom token --dev --user ann --workspace demo
  wardroom token -c wardroom.toml --user bob --workspace demo:moderator --workspace shop --ttl 8h

The token is signed with the first shared secret (HS256, HS384, HS512) of auth.keys; with --dev
and no keys, with the secret that `wardroom serve --dev` in the same folder uses. The part of
--workspace after the last colon is the role; end an id that holds a colon with another one.
A user who is a member in the directory needs no --workspace.";

fn user(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|error| error.to_string())
}

fn workspace(text: &str) -> Result<(WorkspaceId, Option<Role>), String> {
    let (id, role) = text.rsplit_once(':').unwrap_or((text, ""));
    let id = WorkspaceId::new(id).map_err(|error| format!("the id {error}"))?;
    let role = (!role.is_empty())
        .then(|| Role::new(role))
        .transpose()
        .map_err(|error| format!("the role {error}"))?;
    Ok((id, role))
}

pub(super) fn run(
    command: &Token,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let config = load(&command.source, command.development.mode(), environment)?;
    let usage = |error: IssueError| Failure::Usage(error.to_string());
    let issuer = TokenIssuer::new(&config.auth.tokens).map_err(usage)?;
    let workspaces: BTreeMap<_, _> = command.workspace.iter().cloned().collect();
    let token = issuer
        .issue(&command.user, &workspaces, command.ttl)
        .map_err(usage)?;
    writeln!(out, "{token}")?;
    Ok(())
}
