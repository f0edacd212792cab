//! How long backends are answered: until it is time to stop, and then no longer than there is work. It
//! must not know what a call does, nor how connections are held.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Api, listener, router};
use crate::limits::{HTTP_ANSWER_PATIENCE, HTTP_REQUEST_PATIENCE};
use crate::metrics::Metrics;

/// How many calls are being worked on. One whose body is not there yet is none: it has changed nothing,
/// and its caller may take as long as it likes.
#[derive(Clone, Default)]
pub(super) struct Work(watch::Sender<usize>);

/// A call that is being worked on, or one that is not while its body is read. It ends when this is
/// dropped.
pub(super) struct Shift {
    work: Work,
    adds: bool,
}

impl Work {
    /// Counts a call.
    pub(super) fn begin(&self) -> Shift {
        self.shift(true)
    }

    /// Counts a call out for as long as its body is read.
    pub(super) fn await_input(&self) -> Shift {
        self.shift(false)
    }

    fn shift(&self, adds: bool) -> Shift {
        self.count(adds);
        Shift {
            work: self.clone(),
            adds,
        }
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

    /// Waits until nothing is worked on, and what the kernel has of the answers has had time to leave.
    async fn done(&self) {
        let mut calls = self.0.subscribe();
        loop {
            // There is a sender as long as there is this.
            let _ = calls.wait_for(|calls| *calls == 0).await;
            sleep(HTTP_ANSWER_PATIENCE).await;
            if *calls.borrow() == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
impl Work {
    /// How many calls are being worked on.
    pub(super) fn calls(&self) -> usize {
        *self.0.borrow()
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        self.work.count(!self.adds);
    }
}

/// Answers backends on `listener` until `stop`, then until the last answer is out. A request that is
/// not there whole [`HTTP_REQUEST_PATIENCE`] after that is not waited for.
pub async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) {
    let (routes, metrics) = (router(Arc::clone(&api)), Arc::clone(&api.metrics));
    serve_routes(listener, routes, metrics, api.work.clone(), stop).await;
}

async fn serve_routes(
    listener: TcpListener,
    routes: Router,
    metrics: Arc<Metrics>,
    work: Work,
    stop: CancellationToken,
) {
    let serving = listener::serve(listener, routes, metrics, stop.clone());
    let out_of_work = async {
        stop.cancelled().await;
        sleep(HTTP_REQUEST_PATIENCE).await;
        work.done().await;
    };
    tokio::select! {
        () = serving => {}
        () = out_of_work => tracing::info!("requests that were not sent whole are given up"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use axum::http::Response;
    use axum::routing::get;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;
    use crate::http::watched::UntilSent;

    /// More than the kernel takes for anybody.
    const LARGE_BYTES: usize = 64 * 1024 * 1024;

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

    /// A server whose only answer is large, and what comes of a call that has read its first bytes.
    async fn reading(work: &Work, stop: &CancellationToken) -> (JoinHandle<()>, TcpStream) {
        let at_work = work.clone();
        let large = move || {
            let mut response = Response::new("x".repeat(LARGE_BYTES));
            let carried = UntilSent::new(at_work.begin());
            response.extensions_mut().insert(carried);
            std::future::ready(response)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/", get(large));
        let (work, stop) = (work.clone(), stop.clone());
        let serving = serve_routes(listener, routes, Arc::default(), work, stop);
        let serving = tokio::spawn(serving);
        let mut reader = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        reader.write_all(request).await.unwrap();
        reader.read_exact(&mut [0; 12]).await.unwrap();
        (serving, reader)
    }

    #[tokio::test]
    async fn an_answer_that_is_being_read_is_waited_for() {
        let (work, stop) = (Work::default(), CancellationToken::new());
        let (serving, mut slow) = reading(&work, &stop).await;
        stop.cancel();
        let done = timeout(HTTP_ANSWER_PATIENCE * 4, work.done()).await;
        assert!(done.is_err(), "most of it has not left");
        assert!(!serving.is_finished());
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() > LARGE_BYTES);
        let done = async {
            work.done().await;
            serving.await.unwrap();
        };
        timeout(Duration::from_secs(10), done)
            .await
            .expect("it has left");
    }

    #[tokio::test]
    async fn an_answer_whose_reader_is_gone_is_not_waited_for() {
        let (work, stop) = (Work::default(), CancellationToken::new());
        let (_serving, gone) = reading(&work, &stop).await;
        assert_eq!(work.calls(), 1);
        drop(gone);
        let done = timeout(Duration::from_secs(10), work.done()).await;
        assert!(done.is_ok());
    }
}
