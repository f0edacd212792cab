//! What a server has written. It must not know what is worth writing.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::watch;

use crate::wait::within_deadline;

/// Lines of a log that is still being written. Clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<watch::Sender<Written>>);

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    /// Nothing will be added.
    ended: bool,
}

impl Log {
    /// Collects lines until the source ends. The thread ends with the source.
    pub fn collect(source: impl Read + Send + 'static) -> (Self, JoinHandle<()>) {
        let log = Self(Arc::new(watch::Sender::new(Written::default())));
        let target = log.clone();
        let thread = std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                target.0.send_modify(|written| written.lines.push(line));
            }
            target.0.send_modify(|written| written.ended = true);
        });
        (log, thread)
    }

    /// All lines so far, as they were written.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().lines.clone()
    }

    /// The lines so far that are JSON objects.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        self.lines().iter().filter_map(|line| parse(line)).collect()
    }

    /// How many lines so far contain a text.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let written = self.0.borrow();
        let lines = written.lines.iter();
        lines.filter(|line| line.contains(text)).count()
    }

    /// The first entry, past or future, that fits.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn entry(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = self.first(what, |line| parse(line).filter(|entry| fits(entry)));
        found.await
    }

    /// The first line, past or future, that fits.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn line(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let found = self.first(what, |line| fits(line).then(|| line.to_owned()));
        found.await
    }

    async fn first<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let mut log = self.0.subscribe();
        let what = format!("the line {what}");
        within_deadline(&what, async {
            loop {
                {
                    let written = log.borrow_and_update();
                    if let Some(found) = written.lines.iter().find_map(|line| find(line)) {
                        return found;
                    }
                    assert!(!written.ended, "{what} is not there, and the log has ended");
                }
                log.changed().await.expect("the log is never given up");
            }
        })
        .await
    }
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}
