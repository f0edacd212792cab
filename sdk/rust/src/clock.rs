//! The time of a decision. During one call it stands still.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of the decision, which the server sets for each call. A policy that asks imports
/// `wasi:clocks/wall-clock`.
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// The time of the decision in whole seconds since 1970, as tokens write it.
#[must_use]
pub fn unix_time() -> u64 {
    let since = now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
