//! The course of every attack: calm, attack, calm again, and what must have held. Must not know what
//! is attacked.

use std::cell::Cell;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use serde_json::json;
use thread_priority::{ThreadPriority, set_current_thread_priority};
use tokio::task::{LocalSet, spawn_local};

use super::honest::{Commands, Who, live};
use super::newcomers::{Newcomers, come};
use super::server::Server;
use super::table::{Claim, Row};
use super::watch::{AFTER, ATTACK, CALM, Clock, PHASES, Seen, memory, probe, resident_mib};
use super::{Attack, Options};
use crate::api::Api;
use crate::process::CpuClock;

/// The workspace that is attacked.
pub(super) const HALL: &str = "hall";
/// The channel in it that everybody sees.
pub(super) const LOBBY: &str = "lobby";
/// Where attackers come from, unless they come from several addresses.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 100);

/// The honest client in a workspace of its own.
const BESIDE: Who = Who {
    user: "beside",
    role: None,
    workspace: "beside",
    channel: LOBBY,
    source: Ipv4Addr::new(127, 0, 0, 2),
};
/// The honest client in the workspace that is attacked.
pub(super) const WITHIN: Who = Who {
    user: "within",
    role: Some("staff"),
    workspace: HALL,
    channel: LOBBY,
    source: Ipv4Addr::new(127, 0, 0, 3),
};

/// How long honest clients are watched before the attack.
const CALM_TIME: Duration = Duration::from_secs(3);
/// The same for a first look.
const QUICK_CALM_TIME: Duration = Duration::from_secs(2);
/// How long they are watched after it, at least.
const AFTER_TIME: Duration = Duration::from_secs(3);
/// They must be in within this time.
const READY: Duration = Duration::from_secs(20);
/// Calm times below this are not told apart: a scheduler's whims are longer.
const LEAST_CALM_MS: f64 = 1.0;
/// Time between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(100);
/// The stack of the threads that measure and attack, in bytes.
const STACK_BYTES: usize = 4 << 20;

/// What must hold, beside what the attack itself looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The p99 of commands in another workspace, as a multiple of what it is in calm.
    pub(super) beside: f64,
    /// The longest that a command waits in the attacked workspace, in milliseconds.
    pub(super) within_ms: f64,
    /// Memory at most, beyond what there was before, in MiB.
    pub(super) peak_mib: f64,
    /// Memory after it, beyond what there was before, in MiB.
    pub(super) left_mib: f64,
    /// Whether newcomers must get in, and the longest that it may take, in milliseconds.
    pub(super) newcomers_ms: Option<f64>,
    /// The longest that a probe may wait, in milliseconds.
    pub(super) probes_ms: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            beside: 10.0,
            within_ms: 1_000.0,
            peak_mib: 256.0,
            left_mib: 96.0,
            newcomers_ms: Some(3_000.0),
            probes_ms: 1_000.0,
        }
    }
}

/// What a server is started with, and what must hold.
#[derive(Debug)]
pub(super) struct Setup {
    /// What is appended to the configuration.
    pub(super) configuration: String,
    /// Files that are copied into its folder.
    pub(super) files: Vec<(&'static str, PathBuf)>,
    /// Files that the process may have open.
    pub(super) descriptors: Option<u64>,
    /// Whether nobody reads what it logs.
    pub(super) unread_log: bool,
    /// How long the attack lasts.
    pub(super) lasts: Duration,
    /// How long memory may take to go back.
    pub(super) patience: Duration,
    /// What must hold.
    pub(super) bounds: Bounds,
}

impl Setup {
    /// A server with nothing special; the attack lasts so many seconds, or fewer for a first look.
    pub(super) fn new(options: &Options, seconds: u64, quick_seconds: u64) -> Self {
        let (lasts, patience) = if options.quick {
            (quick_seconds, 5)
        } else {
            (seconds, 30)
        };
        Self {
            configuration: String::new(),
            files: Vec::new(),
            descriptors: None,
            unread_log: false,
            lasts: Duration::from_secs(lasts),
            patience: Duration::from_secs(patience),
            bounds: Bounds::default(),
        }
    }
}

/// What an attack is given.
#[derive(Debug)]
pub(super) struct Ground {
    /// Where clients connect.
    pub(super) server: SocketAddr,
    /// Where backends do.
    pub(super) api: Api,
    /// The process.
    pub(super) pid: u32,
    /// The server's folder.
    pub(super) home: PathBuf,
    /// Whether a first look is enough.
    pub(super) quick: bool,
    ends: Cell<Instant>,
}

impl Ground {
    /// Whether the attack's time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.ends.get()
    }

