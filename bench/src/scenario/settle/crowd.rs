//! A workspace of very many members of whom few are connected: the first telling of all of it, and
//! changes of what hundreds of people see of thousands of channels. What counts is how long a command
//! waits there meanwhile, and what the workspace beside feels.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::spawn_local;

use super::files::Edit;
use super::population::{BESIDE, Population};
use super::watch::{Elsewhere, Watch};
use super::{AFTER, BESIDE_PER_SECOND, House, LOOK};
use crate::api::Line;
use crate::fleet::Shape;
use crate::histogram::Histogram;
use crate::hub::{Hub, Observer};
use crate::limits::SETTLE_DEADLINE;
use crate::mark::Mark;
use crate::policies::{SEE_ALL, VERSIONS};
use crate::scenario::Bench;

/// Channels, all of them private.
const CHANNELS: usize = 2_000;
/// Members whom each of them lists.
const LISTED: usize = 20;
/// Members who are connected; half of them see every private channel by their role.
const CONNECTED: usize = 200;
/// The time between two commands that are watched.
const BETWEEN: Duration = Duration::from_millis(2);

impl Bench {
    pub(in super::super) async fn crowd(&mut self) -> anyhow::Result<()> {
        let home = self.subject.home.clone();
        let home = anyhow::Context::context(home, "needs a server whose policies change: --home")?;
        let nothing = json!({});
        self.fill_with(BESIDE, |_| json!({}), &nothing).await?;
        // Whom that scenario watches is of no concern here.
        let people = Population::new(2 * CONNECTED);
        let (hub, beside) = (Hub::new(CONNECTED), Hub::new(BESIDE.sockets()));
        let (hub, beside) = (Rc::new(hub), Rc::new(beside));
        let (heard, elsewhere) = (Rc::<Heard>::default(), Rc::<Elsewhere>::default());
        hub.observed_by(Rc::<Heard>::clone(&heard));
        beside.observed_by(Rc::<Elsewhere>::clone(&elsewhere));
        let _there = self.connect(BESIDE, "offline", &beside).await?;
        let house = House {
            bench: self,
            hub,
            beside,
            watch: Rc::new(Watch::new(people)),
            elsewhere,
            people,
            home,
            stop: Rc::default(),
        };
        let mut crowd = Crowd { house, heard };
        crowd.run().await
    }
}

struct Crowd<'a> {
    house: House<'a>,
    heard: Rc<Heard>,
}

impl Crowd<'_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let house = &mut self.house;
        let there = house.stream(&house.beside, "beside-w0", BESIDE_PER_SECOND);
        let there = there.await?;
        tokio::time::sleep(AFTER).await;
        let calm = house.hub.now_us();
        tokio::time::sleep(house.bench.time(9)).await;
        let calm = house.p99_beside("calm", calm);

        let members = if house.bench.subject.quick {
            5_000
        } else {
            20_000
        };
        house.bench.outcome.put("crowd.members", members as f64);
        let truth = truth(members);
        let told = house.hub.now_us();
        let mut line = house.bench.api.line().await?;
        line.must("PUT", "/v1/workspaces/w0", &truth).await?;
        let seconds = (house.hub.now_us() - told) as f64 / 1e6;
        house.bench.outcome.put("crowd.put", seconds);
        let most = house.p99_beside("put", told) / calm;
        house.bench.outcome.put("crowd.put.ratio", most);

        let shape = shape();
        let hub = Rc::clone(&house.hub);
        let _here = house.bench.connect(shape, "offline", &hub).await?;
        let [wide, narrow] = VERSIONS.map(Edit::Component);
        let [there_again, away] = [[SEE_ALL[1], SEE_ALL[0]], SEE_ALL].map(Edit::Settings);
        let mut ratios = Vec::new();
        for (name, edit) in [
            ("narrow", narrow),
            ("wide", wide),
            ("away", away),
            ("again", there_again),
        ] {
            ratios.push(self.swap(name, edit, calm).await?);
        }
        let worst = ratios.into_iter().fold(0.0, f64::max);
        let house = &mut self.house;
        house.bench.outcome.put("crowd.swap.ratio", worst);
        house.stop.set(true);
        let (_, _open) = there.await??;
        house.beside.drained().await;
        let lost = house.beside.faults().lost;
        house.bench.outcome.put("crowd.lost", lost as f64);
        let (hub, beside) = (Rc::clone(&house.hub), Rc::clone(&house.beside));
        house.bench.note(&beside);
        house.bench.note(&hub);
        Ok(())
    }

    /// Makes a change by which staff lose or gain what they see by their role alone; gives how much
    /// later events came in the workspace beside.
    async fn swap(&mut self, name: &str, edit: Edit, calm: f64) -> anyhow::Result<f64> {
        let house = &mut self.house;
        let (before, _) = house.generations().await?;
        let (stop, waits) = (Rc::new(Cell::new(false)), Rc::<Waits>::default());
        let line = house.bench.api.line().await?;
        let commands = spawn_local(commands(line, Rc::clone(&stop), Rc::clone(&waits)));
        let heard = self.heard.told.get();
        edit.make(&house.home)?;
        let forced = house.until(|present, _| present > before).await?;
        let settled = house
            .until(|present, settled| present > before && settled == present)
            .await?;
        // Everybody who sees by role only: all channels but those that list them.
        let expected = heard + told_of(CONNECTED / 2);
        let began = Instant::now();
        while self.heard.told.get() < expected && began.elapsed() < SETTLE_DEADLINE {
            tokio::time::sleep(LOOK).await;
        }
        let told = self.heard.told.get() - heard;
        let done = self.heard.last_us.get().max(settled);
        tokio::time::sleep(AFTER).await;
        stop.set(true);
        commands.await??;
        let outcome = &mut house.bench.outcome;
        let millis = |to: u64| to.saturating_sub(forced) as f64 / 1000.0;
        outcome.put(format!("crowd.{name}.settle"), millis(settled));
        outcome.put(format!("crowd.{name}.done"), millis(done));
        outcome.put(
            format!("crowd.{name}.wait"),
            waits.0.borrow().quantile_ms(1.0),
        );
        let differs = told.abs_diff(told_of(CONNECTED / 2));
        outcome.put(format!("crowd.{name}.differs"), differs as f64);
        if differs > 0 {
            let fault = format!("{name}: {told} were told of a channel, {differs} too many or few");
            outcome.faults.push(fault);
        }
        let early = forced.saturating_sub(LOOK.as_micros() as u64);
        Ok(house.p99_beside(name, early) / calm)
    }
}

