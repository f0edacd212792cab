//! `wardroom token`: signs a token with a configured shared secret, or says what one comes to. It must not sign with anything else.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use wardroom_domain::{Role, UserId, WorkspaceId};

use super::{BesideDevelopment, Environment, Failure, Source, load};
use crate::auth::{Claims, IssueError, TokenIssuer, diagnose};
use crate::limits::MAX_TOKEN_BYTES;

/// Sign a token for a user, to try things out or to script
#[derive(Args, Debug)]
#[command(
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Option<Command>,
    /// The user's id
    #[arg(long, short, value_name = "ID", value_parser = user, required = true)]
    user: Option<UserId>,
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
    development: BesideDevelopment,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Say whether the server would accept a token and, if not, why
#[derive(Args, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
struct Check {
    /// The token; `-` reads it from standard input, where other users of the machine do not see it
    token: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    development: BesideDevelopment,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  wardroom token check -c wardroom.toml eyJhbGciOi…
  pbpaste | wardroom token check -

It says what a token claims and in what it differs from what is configured. A policy of admission may
refuse what is accepted here.

Exit codes: 0 accepted, 1 refused, 2 wrong arguments or configuration.";

const EXAMPLES: &str = "\
Examples:
  wardroom token --dev --user ann --workspace demo
  wardroom token -c wardroom.toml --user bob --workspace demo:moderator --workspace shop --ttl 8h
  wardroom token check eyJhbGciOi…

The token is signed with the first shared secret (HS256, HS384, HS512) of auth.keys; with --dev
and no keys, with the secret that `wardroom serve --dev` in the same folder has made. The part of
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
    if let Some(Command::Check(command)) = &command.command {
        return check(command, environment, out);
    }
    let user = command.user.as_ref();
    let user = user.ok_or_else(|| Failure::Usage("--user is missing".to_owned()))?;
    let config = load(&command.source, command.development.mode(), environment)?;
    let usage = |error: IssueError| Failure::Usage(error.to_string());
    let issuer = TokenIssuer::new(&config.auth.tokens).map_err(usage)?;
    let workspaces: BTreeMap<_, _> = command.workspace.iter().cloned().collect();
    let token = issuer
        .issue(user, &workspaces, command.ttl)
        .map_err(usage)?;
    writeln!(out, "{token}")?;
    Ok(())
}

fn check(command: &Check, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load(&command.source, command.development.mode(), environment)?;
    let token = match command.token.as_str() {
        "-" => {
            let mut text = String::new();
            let mut input = std::io::stdin().take(MAX_TOKEN_BYTES as u64 + 1);
            input.read_to_string(&mut text)?;
            text
        }
        token => token.to_owned(),
    };
    let token = token.trim();
    let alone = without_scheme(token);
    let diagnosis = diagnose(&config.auth.tokens, alone.unwrap_or(token));
    let refusal = match &diagnosis.outcome {
        Ok(claims) => {
            accepted(claims, out)?;
            None
        }
        Err(refusal) => Some(anyhow!("{refusal}")),
    };
    for detail in &diagnosis.details {
        writeln!(out, "  {detail}")?;
    }
    if alone.is_some() {
        writeln!(
            out,
            "  what was given begins with `Bearer`, which is no part of a token: a client sends it without"
        )?;
    }
    refusal.map_or(Ok(()), |refusal| Err(Failure::Runtime(refusal)))
}

/// The token of an `Authorization` header, if that is what was given.
fn without_scheme(given: &str) -> Option<&str> {
    let (scheme, token) = given.split_once(char::is_whitespace)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn accepted(claims: &Claims, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "The token is accepted.")?;
    writeln!(out, "  user {}", claims.user)?;
    for (workspace, role) in &claims.workspaces {
        match role {
            Some(role) => writeln!(out, "  workspace {workspace}, with the role {role}")?,
            None => writeln!(out, "  workspace {workspace}")?,
        }
    }
    if claims.workspaces.is_empty() {
        writeln!(
            out,
            "  it names no workspace: the user must be a member in the directory"
        )?;
    }
    Ok(())
}
