//! The thread that writes: it turns records into lines, many at once when many wait, and goes on
//! whatever the disk does. It must not know which records are kept.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::target::Target;
use super::{Counts, Form};
use crate::limits::LINE_FILE_BATCH_BYTES;

/// What waits for the thread.
pub(super) enum Message<R> {
    /// A record to be written.
    Record(Box<R>),
    /// Somebody who waits until everything before is written.
    Flush(oneshot::Sender<()>),
}

/// Everything the thread needs.
pub(super) struct Writer<R> {
    target: Target,
    form: Form<R>,
    counts: Arc<dyn Counts>,
    /// Records lost since the disk last took one.
    lost: u64,
}

#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    records: u64,
    waiting: Vec<oneshot::Sender<()>>,
}

impl<R> Writer<R> {
    pub(super) fn new(target: Target, form: Form<R>, counts: Arc<dyn Counts>) -> Self {
        Self {
            target,
            form,
            counts,
            lost: 0,
        }
    }

    /// Writes until nobody is left to record anything.
    pub(super) fn run(&mut self, queue: &mut mpsc::Receiver<Message<R>>) {
        let most = self.target.batch_bytes(LINE_FILE_BATCH_BYTES);
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

    fn add(&mut self, message: Message<R>, batch: &mut Batch) {
        match message {
            Message::Record(record) => {
                (self.form)(&record, &mut batch.lines);
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
        self.counts.written(records);
        if self.lost > 0 {
            tracing::info!(
                lost = self.lost,
                "the {} is written again",
                self.counts.name()
            );
            self.lost = 0;
        }
    }

    fn failed(&mut self, records: u64, error: &io::Error) {
        self.counts.dropped("write-failed", records);
        if self.lost == 0 {
            tracing::error!(
                %error,
                "the {} cannot be written; records are dropped and counted until it can",
                self.counts.name()
            );
        }
        self.lost += records;
    }
}
