//! The configuration: what an operator may set, validated as a whole. It must not know who uses a setting.
//!
//! TOML text and the environment become [`raw`] (what was written), which becomes [`Config`]
//! (what it means). Everything wrong is reported at once, each with its key path.

mod demo;
mod error;
mod initial;
mod raw;
mod shape;
mod source;
mod units;
mod validate;
mod variables;
mod written;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use demo::{DEMO_FILE, Demo, demo_api_key};
pub use error::{ConfigError, Problem};
pub use initial::{EXAMPLE, Initial, InitialError, make as make_initial};
pub use source::VARIABLE_PREFIX;
pub use written::Written;

use wardroom_domain::Json;

use crate::auth::{ApiKey, TokenRules};
use crate::{decision_log, line_file};

/// The file that is read from the working directory when none is named.
pub const DEFAULT_FILE: &str = "wardroom.toml";

/// How strict the configuration must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Missing or weak secrets are errors.
    Production,
    /// `--dev`: missing secrets are generated, weak ones are warned of.
    Development,
    /// The same for a tool beside a server: it needs the secrets that the server generated, and
    /// generates none, which no server would know.
    DevelopmentTool,
}

/// Everything that can be set, validated. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses and origins.
    pub listen: Listen,
    /// How clients prove who they are.
    pub auth: Auth,
    /// Keys of backends for the internal listener; never empty.
    pub api_keys: Vec<ApiKey>,
    /// How long a lost connection is held.
    pub presence: Presence,
    /// Where the directory is kept.
    pub store: Store,
    /// Policies, in the order in which they are asked.
    pub policies: Vec<Policy>,
    /// Bounds on every call into every policy.
    pub policy: PolicyBounds,
    /// What holds beside policies of who sees a channel.
    pub visibility: Visibility,
    /// How decisions of policies are logged; nothing if they are not.
    pub decision_log: Option<decision_log::Settings>,
    /// Where calls that change something are recorded besides the log; nothing if nowhere.
    pub audit: Option<line_file::Settings>,
    /// Bounds on connections and requests.
    pub limits: Limits,
    /// How often clients may do things.
    pub rates: Rates,
    /// Intervals of the Socket.IO protocol.
    pub socketio: SocketIo,
    /// How the server stops.
    pub shutdown: ShutdownBounds,
    /// What is logged, and how.
    pub log: Log,
    /// What the system may do with the process.
    pub process: Process,
    /// Present in development mode only.
    pub demo: Option<Demo>,
    /// What has no effect, works only in development mode, or should not stay as it is: for the log
    /// and for `check-config`.
    pub warnings: Vec<String>,
    /// Files that keys are read from.
    pub key_files: Vec<PathBuf>,
    /// Variables of the environment that look as if they named a setting, and are an orchestrator's.
    pub passed_over: Vec<String>,
    /// The keys that were set, to tell one reading of the configuration from the next.
    pub written: Written,
}

/// Addresses and origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For clients: Socket.IO and `/healthz`.
    pub public: SocketAddr,
    /// For backends and operators.
    pub internal: SocketAddr,
    /// How long a connection of the public listener may idle between two requests.
    pub keep_alive: Duration,
    /// Which web pages may connect.
    pub allowed_origins: AllowedOrigins,
    /// Proxies that are believed when they say where a client comes from: ranges of addresses, as
    /// an address and how many of its first bits count.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
}

/// Which web pages may connect, by the `Origin` that their browser states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All of them: `["*"]`.
    Any,
    /// Those listed, as `scheme://host[:port]` in lower case.
    Listed(Vec<String>),
}

/// How clients prove who they are.
#[derive(Clone, Debug)]
pub struct Auth {
    /// A socket that has not authenticated within this time is closed.
    pub deadline: Duration,
    /// How long before the end of its token a socket is told; if it is zero, never.
    pub expiry_notice: Duration,
    /// Tokens in a row that are not accepted before their client is closed.
    pub max_failures: u32,
    /// Keys and rules for tokens.
    pub tokens: TokenRules,
}

/// How long a lost connection is held before its loss is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// For a connection without a selected channel.
    pub grace: Duration,
    /// For a connection that holds its user's selection.
    pub grace_in_channel: Duration,
}

/// Where the directory is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The database file; without one the directory is lost when the process ends.
    pub path: Option<PathBuf>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What logs, metrics and the API call it; unique.
    pub name: String,
    /// The component: an absolute path or relative to the working directory, or the name of a policy
    /// in the binary, as [`crate::builtin`] has it.
    pub file: PathBuf,
    /// The JSON object given to `lifecycle.configure`.
    pub settings: Json,
    /// What a hook answers when every attempt failed.
    pub on_failure: OnFailure,
    /// Whether the server waits for it at its start.
    pub wait: bool,
    /// How long its instances live.
    pub isolation: Isolation,
    /// Interfaces that a new version may import though the one before did not.
    pub grants: Vec<String>,
    /// Whether it, or a candidate beside it, is only asked and compared.
    pub shadow: Shadow,
}

