//! What is measured, seen from one server: each scenario fills the directory, connects its
//! sockets, publishes, and gives numbers by name. Must not know which server it talks to.

mod arrival;
mod directory;
mod renditions;
mod settle;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::fleet::{Entry, Fleet, Shape};
use crate::histogram::Histogram;
use crate::hub::Hub;
use crate::process::{CpuClock, memory_kib, peak_kib};
use crate::publisher::{Publishers, Way};

/// The moderate load of the targets, in deliveries per second.
const PACED_PER_SECOND: f64 = 18_000.0;
/// The moderate load on many small rooms.
const PACED_ROOMS_PER_SECOND: f64 = 10_000.0;
/// Events outstanding at once when publishing as fast as it goes, to a thousand receivers.
const WINDOWS: [u64; 4] = [2, 4, 16, 64];
/// The same when each event has ten receivers.
const ROOM_WINDOWS: [u64; 2] = [64, 512];
/// A rate counts only if 99 of 100 messages are faster than this.
const P99_LIMIT_MS: f64 = 100.0;
/// Events that a burst sends to every workspace at once.
const BURST_EVENTS: f64 = 50.0;

/// A set of measurements that is run as one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// 4,000 sockets get in, in workspaces of 20, with presence.
    Connect,
    /// 100,000 sockets get in and are cut off, 4,000 at a time; for the server only.
    Churn,
    /// One workspace of 1,000 sockets, paced and as fast as it goes.
    Fanout,
    /// One workspace of 5,000 sockets, paced.
    Fanout5000,
    /// 500 workspaces of 10 sockets, paced and as fast as it goes.
    Rooms,
    /// 10,000 sockets that do nothing.
    Idle,
    /// The same before, in and after a burst.
    Burst,
    /// Fan-out of media and selecting events in a public channel, for the server with and
    /// without policies.
    Policy,
    /// Profile updates, for the server with none, one and four policies that render them.
    Renditions,
    /// 10,000 sockets and 1,000 channels come under changed policies and a changed directory while
    /// events are published; for the server only.
    Settle,
    /// 20,000 members, 2,000 channels and 200 sockets come under changed policies; for the server
    /// only.
    Crowd,
    /// Writes of the directory with 100 and with 100,000 workspaces; for the server only.
    Directory,
    /// Calls of policies, without a server and without this load generator.
    Hooks,
}

/// The server under test, as the load generator is told of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Subject {
    /// Where sockets connect.
    #[arg(long)]
    pub server: SocketAddr,
    /// Where the HTTP API is.
    #[arg(long)]
    pub api: SocketAddr,
    /// Key of the HTTP API.
    #[arg(long)]
    pub key: String,
    /// HS256 secret that signs the tokens.
    #[arg(long)]
    pub secret: String,
    /// Process whose CPU time and memory are read.
    #[arg(long)]
    pub pid: u32,
    /// How many policies render events.
    #[arg(long, default_value_t = 0)]
    pub renderers: usize,
    /// The server's folder, with the configuration and the policies that it follows.
    #[arg(long)]
    pub home: Option<PathBuf>,
    /// Shorter phases, for a first look.
    #[arg(long)]
    pub quick: bool,
}

/// What one run gave.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Numbers by name; the units stand in `report`.
    pub numbers: BTreeMap<String, f64>,
    /// What went wrong, in words; empty in a good run.
    pub faults: Vec<String>,
}

impl Outcome {
    fn put(&mut self, name: impl Into<String>, value: f64) {
        self.numbers.insert(name.into(), value);
    }
}

/// Runs one scenario against one server.
pub async fn run(scenario: Scenario, subject: Subject) -> anyhow::Result<Outcome> {
    let mut bench = Bench::new(subject)?;
    match scenario {
        Scenario::Connect => bench.connecting().await?,
        Scenario::Churn => bench.churn().await?,
        Scenario::Fanout => bench.fanout(1_000, &[Way::Http, Way::Media], true).await?,
        Scenario::Fanout5000 => bench.fanout(5_000, &[Way::Http], false).await?,
        Scenario::Rooms => bench.rooms().await?,
        Scenario::Idle => bench.memory(false).await?,
        Scenario::Burst => bench.memory(true).await?,
        Scenario::Policy => {
            bench
                .fanout(1_000, &[Way::Media, Way::Select], true)
                .await?
        }
        Scenario::Renditions => bench.renditions().await?,
        Scenario::Settle => bench.settle().await?,
        Scenario::Crowd => bench.crowd().await?,
        Scenario::Directory => bench.directory().await?,
        Scenario::Hooks => bail!("the program `hooks` measures this, without a server"),
    }
    Ok(bench.outcome)
}

