//! Reads the configuration again while the server runs: when its file changes, and on SIGHUP. What
//! it says of policies and of keys comes into force; what else changed is named and waits for a
//! restart.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::identity::Identities;
use super::policies;
use crate::config::{Config, Written};
use crate::policy::{Also, Looked, Nudge, Policies, Watching};

/// How to read the configuration again, as it was read at the start.
pub struct Reread {
    /// Its file, whether or not it is there.
    pub file: PathBuf,
    /// Reads it.
    pub read: Box<dyn Fn() -> Result<Config, String> + Send>,
}

/// What of the configuration needs no restart.
const RELOADED: [&str; 9] = [
    "policies",
    "policy.",
    "visibility.",
    "api_keys",
    "auth.keys",
    "auth.issuer",
    "auth.audience",
    "auth.leeway",
    "auth.user_claim",
];
/// What does, though it looks as if it were of that.
const NOT_RELOADED: [&str; 1] = ["policy.cache"];

/// Follows the policies' files and the configuration, until what is returned is dropped. The
/// configuration is read at once, for what was written while policies were loaded, and for those that
/// are not waited for.
pub(super) fn follow(
    policies: &Policies,
    config: &Config,
    reread: Reread,
    identities: Identities,
) -> Result<Watching> {
    let mut reader = Reader {
        policies: policies.clone(),
        started_with: config.written.clone(),
        named: Vec::new(),
        warnings: config.warnings.clone(),
        identities,
        file: reread.file.clone(),
        read: reread.read,
    };
    let also = Also {
        files: files(reread.file, config),
        look: Box::new(move || reader.look()),
    };
    let watching = policies.watch_with(Some(also));
    watching.context("cannot watch the policies")
}

struct Reader {
    policies: Policies,
    started_with: Written,
    /// What was last said to need a restart.
    named: Vec<String>,
    /// What was last warned of.
    warnings: Vec<String>,
    identities: Identities,
    /// The configuration.
    file: PathBuf,
    read: Box<dyn Fn() -> Result<Config, String> + Send>,
}

impl Reader {
    /// Reads the configuration, and has it in force if it can be used.
    fn look(&mut self) -> Looked {
        let config = match (self.read)() {
            Ok(config) => config,
            Err(reason) => {
                self.policies.refuse_configuration(&reason);
                return Looked::default();
            }
        };
        let mut changed = self.identities.replace(&config);
        let sources = policies::sources(&config);
        // What is wrong with it has been taken down and logged where it was found.
        let _refused = self.policies.reconfigure(
            sources,
            policies::limits(&config),
            policies::private_channels(&config),
        );
        changed |= self.warn(&config.warnings);
        changed |= self.name_what_waits(&config.written);
        Looked {
            files: Some(files(self.file.clone(), &config)),
            changed,
        }
    }

    /// Warns of what nothing was said of when the configuration was read before. True if there are others
    /// now.
    fn warn(&mut self, warnings: &[String]) -> bool {
        for warning in warnings.iter().filter(|it| !self.warnings.contains(it)) {
            tracing::warn!("{warning}");
        }
        let changed = self.warnings != warnings;
        self.warnings = warnings.to_vec();
        changed
    }

    /// Names what has changed and needs a restart. True if that is something else now.
    fn name_what_waits(&mut self, written: &Written) -> bool {
        let mut waiting = self.started_with.changed(written);
        waiting.retain(|key| !is_reloaded(key));
        let changed = waiting != self.named;
        if changed {
            if waiting.is_empty() {
                tracing::info!("what needed a restart is as it was at the start: nothing waits");
            } else {
                tracing::warn!(
                    changed = waiting.join(", "),
                    "the configuration changed in what needs a restart; the rest is in force"
                );
            }
            self.named = waiting;
        }
        changed
    }
}

/// What is followed: the configuration, and the files with keys that it names.
fn files(configuration: PathBuf, config: &Config) -> Vec<PathBuf> {
    let mut files = vec![configuration];
    files.extend(config.key_files.iter().cloned());
    files
}

fn is_reloaded(key: &str) -> bool {
    RELOADED.iter().any(|part| key.starts_with(part)) && !NOT_RELOADED.contains(&key)
}

/// Has everything looked at on each SIGHUP. Never ends.
#[cfg(unix)]
pub(super) async fn on_hangup(nudge: Nudge, mut hangups: tokio::signal::unix::Signal) {
    while hangups.recv().await.is_some() {
        tracing::info!(
            signal = "SIGHUP",
            "reading the configuration and the policies again"
        );
        nudge.look();
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::thread::yield_now;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::auth::{KeyHash, TokenIssuer};
    use crate::config::Mode;
    use crate::gateway::Authenticator;
    use crate::http::Authenticate;

    /// Compiling policies takes its time, and the configuration was read before.
    #[test]
    fn keys_that_are_written_while_policies_are_loaded_are_in_force_without_another_change() {
        let folder = tempfile::tempdir().unwrap();
        let [file, secret] = ["w.toml", "secret"].map(|name| folder.path().join(name));
        let write = |secret_is: &str, key: &str| {
            let hash = KeyHash::of(key);
            let text = format!(
                "[[auth.keys]]\nalg = \"HS256\"\nsecret_file = \"secret\"\n\
                 [[api_keys]]\nname = \"k\"\nhash = \"{hash}\"\nscopes = [\"ops:read\"]\n"
            );
            fs::write(&file, text).unwrap();
            fs::write(&secret, secret_is).unwrap();
        };
        let load = {
            let file = file.clone();
            move || Config::load(Some(&file), [], Mode::Production).map_err(|e| e.to_string())
        };
        write("1-0123456789abcdef0123456789abcdef", "wr_one");
        let config = load().unwrap();
        let identities = Identities::new(&config);
        let (tokens, backends) = (identities.tokens.clone(), identities.backends.clone());

        write("2-0123456789abcdef0123456789abcdef", "wr_two");
        let issuer = TokenIssuer::new(&load().unwrap().auth.tokens).unwrap();
        let ann = wardroom_domain::UserId::new("ann").unwrap();
        let life = Duration::from_secs(60);
        let token = issuer.issue(&ann, &std::collections::BTreeMap::new(), life);
        let token = token.unwrap();
        let reread = Reread {
            file,
            read: Box::new(load),
        };
        let _watching = follow(&Policies::none(), &config, reread, identities).unwrap();
        let patience = Instant::now() + Duration::from_secs(30);
        while tokens.verify(&token).is_err() || backends.verify("wr_two").is_none() {
            assert!(Instant::now() < patience, "the keys are as they were");
            yield_now();
        }
        assert!(backends.verify("wr_one").is_none());
    }

    #[test]
    fn policies_and_keys_need_no_restart_and_all_else_does() {
        for key in [
            "policies[0].settings.x",
            "policies",
            "policy.deadline",
            "visibility.private_channels",
            "auth.keys[0].secret",
            "auth.audience",
            "api_keys[0].hash",
        ] {
            assert!(is_reloaded(key), "{key}");
        }
        for key in [
            "policy.cache",
            "listen.public",
            "log.level",
            "auth.deadline",
        ] {
            assert!(!is_reloaded(key), "{key}");
        }
    }
}