/// How long an instance of a policy lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// It serves many calls.
    Reuse,
    /// It serves one call.
    PerCall,
}

/// What of a policy is only asked and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shadow {
    /// Nothing: it decides.
    Off,
    /// The policy as a whole.
    Whole,
    /// The candidate in this file, beside the version that decides.
    Candidate(PathBuf),
}

/// What a hook answers when every attempt to ask the policy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// As if the policy had refused.
    Closed,
    /// As if the policy had not been there.
    Open,
}

/// Bounds on every call into every policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyBounds {
    /// Largest component file, in bytes.
    pub file_bytes: u64,
    /// Longest time that compiling a component may take.
    pub compile_timeout: Duration,
    /// Memory that compiling a component may take, in bytes.
    pub compile_memory_bytes: u64,
    /// Longest call of a hook.
    pub deadline: Duration,
    /// Longest time an instance may take to start and to accept its settings.
    pub start_deadline: Duration,
    /// Linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Linear memory of all instances of all policies, in bytes, beyond which a policy keeps one
    /// warm instance and no more.
    pub warm_memory_bytes: u64,
    /// Elements of all tables of one instance.
    pub table_elements: usize,
    /// What one call may hand out, in bytes.
    pub output_bytes: usize,
    /// Where compiled components are kept; without it each is compiled at every start.
    pub cache: Option<PathBuf>,
}

/// Bounds on connections and requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections on the public listener.
    pub max_connections: usize,
    /// Sessions of one address that have not authenticated.
    pub max_unauthenticated_per_address: usize,
    /// What waits to be written to one connection, in bytes, before it is closed.
    pub max_output_bytes: usize,
    /// What waits to be written to all connections together, in bytes.
    pub max_output_total_bytes: usize,
    /// Longest time that a waiting output may make no progress.
    pub write_timeout: Duration,
    /// Body of one HTTP call, in bytes.
    pub max_http_body_bytes: usize,
    /// Body of `PUT /v1/workspaces/{w}`, in bytes.
    pub max_http_sync_body_bytes: usize,
}

/// How often clients may do things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Events of one connection.
    pub connection_events: Rate,
    /// Events of all connections of one user.
    pub user_events: Rate,
    /// Bytes that each listener is sent of what one user does.
    pub user_output: Rate,
    /// Events of all connections from one address.
    pub address_events: Rate,
    /// Sessions that one address opens.
    pub address_connects: Rate,
    /// Tokens from one address whose signature turns out to be wrong.
    pub address_failed_auths: Rate,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In a second, over some time; 0 for no bound.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// What holds beside policies of who sees a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// Who has the last word on private channels.
    pub private_channels: PrivateChannels,
}

/// Who has the last word on private channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateChannels {
    /// The members that a channel lists: nobody else sees it, whatever policies say.
    Members,
    /// The policies that decide who sees channels, if there are any.
    Policies,
}

/// Intervals of the Socket.IO protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketIo {
    /// Time between two pings.
    pub ping_interval: Duration,
    /// Longest wait for a pong.
    pub ping_timeout: Duration,
}

/// How the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownBounds {
    /// Longest time between the signal and the end.
    pub drain: Duration,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form of one line.
    pub format: LogFormat,
    /// A level, or directives such as `info,wardroom::policy=debug`.
    pub level: String,
}

/// What the system may do with the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Whether its memory, secrets included, may be written to disk if it crashes: as the system is
    /// set up, or never.
    pub core_dumps: bool,
}

/// The form of one line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Reads `file`, or [`DEFAULT_FILE`] if it exists, then the environment on top of it.
    ///
    /// `environment` is the whole environment; only names that begin with [`VARIABLE_PREFIX`] are
    /// looked at. In development mode the demo secrets are kept in [`DEMO_FILE`].
    ///
    /// # Errors
    /// All problems at once, each with the key path or the variable that it is about.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        mode: Mode,
    ) -> Result<Self, ConfigError> {
        let source = source::Source::read(file, environment)?;
        let origin = source.origin().to_owned();
        let folder = source.folder().to_owned();
        let with_secrets = source.holds_a_secret().then(|| PathBuf::from(&origin));
        let read = source.into_raw();
        let mut checked = validate::validate(read.raw, &folder, mode);
        let faults = read.faults;
        checked
            .problems
            .retain(|problem| !faults.explain(&problem.at));
        drop(checked.problems.splice(..0, faults.problems));
        checked
            .config
            .warnings
            .extend(with_secrets.and_then(|file| validate::exposed(&file)));
        if mode != Mode::Production && checked.problems.is_empty() {
            match demo::fill(&mut checked.config, &folder, mode) {
                Ok(demo) => checked.config.demo = Some(demo),
                Err(problem) => checked.problems.push(problem),
            }
        }
        checked.config.written = read.written;
        checked.config.passed_over = read.passed_over;
        if checked.problems.is_empty() {
            Ok(checked.config)
        } else {
            Err(ConfigError::new(origin, checked.problems))
        }
    }
}

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod tests;
