//! Long work on the threads that serve everybody. It must not know what the work is.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work that takes long and waits for nothing. The other tasks of this thread go on elsewhere
/// meanwhile, where there are several threads.
pub(crate) fn long<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// With one worker, what is queued behind long work would wait for its end for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_during_long_work() {
        let (done, ended) = mpsc::channel();
        let task = tokio::spawn(async move {
            tokio::spawn(async move { done.send(()) });
            long(|| ended.recv())
        });
        assert_eq!(task.await.expect("the task"), Ok(()));
    }

    #[tokio::test]
    async fn where_there_is_one_thread_it_does_the_work() {
        assert_eq!(long(|| 1), 1);
    }
}
