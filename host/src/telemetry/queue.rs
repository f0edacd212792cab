//! Lines that wait to be written, and the thread that writes them. Whoever logs never waits: what
//! nobody takes from the other end is dropped and counted. It must not know what is in a line.
//!
//! tracing-appender does the same, but bounds what waits by its number alone, and brings a library
//! of dates with it.

use std::fs::File;
use std::io::{self, Write, stderr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use tracing_subscriber::fmt::MakeWriter;

use crate::limits::{LOG_FLUSH_POLL, LOG_FLUSH_TIMEOUT, LOG_QUEUE_BYTES, LOG_QUEUE_LINES};
use crate::threads;

/// Lines that found no room.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines of the log that were dropped since the process started, because what reads it is too slow.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    /// Somebody who waits until everything before is written.
    Flush(SyncSender<()>),
}

/// The way to the thread that writes. Clones lead to the same one.
#[derive(Clone)]
pub(super) struct Queue {
    messages: SyncSender<Message>,
    /// Bytes that wait, or are being written.
    waiting: Arc<AtomicUsize>,
}

/// Starts the thread that writes to standard error.
pub(super) fn to_stderr() -> io::Result<Queue> {
    // Not through the library's lock: a thread that waits for the reader would hold it.
    let file = File::from(stderr().as_fd().try_clone_to_owned()?);
    start(file)
}

fn start(mut target: impl Write + Send + 'static) -> io::Result<Queue> {
    let (messages, received) = sync_channel(LOG_QUEUE_LINES);
    let waiting = Arc::new(AtomicUsize::new(0));
    let written = Arc::clone(&waiting);
    threads::keep("log", move || run(&received, &written, &mut target))?;
    Ok(Queue { messages, waiting })
}

fn run(received: &Receiver<Message>, waiting: &AtomicUsize, target: &mut impl Write) {
    while let Ok(message) = received.recv() {
        match message {
            Message::Line(line) => {
                // Who reads is gone: there is nobody to tell.
                let _ = target.write_all(&line);
                waiting.fetch_sub(line.len(), Ordering::Relaxed);
            }
            // Whoever gave up waiting need not be told.
            Message::Flush(waiting) => drop(waiting.send(())),
        }
    }
}

impl Queue {
    /// Has a line written, or drops and counts it if too much waits. Never blocks.
    pub(super) fn put(&self, line: Vec<u8>) {
        let length = line.len();
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        let put = before + length <= LOG_QUEUE_BYTES
            && self.messages.try_send(Message::Line(line)).is_ok();
        if !put {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything so far is written, but no longer than [`LOG_FLUSH_TIMEOUT`].
    pub(super) fn flush(&self) {
        let end = Instant::now() + LOG_FLUSH_TIMEOUT;
        let (done, written) = sync_channel(1);
        // A full queue takes it when the thread has written something.
        while self
            .messages
            .try_send(Message::Flush(done.clone()))
            .is_err()
        {
            if Instant::now() >= end {
                return;
            }
            std::thread::park_timeout(LOG_FLUSH_POLL);
        }
        let left = end.saturating_duration_since(Instant::now());
        // Nothing more can be done for what is not written by then.
        let _ = written.recv_timeout(left);
    }
}

/// Takes one line, which the layer that formats it writes at once.
pub(super) struct Line<'a>(&'a Queue);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{PipeReader, Read, pipe};

    use super::*;

    fn piped() -> (Queue, PipeReader) {
        let (reader, writer) = pipe().unwrap();
        (start(writer).unwrap(), reader)
    }

    #[test]
    fn lines_are_written_in_order_and_to_the_end() {
        let (queue, mut reader) = piped();
        for line in ["one\n", "two\n", "three\n"] {
            write!(queue.make_writer(), "{line}").unwrap();
        }
        queue.flush();
        drop(queue);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\nthree\n");
    }

    #[test]
    fn nobody_waits_for_a_reader_that_never_reads() {
        let (queue, mut reader) = piped();
        let before = dropped();
        let line = vec![b'.'; 1024];
        let lines = 2 * LOG_QUEUE_BYTES / line.len();
        for _ in 0..lines {
            queue.put(line.clone());
        }
        let lost = dropped() - before;
        assert!(lost > 0 && lost < lines as u64, "{lost} of {lines}");
        // Nor does the end of the process.
        let began = Instant::now();
        queue.flush();
        assert!(began.elapsed() < 2 * LOG_FLUSH_TIMEOUT);
        // Whoever reads after all gets whole lines, and new ones are taken again.
        let waiting = Arc::clone(&queue.waiting);
        let reading = std::thread::spawn(move || {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).unwrap();
            text
        });
        while waiting.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        queue.put(b"last\n".to_vec());
        queue.flush();
        drop(queue);
        let text = reading.join().unwrap();
        assert!(text.ends_with(b".last\n"));
        assert_eq!(text.len() as u64, 1024 * (lines as u64 - lost) + 5);
    }
}