struct Bench {
    subject: Subject,
    api: Api,
    clock: CpuClock,
    own: CpuClock,
    outcome: Outcome,
}

struct Phase {
    cpu: f64,
    own_cpu: f64,
    seconds: f64,
    delivered: f64,
    latency: Histogram,
    lost: u64,
}

impl Phase {
    fn micros_each(&self) -> f64 {
        self.cpu * 1e6 / self.delivered.max(1.0)
    }

    fn rate(&self) -> f64 {
        self.delivered / self.seconds
    }
}

impl Bench {
    fn new(subject: Subject) -> anyhow::Result<Self> {
        Ok(Self {
            api: Api {
                address: subject.api,
                key: subject.key.clone(),
            },
            clock: CpuClock::of(subject.pid)?,
            own: CpuClock::of(std::process::id())?,
            outcome: Outcome::default(),
            subject,
        })
    }

    fn time(&self, full_seconds: u64) -> Duration {
        let part = if self.subject.quick { 3 } else { 1 };
        Duration::from_millis(full_seconds * 1000 / part)
    }

    /// Tells the server the whole truth about its workspaces.
    async fn fill(&self, shape: Shape) -> anyhow::Result<()> {
        let channels = json!({ "lobby": { "private": false }, "lounge": { "private": false } });
        self.fill_with(shape, |_| json!({}), &channels).await
    }

    /// The same, with what `member` says of each socket's user beyond the profile.
    async fn fill_with(
        &self,
        shape: Shape,
        member: impl Fn(usize) -> Value,
        channels: &Value,
    ) -> anyhow::Result<()> {
        for workspace in 0..shape.workspaces {
            let first = workspace * shape.members;
            let members: serde_json::Map<_, _> = (first..first + shape.members)
                .map(|socket| {
                    let id = shape.user(socket);
                    let mut said = member(socket);
                    said["user"] = json!({ "id": id, "name": format!("Member {socket}") });
                    (id, said)
                })
                .collect();
            let body = json!({ "members": members, "channels": channels });
            let path = format!("/v1/workspaces/{}", shape.workspace(workspace));
            self.api.must("PUT", &path, &body.to_string()).await?;
        }
        Ok(())
    }

    /// Fills the directory and connects everyone; loss of a socket ends the run.
    async fn gather(&self, shape: Shape, status: &'static str) -> anyhow::Result<(Fleet, Rc<Hub>)> {
        self.fill(shape).await?;
        let hub = Rc::new(Hub::new(shape.sockets()));
        let fleet = self.connect(shape, status, &hub).await?;
        Ok((fleet, hub))
    }

    /// Connects everyone; loss of a socket ends the run.
    async fn connect(
        &self,
        shape: Shape,
        status: &'static str,
        hub: &Rc<Hub>,
    ) -> anyhow::Result<Fleet> {
        let entry = Entry::new(self.subject.server, shape, status, &self.subject.secret)?;
        let (fleet, arrival) = Fleet::connect(Rc::new(entry), hub).await?;
        ensure!(
            arrival.lost == 0,
            "{} of {} sockets did not get in: {}",
            arrival.lost,
            shape.sockets(),
            arrival.reason.unwrap_or_default(),
        );
        Ok(fleet)
    }

