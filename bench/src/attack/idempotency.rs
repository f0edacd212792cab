//! Calls with an `Idempotency-Key` each, whose answers are large, since they name every workspace that
//! a user is connected to: what is remembered of them is bounded in bytes.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::ensure;
use serde_json::json;
use tokio::task::JoinSet;

use super::ground::{Bounds, Ground, Setup};
use super::http::Http;
use super::table::Claim;
use super::{Attack, Options, tokens};
use crate::socket::{Socket, scratch, send};

/// Workspaces that the user is connected to; an answer names all of them, and stays below the 64 KiB
/// beyond which none is remembered.
const WORKSPACES: usize = 280;
/// The user.
const USER: &str = "everywhere";
/// Calls at once.
const LINES: usize = 4;
/// Bytes of answers that make an attack of it: twice what may be remembered.
const LEAST_BYTES: u64 = 32 << 20;

#[derive(Debug)]
pub(super) struct Idempotency {
    listening: JoinSet<()>,
    calls: Rc<Cell<u64>>,
    bytes: Rc<Cell<u64>>,
}

impl Attack for Idempotency {
    fn setup(options: &Options) -> Setup {
        Setup {
            bounds: Bounds {
                // 16 MiB of answers are remembered.
                peak_mib: 128.0,
                left_mib: 64.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 15, 10)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        let scratch = scratch();
        let mut listening = JoinSet::new();
        for number in 0..WORKSPACES {
            let workspace = format!("{number}-{}", "w".repeat(120));
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % 8) as u8);
            let mut socket = Socket::open(ground.server, source, &scratch).await?;
            let token = tokens::good(USER, &workspace, None)?;
            send(&socket.stream(), &tokens::auth(&token, &workspace)).await?;
            while !socket
                .next_packet(&scratch)
                .await?
                .starts_with(b"42[\"auth-success")
            {}
            let scratch = scratch.clone();
            listening.spawn_local(async move {
                while socket.receive(&scratch, |_| {}).await.unwrap_or(false) {}
            });
        }
        Ok(Self {
            listening,
            calls: Rc::default(),
            bytes: Rc::default(),
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let mut lines = JoinSet::new();
        let (address, ends) = (ground.api.address, ground.ends());
        for _ in 0..LINES {
            let key = Some(ground.api.key.as_str());
            let mut http = Http::open(address, Ipv4Addr::LOCALHOST, key).await?;
            let (calls, bytes) = (Rc::clone(&self.calls), Rc::clone(&self.bytes));
            lines.spawn_local(async move {
                let path = format!("/v1/users/{USER}/events");
                let body = json!({ "event": "note" }).to_string();
                while std::time::Instant::now() < ends {
                    let number = calls.replace(calls.get() + 1);
                    let headers = format!(
                        "Content-Type: application/json\r\nIdempotency-Key: key-{number}\r\n"
                    );
                    http.send("POST", &path, &headers, &body).await?;
                    let (status, text) = http.answer().await?;
                    ensure!(status == 200, "answered {status}: {text:.200}");
                    bytes.set(bytes.get() + text.len() as u64);
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = lines.join_next().await {
            done??;
        }
        Ok(format!(
            "{} calls with keys of their own, {:.0} MiB of answers",
            self.calls.get(),
            self.bytes.get() as f64 / f64::from(1 << 20)
        ))
    }

    async fn verify(&mut self, ground: &Ground) -> anyhow::Result<Vec<Claim>> {
        let open = self.listening.len();
        self.listening.shutdown().await;
        let least = if ground.quick { 1 } else { LEAST_BYTES };
        Ok(vec![
            Claim::least("bytes of answers", self.bytes.get() as f64, least as f64),
            Claim::least(
                "connections of the user still open",
                open as f64,
                WORKSPACES as f64,
            ),
        ])
    }
}
