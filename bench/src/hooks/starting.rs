//! What instances cost: to start, to keep, and to replace after a trap; and ten policies when a
//! server starts. Knows nothing of files that change.

use std::time::Instant;

use anyhow::ensure;
use wardroom::policy::workbench::{Compiled, Compiler, Seat, Workbench};
use wardroom::policy::{Isolation, PolicySource};
use wardroom_domain::Json;

use super::questions::{self, Place};
use super::timing::Timing;
use super::{Bench, limits, variant};
use crate::process::memory_kib;

/// Instances that are kept warm at once to see what one takes.
const INSTANCES: usize = 64;
/// Policies that a server starts with.
const POLICIES: usize = 10;
/// How often it starts.
const STARTS: usize = 30;

impl Bench {
    pub(super) fn starting(&mut self) -> anyhow::Result<()> {
        self.trap()?;
        self.isolated()?;
        let guard = self.plugin("workspace-guard", questions::BY_ROLE)?;
        let compiled = compiled(&guard)?;
        let settings = guard.settings.clone();
        self.time("lifecycle", || started(&compiled, &settings).map(drop))?;
        let (place, request) = (Place::empty()?, questions::request()?);
        let kib = memory_of_one(&compiled, &settings, |seat| {
            let answer = seat.admit(place.asking(), &request)?;
            ensure!(answer.is_ok(), "{answer:?}");
            Ok(())
        })?;
        self.put("instance.kib", kib);
        self.start_up()
    }

    /// A question at which a warm instance traps, so that a fresh one answers it.
    fn trap(&mut self) -> anyhow::Result<()> {
        let policies = self.load(vec![self.guest("stumbles")])?;
        let (place, request) = (Place::empty()?, questions::request()?);
        let mut asked: u64 = 0;
        self.time("trap", || {
            asked += 1;
            let answer = policies.current().admit(place.asking(), &request);
            ensure!(answer.is_ok(), "{answer:?}");
            Ok(())
        })?;
        let failures = policies
            .status()
            .first()
            .map_or(0, |status| status.failures);
        ensure!(failures == asked, "{failures} traps in {asked} calls");
        Ok(())
    }

    /// An instance for each call.
    fn isolated(&mut self) -> anyhow::Result<()> {
        let mut source = self.plugin("workspace-guard", questions::BY_ROLE)?;
        source.isolation = Isolation::PerCall;
        let policies = self.load(vec![source])?;
        let (place, request) = (Place::empty()?, questions::request()?);
        self.time("isolated", || {
            let answer = policies.current().admit(place.asking(), &request);
            ensure!(answer.is_ok(), "{answer:?}");
            Ok(())
        })?;
        Ok(())
    }

    /// Ten policies are loaded: those that ship, each several times under other names and with
    /// other bytes.
    fn start_up(&mut self) -> anyhow::Result<()> {
        let shipped = [
            self.plugin("workspace-guard", questions::BY_ROLE)?,
            self.plugin("private-channels", questions::MEMBERS_AND_ROLES)?,
            self.plugin("media-credentials", questions::CREDENTIALS)?,
            self.plugin("profile-privacy", questions::THREE_FORMS)?,
        ];
        let mut sources = Vec::with_capacity(POLICIES);
        for number in 0..POLICIES {
            let like = &shipped[number % shipped.len()];
            let file = self.subject.scratch.join(format!("{number}.wasm"));
            std::fs::write(&file, variant(&std::fs::read(&like.file)?, number))?;
            let mut source = PolicySource::new(&format!("policy-{number}"), file);
            source.settings = like.settings.clone();
            sources.push(source);
        }
        let began = Instant::now();
        drop(self.load(sources.clone())?);
        self.put("start-up.new.p50", began.elapsed().as_secs_f64() * 1e6);
        let before = memory_kib(std::process::id())?;
        let kept = self.load(sources.clone())?;
        self.put("start-up.kib", memory_kib(std::process::id())? - before);
        drop(kept);
        let mut times = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            let sources = sources.clone();
            let began = Instant::now();
            let policies = self.load(sources)?;
            times.push(began.elapsed());
            drop(policies);
        }
        self.put_timing("start-up.cached", Timing::of(times));
        Ok(())
    }
}

/// The component of a policy, ready for instances that are nobody's.
pub(super) fn compiled(source: &PolicySource) -> anyhow::Result<Compiled> {
    let workbench = Workbench::new(limits(), Compiler::Here)?;
    Ok(workbench.compile(&std::fs::read(&source.file)?)?)
}

pub(super) fn started(compiled: &Compiled, settings: &Json) -> anyhow::Result<Seat> {
    Ok(compiled.start(settings)?)
}

/// What one warm instance adds to the memory of the process, in KiB: everything, not its linear
/// memory alone, and only what is really there.
pub(super) fn memory_of_one(
    compiled: &Compiled,
    settings: &Json,
    ask: impl Fn(&mut Seat) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let warm = || -> anyhow::Result<Seat> {
        let mut seat = compiled.trial(settings)?;
        ask(&mut seat)?;
        Ok(seat)
    };
    // The first one pays for what all share.
    let mut seats = Vec::with_capacity(INSTANCES + 1);
    seats.push(warm()?);
    let before = memory_kib(std::process::id())?;
    for _ in 0..INSTANCES {
        seats.push(warm()?);
    }
    Ok((memory_kib(std::process::id())? - before) / INSTANCES as f64)
}
