//! How long backends are answered: until it is time to stop, and then no longer than there is work. It
//! must not know what a call does, nor how connections are held.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Api, listener, router};
use crate::limits::{HTTP_ANSWER_PATIENCE, HTTP_REQUEST_PATIENCE};

/// How many calls are being worked on. One whose body is not there yet is none: it has changed nothing,
/// and its caller may take as long as it likes.
#[derive(Default)]
pub(super) struct Work(watch::Sender<usize>);

/// A call that is being worked on, or one that is not while its body is read. It ends when this is
/// dropped.
pub(super) struct Shift<'a> {
    work: &'a Work,
    adds: bool,
}

impl Work {
    /// Counts a call.
    pub(super) fn begin(&self) -> Shift<'_> {
        self.shift(true)
    }

    /// Counts a call out for as long as its body is read.
    pub(super) fn await_input(&self) -> Shift<'_> {
        self.shift(false)
    }

    fn shift(&self, adds: bool) -> Shift<'_> {
        self.count(adds);
        Shift { work: self, adds }
    }

    fn count(&self, up: bool) {
        self.0.send_modify(|calls| {
            // A body is read only within a call, so that there is one to count out.
            *calls = if up {
                *calls + 1
            } else {
                calls.saturating_sub(1)
            };
        });
    }

    /// Waits until nothing is worked on, and what was answered has had time to leave.
    async fn done(&self) {
        let mut calls = self.0.subscribe();
        loop {
            // The sender lives as long as this is borrowed.
            let _ = calls.wait_for(|calls| *calls == 0).await;
            sleep(HTTP_ANSWER_PATIENCE).await;
            if *calls.borrow() == 0 {
                return;
            }
        }
    }
}

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.work.count(!self.adds);
    }
}

/// Answers backends on `listener` until `stop`, then until the last answer is out. A request that is
/// not there whole [`HTTP_REQUEST_PATIENCE`] after that is not waited for.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) {
    let (routes, metrics) = (router(Arc::clone(&api)), Arc::clone(&api.metrics));
    let serving = listener::serve(listener, routes, metrics, stop.clone());
    let out_of_work = async {
        stop.cancelled().await;
        sleep(HTTP_REQUEST_PATIENCE).await;
        api.work.done().await;
    };
    tokio::select! {
        () = serving => {}
        () = out_of_work => tracing::info!("requests that were not sent whole are given up"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_is_waited_for_and_a_body_that_does_not_come_is_not() {
        let work = Work::default();
        let (first, second) = (work.begin(), work.begin());
        assert!(work.done().now_or_never().is_none());
        drop(first);
        let reading = work.await_input();
        let done = timeout(Duration::from_secs(10), work.done()).await;
        assert!(done.is_ok(), "all that is left waits for its body");
        drop(reading);
        assert!(work.done().now_or_never().is_none(), "it has come");
        drop(second);
        let done = timeout(Duration::from_secs(10), work.done()).await;
        assert!(done.is_ok());
    }
}
