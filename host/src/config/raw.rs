//! The configuration as it is written: names and TOML types, nothing more. It must not know defaults or what is valid.
//!
//! Every field is optional, so that whatever is missing is reported together with whatever is
//! wrong. Durations and sizes are texts here; [`super::units`] reads them.

use std::fmt;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A text that must not be shown, not even in an error about its type, and is wiped when dropped.
#[derive(Clone, Default)]
pub(super) struct SecretText(pub(super) Zeroizing<String>);

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(..)")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(Zeroizing::new(text))),
            _ => Err(D::Error::custom("expected a string in quotes")),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) listen: Listen,
    pub(super) auth: Auth,
    pub(super) api_keys: Vec<ApiKey>,
    pub(super) presence: Presence,
    pub(super) store: Store,
    pub(super) policies: Vec<Policy>,
    pub(super) policy: PolicyBounds,
    pub(super) visibility: Visibility,
    pub(super) decision_log: DecisionLog,
    pub(super) audit: Audit,
    pub(super) limits: Limits,
    pub(super) rates: Rates,
    pub(super) socketio: SocketIo,
    pub(super) shutdown: Shutdown,
    pub(super) log: Log,
    pub(super) process: Process,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) public: Option<String>,
    pub(super) internal: Option<String>,
    pub(super) keep_alive: Option<String>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) trusted_proxies: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) deadline: Option<String>,
    pub(super) expiry_notice: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<Vec<String>>,
    pub(super) leeway: Option<String>,
    pub(super) max_failures: Option<u32>,
    pub(super) user_claim: Option<String>,
    pub(super) keys: Vec<TokenKey>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TokenKey {
    pub(super) id: Option<String>,
    pub(super) alg: Option<String>,
    pub(super) secret: Option<SecretText>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_encoding: Option<String>,
    pub(super) public_key: Option<SecretText>,
    pub(super) public_key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ApiKey {
    pub(super) name: Option<String>,
    pub(super) hash: Option<SecretText>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) workspaces: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Presence {
    pub(super) grace: Option<String>,
    pub(super) grace_in_channel: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    pub(super) path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) name: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) settings: toml::Table,
    pub(super) on_failure: Option<String>,
    pub(super) wait: Option<bool>,
    pub(super) isolation: Option<String>,
    pub(super) grants: Option<Vec<String>>,
    pub(super) shadow: Option<bool>,
    pub(super) shadow_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PolicyBounds {
    pub(super) file_size: Option<String>,
    pub(super) deadline: Option<String>,
    pub(super) start_deadline: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) warm_memory: Option<String>,
    pub(super) table_elements: Option<u64>,
    pub(super) output: Option<String>,
    pub(super) cache: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Visibility {
    pub(super) private_channels: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DecisionLog {
    pub(super) path: Option<PathBuf>,
    pub(super) sample_denied: Option<f64>,
    pub(super) sample_allowed: Option<f64>,
    pub(super) mask: Option<Vec<String>>,
    pub(super) queue: Option<u64>,
    pub(super) max_size: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) file: Option<PathBuf>,
    pub(super) max_size: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) max_connections: Option<u64>,
    pub(super) max_unauthenticated_per_address: Option<u64>,
    pub(super) max_output: Option<String>,
    pub(super) write_timeout: Option<String>,
    pub(super) max_http_body: Option<String>,
    pub(super) max_http_sync_body: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rates {
    pub(super) connection_events: Rate,
    pub(super) user_events: Rate,
    pub(super) user_output: OutputRate,
    pub(super) address_events: Rate,
    pub(super) address_connects: Rate,
    pub(super) address_failed_auths: Rate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rate {
    pub(super) per_second: Option<u32>,
    pub(super) burst: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OutputRate {
    pub(super) per_second: Option<String>,
    pub(super) burst: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SocketIo {
    pub(super) ping_interval: Option<String>,
    pub(super) ping_timeout: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Shutdown {
    pub(super) drain: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) format: Option<String>,
    pub(super) level: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Process {
    pub(super) core_dumps: Option<bool>,
}