    /// When it is.
    pub(super) fn ends(&self) -> Instant {
        self.ends.get()
    }

    /// Does something until the attack's time is over; `None` if that came first.
    pub(super) async fn meanwhile<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.ends.get().into(), doing)
            .await
            .ok()
    }

    /// Makes the channel that honest clients select, where there is none.
    async fn furnish(&self) -> anyhow::Result<()> {
        for workspace in [HALL, BESIDE.workspace] {
            let path = format!("/v1/workspaces/{workspace}/channels/{LOBBY}");
            self.api.must("PUT", &path, "{}").await?;
        }
        // Someone who is known everywhere is known before everybody else comes.
        let path = format!("/v1/workspaces/{HALL}/members/{}", WITHIN.user);
        let member = json!({ "role": WITHIN.role });
        self.api.must("PUT", &path, &member.to_string()).await
    }
}

/// What the honest felt, by phase.
#[derive(Debug, Default)]
pub(super) struct Felt {
    /// In a workspace of its own.
    pub(super) beside: [Commands; PHASES],
    /// In the attacked workspace.
    pub(super) within: [Commands; PHASES],
    /// Who wanted to get in.
    pub(super) newcomers: [Newcomers; PHASES],
    /// What operators saw.
    pub(super) seen: [Seen; PHASES],
}

/// Starts a server, attacks it, and says what was felt.
pub(super) fn play<A: Attack>(name: String, options: &Options) -> anyhow::Result<Row> {
    let setup = A::setup(options);
    let server = Server::start(&name, &setup, options)?;
    let ground = Ground {
        server: server.public,
        api: server.api.clone(),
        pid: server.pid(),
        home: server.home.clone(),
        quick: options.quick,
        ends: Cell::new(Instant::now()),
    };
    // The attack gives way to the honest, with whom it shares a core; not so the server, which would
    // inherit it.
    let row = in_thread("attack", move || {
        let lowest =
            ThreadPriority::Crossplatform(20.try_into().map_err(|error| anyhow!("{error}"))?);
        set_current_thread_priority(lowest).map_err(|error| anyhow!("{error:?}"))?;
        block_on(course::<A>(name, setup, ground))
    })?;
    let row = row.join().map_err(|_| anyhow!("the attack panicked"))?;
    drop(server);
    row
}

type Thread<T> = thread::JoinHandle<anyhow::Result<T>>;

