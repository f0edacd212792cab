//! The benchmark `hooks`: puts questions to policies as a server does, without a server around
//! them, and to an HTTP webhook beside them. Unlike the rest of this crate it uses the server's own
//! code: it is what is measured. Knows nothing of how numbers are shown.

mod audience;
mod calls;
mod components;
mod questions;
mod reloading;
mod starting;
mod throughput;
mod timing;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use wardroom::metrics::Metrics;
use wardroom::policy::{Policies, PolicyLimits, PolicySource, Surroundings};

use self::timing::Timing;
use crate::scenario::Outcome;

pub use self::components::{Component, Setting};

/// How long each series of calls is timed.
const SERIES: Duration = Duration::from_millis(1_000);
/// How long decisions are counted.
const COUNTING: Duration = Duration::from_millis(2_000);
/// How often a file is replaced to see how long that takes.
const RELOADS: usize = 30;
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The part of all this that remains for a first look.
const QUICK_PART: u32 = 5;

/// What is measured, and where it is.
#[derive(Debug, clap::Args)]
pub struct Subject {
    /// Directory of the shipped policies' components.
    #[arg(long)]
    pub plugins: PathBuf,
    /// Directory of the components that the tests are written with.
    #[arg(long)]
    pub guests: PathBuf,
    /// A directory for compiled policies and files that are replaced; emptied at first.
    #[arg(long)]
    pub scratch: PathBuf,
    /// A further component to measure, as NAME=FILE; may be repeated. Targets are known for names
    /// that begin with a language: rust, javascript, typescript or python.
    #[arg(long = "component", value_name = "NAME=FILE")]
    pub components: Vec<Component>,
    /// Settings of such a component, as NAME=JSON; `{}` unless given.
    #[arg(long = "settings", value_name = "NAME=JSON")]
    pub settings: Vec<Setting>,
    /// Fewer calls, for a first look.
    #[arg(long)]
    pub quick: bool,
}

/// Measures everything once.
///
/// # Errors
/// A component is missing, is refused or answers otherwise than it should.
pub fn run(subject: Subject) -> anyhow::Result<Outcome> {
    let mut bench = Bench::new(subject)?;
    bench.calls().context("calls of hooks")?;
    bench.audience().context("who sees a channel")?;
    bench.starting().context("starting instances")?;
    bench.throughput().context("decisions per second")?;
    bench.reloading().context("replacing a policy's file")?;
    bench.components()?;
    Ok(bench.outcome)
}

struct Bench {
    subject: Subject,
    outcome: Outcome,
}

impl Bench {
    fn new(subject: Subject) -> anyhow::Result<Self> {
        if subject.scratch.exists() {
            std::fs::remove_dir_all(&subject.scratch)?;
        }
        std::fs::create_dir_all(&subject.scratch)?;
        Ok(Self {
            subject,
            outcome: Outcome::default(),
        })
    }

    /// As much of a time as this run takes.
    fn part(&self, time: Duration) -> Duration {
        time / if self.subject.quick { QUICK_PART } else { 1 }
    }

    /// Takes a number down; one that is none, such as a share of nothing, is left out.
    fn put(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.outcome.numbers.insert(name.to_owned(), value);
        }
    }

    fn put_timing(&mut self, name: &str, timing: Timing) {
        for (end, value) in timing.numbers() {
            self.put(&format!("{name}.{end}"), value);
        }
    }

    /// Times calls and takes the times down.
    fn time(
        &mut self,
        name: &str,
        call: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Timing> {
        let timing = timing::series(self.part(SERIES), call).with_context(|| name.to_owned())?;
        self.put_timing(name, timing);
        Ok(timing)
    }

    /// A policy that ships, with settings.
    fn plugin(&self, name: &str, settings: &str) -> anyhow::Result<PolicySource> {
        let file = format!("{}.wasm", name.replace('-', "_"));
        let mut source = PolicySource::new(name, self.subject.plugins.join(file));
        source.settings = questions::settings(settings)?;
        Ok(source)
    }

    /// A policy that the tests are written with.
    fn guest(&self, name: &str) -> PolicySource {
        PolicySource::new(name, self.subject.guests.join(format!("{name}.wasm")))
    }

    /// Loads policies with what a server has around them.
    fn load(&self, sources: Vec<PolicySource>) -> anyhow::Result<Policies> {
        load(&self.subject.scratch, sources)
    }
}

/// A server's limits, with time enough on a machine that is busy with something else: what is
/// measured must not depend on whether a call is interrupted.
fn limits() -> PolicyLimits {
    PolicyLimits {
        call_deadline: PATIENCE,
        start_deadline: PATIENCE,
        ..PolicyLimits::default()
    }
}

fn load(scratch: &Path, sources: Vec<PolicySource>) -> anyhow::Result<Policies> {
    for source in &sources {
        ensure!(source.file.exists(), "{} is missing", source.file.display());
    }
    let surroundings = Surroundings {
        metrics: Some(Arc::new(Metrics::default())),
        cache: Some(scratch.join("compiled")),
        ..Surroundings::default()
    };
    Ok(Policies::load_in(sources, limits(), surroundings)?)
}

/// The same component with other bytes: a custom section is added, which changes nothing but the
/// digest.
fn variant(component: &[u8], mark: usize) -> Vec<u8> {
    let mut bytes = component.to_vec();
    let mark = mark.to_le_bytes();
    // A custom section: its kind, its size, the size of its name, its name, what it holds.
    bytes.extend([0, 2 + mark.len() as u8, 1, b'v']);
    bytes.extend(mark);
    bytes
}
