//! Every limit of the server, with its unit, and what happens at it. The domain has its own.

use std::time::Duration;

// ---- commit path ----

/// Entries of one workspace's log that are committed and not yet delivered. At the limit a
/// command waits for room, and fails with `overloaded` after [`COMMIT_TIMEOUT`].
pub const MAX_UNDELIVERED_ENTRIES: usize = 1024;

/// How long a command waits for room in its workspace's log.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Entries that a follower takes at once; their frames share one write per receiver.
pub const MAX_BATCH_ENTRIES: usize = 64;

/// How often one command may have to be decided anew, because policies were swapped or asked
/// something new, before it fails with `overloaded`.
pub const MAX_DECISION_ROUNDS: usize = 64;

/// Subjects that one call asks a policy about, for channels it answered `each`.
pub const MAX_SUBJECTS_PER_CALL: usize = 1024;

/// Channels that are re-evaluated in one command after policies were swapped.
pub const CHANNELS_PER_REEVALUATION: usize = 32;

// ---- durable directory ----

/// Directory writes that wait for the disk. At the limit further ones wait.
pub const MAX_WAITING_WRITES: usize = 256;

// ---- authentication ----

/// Longest JSON Web Token that is looked at, in bytes; longer ones are refused unparsed.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Most workspaces that one token may name.
pub const MAX_TOKEN_WORKSPACES: usize = 1_024;
/// Longest API key that is looked at, in bytes; longer ones are refused unhashed.
pub const MAX_API_KEY_BYTES: usize = 256;
/// Shortest RSA modulus that is accepted, in bits (RFC 7518 §3.3).
pub const MIN_RSA_MODULUS_BITS: usize = 2_048;
/// Longest life of a token that `wardroom token` issues, in seconds (one year).
pub const MAX_ISSUED_TOKEN_SECONDS: u64 = 365 * 24 * 60 * 60;

// ---- configuration ----

/// Largest configuration, secret or key file that is read, in bytes.
pub const MAX_CONFIG_FILE_BYTES: u64 = 1024 * 1024;
/// Longest duration that a setting may have, in seconds (one day).
pub const MAX_SETTING_SECONDS: u64 = 24 * 60 * 60;
/// Largest size that a setting may have, in bytes.
pub const MAX_SETTING_BYTES: u64 = 4 * 1024 * 1024 * 1024;

const _: () = assert!(MAX_BATCH_ENTRIES <= MAX_UNDELIVERED_ENTRIES);
