//! What is counted and kept of a shadow's differences, and how it is reported. Knows neither
//! questions nor guests.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use wardroom_domain::{ChannelId, UserId, WorkspaceId};

use super::super::component::Digest;
use super::super::decision::Hook;
use super::DifferenceKind;
use crate::limits::POLICY_SHADOW_SAMPLES;

/// One answer of a shadow that differed. No payload is kept: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the question was put.
    pub at: SystemTime,
    /// Where.
    pub workspace: WorkspaceId,
    /// Which hook was asked.
    pub hook: Hook,
    /// How it differs.
    pub kind: DifferenceKind,
    /// The person it is about; of several, the first in the order of their ids.
    pub subject: Option<UserId>,
    /// The channel it is about.
    pub channel: Option<ChannelId>,
    /// The name of the command or event.
    pub name: Option<Arc<str>>,
    /// What holds, in a few words.
    pub live: String,
    /// What the shadow says, in a few words.
    pub shadow: String,
    /// The top-level keys of what goes with it whose values differ.
    pub keys: Vec<String>,
}

/// How many answers of one hook differed in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DifferenceCount {
    /// The hook.
    pub hook: Hook,
    /// The way.
    pub kind: DifferenceKind,
    /// How many.
    pub count: u64,
}

/// What a shadow came to so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowReport {
    /// The policy.
    pub policy: Arc<str>,
    /// Whether the whole policy is in shadow, and not a candidate beside the version in force.
    pub whole: bool,
    /// The shadow's file.
    pub file: PathBuf,
    /// The version that is asked; nothing if the file holds none that can be.
    pub digest: Option<Digest>,
    /// Why the file's present content is not asked.
    pub last_error: Option<String>,
    /// Since when this version has been asked.
    pub since: SystemTime,
    /// Questions that were put to it.
    pub asked: u64,
    /// Questions that were not, because it did not keep up.
    pub dropped: u64,
    /// Differences by hook and kind, those that there were none of left out.
    pub differences: Vec<DifferenceCount>,
    /// The last differing answers, the newest last.
    pub samples: Vec<Sample>,
}

/// What is counted of one version in shadow.
pub(super) struct Tally {
    since: SystemTime,
    asked: AtomicU64,
    dropped: AtomicU64,
    counts: [[AtomicU64; DifferenceKind::ALL.len()]; Hook::ALL.len()],
    samples: Mutex<VecDeque<Sample>>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            since: SystemTime::now(),
            asked: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            counts: Default::default(),
            samples: Mutex::default(),
        }
    }

    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a difference and keeps it in the place of the oldest one.
    pub(super) fn differed(&self, sample: Sample) {
        self.counts[sample.hook as usize][sample.kind as usize].fetch_add(1, Ordering::Relaxed);
        let mut samples = self.samples.lock();
        if samples.len() == POLICY_SHADOW_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// Fills in what was counted.
    pub(super) fn fill(&self, report: &mut ShadowReport) {
        report.since = self.since;
        report.asked = self.asked.load(Ordering::Relaxed);
        report.dropped = self.dropped.load(Ordering::Relaxed);
        report.samples = self.samples.lock().iter().cloned().collect();
        for hook in Hook::ALL {
            for kind in DifferenceKind::ALL {
                let count = self.counts[hook as usize][kind as usize].load(Ordering::Relaxed);
                if count > 0 {
                    report
                        .differences
                        .push(DifferenceCount { hook, kind, count });
                }
            }
        }
    }
}
