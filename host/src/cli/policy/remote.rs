//! How a command finds a running server and shows its key: by a file or the environment, never by an
//! argument, which everybody on the machine can read. It must not know what is called.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::cli::{Environment, Failure};
use crate::config::{self, DEMO_FILE};
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
    let usage = |reason: String| Failure::Usage(format!("{}: {reason}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| usage(error.to_string()))?;
    let key = text.trim();
    if key.is_empty() {
        return Err(usage("it is empty; it must hold an API key".to_owned()));
    }
    if !key.contains(char::is_whitespace) {
        return Ok(key.to_owned());
    }
    // Nothing of it is shown: some of it is secret.
    let reason = if key.contains("[[api_keys]]") {
        "it holds all that `wardroom api-key` printed; keep the line that begins with wr_ in this file, \
         and put the section [[api_keys]] into the configuration of the server"
    } else {
        "it must hold the API key alone, the word that begins with wr_, on one line"
    };
    Err(usage(reason.to_owned()))
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
            (401, _) if self.dev.dev => Err(anyhow!(
                "the server at {} does not accept the key in {DEMO_FILE} of this folder: it was made by \
                 another server. Run this in the folder in which the server was started, or name the \
                 file of a key of it with --key-file (401 unauthenticated)",
                self.url
            )
            .into()),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_file_holds_a_key_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read_key(&file).map_err(String::from)
        };
        assert_eq!(read("wr_secret\n"), Ok("wr_secret".to_owned()));
        let whole = "# The key, shown this once.\nwr_secret\n\n[[api_keys]]\nname = \"k\"\n";
        for (text, told) in [
            (" \n", "it is empty"),
            (
                whole,
                "all that `wardroom api-key` printed; keep the line that begins with wr_",
            ),
            ("wr_secret\nwr_other", "the API key alone"),
            ("Bearer wr_secret", "the API key alone"),
        ] {
            let reason = read(text).unwrap_err();
            assert!(reason.contains(told), "{reason}");
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_key_of_another_server_in_development_mode_is_told_as_that() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _request = stream.read(&mut [0; 1024]).unwrap();
                let body =
                    r#"{"detail": "the API key is not accepted", "code": "unauthenticated"}"#;
                let head = "HTTP/1.0 401 Unauthorized\r\nx: y";
                write!(stream, "{head}\r\n\r\n{body}").unwrap();
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "wr_key").unwrap();
        let said = |dev: bool| {
            let remote = Remote {
                url: url.clone(),
                key_file: Some(file.clone()),
                dev: DevKey { dev },
                json: false,
            };
            let refused = remote.call(&Vec::new(), "GET", "/v1/policies", None);
            String::from(refused.unwrap_err())
        };
        let own = said(true);
        assert!(own.contains("it was made by another server"), "{own}");
        assert!(own.contains(&url), "{own}");
        assert_eq!(
            said(false),
            "the API key is not accepted (401 unauthenticated)"
        );
        serving.join().unwrap();
    }
}
