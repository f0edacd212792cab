//! The configuration as it is written: names and TOML types, nothing more. It must not know defaults or what is valid.
//!
//! Every field is optional, so that whatever is missing is reported together with whatever is
//! wrong. Durations and sizes are texts here; [`super::units`] reads them.

use std::fmt;
use std::ops::Deref;
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

/// A text that [`super::units`] reads; a number alone is answered with the form that it should have.
macro_rules! quantity {
    ($name:ident, $what:literal, $unit:literal) => {
        #[doc = concat!("A ", $what, " as it is written.")]
        #[derive(Clone, Debug)]
        pub(super) struct $name(pub(super) String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let example = match toml::Value::deserialize(deserializer)? {
                    toml::Value::String(text) => return Ok(Self(text)),
                    toml::Value::Integer(number) if number >= 0 => {
                        format!(concat!("{}", $unit), number)
                    }
                    _ => concat!("25", $unit).to_owned(),
                };
                let expected = concat!("expected a ", $what, " with its unit, in quotes");
                Err(D::Error::custom(format!("{expected}: \"{example}\"")))
            }
        }
    };
}

quantity!(DurationText, "duration", "s");
quantity!(SizeText, "size", "MiB");

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
    pub(super) keep_alive: Option<DurationText>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) trusted_proxies: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) deadline: Option<DurationText>,
    pub(super) expiry_notice: Option<DurationText>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<Vec<String>>,
    pub(super) leeway: Option<DurationText>,
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
    pub(super) grace: Option<DurationText>,
    pub(super) grace_in_channel: Option<DurationText>,
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
    pub(super) file_size: Option<SizeText>,
    pub(super) compile_timeout: Option<DurationText>,
    pub(super) compile_memory: Option<SizeText>,
    pub(super) deadline: Option<DurationText>,
    pub(super) start_deadline: Option<DurationText>,
    pub(super) memory: Option<SizeText>,
    pub(super) warm_memory: Option<SizeText>,
    pub(super) table_elements: Option<u64>,
    pub(super) output: Option<SizeText>,
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
    pub(super) max_size: Option<SizeText>,
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
    pub(super) max_output: Option<SizeText>,
    pub(super) max_output_total: Option<SizeText>,
    pub(super) write_timeout: Option<DurationText>,
    pub(super) max_http_body: Option<SizeText>,
    pub(super) max_http_sync_body: Option<SizeText>,
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
    pub(super) per_second: Option<SizeText>,
    pub(super) burst: Option<SizeText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SocketIo {
    pub(super) ping_interval: Option<DurationText>,
    pub(super) ping_timeout: Option<DurationText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Shutdown {
    pub(super) drain: Option<DurationText>,
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
