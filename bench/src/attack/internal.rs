//! Two thousand connections to the internal listener that send half of a request and wait. A backend
//! that has a connection, and one that opens another for each call, are answered.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ground::{Bounds, Ground, HALL, Setup};
use super::http::{Http, connect};
use super::table::Claim;
use super::{Attack, Options};

/// Connections.
const CONNECTIONS: usize = 2_000;
/// Addresses that they come from.
const SOURCES: usize = 8;
/// Time between two calls of a backend.
const BETWEEN: Duration = Duration::from_millis(250);
/// A call that is not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a backend may wait on a connection that it has, in milliseconds.
const KEPT_MS: f64 = 1_000.0;

#[derive(Debug, Default)]
pub(super) struct Internal {
    kept: Calls,
    fresh: Calls,
}

/// Calls of a backend.
#[derive(Debug, Default, Clone, Copy)]
struct Calls {
    answered: u64,
    failed: u64,
    longest_ms: f64,
}

impl Attack for Internal {
    fn setup(options: &Options) -> Setup {
        Setup {
            bounds: Bounds {
                peak_mib: 128.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 25, 8)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let mut kept = Http::open(
            ground.api.address,
            Ipv4Addr::LOCALHOST,
            Some(&ground.api.key),
        )
        .await?;
        let address = ground.api.address;
        let halves = [
            format!("GET /v1/workspaces/{HALL} HTTP/1.1\r\nHost: {address}\r\nAuth"),
            format!(
                "POST /v1/workspaces/{HALL}/events HTTP/1.1\r\nHost: {address}\r\n\
                 Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
                 Content-Length: 1000\r\n\r\n{{\"event\":",
                ground.api.key
            ),
        ];
        let halves = Rc::new(halves);
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            let halves = Rc::clone(&halves);
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % SOURCES) as u8);
            connections.spawn_local(async move {
                let mut stream = connect(address, source).await?;
                stream.write_all(halves[number % 2].as_bytes()).await?;
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
                anyhow::Ok(())
            });
        }
        let path = format!("/v1/workspaces/{HALL}");
        while !ground.is_over() {
            let began = Instant::now();
            let answer = timeout(PATIENCE, kept.call("GET", &path, "")).await;
            self.kept.count(began, matches!(answer, Ok(Ok((200, _)))));
            let began = Instant::now();
            let answer = timeout(PATIENCE, ground.api.get(&path)).await;
            self.fresh.count(began, matches!(answer, Ok(Ok(_))));
            tokio::time::sleep(BETWEEN).await;
        }
        connections.shutdown().await;
        Ok(format!(
            "{CONNECTIONS} connections with half a head or half a body; a backend's {} calls on a kept connection, {} of {} on new ones",
            self.kept.answered,
            self.fresh.answered,
            self.fresh.answered + self.fresh.failed
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        Ok(vec![
            Claim::least("calls on a kept connection", self.kept.answered as f64, 1.0),
            Claim::most("calls on it that failed", self.kept.failed as f64, 0.0),
            Claim::most("longest call on it, ms", self.kept.longest_ms, KEPT_MS),
            Claim::most(
                "calls on new connections that failed",
                self.fresh.failed as f64,
                0.0,
            ),
        ])
    }
}

impl Calls {
    fn count(&mut self, began: Instant, answered: bool) {
        let took = began.elapsed().as_secs_f64() * 1000.0;
        self.longest_ms = self.longest_ms.max(took);
        if answered {
            self.answered += 1;
        } else {
            self.failed += 1;
        }
    }
}
