//! `wardroom check-config`: says whether the server would start with a configuration. It must not start anything.

use std::io::Write;

use clap::Args;

use super::{Environment, Failure, Source, load};
use crate::config::{Mode, PrivateChannels};

/// Check a configuration and report everything that is wrong with it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    source: Source,
}

const EXAMPLES: &str = "\
Examples:
  wardroom check-config
  wardroom check-config -c /etc/wardroom/wardroom.toml && systemctl restart wardroom

The environment counts as it does for `serve`. Files that the configuration names are read;
policies are not loaded.";

pub(super) fn run(
    command: &CheckConfig,
    environment: Environment,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let config = load(&command.source, Mode::Production, environment)?;
    writeln!(out, "The configuration is valid.")?;
    writeln!(out, "  clients   {}", config.listen.public)?;
    writeln!(out, "  backends  {}", config.listen.internal)?;
    for key in &config.auth.tokens.keys {
        let id = key.id().unwrap_or("any kid");
        writeln!(out, "  key       {id} ({})", key.algorithm())?;
    }
    for key in &config.api_keys {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        writeln!(out, "  API key   {} ({})", key.name, scopes.join(", "))?;
    }
    for policy in &config.policies {
        writeln!(
            out,
            "  policy    {} ({})",
            policy.name,
            policy.file.display()
        )?;
    }
    let private = match config.visibility.private_channels {
        PrivateChannels::Members => "for their listed members, whatever policies say",
        PrivateChannels::Policies => {
            "left to the policies; the built-in rule holds only where none decides who sees a channel"
        }
    };
    writeln!(out, "  private channels  {private}")?;
    match &config.store.path {
        Some(path) => writeln!(out, "  store     {}", path.display())?,
        None => writeln!(
            out,
            "  store     in memory only; set store.path to keep the directory"
        )?,
    }
    if !config.passed_over.is_empty() {
        writeln!(out, "  ignored   {}", config.passed_over.join(", "))?;
    }
    for warning in &config.warnings {
        writeln!(out, "Warning: {warning}")?;
    }
    Ok(())
}
