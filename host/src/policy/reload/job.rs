//! Something that takes long, done on a thread of its own beside whoever has it done. Knows nothing
//! of what it is.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::super::compiling::Stop;

/// Something that is under way. It is called off when this is dropped.
pub(super) struct Job<T> {
    stop: Arc<Stop>,
    began: Instant,
    outcome: Receiver<T>,
}

/// How far it has come.
pub(super) enum Progress<T> {
    UnderWay,
    Done(T),
    /// It panicked, which the log has been told.
    Failed,
}

impl<T: Send + 'static> Job<T> {
    /// Begins `work`, which ends early if it can once it is called off; `over` is called behind it,
    /// whatever came of it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn begin(
        name: &str,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
        over: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let (told, outcome) = channel();
        let heard = stop.clone();
        Builder::new().name(name.to_owned()).spawn(move || {
            if let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| work(&heard))) {
                // Whoever had it done may have gone.
                let _gone = told.send(outcome);
            }
            drop(told);
            over();
        })?;
        Ok(Self {
            stop,
            began: Instant::now(),
            outcome,
        })
    }

    /// How far it has come; it is done or failed once.
    pub(super) fn progress(&self) -> Progress<T> {
        match self.outcome.try_recv() {
            Ok(outcome) => Progress::Done(outcome),
            Err(TryRecvError::Empty) => Progress::UnderWay,
            Err(TryRecvError::Disconnected) => Progress::Failed,
        }
    }
}

impl<T> Job<T> {
    /// How long it has been under way.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Has it end early, if it can.
    pub(super) fn call_off(&self) {
        self.stop.call_off();
    }

    /// Whether it was called off.
    pub(super) fn is_called_off(&self) -> bool {
        self.stop.is_off()
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.stop.call_off();
    }
}

/// A bounded number of places for what is under way at once.
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place that is taken until this is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// A place, if one is free. Places are taken by one thread.
    pub(super) fn take(&self) -> Option<Place> {
        if self.taken.load(Ordering::Acquire) >= self.most {
            return None;
        }
        self.taken.fetch_add(1, Ordering::AcqRel);
        Some(Place(self.taken.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_job_is_done_or_fails_and_says_that_it_is_over() {
        let (told, over) = channel();
        let tell = told.clone();
        let done = Job::begin("job", |_| 7, move || tell.send(()).unwrap()).unwrap();
        over.recv().unwrap();
        assert!(matches!(done.progress(), Progress::Done(7)));
        let failing = |_: &Stop| -> u8 { panic!("as it should") };
        let failed = Job::begin("job", failing, move || told.send(()).unwrap()).unwrap();
        over.recv().unwrap();
        assert!(matches!(failed.progress(), Progress::Failed));
    }

    #[test]
    fn what_nobody_wants_is_called_off() {
        let (told, news) = channel();
        let wait = move |stop: &Stop| {
            while !stop.is_off() {
                std::thread::yield_now();
            }
            told.send(()).unwrap();
        };
        drop(Job::begin("job", wait, || ()).unwrap());
        news.recv().unwrap();
    }

    #[test]
    fn there_are_no_more_places_than_there_are() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some());
        assert!(places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