impl House<'_> {
    /// The 99th percentile of how late events came beside since then, in milliseconds.
    fn p99_beside(&mut self, name: &str, from_us: u64) -> f64 {
        let times = self.elsewhere.delays(from_us, self.hub.now_us());
        let p99 = times.quantile_ms(0.99);
        self.bench.outcome.put(format!("crowd.{name}.beside"), p99);
        p99
    }
}

/// How long commands took to be answered.
#[derive(Default)]
struct Waits(RefCell<Histogram>);

/// Sends commands to the workspace, one after the other, until told to stop.
async fn commands(mut line: Line, stop: Rc<Cell<bool>>, waits: Rc<Waits>) -> anyhow::Result<()> {
    let path = format!("/v1/workspaces/w0/members/{}", user(0));
    while !stop.get() {
        let began = Instant::now();
        line.must("PUT", &path, r#"{"role":"staff"}"#).await?;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        waits.0.borrow_mut().record(took);
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(())
}

/// Who is told of how many channels.
#[derive(Default)]
struct Heard {
    told: Cell<u64>,
    last_us: Cell<u64>,
}

impl Observer for Heard {
    fn received(&self, _: usize, packet: &[u8], _: Option<Mark>, now_us: u64) {
        let text = String::from_utf8_lossy(packet);
        if text.contains("\"channel-created\"") || text.contains("\"channel-deleted\"") {
            self.told.set(self.told.get() + 1);
            self.last_us.set(now_us);
        }
    }
}

fn shape() -> Shape {
    Shape {
        members: CONNECTED,
        ..Shape::default()
    }
}

fn user(number: usize) -> String {
    shape().user(number)
}

/// The members that a channel lists; nobody who is connected is among them.
fn listed(channel: usize, members: usize) -> impl Iterator<Item = usize> {
    let others = members - CONNECTED;
    (0..LISTED).map(move |place| CONNECTED + (channel * LISTED + place) % others)
}

/// How many deliveries tell so many staff of all channels.
fn told_of(staff: usize) -> u64 {
    (staff * CHANNELS) as u64
}

fn truth(members: usize) -> String {
    let people: serde_json::Map<_, _> = (0..members)
        .map(|number| {
            let id = user(number);
            let role = if number < CONNECTED / 2 {
                "staff"
            } else {
                "member"
            };
            let profile = json!({ "id": id, "name": format!("Member {number}") });
            (id, json!({ "user": profile, "role": role }))
        })
        .collect();
    let channels: serde_json::Map<_, _> = (0..CHANNELS)
        .map(|channel| {
            let listed: Vec<_> = listed(channel, members).map(user).collect();
            let name = format!("private-{channel}");
            (name, json!({ "private": true, "members": listed }))
        })
        .collect();
    json!({ "members": people, "channels": channels }).to_string()
}
