//! The thread that writes the directory. What fails closes the file: it is opened again, checked and
//! made to agree with memory as soon as that is possible, and until then writes are refused. It must
//! not know what is in a row.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redb::Database;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::file::{write_group, write_whole};
use super::medium::{Medium, io_words, words};
use super::{Job, Shared, Slots, Written};
use crate::limits::MAX_WAITING_WRITES;
use crate::metrics::Metrics;

/// Everything the thread needs.
pub(super) struct Writer {
    pub(super) medium: Box<dyn Medium>,
    /// The open file; nothing after a failure, until it is opened again.
    pub(super) database: Option<Database>,
    /// What the file is to hold, once everything that was written is committed.
    pub(super) memory: Slots,
    pub(super) shared: Arc<Shared>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) queue: mpsc::Receiver<Job>,
    /// How long a failed file is left alone between two attempts to open it.
    pub(super) pause: Duration,
    pub(super) next_attempt: Instant,
    /// What is being written.
    pub(super) jobs: Vec<Job>,
    /// Shared with each write that was answered and is not in memory yet.
    pub(super) answered: Arc<()>,
    /// Keeps this thread's time; nothing else runs on it.
    pub(super) runtime: Runtime,
}

impl Writer {
    /// Writes what comes until nobody can send any more. Whatever waits goes into one transaction,
    /// so that many backends share one sync of the disk.
    pub(super) fn run(&mut self) {
        if !self.jobs.is_empty() {
            // A panic brought this thread here, and what it was writing is in nobody knows what
            // state.
            self.failed("the database panicked");
            self.answer(Err(self.fault()));
        }
        loop {
            if self.wait() == Some(0) {
                return;
            }
            self.gather();
            if self.database.is_none() {
                self.reopen();
            }
            self.write();
        }
    }

    /// Waits for writes, and says how many came, or until it is time to look after the file.
    fn wait(&mut self) -> Option<usize> {
        let coming = self.queue.recv_many(&mut self.jobs, MAX_WAITING_WRITES);
        if self.database.is_some() {
            return Some(self.runtime.block_on(coming));
        }
        let bounded = async { timeout_at(self.next_attempt, coming).await.ok() };
        self.runtime.block_on(bounded)
    }

    /// Takes what others are about to ask for, too: those who were answered last may have no processor to
    /// ask for the next on, and each transaction costs as much for one change as for several. With two
    /// cores it costs nothing; with one, 22 % more were written in a second (`cargo xtask bench --scenario
    /// directory`).
    fn gather(&mut self) {
        thread::yield_now();
        while self.jobs.len() < MAX_WAITING_WRITES
            && let Ok(job) = self.queue.try_recv()
        {
            self.jobs.push(job);
        }
    }

    fn write(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let Some(database) = &self.database else {
            return self.answer(Err(self.fault()));
        };
        match write_group(database, self.jobs.iter().map(|(write, _)| write)) {
            Ok(()) => self.answer(Ok(())),
            Err(error) => {
                self.failed(&words(&error));
                self.answer(Err(self.fault()));
            }
        }
    }

    fn answer(&mut self, result: Result<(), Arc<str>>) {
        for (_, done) in self.jobs.drain(..) {
            let written = || Written(Arc::clone(&self.answered));
            // Whoever asked may have gone; the write stands all the same.
            let _ = done.send(result.clone().map(|()| written()));
        }
    }

    fn fault(&self) -> Arc<str> {
        let fault = self.shared.fault();
        fault.unwrap_or_else(|| Arc::from("it failed a moment ago"))
    }

    /// Lets go of the file: it does not take anything any more before it is opened again.
    fn failed(&mut self, reason: &str) {
        self.shared.set_fault(Some(Arc::from(reason)));
        self.metrics.directory_failed();
        tracing::error!(
            reason,
            "the directory cannot be written: changes of it are refused until it can, and all else goes on"
        );
        self.next_attempt = Instant::now();
        drop(self.database.take());
    }

    /// Opens the file again, if it is time to.
    fn reopen(&mut self) {
        if Instant::now() < self.next_attempt {
            return;
        }
        self.next_attempt = Instant::now() + self.pause;
        // Memory is not yet, or no longer, what the file is to hold.
        if !self.shared.is_recalled() || Arc::strong_count(&self.answered) > 1 {
            return;
        }
        match self.try_reopen() {
            Ok((database, differing)) => {
                self.database = Some(database);
                self.shared.set_fault(None);
                self.metrics.directory_recovered();
                tracing::info!(
                    mended = differing,
                    "the directory can be written again, and holds what it is to hold"
                );
            }
            Err(reason) => {
                let reason = Arc::from(reason);
                if self.shared.fault().as_ref() != Some(&reason) {
                    tracing::warn!(reason = &*reason, "the directory still cannot be written");
                    self.shared.set_fault(Some(reason));
                }
            }
        }
    }

    fn try_reopen(&self) -> Result<(Database, usize), String> {
        // The cheapest first: this is what fails for as long as the disk is full.
        self.medium.try_room().map_err(|e| io_words(&e))?;
        let database = self.medium.open(true).map_err(|e| words(&e))?;
        self.medium.rewrite().map_err(|e| io_words(&e))?;
        super::file::create_tables(&database).map_err(|e| words(&e))?;
        // Taken at once: no part of the map is locked while the disk works.
        let slots = self.memory.iter();
        let memory: Vec<_> = slots.map(|s| (s.key().clone(), s.state())).collect();
        let differing = write_whole(&database, memory).map_err(|e| words(&e))?;
        Ok((database, differing))
    }
}
