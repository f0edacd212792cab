//! A policy's file is replaced by a component that takes long to compile. Another policy that is
//! replaced right after it does not wait behind it, nor does anybody else.

use std::time::Instant;

use super::descriptors::in_force;
use super::ground::{Bounds, Ground, Setup};
use super::table::Claim;
use super::watch::metric;
use super::{Attack, Options, component};

/// Functions of the bomb, of some 20 KB each.
const FUNCTIONS: u32 = 400;
/// The same for a first look.
const QUICK_FUNCTIONS: u32 = 100;
/// How soon the other policy must be in force, in milliseconds.
const IN_FORCE_MS: f64 = 5_000.0;

const BOMB: &str = "profile_privacy.wasm";
const OTHER: &str = "private_channels.wasm";

#[derive(Debug)]
pub(super) struct Compile {
    bomb: Vec<u8>,
    other: Vec<u8>,
    in_force_ms: Option<f64>,
}

impl Attack for Compile {
    fn setup(options: &Options) -> Setup {
        Setup {
            configuration: format!(
                "\n[[policies]]\nname = \"private-channels\"\nfile = \"{OTHER}\"\n\
                 \n[[policies]]\nname = \"profile-privacy\"\nfile = \"{BOMB}\"\n\
                 settings = {{ fields = {{ phone = [\"staff\"] }} }}\n"
            ),
            files: [BOMB, OTHER]
                .map(|name| (name, options.plugins.join(name)))
                .to_vec(),
            bounds: Bounds {
                peak_mib: 384.0,
                left_mib: 256.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 30, 10)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        let functions = if ground.quick {
            QUICK_FUNCTIONS
        } else {
            FUNCTIONS
        };
        let shipped = std::fs::read(ground.home.join(BOMB))?;
        Ok(Self {
            bomb: component::bomb(&shipped, functions),
            other: std::fs::read(ground.home.join(OTHER))?,
            in_force_ms: None,
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        component::replace(&ground.home, BOMB, &self.bomb)?;
        // It is seen, and being compiled, before the other one comes.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let generation = metric(&ground.api, "wardroom_policy_generation").await?;
        let began = Instant::now();
        component::replace(&ground.home, OTHER, &component::another(&self.other, 1))?;
        self.in_force_ms = ground.meanwhile(in_force(ground, generation, began)).await;
        tokio::time::sleep_until(ground.ends().into()).await;
        Ok(format!(
            "a component of {:.1} MB that takes long to compile; another policy replaced 1 s later",
            self.bomb.len() as f64 / 1e6
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        Ok(vec![Claim::most(
            "other policy in force after, ms",
            self.in_force_ms.unwrap_or(f64::INFINITY),
            IN_FORCE_MS,
        )])
    }
}
