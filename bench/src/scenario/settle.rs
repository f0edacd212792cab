//! How an open workspace comes under changed rules: what is still delivered to people who should not
//! see it, how long everything takes to be looked at again, and what that does to everybody else.
//!
//! Events are published all the time to channels that only some see, and to another workspace. What
//! was published after a change is known to be in force must reach nobody whom it shuts out.

mod crowd;
mod files;
mod population;
mod watch;

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::{JoinHandle, spawn_local};

use self::files::Edit;
use self::population::{BESIDE, CHANNELS, Call, GUESTS, Pairs, Population, STABLE, private};
use self::watch::{Elsewhere, Tally, Watch};
use super::Bench;
use crate::api::Pipeline;
use crate::hub::Hub;
use crate::limits::{DRAIN_DEADLINE, SETTLE_DEADLINE};
use crate::mark::Mark;
use crate::policies::{ADMITTED, SEE_ALL, VERSIONS};

/// Events per second to the channels that only some see: 16,000 deliveries.
const STREAM_PER_SECOND: f64 = 80.0;
/// Events per second to the workspace beside: 5,000 deliveries, one every 2 ms for each.
const BESIDE_PER_SECOND: f64 = 500.0;
/// How often the server is asked which generation is in force.
const LOOK: Duration = Duration::from_millis(5);
/// How long is listened for what comes late.
const AFTER: Duration = Duration::from_secs(1);
/// Changes of the directory of each kind, one after the other.
const DIRECTORY_CHANGES: usize = 20;
/// The time between two of them.
const BETWEEN: Duration = Duration::from_millis(100);

impl Bench {
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        let home = self.subject.home.clone();
        let home = home.context("needs a server whose policies can be changed: --home")?;
        let people = Population::new(if self.subject.quick { 2_000 } else { 10_000 });
        let shape = people.shape();
        self.fill_with(shape, |socket| people.member(socket), &people.channels())
            .await?;
        let nothing = json!({});
        self.fill_with(BESIDE, |_| json!({}), &nothing).await?;
        let (hub, beside) = (Hub::new(shape.sockets()), Hub::new(BESIDE.sockets()));
        let (hub, beside) = (Rc::new(hub), Rc::new(beside));
        let (watch, elsewhere) = (Rc::new(Watch::new(people)), Rc::new(Elsewhere::default()));
        hub.observed_by(Rc::<Watch>::clone(&watch));
        beside.observed_by(Rc::<Elsewhere>::clone(&elsewhere));
        let _here = self.connect(shape, "offline", &hub).await?;
        let _there = self.connect(BESIDE, "offline", &beside).await?;
        self.outcome.put("settle.sockets", shape.sockets() as f64);
        self.outcome.put("settle.channels", CHANNELS as f64);
        let stop = Rc::default();
        let house = House {
            bench: self,
            hub,
            beside,
            watch,
            elsewhere,
            people,
            home,
            stop,
        };
        house.run().await
    }
}

struct House<'a> {
    bench: &'a mut Bench,
    hub: Rc<Hub>,
    beside: Rc<Hub>,
    watch: Rc<Watch>,
    elsewhere: Rc<Elsewhere>,
    people: Population,
    home: PathBuf,
    stop: Rc<Cell<bool>>,
}

type Stream = JoinHandle<anyhow::Result<(u64, Pipeline)>>;

