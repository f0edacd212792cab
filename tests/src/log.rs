//! What a server has logged. It must not know what is worth logging.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::watch;

use crate::wait::within_deadline;

/// Lines of a log that is still being written. Clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<watch::Sender<Vec<String>>>);

impl Log {
    /// Collects lines until the source ends. The thread ends with the source.
    pub(crate) fn collect(source: impl Read + Send + 'static) -> (Self, JoinHandle<()>) {
        let log = Self(Arc::new(watch::Sender::new(Vec::new())));
        let target = log.clone();
        let thread = std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { return };
                let line = String::from_utf8_lossy(&line).into_owned();
                target.0.send_modify(|lines| lines.push(line));
            }
        });
        (log, thread)
    }

    /// All lines so far, as they were written.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// The lines so far that are JSON objects.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        let lines = self.lines();
        let parsed = lines.iter().map(|line| serde_json::from_str(line));
        parsed.filter_map(Result::ok).collect()
    }

    /// How many lines so far contain a text.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let lines = self.0.borrow();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// The first entry, past or future, that fits.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn entry(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut lines = self.0.subscribe();
        let find = |lines: &Vec<String>| {
            let mut parsed = lines.iter().filter_map(|l| serde_json::from_str(l).ok());
            parsed.find(|entry| fits(entry))
        };
        within_deadline(&format!("the log entry {what}"), async {
            loop {
                if let Some(entry) = find(&lines.borrow_and_update()) {
                    return entry;
                }
                lines.changed().await.expect("the log is never given up");
            }
        })
        .await
    }
}
