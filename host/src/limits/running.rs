//! Limits of what keeps the server running: the directory's file, logs, threads, descriptors.

use std::time::Duration;

// ---- the directory's file ----

/// How long the directory's file is left alone, after it could not be written, before it is opened
/// and tried again.
pub const DIRECTORY_REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// Room that there must be on the disk before it is taken to be no longer full, in bytes.
pub const DIRECTORY_ROOM_BYTES: usize = 1024 * 1024;

/// Bytes of the directory's file that are rewritten at once after a failure.
pub const DIRECTORY_REWRITE_BYTES: usize = 64 * 1024;
/// Bytes of the directory's file that are kept in memory. It is read whole at the start and only written
/// after that, so that more of it in memory would be of no use: 100,000 workspaces of ten members took
/// 830 MiB with the library's 1 GiB, and take 690 MiB with this (`cargo xtask bench --scenario directory`).
pub const DIRECTORY_CACHE_BYTES: usize = 64 * 1024 * 1024;

// ---- log ----

/// Lines of the log that wait to be written. At the limit further ones are dropped and counted.
pub const LOG_QUEUE_LINES: usize = 8_192;
/// Bytes of the log that wait to be written. At the limit further lines are dropped and counted.
pub const LOG_QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// How long the end of the process waits for the log to be written.
pub const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How often it is looked meanwhile whether a full queue has room again.
pub const LOG_FLUSH_POLL: Duration = Duration::from_millis(5);
/// Refusals with one code, from one place in the program, that are logged at once. More are left
/// out and counted.
pub const LOG_REFUSAL_BURST_LINES: u32 = 50;
/// Refusals with one code, from one place in the program, that are logged each second.
pub const LOG_REFUSAL_LINES_PER_SECOND: u32 = 10;
/// Other lines from one place in the program that are logged at once. More are left out and counted.
pub const LOG_BURST_LINES: u32 = 1_000;
/// Other lines from one place in the program that are logged each second.
pub const LOG_LINES_PER_SECOND: u32 = 100;
/// Kinds of lines that are told apart. Beyond it, codes no longer are.
pub const MAX_LOG_KINDS: usize = 1_024;
/// How often the log says what was left out of it.
pub const LOG_SUMMARY_PERIOD: Duration = Duration::from_secs(10);

// ---- decision log ----

/// Decisions that wait to be written, unless configured otherwise. At the limit further ones are
/// dropped and counted.
pub const DECISION_LOG_QUEUE: u64 = 4096;
/// The most that the setting for the former may be. A waiting decision takes some 40 KiB at worst.
pub const MAX_DECISION_LOG_QUEUE: u64 = 65_536;
/// Claims, arguments or payload of one logged decision, in bytes. Of larger ones only the size is
/// logged.
pub const DECISION_INPUT_BYTES: usize = 16 * 1024;
/// The smallest size at which the decision log may be configured to be rotated, in bytes.
pub const MIN_DECISION_LOG_BYTES: u64 = 4 * 1024;
/// Paths that the decision log may be told to mask.
pub const MAX_DECISION_LOG_MASKS: usize = 256;

const _: () = assert!(DECISION_LOG_QUEUE <= MAX_DECISION_LOG_QUEUE);

// ---- threads ----

/// How long a thread that panicked rests before it is begun again.
pub const THREAD_RESTART_PAUSE: Duration = Duration::from_millis(100);

// ---- descriptors ----

/// Descriptors of the process that connections of clients never take: they are for backends and
/// operators, for files and for the directory.
pub const DESCRIPTOR_RESERVE: u64 = 256;
/// How long a listener rests after it could not accept, such as for want of descriptors. Doubled
/// with each failure in a row.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long it rests at most.
pub const MAX_ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Connections that a listener accepts before all other tasks have had a turn, at least; and one for each
/// millisecond that their last turn took. With 128, as the runtime has it, a burst of 300 newcomers held
/// up a command of another workspace five times as long (`cargo xtask attack --scenario expiry`); with
/// one, a fifth fewer of them came in.
pub const ACCEPTS_PER_TURN: u32 = 4;
/// Connections that it accepts before that, at most.
pub const MAX_ACCEPTS_PER_TURN: u32 = 128;

// ---- files ----

/// How long a call to the file system is waited for. One that takes longer is left behind, and what
/// it was for is tried again later.
pub const FILE_CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Calls to the file system that were left behind and have not returned. At the limit further calls
/// fail at once.
pub const FILE_CALLS_STUCK: usize = 32;

// ---- time ----

/// How often it is looked how long the process has run.
pub const UPTIME_TICK: Duration = Duration::from_millis(100);
/// The longest time between two such looks that counts as time in which the process ran; what is
/// longer was a pause.
pub const UPTIME_STEP: Duration = Duration::from_millis(500);
/// How often the end of a token is held against the wall clock, which may be set meanwhile.
pub const WALL_CLOCK_LOOK: Duration = Duration::from_secs(30);

const _: () = assert!(UPTIME_TICK.as_millis() * 2 < UPTIME_STEP.as_millis());