    async fn phase(
        &self,
        hub: &Hub,
        publishing: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Phase> {
        hub.take_latency();
        let (cpu, own_cpu) = (self.clock.seconds()?, self.own.seconds()?);
        let (began, delivered) = (Instant::now(), hub.delivered());
        publishing.await?;
        hub.drained().await;
        Ok(Phase {
            cpu: self.clock.seconds()? - cpu,
            own_cpu: self.own.seconds()? - own_cpu,
            seconds: began.elapsed().as_secs_f64(),
            delivered: (hub.delivered() - delivered) as f64,
            latency: hub.take_latency(),
            lost: hub.faults().lost,
        })
    }

    async fn fanout(&mut self, members: usize, ways: &[Way], fast: bool) -> anyhow::Result<()> {
        let shape = Shape {
            workspaces: 1,
            members,
            ..Shape::default()
        };
        // Silent arrival: a thousand presence events to a thousand members are `connect`'s matter.
        let (fleet, hub) = self.gather(shape, "offline").await?;
        for way in ways {
            let name = format!("{way:?}").to_lowercase();
            let hub_of_way = Rc::clone(&hub);
            let mut publishers =
                Publishers::open(*way, &self.api, &fleet, shape, &hub_of_way).await?;
            let per_second = PACED_PER_SECOND / members as f64;
            self.paced(&format!("{name}.paced"), &hub, &mut publishers, per_second)
                .await?;
            if fast {
                self.fast(&name, &hub, &mut publishers, &WINDOWS).await?;
            }
            hub.forget_numbers();
        }
        self.note(&hub);
        Ok(())
    }

    async fn rooms(&mut self) -> anyhow::Result<()> {
        let shape = Shape {
            workspaces: 500,
            members: 10,
            ..Shape::default()
        };
        let (fleet, hub) = self.gather(shape, "online").await?;
        let mut publishers = Publishers::open(Way::Http, &self.api, &fleet, shape, &hub).await?;
        let per_second = PACED_ROOMS_PER_SECOND / shape.members as f64;
        self.paced("rooms.paced", &hub, &mut publishers, per_second)
            .await?;
        self.fast("rooms", &hub, &mut publishers, &ROOM_WINDOWS)
            .await?;
        self.note(&hub);
        Ok(())
    }

    async fn paced(
        &mut self,
        name: &str,
        hub: &Rc<Hub>,
        publishers: &mut Publishers,
        per_second: f64,
    ) -> anyhow::Result<()> {
        publishers.paced(per_second, Duration::from_secs(1)).await?;
        hub.drained().await;
        let phase = self
            .phase(hub, publishers.paced(per_second, self.time(9)))
            .await?;
        self.outcome.put(format!("{name}.cpu"), phase.micros_each());
        self.outcome
            .put(format!("{name}.p50"), phase.latency.quantile_ms(0.5));
        self.outcome
            .put(format!("{name}.p99"), phase.latency.quantile_ms(0.99));
        Ok(())
    }

    async fn fast(
        &mut self,
        name: &str,
        hub: &Rc<Hub>,
        publishers: &mut Publishers,
        windows: &[u64],
    ) -> anyhow::Result<()> {
        let mut best: Option<Phase> = None;
        for window in windows {
            let phase = self
                .phase(hub, publishers.saturated(*window, self.time(3)))
                .await?;
            let p99 = phase.latency.quantile_ms(0.99);
            self.outcome
                .put(format!("{name}.window{window}.rate"), phase.rate());
            self.outcome.put(format!("{name}.window{window}.p99"), p99);
            self.outcome
                .put(format!("{name}.window{window}.cpu"), phase.micros_each());
            self.outcome.put(
                format!("{name}.window{window}.load"),
                phase.own_cpu / phase.seconds,
            );
            let good = phase.lost == 0 && p99 < P99_LIMIT_MS;
            if good && best.as_ref().is_none_or(|best| best.rate() < phase.rate()) {
                best = Some(phase);
            }
        }
        if let Some(best) = best {
            self.outcome.put(format!("{name}.fast.rate"), best.rate());
            self.outcome
                .put(format!("{name}.fast.cpu"), best.micros_each());
        }
        Ok(())
    }

    async fn memory(&mut self, with_burst: bool) -> anyhow::Result<()> {
        let pid = self.subject.pid;
        let shape = Shape {
            workspaces: 10,
            members: 1_000,
            ..Shape::default()
        };
        let settle = self.time(6);
        let empty = memory_kib(pid)?;
        let (fleet, hub) = self.gather(shape, "offline").await?;
        tokio::time::sleep(settle).await;
        let idle = memory_kib(pid)?;
        let sockets = shape.sockets() as f64;
        self.outcome.put("idle.kib", (idle - empty) / sockets);
        self.outcome.put("idle.total", idle / 1024.0);
        if with_burst {
            let mut publishers =
                Publishers::open(Way::Http, &self.api, &fleet, shape, &hub).await?;
            // All due at once: ten thousand a second is more than any server follows.
            let events = BURST_EVENTS * shape.workspaces as f64;
            let burst = publishers.paced(events * 20.0, Duration::from_millis(50));
            let phase = self.phase(&hub, burst).await?;
            self.outcome.put("burst.cpu", phase.micros_each());
            tokio::time::sleep(settle).await;
            self.outcome.put("burst.peak", peak_kib(pid)? / 1024.0);
            self.outcome.put("burst.after", memory_kib(pid)? / 1024.0);
        }
        self.note(&hub);
        Ok(())
    }

    /// Puts what went wrong into words.
    fn note(&mut self, hub: &Hub) {
        let faults = hub.faults();
        for (count, what) in [
            (faults.lost, "messages were lost"),
            (faults.disordered, "messages came out of order"),
            (faults.skipped, "times a message was missing"),
            (faults.closed, "sockets were closed by the server"),
            (faults.refused, "publishes were refused"),
        ] {
            if count > 0 {
                self.outcome.faults.push(format!("{count} {what}"));
            }
        }
    }
}
