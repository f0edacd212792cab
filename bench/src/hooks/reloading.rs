//! How long it takes from the renaming of a policy's file to the first decision by what it holds
//! now, while somebody else goes on asking. Knows nothing of what is decided.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::watch;
use wardroom::policy::workbench::Digest;
use wardroom::policy::{Policies, PolicySet, PolicySource, Watching};
use wardroom_domain::Role;

use super::questions::{self, Place};
use super::timing::Timing;
use super::{Bench, PATIENCE, RELOADS, load, variant};

/// Marks of the two versions that come and go; every other mark is used once.
const KNOWN: [usize; 2] = [0, 1];
/// How often the one who goes on asking asks.
const ASKING: Duration = Duration::from_micros(200);

/// What a reload took.
pub(super) struct Reloads {
    /// Of a version that was compiled before.
    pub(super) cached: Timing,
    /// Of one that was not.
    pub(super) new: Timing,
}

impl Bench {
    pub(super) fn reloading(&mut self) -> anyhow::Result<()> {
        let source = self.plugin("workspace-guard", questions::BY_ROLE)?;
        let count = if self.subject.quick {
            RELOADS / 3
        } else {
            RELOADS
        };
        let place = Place::empty()?;
        let member = questions::request()?;
        let mut guest = questions::request()?;
        guest.subject.role = Some(Role::new("guest")?);
        let wrong = |set: &PolicySet| {
            let admitted = set.admit(place.asking(), &member).is_ok();
            let refused = set.admit(place.asking(), &guest);
            let refused = refused.is_err_and(|denial| &*denial.code == "role-not-admitted");
            !admitted || !refused
        };
        let mut followed = Followed::new(self, source)?;
        let (done, wrongs) = (AtomicBool::new(false), AtomicU64::new(0));
        let reloads = std::thread::scope(|scope| {
            let policies = followed.policies.clone();
            scope.spawn({
                let (done, wrongs, wrong) = (&done, &wrongs, &wrong);
                move || {
                    while !done.load(Ordering::Relaxed) {
                        wrongs.fetch_add(wrong(&policies.current()).into(), Ordering::Relaxed);
                        std::thread::park_timeout(ASKING);
                    }
                }
            });
            let reloads = followed.reloads(count, count, |set| {
                ensure!(!wrong(set), "the new version decides otherwise");
                Ok(())
            });
            done.store(true, Ordering::Relaxed);
            reloads
        })?;
        self.put_timing("reload.cached", reloads.cached);
        self.put_timing("reload.new", reloads.new);
        let failures = followed.failures() + wrongs.load(Ordering::Relaxed);
        self.put("reload.wrong", failures as f64);
        Ok(())
    }
}

/// A policy whose file is followed as a server follows it.
pub(super) struct Followed {
    component: Vec<u8>,
    file: PathBuf,
    pub(super) policies: Policies,
    swaps: watch::Receiver<u64>,
    _watching: Watching,
    waiting: tokio::runtime::Runtime,
    next_mark: usize,
}

impl Followed {
    /// Takes a copy of the policy's file and follows it.
    pub(super) fn new(bench: &Bench, mut source: PolicySource) -> anyhow::Result<Self> {
        let component = std::fs::read(&source.file)
            .with_context(|| format!("cannot read {}", source.file.display()))?;
        // With a cache of its own: what is new here must not have been compiled for another.
        let folder = bench
            .subject
            .scratch
            .join(format!("following-{}", source.name));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("policy.wasm");
        std::fs::write(&file, variant(&component, KNOWN[0]))?;
        source.file.clone_from(&file);
        source.name = Arc::from("followed");
        let policies = load(&folder, vec![source])?;
        let waiting = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        Ok(Self {
            component,
            file,
            swaps: policies.subscribe(),
            _watching: policies.watch()?,
            policies,
            waiting,
            next_mark: KNOWN.len(),
        })
    }

    /// Reloads versions so many times, and has the first decision of each made.
    pub(super) fn reloads(
        &mut self,
        cached: usize,
        new: usize,
        ask: impl Fn(&PolicySet) -> anyhow::Result<()>,
    ) -> anyhow::Result<Reloads> {
        // Both are compiled once.
        self.reload(KNOWN[1], &ask)?;
        let known = KNOWN.iter().cycle().take(cached);
        let cached = known.map(|mark| self.reload(*mark, &ask));
        let cached = Timing::of(cached.collect::<anyhow::Result<_>>()?);
        let mut times = Vec::with_capacity(new);
        for _ in 0..new {
            let mark = self.next_mark;
            self.next_mark += 1;
            times.push(self.reload(mark, &ask)?);
        }
        Ok(Reloads {
            cached,
            new: Timing::of(times),
        })
    }

    fn reload(
        &mut self,
        mark: usize,
        ask: impl Fn(&PolicySet) -> anyhow::Result<()>,
    ) -> anyhow::Result<Duration> {
        let bytes = variant(&self.component, mark);
        let beside = self.file.with_extension("next");
        std::fs::write(&beside, &bytes)?;
        self.swaps.mark_unchanged();
        let began = Instant::now();
        std::fs::rename(&beside, &self.file)?;
        let swapped = self
            .waiting
            .block_on(async { tokio::time::timeout(PATIENCE, self.swaps.changed()).await });
        ask(&self.policies.current())?;
        let took = began.elapsed();
        swapped.context("the file was not followed")??;
        let status = self.policies.status();
        let digest = status.first().map(|status| status.digest);
        ensure!(
            digest == Some(Digest::of(&bytes)),
            "another version: {status:?}"
        );
        Ok(took)
    }

    /// Calls that failed in the version in force.
    pub(super) fn failures(&self) -> u64 {
        self.policies
            .status()
            .iter()
            .map(|status| status.failures)
            .sum()
    }
}
