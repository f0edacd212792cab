//! Threads and tasks that must not end before their work does: one that panics is begun again, and counted.
//! It must not know what a thread does.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Builder;
use std::{io, thread};

use parking_lot::Mutex;

use crate::limits::THREAD_RESTART_PAUSE;

/// How often each thread of this process was begun again, by name.
static RESTARTS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Runs `work` on a thread of this name until it returns. If it panics, it is called again after
/// [`THREAD_RESTART_PAUSE`], with whatever it has become: it must be able to go on from there.
///
/// # Errors
/// The system gives no thread.
pub fn keep(name: &'static str, mut work: impl FnMut() + Send + 'static) -> io::Result<()> {
    let kept = move || {
        // The panic hook has told the log what happened and where.
        while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
            begun_again(name);
            thread::park_timeout(THREAD_RESTART_PAUSE);
        }
    };
    Builder::new().name(name.to_owned()).spawn(kept).map(drop)
}

/// The same for a task, which must have a runtime: `begin` makes what is to be done, anew after each
/// panic. The future ends when that does; dropping it leaves the task alone.
pub async fn keep_task<F>(name: &'static str, mut begin: impl FnMut() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(begin()).await
        && error.is_panic()
    {
        begun_again(name);
        tokio::time::sleep(THREAD_RESTART_PAUSE).await;
    }
}

fn begun_again(name: &'static str) {
    *RESTARTS.lock().entry(name).or_default() += 1;
    tracing::error!(thread = name, "a thread panicked and is begun again");
}

/// How often threads were begun again since the process started, by name; those that never were
/// are left out.
#[must_use]
pub fn restarts() -> BTreeMap<&'static str, u64> {
    RESTARTS.lock().clone()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_thread_that_panics_goes_on_and_is_counted() {
        let (sender, receiver) = mpsc::channel();
        let mut begun = 0;
        let work = move || {
            begun += 1;
            sender.send(begun).unwrap();
            assert!(begun > 2, "not yet");
        };
        keep("test-thread", work).unwrap();
        let next = || receiver.recv_timeout(Duration::from_secs(10));
        assert_eq!([next(), next(), next()], [Ok(1), Ok(2), Ok(3)]);
        // What returns is not begun again, and drops what it had.
        assert_eq!(next(), Err(mpsc::RecvTimeoutError::Disconnected));
        assert_eq!(restarts().get("test-thread"), Some(&2));
    }

    #[tokio::test]
    async fn a_task_that_panics_goes_on_and_is_counted() {
        let (sender, receiver) = mpsc::channel();
        let mut begun = 0;
        let begin = move || {
            begun += 1;
            let (begun, sender) = (begun, sender.clone());
            async move {
                sender.send(begun).unwrap();
                assert!(begun > 2, "not yet");
            }
        };
        keep_task("test-task", begin).await;
        assert_eq!(receiver.iter().collect::<Vec<i32>>(), [1, 2, 3]);
        assert_eq!(restarts().get("test-task"), Some(&2));
    }
}
