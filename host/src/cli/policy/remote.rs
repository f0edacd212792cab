//! How a command finds a running server and shows its key: by a file or the environment, never by an
//! argument, which everybody on the machine can read. It must not know what is called.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::cli::{Environment, Failure};
use crate::config;
use crate::limits::{POLICY_CALL_ANSWER_BYTES, POLICY_CALL_PATIENCE};
use crate::policy_tools::api::{Api, Body};

/// The variable that holds the key where no file is named.
const KEY_VARIABLE: &str = "WARDROOM_API_KEY";

/// Where a server listens for backends unless it is told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:7801";

/// The key that development mode makes.
#[derive(Args, Debug)]
pub(super) struct DevKey {
    /// Use the API key of a `wardroom serve --dev` that was started in this folder
    #[arg(long, conflicts_with = "key_file")]
    dev: bool,
}

impl DevKey {
    /// The key, if it is asked for.
    pub(super) fn found(&self) -> Result<Option<String>, Failure> {
        let found = self.dev.then(|| config::demo_api_key(Path::new(".")));
        found.transpose().map_err(Failure::Usage)
    }
}

/// The key in a file.
pub(super) fn read_key(file: &Path) -> Result<String, Failure> {
    let text =
        fs::read_to_string(file).map_err(|e| Failure::Usage(format!("{}: {e}", file.display())))?;
    Ok(text.trim().to_owned())
}

/// Which server, and the key to it.
#[derive(Args, Debug)]
pub(super) struct Remote {
    /// The server's address for backends
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    /// A file that holds an API key; without it the variable WARDROOM_API_KEY does
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    dev: DevKey,
    /// Print the server's answer as it is
    #[arg(long)]
    pub(super) json: bool,
}

impl Remote {
    /// Makes a call that must succeed, and gives its answer.
    pub(super) fn call(
        &self,
        environment: &Environment,
        method: &str,
        path: &str,
        body: Option<Body<'_>>,
    ) -> Result<Value, Failure> {
        let key = self.key(environment)?;
        let api = Api::new(
            &self.url,
            &key,
            POLICY_CALL_PATIENCE,
            POLICY_CALL_ANSWER_BYTES,
        )
        .map_err(Failure::Usage)?;
        let answer = api
            .call(method, path, body)
            .map_err(|reason| anyhow!(reason))?;
        let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match (answer.status, said) {
            (200..=299, Some(said)) => Ok(said),
            (status, Some(problem)) if problem["detail"].is_string() => {
                let (detail, code) = (&problem["detail"], &problem["code"]);
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Err(anyhow!("{} ({status} {})", text(detail), text(code)).into())
            }
            (status, _) => Err(anyhow!("the server answers {status}, and nothing more").into()),
        }
    }

    fn key(&self, environment: &Environment) -> Result<String, Failure> {
        if let Some(file) = &self.key_file {
            return read_key(file);
        }
        if let Some(key) = self.dev.found()? {
            return Ok(key);
        }
        let mut variables = environment.iter();
        let found = variables.find(|(name, _)| name == KEY_VARIABLE);
        let (_, value) = found.ok_or_else(|| {
            Failure::Usage(format!(
                "an API key is needed: name its file with --key-file, set {KEY_VARIABLE}, or take the key of \
                 `wardroom serve --dev` with --dev"
            ))
        })?;
        let value = value.to_str();
        let value = value.ok_or_else(|| Failure::Usage(format!("{KEY_VARIABLE} is not UTF-8")))?;
        Ok(value.trim().to_owned())
    }
}
