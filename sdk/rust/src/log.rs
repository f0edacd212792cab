//! Lines for the server's log.

use crate::Level;

/// Writes one line; the macros call it.
#[cfg(target_family = "wasm")]
pub fn write(level: Level, message: &str) {
    crate::bindings::wardroom::policy::log::write(level, message);
}

/// Writes one line; the macros call it. In a test it is shown with what the test prints.
#[cfg(not(target_family = "wasm"))]
#[expect(
    clippy::print_stderr,
    reason = "a test shows what was printed in it, and only that"
)]
pub fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

/// Logs for the author, while the policy is being written. Takes what [`format!`] takes.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::write_log($crate::Level::Debug, &::std::format!($($message)+)) };
}

/// Logs what is worth knowing. Takes what [`format!`] takes.
///
/// ```
/// wardroom_policy::info!("{} rules in force", 3);
/// ```
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::write_log($crate::Level::Info, &::std::format!($($message)+)) };
}

/// Logs what is worth looking at. Takes what [`format!`] takes.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::write_log($crate::Level::Warn, &::std::format!($($message)+)) };
}

/// Logs what is worth waking somebody. Takes what [`format!`] takes.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::write_log($crate::Level::Error, &::std::format!($($message)+)) };
}
