//! One person is connected to a workspace of 20,000 members, and again and again a swap makes 400
//! private channels visible, or hides them.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::ground::{Bounds, Ground, HALL, LOBBY, Setup, WITHIN};
use super::table::Claim;
use super::watch::metric;
use super::{Attack, Options, component};
use crate::policies::{CONFIGURATION, SEE_ALL};

/// Members.
const MEMBERS: usize = 20_000;
/// Members for a first look.
const QUICK_MEMBERS: usize = 5_000;
/// Private channels.
const CHANNELS: usize = 400;
/// Members whom each of them lists.
const LISTED: usize = 20;
/// Time between two swaps.
const BETWEEN: Duration = Duration::from_secs(1);
/// How soon all must be done, in milliseconds.
const SETTLED_MS: f64 = 2_000.0;

const POLICY: &str = "private_channels.wasm";

#[derive(Debug)]
pub(super) struct Crowd {
    members: usize,
    swaps: usize,
    longest_ms: f64,
}

impl Attack for Crowd {
    fn setup(options: &Options) -> Setup {
        Setup {
            configuration: format!(
                "\n[visibility]\nprivate_channels = \"policies\"\n\
                 \n[[policies]]\nname = \"private-channels\"\nfile = \"{POLICY}\"\n\
                 settings = {{ {} }}\n",
                SEE_ALL[0]
            ),
            files: vec![(POLICY, options.plugins.join(POLICY))],
            bounds: Bounds {
                beside: 2.0,
                within_ms: 250.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 20, 8)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        let members = if ground.quick { QUICK_MEMBERS } else { MEMBERS };
        let mut people: serde_json::Map<_, _> = (0..members)
            .map(|number| {
                let user = json!({ "name": format!("Member {number}") });
                let id = format!("member-{number}");
                (id, json!({ "user": user, "role": "member" }))
            })
            .collect();
        people.insert(WITHIN.user.to_owned(), json!({ "role": WITHIN.role }));
        let mut channels: serde_json::Map<_, _> = (0..CHANNELS)
            .map(|channel| {
                let first = channel * LISTED % members;
                let listed = (first..first + LISTED).map(|at| format!("member-{}", at % members));
                let listed: Vec<_> = listed.collect();
                let name = format!("private-{channel}");
                (name, json!({ "private": true, "members": listed }))
            })
            .collect();
        channels.insert(LOBBY.to_owned(), json!({}));
        let truth = json!({ "members": people, "channels": channels }).to_string();
        let path = format!("/v1/workspaces/{HALL}");
        ground.api.must("PUT", &path, &truth).await?;
        Ok(Self {
            members,
            swaps: 0,
            longest_ms: 0.0,
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        while !ground.is_over() {
            let [from, to] = if self.swaps.is_multiple_of(2) {
                SEE_ALL
            } else {
                [SEE_ALL[1], SEE_ALL[0]]
            };
            let text = std::fs::read_to_string(ground.home.join(CONFIGURATION))?;
            ensure!(text.contains(from), "the configuration has no {from}");
            let generation = metric(&ground.api, "wardroom_policy_settled_generation").await?;
            let began = Instant::now();
            component::replace(
                &ground.home,
                CONFIGURATION,
                text.replace(from, to).as_bytes(),
            )?;
            if ground
                .meanwhile(settled(ground, generation))
                .await
                .is_none()
            {
                break;
            }
            self.swaps += 1;
            let took = began.elapsed().as_secs_f64() * 1000.0;
            self.longest_ms = self.longest_ms.max(took);
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(format!(
            "{} swaps that show {CHANNELS} private channels to one of {} members, or hide them",
            self.swaps, self.members
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        Ok(vec![
            Claim::least("swaps", self.swaps as f64, 2.0),
            Claim::most(
                "longest from the file to all done, ms",
                self.longest_ms,
                SETTLED_MS,
            ),
        ])
    }
}

async fn settled(ground: &Ground, generation: f64) {
    loop {
        let present = metric(&ground.api, "wardroom_policy_settled_generation").await;
        if present.is_ok_and(|present| present > generation) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
