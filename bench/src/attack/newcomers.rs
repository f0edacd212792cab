//! People who come while the server is attacked: one every quarter of a second, who begin by polling
//! as stock clients do. Must not know what is attacked.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::task::{JoinSet, spawn_local};

use super::http::Http;
use super::tokens;
use super::watch::{Clock, PHASES};
use crate::histogram::Histogram;

/// The time between two of them.
const BETWEEN: Duration = Duration::from_millis(250);
/// Who is not in by then has given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where they come from.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
/// Where they go.
const WORKSPACE: &str = "newcomers";

/// How they fared in one phase.
#[derive(Debug, Default, Clone)]
pub(super) struct Newcomers {
    /// Who tried.
    pub(super) tried: u64,
    /// Who got in.
    pub(super) entered: u64,
    /// From the first byte to `auth-success`.
    pub(super) times: Histogram,
    /// Why the first one did not get in.
    pub(super) reason: Option<String>,
}

/// One after the other comes until the clock stops; how they fared by phase.
pub(super) async fn come(server: SocketAddr, clock: Clock) -> anyhow::Result<[Newcomers; PHASES]> {
    let fared: Rc<RefCell<[Newcomers; PHASES]>> = Rc::default();
    let mut coming = JoinSet::new();
    let mut number = 0_u64;
    let mut ticks = tokio::time::interval(BETWEEN);
    while !clock.is_stopped() {
        ticks.tick().await;
        number += 1;
        let (phase, fared) = (clock.phase(), Rc::clone(&fared));
        coming.spawn_local(async move {
            let began = Instant::now();
            let entered = tokio::time::timeout(PATIENCE, enter(server, number)).await;
            let entered = entered
                .context("not in after 10 s")
                .and_then(|entered| entered);
            let took = began.elapsed().as_micros() as u64;
            let fared = &mut fared.borrow_mut()[phase];
            fared.tried += 1;
            match entered {
                Ok(()) => {
                    fared.entered += 1;
                    fared.times.record(took);
                }
                Err(error) => {
                    fared.reason.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        });
        while let Some(done) = coming.try_join_next() {
            done?;
        }
    }
    while let Some(done) = coming.join_next().await {
        done?;
    }
    Ok(fared.take())
}

/// Gets in by polling; leaves at once, aside.
async fn enter(server: SocketAddr, number: u64) -> anyhow::Result<()> {
    const PATH: &str = "/socket.io/?EIO=4&transport=polling";
    let token = tokens::good(&format!("newcomer-{number}"), WORKSPACE, None)?;
    let mut http = Http::open(server, SOURCE, None).await?;
    let (status, open) = http.call("GET", PATH, "").await?;
    ensure!(status == 200, "the handshake was answered {status}");
    let sid = open
        .split_once(r#""sid":""#)
        .and_then(|(_, rest)| rest.split_once('"'))
        .context("a handshake without a session")?
        .0;
    let path = format!("{PATH}&sid={sid}");
    post(&mut http, &path, "40").await?;
    until(&mut http, &path, "40{").await?;
    post(&mut http, &path, &tokens::auth(&token, WORKSPACE)).await?;
    until(&mut http, &path, "auth-success").await?;
    spawn_local(async move {
        // Whether the server hears it is of no concern: then the session is lost a little later.
        let _ = tokio::time::timeout(PATIENCE, http.call("POST", &path, "41")).await;
    });
    Ok(())
}

async fn post(http: &mut Http, path: &str, packet: &str) -> anyhow::Result<()> {
    let (status, text) = http.call("POST", path, packet).await?;
    ensure!(
        status == 200,
        "{packet:.6} was answered {status}: {text:.80}"
    );
    Ok(())
}

/// Polls until a packet comes that begins, or holds, `wanted`.
async fn until(http: &mut Http, path: &str, wanted: &str) -> anyhow::Result<()> {
    loop {
        let (status, text) = http.call("GET", path, "").await?;
        ensure!(status == 200, "a poll was answered {status}: {text:.80}");
        if text.contains(wanted) {
            return Ok(());
        }
        if text.contains("socket-api-error") {
            bail!("refused: {text:.200}");
        }
    }
}
