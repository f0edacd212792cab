//! What a write of the directory costs where there are few workspaces, and where there are a thousand
//! times as many; and what those cost in memory. Nobody is connected.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

use super::Bench;
use crate::api::Line;
use crate::histogram::Histogram;
use crate::process::memory_kib;

/// Workspaces at first.
const FEW: usize = 100;
/// Members of each.
const MEMBERS: usize = 10;
/// Calls that are outstanding at once while workspaces are made.
const FILLING: usize = 64;
/// Calls that are outstanding at once while writes are measured.
const WRITING: usize = 4;

impl Bench {
    pub(super) async fn directory(&mut self) -> anyhow::Result<()> {
        let many = if self.subject.quick { 20_000 } else { 100_000 };
        self.workspaces(0, FEW).await?;
        let few = self.writes("few", FEW).await?;
        let before = memory_kib(self.subject.pid)?;
        let began = Instant::now();
        self.workspaces(FEW, many).await?;
        let seconds = began.elapsed().as_secs_f64();
        let after = memory_kib(self.subject.pid)?;
        let outcome = &mut self.outcome;
        outcome.put("directory.workspaces", many as f64);
        outcome.put("directory.filled", (many - FEW) as f64 / seconds);
        outcome.put("directory.memory", after / 1024.0);
        outcome.put("directory.kib", (after - before) / (many - FEW) as f64);
        let more = self.writes("many", many).await?;
        self.outcome.put("directory.ratio", few / more);
        Ok(())
    }

    /// Makes the workspaces of these numbers, each with members of its own.
    async fn workspaces(&self, from: usize, to: usize) -> anyhow::Result<()> {
        let next = Rc::new(Cell::new(from));
        let mut fillers = JoinSet::new();
        for _ in 0..FILLING {
            let (mut line, next) = (self.api.line().await?, Rc::clone(&next));
            fillers.spawn_local(async move {
                while next.get() < to {
                    let workspace = next.replace(next.get() + 1);
                    let members: serde_json::Map<_, _> = (0..MEMBERS)
                        .map(|place| {
                            let id = format!("u{workspace}-{place}");
                            let user = json!({ "id": id, "name": format!("Member {place}") });
                            (id, json!({ "user": user, "role": "member" }))
                        })
                        .collect();
                    let channels = json!({ "lobby": {}, "lounge": {} });
                    let body = json!({ "members": members, "channels": channels });
                    let path = format!("/v1/workspaces/w{workspace}");
                    line.must("PUT", &path, &body.to_string()).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(filled) = fillers.join_next().await {
            filled??;
        }
        Ok(())
    }

    /// Changes members all over the workspaces for a while; gives the rate.
    async fn writes(&mut self, name: &str, workspaces: usize) -> anyhow::Result<f64> {
        let (ends, cpu) = (Instant::now() + self.time(9), self.clock.seconds()?);
        let (next, began) = (Rc::new(Cell::new(0)), Instant::now());
        let mut writers = JoinSet::new();
        for _ in 0..WRITING {
            let (line, next) = (self.api.line().await?, Rc::clone(&next));
            writers.spawn_local(write(line, next, workspaces, ends));
        }
        let mut times = Histogram::default();
        while let Some(written) = writers.join_next().await {
            for took in written?? {
                times.record(took);
            }
        }
        let (count, seconds) = (times.total() as f64, began.elapsed().as_secs_f64());
        let cpu = (self.clock.seconds()? - cpu) * 1e6 / count.max(1.0);
        let outcome = &mut self.outcome;
        outcome.put(format!("directory.{name}.rate"), count / seconds);
        outcome.put(format!("directory.{name}.cpu"), cpu);
        outcome.put(format!("directory.{name}.p50"), times.quantile_ms(0.5));
        outcome.put(format!("directory.{name}.p99"), times.quantile_ms(0.99));
        Ok(count / seconds)
    }
}

/// Writes until the time is over; how long each write took, in microseconds.
async fn write(
    mut line: Line,
    next: Rc<Cell<usize>>,
    workspaces: usize,
    ends: Instant,
) -> anyhow::Result<Vec<u64>> {
    let mut times = Vec::new();
    while Instant::now() < ends {
        let number = next.replace(next.get() + 1);
        // A step that no number of workspaces divides, so that they come in no order.
        let workspace = number * 7919 % workspaces;
        let user = format!("u{workspace}-{}", number % MEMBERS);
        let path = format!("/v1/workspaces/w{workspace}/members/{user}");
        let profile = json!({ "id": user, "name": format!("Member {number}") });
        let body = json!({ "user": profile }).to_string();
        let began = Instant::now();
        line.must("PUT", &path, &body).await?;
        times.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(times)
}
