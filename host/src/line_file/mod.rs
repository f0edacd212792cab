//! A file that records are appended to, one line each, by a thread of its own. It never holds anybody
//! up: what the disk does not take in time is dropped and counted. It must not know what is in a
//! record.

mod target;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::target::Target;
use self::writer::{Message, Writer};
use crate::limits::LINE_FILE_FLUSH_TIMEOUT;
use crate::threads;

/// Where lines go, and how many records may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// Records that may wait to be written. At the limit further ones are dropped and counted.
    pub queue: usize,
    /// At this size, in bytes, the file is renamed to `<path>.1`, and a new one is begun.
    pub max_bytes: u64,
}

/// What a file of lines is called in the log, and who counts what becomes of its records.
pub trait Counts: Send + Sync {
    /// What it is called: "decision log".
    fn name(&self) -> &'static str;
    /// What its thread is called: "decision-log".
    fn thread(&self) -> &'static str;
    /// Records that are in the file.
    fn written(&self, records: u64);
    /// Records that should be in it and are not, by reason.
    fn dropped(&self, reason: &'static str, records: u64);
}

/// How a record becomes a line, which it ends with a line break.
pub type Form<R> = Box<dyn FnMut(&R, &mut Vec<u8>) + Send>;

/// A file that is being written.
pub struct LineFile<R> {
    queue: mpsc::Sender<Message<R>>,
    counts: Arc<dyn Counts>,
    /// Whether it was said that records are dropped.
    told: AtomicBool,
}

impl<R: Send + 'static> LineFile<R> {
    /// Opens the file and starts the thread that writes.
    ///
    /// # Errors
    /// If the file cannot be opened. What is no plain file (a pipe, say) is opened by the thread:
    /// that may take as long as it likes.
    pub fn start(settings: Settings, form: Form<R>, counts: Arc<dyn Counts>) -> io::Result<Self> {
        let mut target = Target::new(settings.path, settings.max_bytes);
        target.prepare()?;
        let (queue, mut waiting) = mpsc::channel(settings.queue);
        let mut writer = Writer::new(target, form, Arc::clone(&counts));
        threads::keep(counts.thread(), move || writer.run(&mut waiting))?;
        Ok(Self {
            queue,
            counts,
            told: AtomicBool::new(false),
        })
    }

    /// Takes a record, or drops and counts it if too many wait. Never blocks.
    pub fn record(&self, record: R) {
        let message = Message::Record(Box::new(record));
        if self.queue.try_send(message).is_ok() {
            return;
        }
        self.counts.dropped("queue-full", 1);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the {} does not keep up: records are dropped and counted in the metrics; this is \
                 said once",
                self.counts.name()
            );
        }
    }

    /// Waits until everything recorded so far is written, but no longer than
    /// [`LINE_FILE_FLUSH_TIMEOUT`].
    pub async fn flush(&self) {
        let flushed = async {
            let (done, written) = oneshot::channel();
            if self.queue.send(Message::Flush(done)).await.is_ok() {
                // The sender is dropped only when the thread ends, and then nothing comes any more.
                let _ = written.await;
            }
        };
        if timeout(LINE_FILE_FLUSH_TIMEOUT, flushed).await.is_err() {
            tracing::warn!("the {} was not written to its end", self.counts.name());
        }
    }
}
