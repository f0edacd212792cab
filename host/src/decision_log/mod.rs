//! The decision log: what policies decided, one JSON object per line, in a file of the operator's.
//! It never holds anybody up: what the disk does not take in time is dropped and counted. It knows
//! neither policies nor who is told of a decision.

mod line;
mod mask;
mod sampling;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wardroom_domain::{ChannelId, Generation, Json, SubjectFacts, WorkspaceId};

use self::mask::Mask;
use self::sampling::Sampling;
use crate::limits::DECISION_INPUT_BYTES;
use crate::line_file::{self, Counts, LineFile};
use crate::metrics::Metrics;

pub use self::mask::{InvalidKeyPath, KeyPath};

/// How decisions are logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// Which part of the decisions that refuse or withhold something is kept, from 0 to 1.
    pub sample_denied: f64,
    /// Which part of all others is kept, from 0 to 1.
    pub sample_allowed: f64,
    /// Values that are never written.
    pub mask: Vec<KeyPath>,
    /// Decisions that may wait to be written. At the limit further ones are dropped and counted.
    pub queue: usize,
    /// At this size, in bytes, the file is renamed to `<path>.1` and begun anew.
    pub max_bytes: u64,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Record {
    /// The id that a denied client's error and the log share; nothing where nobody is told one.
    pub id: Option<Arc<str>>,
    /// When.
    pub at: SystemTime,
    /// Where.
    pub workspace: WorkspaceId,
    /// By which set of policies.
    pub generation: Generation,
    /// The name of the hook.
    pub hook: &'static str,
    /// Whether something was refused or withheld.
    pub denied: bool,
    /// The code of the denial.
    pub code: Option<Arc<str>>,
    /// The message of the denial.
    pub message: Option<Arc<str>>,
    /// What each policy that was asked said, in order.
    pub policies: Vec<Said>,
    /// The person it is about.
    pub subject: Option<SubjectFacts>,
    /// The channel it is about.
    pub channel: Option<ChannelId>,
    /// The name of the command or event.
    pub name: Option<Arc<str>>,
    /// What else was asked.
    pub input: Option<Input>,
}

/// What a policy was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The claims of a token.
    Claims(Json),
    /// The arguments of a command or the payload of an event.
    Payload(Json),
    /// Something too large to be kept.
    Omitted {
        /// Its size, in bytes.
        bytes: usize,
    },
}

/// What one policy said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The policy.
    pub policy: Arc<str>,
    /// The digest of the version that answered, if one did.
    pub digest: Option<String>,
    /// Its verdict in a word or two.
    pub verdict: &'static str,
    /// How long it took to answer.
    pub took: Duration,
}

impl Input {
    /// The same, or how large it was if it is too large to wait in memory for the disk.
    fn bounded(self) -> Self {
        let bytes = match &self {
            Self::Claims(text) | Self::Payload(text) => text.as_str().len(),
            Self::Omitted { bytes } => *bytes,
        };
        if bytes > DECISION_INPUT_BYTES {
            Self::Omitted { bytes }
        } else {
            self
        }
    }
}

/// Counts what becomes of decisions.
struct Counted(Arc<Metrics>);

impl Counts for Counted {
    fn name(&self) -> &'static str {
        "decision log"
    }

    fn thread(&self) -> &'static str {
        "decision-log"
    }

    fn written(&self, records: u64) {
        self.0.decisions_written(records);
    }

    fn dropped(&self, reason: &'static str, records: u64) {
        self.0.decisions_dropped(reason, records);
    }
}

/// A log that is being written.
pub struct DecisionLog {
    sampling: Sampling,
    file: LineFile<Record>,
}

impl DecisionLog {
    /// Opens the file and starts the thread that writes.
    ///
    /// # Errors
    /// If the file cannot be opened. What is no plain file (a pipe, say) is opened by the thread:
    /// that may take as long as it likes.
    pub fn start(settings: Settings, metrics: Arc<Metrics>) -> io::Result<Self> {
        let file = line_file::Settings {
            path: settings.path,
            queue: settings.queue,
            max_bytes: settings.max_bytes,
        };
        let mask = Mask::new(settings.mask);
        let form = move |record: &Record, lines: &mut Vec<u8>| line::write(record, &mask, lines);
        Ok(Self {
            sampling: Sampling::new(settings.sample_denied, settings.sample_allowed),
            file: LineFile::start(file, Box::new(form), Arc::new(Counted(metrics)))?,
        })
    }

    /// Whether the next decision of this kind is to be recorded. The dice are cast here, before
    /// anything is gathered for a record.
    #[must_use]
    pub fn wants(&self, denied: bool) -> bool {
        self.sampling.wants(denied, rand::random)
    }

    /// Takes a record, or drops and counts it if too many wait. Never blocks.
    pub fn record(&self, mut record: Record) {
        record.input = record.input.map(Input::bounded);
        self.file.record(record);
    }

    /// Waits until everything recorded so far is written, but no longer than
    /// [`crate::limits::LINE_FILE_FLUSH_TIMEOUT`].
    pub async fn flush(&self) {
        self.file.flush().await;
    }
}
