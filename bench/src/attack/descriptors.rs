//! Connections until the process may open no more files, while a policy's file is replaced: what
//! tightens the rules must come into force all the same, and operators must be answered.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use super::ground::{Bounds, Ground, Setup};
use super::http::connect;
use super::table::Claim;
use super::watch::metric;
use super::{Attack, Options, component};

/// Files that the server may have open.
const FILES: u64 = 1_024;
/// Connections that are kept open, as far as they are let.
const CONNECTIONS: usize = 1_400;
/// Addresses that they come from: each may have a part only.
const SOURCES: usize = 14;
/// How long a connection pauses before it comes again.
const PAUSE: Duration = Duration::from_millis(100);
/// Time for the connections to fill everything.
const FILLING: Duration = Duration::from_secs(2);
/// How soon a replaced policy must be in force, in milliseconds.
const IN_FORCE_MS: f64 = 5_000.0;

const POLICY: &str = "private_channels.wasm";

#[derive(Debug)]
pub(super) struct Descriptors {
    policy: Vec<u8>,
    in_force_ms: Option<f64>,
    most: usize,
}

impl Attack for Descriptors {
    fn setup(options: &Options) -> Setup {
        Setup {
            configuration: format!(
                "\n[[policies]]\nname = \"private-channels\"\nfile = \"{POLICY}\"\n"
            ),
            files: vec![(POLICY, options.plugins.join(POLICY))],
            descriptors: Some(FILES),
            bounds: Bounds {
                // There is no room for anybody else.
                newcomers_ms: None,
                ..Bounds::default()
            },
            ..Setup::new(options, 15, 8)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        Ok(Self {
            policy: std::fs::read(ground.home.join(POLICY))?,
            in_force_ms: None,
            most: 0,
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let server = ground.server;
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % SOURCES) as u8);
            connections.spawn_local(async move {
                loop {
                    if let Ok(mut stream) = connect(server, source).await {
                        let mut byte = [0];
                        // Until the server closes it.
                        while matches!(stream.read(&mut byte).await, Ok(1)) {}
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        tokio::time::sleep(FILLING).await;
        self.most = open_files(ground.pid)?;
        let generation = metric(&ground.api, "wardroom_policy_generation").await?;
        let began = Instant::now();
        component::replace(&ground.home, POLICY, &component::another(&self.policy, 1))?;
        self.in_force_ms = ground.meanwhile(in_force(ground, generation, began)).await;
        tokio::time::sleep_until(ground.ends().into()).await;
        self.most = self.most.max(open_files(ground.pid)?);
        connections.shutdown().await;
        Ok(format!(
            "{CONNECTIONS} connections from {SOURCES} addresses to a server that may open {FILES} files: {} open; a policy replaced",
            self.most
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        Ok(vec![
            Claim::least("files open", self.most as f64, 700.0),
            Claim::most(
                "replaced policy in force after, ms",
                self.in_force_ms.unwrap_or(f64::INFINITY),
                IN_FORCE_MS,
            ),
        ])
    }
}

/// When another generation than this is in force, in milliseconds since then.
pub(super) async fn in_force(ground: &Ground, generation: f64, began: Instant) -> f64 {
    loop {
        let present = metric(&ground.api, "wardroom_policy_generation").await;
        if present.is_ok_and(|present| present > generation) {
            return began.elapsed().as_secs_f64() * 1000.0;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn open_files(pid: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}
