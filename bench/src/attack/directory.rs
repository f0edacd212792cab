//! Writes of the directory with few and with many workspaces, as `cargo xtask bench --scenario
//! directory` has them, while others send commands.

use super::ground::{Bounds, Ground, Setup};
use super::table::Claim;
use super::{Attack, Options};
use crate::scenario::{Outcome, Scenario, Subject, run};
use crate::servers::SECRET;

/// Rate with few workspaces / with many, at most: a rate that is 20 % lower is 1.25 times lower.
const SLOWER: f64 = 1.25;

#[derive(Debug, Default)]
pub(super) struct Directory {
    outcome: Outcome,
}

impl Attack for Directory {
    fn setup(options: &Options) -> Setup {
        Setup {
            bounds: Bounds {
                // 20,000 workspaces of ten members are there to stay.
                peak_mib: 640.0,
                left_mib: 512.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 0, 0)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let subject = Subject {
            server: ground.server,
            api: ground.api.address,
            key: ground.api.key.clone(),
            secret: SECRET.to_owned(),
            pid: ground.pid,
            renderers: 0,
            home: None,
            quick: true,
        };
        self.outcome = run(Scenario::Directory, subject).await?;
        Ok(format!(
            "{:.0} writes a second with 100 workspaces, {:.0} with {:.0}",
            self.number("directory.few.rate"),
            self.number("directory.many.rate"),
            self.number("directory.workspaces"),
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let ratio = self.number("directory.ratio");
        Ok(vec![
            Claim::least(
                "writes with many workspaces",
                self.number("directory.many.rate"),
                1.0,
            ),
            Claim::most("rate with few workspaces / with many", ratio, SLOWER),
        ])
    }
}

impl Directory {
    fn number(&self, name: &str) -> f64 {
        self.outcome.numbers.get(name).copied().unwrap_or_default()
    }
}
