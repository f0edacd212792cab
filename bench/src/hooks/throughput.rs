//! How many admission decisions both cores make in a second: in place on one and on two threads,
//! with an instance for each call, and by a webhook. Knows nothing of single calls.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use wardroom::policy::{Isolation, Policies};

use super::questions::{self, Place};
use super::{Bench, COUNTING, timing, webhook};

/// Threads that decide at once: as many as there are cores to run on.
const THREADS: usize = 2;
/// Connections to the webhook, so that neither side ever waits for a question.
const CONNECTIONS: usize = 16;

impl Bench {
    pub(super) fn throughput(&mut self) -> anyhow::Result<()> {
        let time = self.part(COUNTING);
        let policies = self.load(vec![self.plugin("workspace-guard", questions::BY_ROLE)?])?;
        let one = inline(&policies, 1, time)?;
        let two = inline(&policies, THREADS, time)?;
        let request = questions::request()?;
        let address = webhook::serve()?;
        let question = questions::for_webhook(&request)?;
        let webhook = webhook::throughput(address, CONNECTIONS, time, &question)?;
        self.put("throughput.one", one);
        self.put("throughput.two", two);
        self.put("throughput.scaling", two / one);
        self.put("throughput.webhook", webhook);
        self.put("throughput.ratio", two / webhook);

        let mut isolated = self.plugin("workspace-guard", questions::BY_ROLE)?;
        isolated.isolation = Isolation::PerCall;
        let policies = self.load(vec![isolated])?;
        let one = inline(&policies, 1, time)?;
        let two = inline(&policies, THREADS, time)?;
        self.put("isolated.one", one);
        self.put("isolated.two", two);
        self.put("isolated.scaling", two / one);
        Ok(())
    }
}

/// Decisions per second on so many threads.
fn inline(policies: &Policies, threads: usize, time: std::time::Duration) -> anyhow::Result<f64> {
    let made = AtomicU64::new(0);
    let (place, request) = (Place::empty()?, questions::request()?);
    std::thread::scope(|scope| {
        let decide = || {
            let count = timing::repeat(time, || {
                let answer = policies.current().admit(place.asking(), &request);
                ensure!(answer.is_ok(), "{answer:?}");
                Ok(())
            })?;
            made.fetch_add(count as u64, Ordering::Relaxed);
            anyhow::Ok(())
        };
        let deciding: Vec<_> = (0..threads).map(|_| scope.spawn(decide)).collect();
        for thread in deciding {
            thread.join().ok().context("a thread panicked")??;
        }
        anyhow::Ok(())
    })?;
    Ok(made.load(Ordering::Relaxed) as f64 / time.as_secs_f64())
}
