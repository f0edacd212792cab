//! How many lines of one kind are logged. What clients or policies can bring about as often as they
//! like is written a few times, then counted; the log says how many of which kind were left out. It
//! must not know what the kinds are.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, warn};
use tracing_subscriber::layer::{Context, Filter};

use super::AUDIT;
use crate::limits::{
    LOG_BURST_LINES, LOG_LINES_PER_SECOND, LOG_REFUSAL_BURST_LINES, LOG_REFUSAL_LINES_PER_SECOND,
    MAX_LOG_KINDS,
};

/// Lines that were left out.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// Lines of the log that were left out since the process started, because many of their kind came.
#[must_use]
pub fn suppressed() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

/// What is counted together: what one place in the program says, and for refusals, of one code.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    place: Identifier,
    code: Option<Box<str>>,
}

struct Bucket {
    /// Lines that may come at once.
    tokens: f64,
    filled: Instant,
    /// What the lines say, for the summary.
    message: Box<str>,
    suppressed: u64,
}

/// A bound on each kind of line. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Sampling(Arc<Mutex<HashMap<Kind, Bucket>>>);

/// What of an event is looked at.
#[derive(Default)]
struct Seen {
    code: Option<Box<str>>,
    message: Option<Box<str>>,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            self.code = Some(value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = Some(format!("{value:?}").into());
        }
    }
}

/// Lines of a kind that may come at once, and each second from then on.
fn rate(is_refusal: bool) -> (f64, f64) {
    let (burst, per_second) = if is_refusal {
        (LOG_REFUSAL_BURST_LINES, LOG_REFUSAL_LINES_PER_SECOND)
    } else {
        (LOG_BURST_LINES, LOG_LINES_PER_SECOND)
    };
    (f64::from(burst), f64::from(per_second))
}

impl Sampling {
    fn takes(&self, event: &Event<'_>, now: Instant) -> bool {
        if event.metadata().target() == AUDIT {
            return true;
        }
        let mut seen = Seen::default();
        event.record(&mut seen);
        let (burst, per_second) = rate(seen.code.is_some());
        let mut kind = Kind {
            place: event.metadata().callsite(),
            code: seen.code,
        };
        let mut buckets = self.0.lock();
        if buckets.len() >= MAX_LOG_KINDS && !buckets.contains_key(&kind) {
            // Codes are few; should they ever not be, what is beyond goes together.
            kind.code = None;
        }
        let bucket = buckets.entry(kind).or_insert_with(|| Bucket {
            tokens: burst,
            filled: now,
            message: seen.message.unwrap_or_default(),
            suppressed: 0,
        });
        let since = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = burst.min(bucket.tokens + since * per_second);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            bucket.suppressed += 1;
            SUPPRESSED.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Says what was left out since this was last asked, and forgets the kinds that have not come
    /// for long enough to begin from the start.
    pub(super) fn summarize(&self, now: Instant) {
        let mut left_out = Vec::new();
        self.0.lock().retain(|kind, bucket| {
            let (burst, per_second) = rate(kind.code.is_some());
            if bucket.suppressed > 0 {
                let count = std::mem::take(&mut bucket.suppressed);
                left_out.push((bucket.message.clone(), kind.code.clone(), count));
            }
            let since = now.saturating_duration_since(bucket.filled).as_secs_f64();
            bucket.tokens + since * per_second < burst
        });
        // Not under the lock, which logging takes.
        for (line, code, suppressed) in left_out {
            // Not as `code`: the summary of a kind is not one of the kind.
            warn!(
                line = &*line,
                of_code = code.as_deref(),
                suppressed,
                "lines were left out of the log, because many of their kind came"
            );
        }
    }
}

impl<S: Subscriber> Filter<S> for Sampling {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.takes(event, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;
    use std::time::Duration;

    use tracing::{info, subscriber::with_default};
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::{Layer, SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn with(&self, part: &str) -> usize {
            let text = String::from_utf8(self.0.lock().clone()).unwrap();
            text.lines().filter(|line| line.contains(part)).count()
        }
    }

    fn logged(sampling: &Sampling, work: impl FnOnce()) -> Lines {
        let lines = Lines::default();
        let to = lines.clone();
        let layer = fmt::layer()
            .with_ansi(false)
            .with_writer(move || to.clone())
            .with_filter(sampling.clone());
        with_default(tracing_subscriber::registry().with(layer), work);
        lines
    }

    fn refuse(code: &str, times: u32) {
        for _ in 0..times {
            info!(code, "refused");
        }
    }

    #[test]
    fn a_flood_of_one_refusal_is_cut_and_counted_and_hides_no_other() {
        let (sampling, before) = (Sampling::default(), suppressed());
        let flood = 100 * LOG_REFUSAL_BURST_LINES;
        let lines = logged(&sampling, || {
            refuse("invalid-token", flood);
            refuse("denied-by-policy", 1);
            sampling.summarize(Instant::now());
            // Once said, it is not said again.
            sampling.summarize(Instant::now());
        });
        let told = lines.with("refused code=\"invalid-token\"");
        assert!(told >= LOG_REFUSAL_BURST_LINES as usize, "{told}");
        // The test takes some time, in which some more are taken.
        assert!(told < flood as usize / 2, "{told}");
        assert_eq!(lines.with("refused code=\"denied-by-policy\""), 1);
        let left_out = flood as usize - told;
        let summary = format!("line=\"refused\" of_code=\"invalid-token\" suppressed={left_out}");
        assert_eq!(lines.with(&summary), 1);
        assert!(suppressed() - before >= left_out as u64);
    }

    #[test]
    fn a_kind_that_rested_begins_from_the_start_and_is_forgotten() {
        let sampling = Sampling::default();
        logged(&sampling, || refuse("invalid-token", 1));
        assert_eq!(sampling.0.lock().len(), 1);
        sampling.summarize(Instant::now() + Duration::from_secs(60));
        assert_eq!(sampling.0.lock().len(), 0);
    }

    #[test]
    fn records_are_never_left_out() {
        let times = 2 * LOG_BURST_LINES as usize;
        let lines = logged(&Sampling::default(), || {
            for _ in 0..times {
                info!(target: AUDIT, "a key did something");
            }
        });
        assert_eq!(lines.with("a key did something"), times);
    }
}
