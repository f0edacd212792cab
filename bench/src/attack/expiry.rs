//! Bursts of new users in one workspace, half of whom lose their connection at once, for longer than
//! the grace: holds run out while others come, and a policy is asked about each of them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::ground::{Bounds, Ground, HALL, Setup};
use super::table::Claim;
use super::watch::metric;
use super::{Attack, Options, tokens};
use crate::socket::{Scratch, Socket, scratch, send};

/// Users of one burst.
const BURST: usize = 300;
/// After this time half of them are gone.
const STAY: Duration = Duration::from_millis(50);
/// Who is not in by then was not let in.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses that they come from, so that it is not the rate of one that stops them.
const SOURCES: usize = 16;
/// By then everybody who left is gone, beyond the grace of 5 s.
const GONE: Duration = Duration::from_secs(15);
/// How long it is watched whether a policy is still called.
const QUIET: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Expiry {
    bursts: usize,
    entered: usize,
    refused: usize,
    reason: Option<String>,
}

impl Attack for Expiry {
    fn setup(options: &Options) -> Setup {
        let policy = "profile_privacy.wasm";
        Setup {
            configuration: format!(
                "\n[[policies]]\nname = \"profile-privacy\"\nfile = \"{policy}\"\n\
                 settings = {{ fields = {{ phone = [\"staff\"], email = [] }} }}\n"
            ),
            files: vec![(policy, options.plugins.join(policy))],
            bounds: Bounds {
                // Each burst is 300 arrivals in the honest client's own workspace.
                within_ms: 3_000.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 40, 10)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let scratch = scratch();
        while !ground.is_over() {
            self.burst(ground, &scratch).await?;
        }
        Ok(format!(
            "{} bursts of {BURST} new users, half lost after {} ms",
            self.bursts,
            STAY.as_millis()
        ))
    }

    async fn verify(&mut self, ground: &Ground) -> anyhow::Result<Vec<Claim>> {
        let ends = Instant::now() + GONE;
        let mut listed = listed(ground).await?;
        while listed > 0 && Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(100)).await;
            listed = self::listed(ground).await?;
        }
        let calls = metric(&ground.api, "wardroom_policy_calls_total").await?;
        tokio::time::sleep(QUIET).await;
        let more = metric(&ground.api, "wardroom_policy_calls_total").await? - calls;
        Ok(vec![
            Claim::least("users let in", self.entered as f64, 1.0),
            Claim::most("users of bursts not let in", self.refused as f64, 0.0)
                .because(self.reason.as_deref()),
            Claim::most("users still listed who left", listed as f64, 0.0),
            Claim::most("policy calls in 2 s with nobody there", more, 0.0),
            Claim::most(
                "policy calls per user who came",
                calls / (self.bursts * BURST).max(1) as f64,
                20.0,
            ),
        ])
    }
}

impl Expiry {
    async fn burst(&mut self, ground: &Ground, scratch: &Scratch) -> anyhow::Result<()> {
        let mut coming = JoinSet::new();
        for number in 0..BURST {
            let user = format!("burst-{}-{number}", self.bursts);
            let auth = tokens::auth(&tokens::good(&user, HALL, None)?, HALL);
            let (server, scratch) = (ground.server, scratch.clone());
            let source = Ipv4Addr::new(127, 0, 1, 1 + (number % SOURCES) as u8);
            let lost = number.is_multiple_of(2);
            coming.spawn_local(async move {
                let began = Instant::now();
                let mut socket = Socket::open(server, source, &scratch).await?;
                send(&socket.stream(), &auth).await?;
                if lost {
                    sleep_until((began + STAY).into()).await;
                    return Ok(None);
                }
                let entered = timeout(PATIENCE, entered(&mut socket, &scratch)).await;
                entered.map_err(|_| anyhow::anyhow!("not in after 10 s"))??;
                anyhow::Ok(Some(socket))
            });
        }
        // They stay until all have come, and are then lost together.
        let mut present = Vec::with_capacity(BURST / 2);
        while let Some(outcome) = coming.join_next().await {
            match outcome? {
                Ok(socket) => present.extend(socket),
                Err(error) => {
                    self.refused += 1;
                    self.reason.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        }
        self.entered += present.len();
        self.bursts += 1;
        Ok(())
    }
}

async fn entered(socket: &mut Socket, scratch: &Scratch) -> anyhow::Result<()> {
    loop {
        let packet = socket.next_packet(scratch).await?;
        if packet.starts_with(b"42[\"auth-success") {
            return Ok(());
        }
        let refused = packet.starts_with(b"42[\"socket-api-error");
        anyhow::ensure!(!refused, "{:.200}", String::from_utf8_lossy(&packet));
    }
}

/// How many are listed by what their token says; the honest client is a member.
async fn listed(ground: &Ground) -> anyhow::Result<usize> {
    let text = ground.api.get(&format!("/v1/workspaces/{HALL}")).await?;
    let workspace: Value = serde_json::from_str(&text)?;
    Ok(workspace["guests"]
        .as_object()
        .map_or(0, serde_json::Map::len))
}
