//! Waiting for conditions. It must not know what is waited for.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longest time that anything awaited in a test may take, on a busy machine of two cores.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long [`eventually`] rests between two looks at what cannot announce itself.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Waits for `future`, and panics with `what` if it takes longer than [`DEADLINE`].
///
/// # Panics
/// If the deadline passes first.
pub async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {DEADLINE:?}"),
    }
}

/// Looks again and again until there is something, for conditions that only asking can show.
///
/// # Panics
/// If there is nothing within [`DEADLINE`].
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within_deadline(what, async {
        loop {
            if let Some(value) = look().await {
                return value;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    })
    .await
}
