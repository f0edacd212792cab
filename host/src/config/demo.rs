//! What development mode adds: a signing secret and an API key, made once and kept in one file. It must not run in production.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Deserialize;

use super::error::Problem;
use super::raw::SecretText;
use super::source::read_bounded;
use super::{Config, Mode};
use crate::auth::{Algorithm, ApiKey, KeyHash, Scope, Secret, TokenKey, new_api_key};
use crate::binding::Binding;

/// Where the generated secrets are kept, next to the configuration file, so that they survive a
/// restart and `wardroom token --dev` signs what a running server accepts.
pub const DEMO_FILE: &str = ".wardroom-dev.toml";

/// What development mode generated.
#[derive(Clone)]
pub struct Demo {
    /// A key with every scope, if none was configured.
    pub api_key: Option<String>,
}

impl fmt::Debug for Demo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Demo")
            .field("api_key", &self.api_key.as_ref().map(|_| ".."))
            .finish()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    token_secret: SecretText,
    api_key: SecretText,
}

/// Adds what is not configured. Reads [`DEMO_FILE`] only if something is missing, and makes it then
/// unless a tool needs what a server has.
pub(super) fn fill(config: &mut Config, folder: &Path, mode: Mode) -> Result<Demo, Problem> {
    let is_tool = mode == Mode::DevelopmentTool;
    let needs_key = config.auth.tokens.keys.is_empty();
    let needs_api_key = config.api_keys.is_empty() && !is_tool;
    if !needs_key && !needs_api_key {
        return Ok(Demo { api_key: None });
    }
    let path = folder.join(DEMO_FILE);
    if is_tool && !path.exists() {
        let message = "there is none here, and so no secret that a server would know: run this in the \
                       folder in which `wardroom serve --dev` was started, with the same --config, or \
                       start one first";
        return Err(Problem::new(DEMO_FILE, message));
    }
    let kept = read_or_make(&path).map_err(|message| Problem::new(DEMO_FILE, message))?;
    if needs_key {
        let secret = Secret::new(kept.token_secret.0.as_bytes());
        let algorithm: Algorithm = "HS256".parse().expect("HS256 is in the list");
        let key = TokenKey::from_secret(None, algorithm, secret)
            .map_err(|error| Problem::new(DEMO_FILE, error))?;
        if let Some(weakness) = key.weakness() {
            return Err(Problem::new(DEMO_FILE, weakness));
        }
        config.auth.tokens.keys.push(key);
        config.warnings.push(format!(
            "auth.keys: none configured; tokens signed with the secret in {} are accepted",
            path.display()
        ));
    }
    if needs_api_key {
        config.api_keys.push(ApiKey {
            name: "development".into(),
            hash: KeyHash::of(&kept.api_key.0),
            scopes: Scope::ALL.into(),
            workspaces: Binding::Everywhere,
        });
        config.warnings.push(format!(
            "api_keys: none configured; the key in {} may do everything",
            path.display()
        ));
    }
    Ok(Demo {
        api_key: needs_api_key.then(|| kept.api_key.0.to_string()),
    })
}

/// The API key that development mode made in a folder.
///
/// # Errors
/// There is none, or the file is damaged; the text says what to do, and shows nothing of it.
pub fn demo_api_key(folder: &Path) -> Result<String, String> {
    let path = folder.join(DEMO_FILE);
    if !path.exists() {
        return Err(format!(
            "there is no {DEMO_FILE} here: run this in the folder in which `wardroom serve --dev` was \
             started, or name the file of a key with --key-file"
        ));
    }
    Ok(read_or_make(&path)?.api_key.0.to_string())
}

fn read_or_make(path: &Path) -> Result<Kept, String> {
    if !path.exists() {
        make(path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    }
    let text = String::from_utf8(read_bounded(path)?)
        .map_err(|_| format!("{} is not UTF-8", path.display()))?;
    // The parser's own message would show the line, which holds a secret.
    toml::from_str(&text).map_err(|_| {
        format!(
            "{} is damaged; delete it to get new secrets",
            path.display()
        )
    })
}

/// Makes the file whole or not at all; one that another process made meanwhile stays.
fn make(path: &Path) -> io::Result<()> {
    let text = format!(
        "# Made by `wardroom --dev`. For development only; delete it to get new secrets.\n\
         token_secret = \"{}\"\napi_key = \"{}\"\n",
        new_api_key(rand::random()),
        new_api_key(rand::random()),
    );
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let linked = options
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
