//! `wardroom init`: makes a first configuration and says how it goes on. It must not start anything.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::config::{Config, DEFAULT_FILE, EXAMPLE, InitialError, Mode, make_initial};

/// Make a first configuration, with secrets, that a server starts with
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// The folder to make it in or, if it ends in .toml, the file to make; without it ./wardroom.toml
    #[arg(value_name = "DIR|FILE")]
    place: Option<PathBuf>,
    /// Print the commented example, which explains every setting, and make nothing
    #[arg(long, conflicts_with = "place")]
    example: bool,
}

const EXAMPLES: &str = "\
Examples:
  wardroom init
  wardroom init /etc/wardroom
  wardroom init --example | less

It writes the commented configuration, and token-secret beside it, which users' tokens are signed with.
Both are for the present user alone (mode 0600), and nothing that is there is written over. The key for
a backend is shown once; the configuration holds its hash.";

pub(super) fn run(command: &Init, out: &mut dyn Write) -> Result<(), Failure> {
    if command.example {
        write!(out, "{EXAMPLE}")?;
        return Ok(());
    }
    let file = command
        .place
        .as_deref()
        .map_or_else(|| DEFAULT_FILE.into(), file);
    let made = make_initial(&file).map_err(|error| match error {
        InitialError::Exists(_) => Failure::Usage(error.to_string()),
        InitialError::Write { .. } | InitialError::Random(_) => Failure::Runtime(error.into()),
    })?;
    let config = Config::load(Some(&file), [], Mode::Production);
    let config = config.map_err(|error| Failure::Usage(error.to_string()))?;
    let clients = here(config.listen.public);
    let backends = here(config.listen.internal);
    let with_config = match &file {
        default if *default == Path::new(DEFAULT_FILE) => String::new(),
        file => format!(" --config {}", in_shell(&file.display().to_string())),
    };
    writeln!(
        out,
        "Made {}\n and {}, which users' tokens are signed with.\n\
         Both are for this user alone: if the server runs as another, give them and their folder to it.\n\n\
         The key for a backend, shown this once:\n  {}\n\n\
         Start the server:\n  wardroom serve{with_config}\n\n\
         Make a channel, as the backend, with that key in KEY:\n  \
         curl -X PUT -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\\n    \
         {backends}/v1/workspaces/demo/channels/general -d '{{}}'\n\n\
         Make a token, with which a client of ann's enters the workspace demo at {clients}:\n  \
         wardroom token{with_config} --user ann --workspace demo",
        file.display(),
        made.secret_file.display(),
        made.api_key.as_str(),
    )?;
    Ok(())
}

/// The file that is meant by a folder or a file.
fn file(place: &Path) -> PathBuf {
    let is_file = place.extension().is_some_and(|it| it == "toml") && !place.is_dir();
    if is_file {
        place.to_owned()
    } else {
        place.join(DEFAULT_FILE)
    }
}

/// How an address is reached from this machine.
fn here(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// A word as a shell takes it.
fn in_shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_place_is_a_folder_unless_it_is_named_like_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| file(&folder.path().join(name));
        assert_eq!(at("new"), folder.path().join("new/wardroom.toml"));
        assert_eq!(at("staging.toml"), folder.path().join("staging.toml"));
        std::fs::create_dir(folder.path().join("odd.toml")).unwrap();
        assert_eq!(at("odd.toml"), folder.path().join("odd.toml/wardroom.toml"));
    }

    #[test]
    fn an_address_is_shown_as_it_is_reached_from_here() {
        let shown = |address: &str| here(address.parse().unwrap());
        assert_eq!(shown("0.0.0.0:7800"), "http://127.0.0.1:7800");
        assert_eq!(shown("[::]:7800"), "http://127.0.0.1:7800");
        assert_eq!(shown("192.0.2.7:80"), "http://192.0.2.7:80");
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(in_shell("/etc/wardroom/w.toml"), "/etc/wardroom/w.toml");
        assert_eq!(in_shell("Ann's own/w.toml"), r"'Ann'\''s own/w.toml'");
    }
}
