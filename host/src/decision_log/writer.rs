//! The thread that writes: it turns records into lines, many at once when many wait, and goes on
//! whatever the disk does. It must not know which records are kept.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Record;
use super::line;
use super::mask::Mask;
use super::target::Target;
use crate::limits::DECISION_LOG_BATCH_BYTES;
use crate::metrics::Metrics;

/// What waits for the thread.
pub(super) enum Message {
    /// A record to be written.
    Record(Box<Record>),
    /// Somebody who waits until everything before is written.
    Flush(oneshot::Sender<()>),
}

/// Everything the thread needs.
pub(super) struct Writer {
    target: Target,
    mask: Mask,
    metrics: Arc<Metrics>,
    /// Records lost since the disk last took one.
    lost: u64,
}

#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    records: u64,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Writer {
    pub(super) fn new(target: Target, mask: Mask, metrics: Arc<Metrics>) -> Self {
        Self {
            target,
            mask,
            metrics,
            lost: 0,
        }
    }

    /// Writes until nobody is left to record anything.
    pub(super) fn run(&mut self, queue: &mut mpsc::Receiver<Message>) {
        let most = self.target.batch_bytes(DECISION_LOG_BATCH_BYTES);
        while let Some(message) = queue.blocking_recv() {
            let mut batch = Batch::default();
            self.add(message, &mut batch);
            while batch.lines.len() < most
                && let Ok(message) = queue.try_recv()
            {
                self.add(message, &mut batch);
            }
            self.write(&batch);
            for waiting in batch.waiting {
                // Whoever gave up waiting need not be told.
                let _ = waiting.send(());
            }
        }
    }

    fn add(&self, message: Message, batch: &mut Batch) {
        match message {
            Message::Record(record) => {
                line::write(&record, &self.mask, &mut batch.lines);
                batch.records += 1;
            }
            Message::Flush(waiting) => batch.waiting.push(waiting),
        }
    }

    fn write(&mut self, batch: &Batch) {
        if batch.records == 0 {
            return;
        }
        match self.target.write(&batch.lines) {
            Ok(()) => self.written(batch.records),
            Err(error) => self.failed(batch.records, &error),
        }
    }

    fn written(&mut self, records: u64) {
        self.metrics.decisions_written(records);
        if self.lost > 0 {
            tracing::info!(lost = self.lost, "the decision log is written again");
            self.lost = 0;
        }
    }

    fn failed(&mut self, records: u64, error: &io::Error) {
        self.metrics.decisions_dropped("write-failed", records);
        if self.lost == 0 {
            tracing::error!(
                %error,
                "the decision log cannot be written; decisions are dropped and counted until it can"
            );
        }
        self.lost += records;
    }
}