fn in_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<Thread<T>> {
    let thread = thread::Builder::new().name(name.to_owned());
    Ok(thread.stack_size(STACK_BYTES).spawn(work)?)
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

/// The honest, on a thread of their own.
fn honest(ground: &Ground, clock: &Clock) -> anyhow::Result<Thread<Felt>> {
    let (server, api, pid) = (ground.server, ground.api.clone(), ground.pid);
    let clock = clock.clone();
    in_thread("honest", move || {
        block_on(async move {
            let beside = spawn_local(live(server, BESIDE, clock.clone()));
            let within = spawn_local(live(server, WITHIN, clock.clone()));
            let newcomers = spawn_local(come(server, clock.clone()));
            let seen = spawn_local(probe(server, api, clock.clone()));
            let peaks = spawn_local(memory(pid, clock.clone()));
            let mut felt = Felt {
                beside: beside.await??,
                within: within.await??,
                newcomers: newcomers.await??,
                seen: seen.await??,
            };
            for (seen, peak) in felt.seen.iter_mut().zip(peaks.await??) {
                seen.peak_mib = peak;
            }
            Ok(felt)
        })
    })
}

async fn course<A: Attack>(name: String, setup: Setup, ground: Ground) -> anyhow::Result<Row> {
    ground.furnish().await?;
    let mut attack = A::prepare(&ground).await.context("preparing the attack")?;
    let clock = Clock::default();
    let honest = honest(&ground, &clock)?;
    let began = Instant::now();
    while clock.are_ready() < 2 {
        ensure!(!honest.is_finished(), "{}", reason(honest));
        ensure!(began.elapsed() < READY, "the honest do not get in in calm");
        tokio::time::sleep(LOOK).await;
    }
    let calm = if ground.quick {
        QUICK_CALM_TIME
    } else {
        CALM_TIME
    };
    tokio::time::sleep(calm).await;

    let before = resident_mib(ground.pid)?;
    let cpu = CpuClock::of(ground.pid)?;
    let spent = cpu.seconds()?;
    let began = Instant::now();
    ground.ends.set(began + setup.lasts);
    clock.begin(ATTACK);
    let load = attack.run(&ground).await;
    let seconds = began.elapsed().as_secs_f64();
    let spent = cpu.seconds().context("the server has ended")? - spent;
    clock.begin(AFTER);

    let ended = Instant::now();
    let after = loop {
        tokio::time::sleep(LOOK).await;
        let present = resident_mib(ground.pid)?;
        let goes_back = present - before <= setup.bounds.left_mib;
        let elapsed = ended.elapsed();
        if elapsed >= AFTER_TIME && (goes_back || elapsed >= setup.patience) {
            break present;
        }
    };
    let back = ended.elapsed().as_secs_f64();
    clock.stop();
    let felt = honest
        .join()
        .map_err(|_| anyhow!("the honest panicked"))??;
    let load = load.context("the attack could not be made")?;
    let mut claims = claims(&felt, &setup.bounds, before, after);
    claims.extend(attack.verify(&ground).await?);
    Ok(Row {
        name,
        load,
        seconds,
        before,
        after,
        back,
        cpu: spent,
        felt,
        claims,
    })
}

fn reason(honest: Thread<Felt>) -> String {
    match honest.join() {
        Ok(Err(error)) => format!("{error:#}"),
        Ok(Ok(_)) => "the honest have ended".to_owned(),
        Err(_) => "the honest panicked".to_owned(),
    }
}

/// What must hold under every attack.
fn claims(felt: &Felt, bounds: &Bounds, before: f64, after: f64) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (where_, commands) in [("beside", &felt.beside), ("within", &felt.within)] {
        let under = &commands[ATTACK];
        let lost = under.refused + under.missed;
        claims.push(Claim::most(
            format!("commands {where_} refused or never answered"),
            lost as f64,
            0.0,
        ));
        let closed = under.closed + commands[AFTER].closed;
        claims.push(
            Claim::most(format!("honest client {where_} closed"), closed as f64, 0.0)
                .because(under.reason.as_deref()),
        );
    }
    let calm = felt.beside[CALM].times.quantile_ms(0.99);
    let under = felt.beside[ATTACK].times.quantile_ms(0.99);
    claims.push(Claim::most(
        format!("p99 beside, ms (calm {calm:.1}, at least {LEAST_CALM_MS})"),
        under,
        bounds.beside * calm.max(LEAST_CALM_MS),
    ));
    claims.push(Claim::most(
        "longest wait of a command within, ms",
        felt.within[ATTACK].longest_ms(),
        bounds.within_ms,
    ));
    if let Some(most) = bounds.newcomers_ms {
        let newcomers = &felt.newcomers[ATTACK];
        claims.push(
            Claim::most(
                "newcomers not let in",
                (newcomers.tried - newcomers.entered) as f64,
                0.0,
            )
            .because(newcomers.reason.as_deref()),
        );
        claims.push(Claim::most(
            "longest that a newcomer took, ms",
            newcomers.times.quantile_ms(1.0),
            most,
        ));
    }
    let seen = &felt.seen[ATTACK];
    let reason = seen.reason.as_deref();
    claims.push(Claim::most("internal probes failed", seen.failed as f64, 0.0).because(reason));
    if bounds.newcomers_ms.is_some() {
        let failed = seen.failed_public as f64;
        claims.push(Claim::most("public probes failed", failed, 0.0).because(reason));
    }
    claims.push(Claim::most(
        "longest probe, ms",
        seen.longest_ms,
        bounds.probes_ms,
    ));
    let peak = seen.peak_mib.max(felt.seen[AFTER].peak_mib) - before;
    claims.push(Claim::most("memory on top, MiB", peak, bounds.peak_mib));
    let left = after - before;
    claims.push(Claim::most("memory left, MiB", left, bounds.left_mib));
    claims
}