impl House<'_> {
    async fn run(mut self) -> anyhow::Result<()> {
        let here = self.stream(&self.hub, "w0", STREAM_PER_SECOND).await?;
        let there = self.stream(&self.beside, "beside-w0", BESIDE_PER_SECOND);
        let there = there.await?;
        tokio::time::sleep(AFTER).await;
        let began = self.hub.now_us();
        tokio::time::sleep(self.bench.time(9)).await;
        self.delays("steady", began, self.hub.now_us());

        let staff = Population::seen_by_staff();
        let [wide, narrow] = VERSIONS.map(Edit::Component);
        self.reload("swap", narrow, &staff, staff.len()).await?;
        self.widen(wide, &staff).await?;
        let [wide, narrow] = [[SEE_ALL[1], SEE_ALL[0]], SEE_ALL].map(Edit::Settings);
        self.reload("settings", narrow, &staff, staff.len()).await?;
        self.widen(wide, &staff).await?;
        let people = self.people;
        self.directory("membership", |turn| people.expulsion(turn))
            .await?;
        self.directory("role", |turn| people.demotion(turn)).await?;
        // Whoever is closed is told that, and nothing of channels.
        let guests = Population::seen_by_guests();
        self.reload("admission", Edit::Settings(ADMITTED), &guests, 0)
            .await?;
        self.finish(here, there).await
    }

    /// Publishes to a workspace until told to stop; gives the number of events.
    async fn stream(&self, hub: &Rc<Hub>, workspace: &str, pace: f64) -> anyhow::Result<Stream> {
        let mut line = self.bench.api.pipeline(hub).await?;
        let path = format!("/v1/workspaces/{workspace}/events");
        let (hub, stop, elsewhere) = (Rc::clone(hub), Rc::clone(&self.stop), workspace != "w0");
        Ok(spawn_local(async move {
            let began = Instant::now();
            let mut number = 0;
            while !stop.get() {
                let due = began + Duration::from_secs_f64(number as f64 / pace);
                tokio::time::sleep_until(due.into()).await;
                number += 1;
                let sent_us = hub.now_us();
                let mark = Mark {
                    publisher: 0,
                    number,
                    sent_us,
                };
                let to = if elsewhere {
                    hub.published(BESIDE.members);
                    json!({ "workspace": true })
                } else {
                    json!({ "channel": private(number as usize % population::PRIVATE) })
                };
                let data = mark.data();
                let body = format!(r#"{{"event":"note","data":{data},"to":{to}}}"#);
                line.post(&path, &body).await?;
            }
            Ok((number, line))
        }))
    }

    /// The generation in force, and the one that everything has settled under.
    async fn generations(&self) -> anyhow::Result<(u64, u64)> {
        let text = self.bench.api.get("/metrics").await?;
        let gauge = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|value| value.trim().parse().ok());
            value.with_context(|| format!("no {name} among the metrics"))
        };
        Ok((
            gauge("wardroom_policy_generation ")?,
            gauge("wardroom_policy_settled_generation ")?,
        ))
    }

    /// Waits until the generations are as wanted; gives the time when they were.
    async fn until(&self, wanted: impl Fn(u64, u64) -> bool) -> anyhow::Result<u64> {
        let began = Instant::now();
        loop {
            let (present, settled) = self.generations().await?;
            if wanted(present, settled) {
                return Ok(self.hub.now_us());
            }
            ensure!(
                began.elapsed() < SETTLE_DEADLINE,
                "generation {present} is in force and {settled} has settled since \
                 {SETTLE_DEADLINE:?}; see the server's log"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Makes a change that the server finds in its files, and that shuts people out.
    async fn reload(
        &mut self,
        name: &str,
        edit: Edit,
        lost: &Pairs,
        told: usize,
    ) -> anyhow::Result<()> {
        let (before, _) = self.generations().await?;
        self.watch.take();
        self.watch.leaving(lost);
        let began = self.hub.now_us();
        edit.make(&self.home)?;
        let forced = self.until(|present, _| present > before).await?;
        self.watch.shut_out(lost, forced);
        let settled = self
            .until(|present, settled| present > before && settled == present)
            .await?;
        tokio::time::sleep(AFTER).await;
        let millis = |from: u64, to: u64| (to - from) as f64 / 1000.0;
        let outcome = &mut self.bench.outcome;
        outcome.put(format!("{name}.build"), millis(began, forced));
        outcome.put(format!("{name}.settle"), millis(forced, settled));
        self.delays(&format!("{name}.building"), began, forced);
        // It was in force up to one look earlier than was seen.
        let early = forced.saturating_sub(LOOK.as_micros() as u64);
        self.delays(&format!("{name}.settling"), early, settled);
        self.delays(&format!("{name}.all"), began, self.hub.now_us());
        let tally = self.watch.take();
        self.judge(name, tally, told);
        Ok(())
    }

    /// Takes a change back: everybody sees again what they saw.
    async fn widen(&mut self, edit: Edit, gained: &Pairs) -> anyhow::Result<()> {
        let (before, _) = self.generations().await?;
        self.watch.allowed(gained);
        edit.make(&self.home)?;
        self.until(|present, settled| present > before && settled == present)
            .await?;
        tokio::time::sleep(AFTER).await;
        let tally = self.watch.take();
        self.judge("again", tally, gained.len());
        Ok(())
    }

    /// Makes changes of the directory, each in force when its call is answered.
    async fn directory(&mut self, name: &str, call: impl Fn(usize) -> Call) -> anyhow::Result<()> {
        self.watch.take();
        let began = self.hub.now_us();
        let mut told = 0;
        for turn in 0..DIRECTORY_CHANGES {
            let call = call(turn);
            self.watch.leaving(&call.lost);
            self.bench
                .api
                .must(call.method, &call.path, &call.body)
                .await?;
            self.watch.shut_out(&call.lost, self.hub.now_us());
            told += call.lost.len();
            tokio::time::sleep(BETWEEN).await;
        }
        let ended = self.hub.now_us();
        tokio::time::sleep(AFTER).await;
        self.delays(&format!("{name}.all"), began, ended);
        let tally = self.watch.take();
        self.judge(name, tally, told);
        Ok(())
    }

    fn judge(&mut self, name: &str, tally: Tally, told: usize) {
        let outcome = &mut self.bench.outcome;
        outcome.put(format!("{name}.wrong"), tally.wrong as f64);
        outcome.put(format!("{name}.late"), tally.late as f64);
        outcome.put(format!("{name}.latest"), tally.latest_us as f64 / 1000.0);
        outcome.put(format!("{name}.told"), tally.told as f64);
        let untold = (told as u64).abs_diff(tally.told);
        outcome.put(
            format!("{name}.differs"),
            (untold + tally.misdirected) as f64,
        );
        for (count, what) in [
            (tally.wrong, "events reached people who were shut out"),
            (untold, "people were not told what changed for them"),
            (tally.misdirected, "people were told what did not change"),
        ] {
            if count > 0 {
                outcome.faults.push(format!("{name}: {count} {what}"));
            }
        }
    }

    /// How late events came that were published between two times.
    fn delays(&mut self, name: &str, from_us: u64, to_us: u64) {
        let here = self.watch.delays(from_us, to_us);
        let there = self.elsewhere.delays(from_us, to_us);
        for (place, times) in [("here", here), ("beside", there)] {
            if times.total() == 0 {
                continue;
            }
            let outcome = &mut self.bench.outcome;
            outcome.put(format!("{name}.{place}.p50"), times.quantile_ms(0.5));
            outcome.put(format!("{name}.{place}.p99"), times.quantile_ms(0.99));
            outcome.put(format!("{name}.{place}.most"), times.quantile_ms(1.0));
        }
    }

    /// Ends the streams, and counts what should have come and did not.
    async fn finish(self, here: Stream, there: Stream) -> anyhow::Result<()> {
        self.stop.set(true);
        // A server drops the last call of whoever hangs up, so both lines stay open.
        let (published, _here) = here.await??;
        let (_, _there) = there.await??;
        let published = published * STABLE as u64;
        let began = Instant::now();
        while self.watch.stable_heard() < published && began.elapsed() < DRAIN_DEADLINE {
            tokio::time::sleep(LOOK).await;
        }
        self.beside.drained().await;
        let lost = published.saturating_sub(self.watch.stable_heard());
        let closed = self.hub.faults().closed;
        let outcome = &mut self.bench.outcome;
        outcome.put("settle.heard", self.watch.stable_heard() as f64);
        outcome.put("settle.lost", (lost + self.beside.faults().lost) as f64);
        outcome.put("settle.closed", closed as f64);
        for (bad, what) in [
            (
                lost > 0,
                format!("{lost} events did not reach members of their channel"),
            ),
            (
                closed != GUESTS as u64,
                format!("{closed} sockets were closed; it should be {GUESTS}"),
            ),
            (
                self.hub.faults().refused > 0,
                format!("{} events were refused", self.hub.faults().refused),
            ),
        ] {
            if bad {
                outcome.faults.push(what);
            }
        }
        self.bench.note(&self.beside);
        Ok(())
    }
}
