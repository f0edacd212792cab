//! The scenarios about getting in: once, and over and over. They publish nothing.

use std::rc::Rc;

use super::Bench;
use crate::fleet::{Entry, Fleet, Shape};
use crate::hub::Hub;
use crate::process::memory_kib;

/// How often 4,000 sockets get in and are cut off.
const WAVES: usize = 25;

impl Bench {
    pub(super) async fn connecting(&mut self) -> anyhow::Result<()> {
        let shape = Shape {
            workspaces: if self.subject.quick { 50 } else { 200 },
            members: 20,
            ..Shape::default()
        };
        self.fill(shape).await?;
        let entry = Entry::new(self.subject.server, shape, "online", &self.subject.secret)?;
        let hub = Rc::new(Hub::new(shape.sockets()));
        let cpu = self.clock.seconds()?;
        let (_fleet, arrival) = Fleet::connect(Rc::new(entry), &hub).await?;
        let cpu = self.clock.seconds()? - cpu;
        if let Some(reason) = arrival.reason {
            self.outcome
                .faults
                .push(format!("{} sockets lost: {reason}", arrival.lost));
        }
        let thousands = arrival.connected as f64 / 1000.0;
        self.outcome.put("connect.cpu", cpu / thousands);
        self.outcome
            .put("connect.rate", arrival.connected as f64 / arrival.seconds);
        self.outcome
            .put("connect.p50", arrival.latency.quantile_ms(0.5));
        self.outcome
            .put("connect.p99", arrival.latency.quantile_ms(0.99));
        self.outcome.put("connect.lost", arrival.lost as f64);
        self.note(&hub);
        Ok(())
    }

    pub(super) async fn churn(&mut self) -> anyhow::Result<()> {
        let shape = Shape {
            workspaces: 200,
            members: 20,
            ..Shape::default()
        };
        self.fill(shape).await?;
        let entry = Entry::new(self.subject.server, shape, "online", &self.subject.secret)?;
        let entry = Rc::new(entry);
        let waves = if self.subject.quick { 3 } else { WAVES };
        let (cpu, mut connected, mut lost) = (self.clock.seconds()?, 0, 0);
        for _ in 0..waves {
            let hub = Rc::new(Hub::new(shape.sockets()));
            let (fleet, arrival) = Fleet::connect(Rc::clone(&entry), &hub).await?;
            connected += arrival.connected;
            lost += arrival.lost;
            if let Some(reason) = arrival.reason {
                let what = format!("{} sockets lost: {reason}", arrival.lost);
                self.outcome.faults.push(what);
            }
            self.note(&hub);
            fleet.close().await;
        }
        let cpu = self.clock.seconds()? - cpu;
        self.outcome.put("churn.connected", connected as f64);
        self.outcome.put("churn.lost", lost as f64);
        self.outcome
            .put("churn.cpu", cpu * 1000.0 / connected.max(1) as f64);
        let memory = memory_kib(self.subject.pid)? / 1024.0;
        self.outcome.put("churn.memory", memory);
        Ok(())
    }
}
