//! Policies are swapped hundreds of times under a steady stream of commands and events. A checker
//! that knows nothing of the server's inside holds all that anybody was told against what the
//! version in force allowed: nothing is lost, told twice, out of order, or told to somebody who
//! should not hear it, and each command is answered by exactly one version.
//!
//! Two policies run, `house` and `annex`, both made of the guest `sealed`. They seal every event,
//! grant and denial with the settings and the version that it comes from. So what somebody with
//! every right was told is the order of the log, with the version of each event; what everybody
//! else has to have been told follows from it and from the table of what each version allows.

mod actors;
mod eras;
mod judge;
mod told;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tokio::sync::Notify;
use wardroom_tests::wait::within_deadline;
use wardroom_tests::{Raw, Server, eventually, paths};

use self::actors::Asked;
use self::eras::Era;
use crate::admission::{enter, entry};

/// How often policies are swapped.
const SWAPS: usize = 500;

const HOUSE: &str = "house";
const ANNEX: &str = "annex";

/// What all that act at the same time share.
struct Run<'a> {
    server: &'a Server,
    /// Which versions and settings follow each other.
    eras: Vec<Era>,
    /// The newest of them that is known to be in force.
    known: Cell<usize>,
    /// The newest of them that may be in force.
    begun: Cell<usize>,
    /// Whether everybody is to come to an end.
    over: Cell<bool>,
    /// For each actor the newest era in which it did something from beginning to end.
    done: RefCell<BTreeMap<&'static str, usize>>,
    moved: Notify,
}

/// Everybody who acts.
const ACTORS: [&str; 4] = ["backend", "ann", "eve", "gus"];

impl<'a> Run<'a> {
    fn new(server: &'a Server, eras: Vec<Era>) -> Self {
        Self {
            server,
            eras,
            known: Cell::new(0),
            begun: Cell::new(0),
            over: Cell::new(false),
            done: RefCell::default(),
            moved: Notify::new(),
        }
    }

    /// Takes down that an actor did something that it began when this era was known.
    fn did(&self, actor: &'static str, era: usize) {
        self.done.borrow_mut().insert(actor, era);
        self.moved.notify_one();
    }

    fn everybody_did(&self, era: usize) -> bool {
        let done = self.done.borrow();
        ACTORS
            .iter()
            .all(|actor| done.get(actor).is_some_and(|did| *did >= era))
    }

    /// Brings one version after the other into force; each stays until everybody did something
    /// under it. The stream goes on meanwhile.
    async fn swap_all(&self) {
        for era in 0..self.eras.len() {
            if era > 0 {
                self.begun.set(era);
                swap(self.server, &self.eras[era - 1], &self.eras[era]);
                in_force(self.server, era).await;
                self.known.set(era);
            }
            let what = format!("somebody does nothing in era {era}");
            within_deadline(&what, async {
                while !self.everybody_did(era) {
                    self.moved.notified().await;
                }
            })
            .await;
        }
        self.over.set(true);
    }
}

/// Makes the step from one era to the next: the file of `house` is replaced, or the settings of both
/// policies are.
fn swap(server: &Server, from: &Era, to: &Era) {
    if from.version != to.version {
        let file = server.policy_file(HOUSE);
        let beside = file.with_extension("new");
        fs::write(&beside, component(to.version)).expect("the folder can be written to");
        fs::rename(&beside, &file).expect("a file can be renamed in its folder");
        return;
    }
    let mut configuration = server.configuration();
    let policies = configuration["policies"].as_array_mut();
    for policy in policies.expect("there are policies") {
        let name = policy["name"].as_str().expect("each has a name").to_owned();
        policy["settings"] = settings(&name, to);
    }
    server.configure(&configuration.to_string());
}

fn settings(name: &str, era: &Era) -> toml::Value {
    let mode = if name == HOUSE { era.setting } else { 0 };
    let settings = json!({"name": name, "serial": era.serial, "mode": mode});
    toml::Value::try_from(settings).expect("JSON without null is TOML")
}

/// The guest `sealed` as one of its versions: one letter of it is another.
fn component(version: u64) -> Vec<u8> {
    const MARK: &[u8] = b"this is the sealed version ";
    let mut bytes = fs::read(paths::guest("sealed")).expect("a component can be read");
    let mut places = bytes.windows(MARK.len()).enumerate();
    let at = places.find(|(_, part)| *part == MARK).map(|(at, _)| at);
    let again = places.any(|(_, part)| part == MARK);
    assert!(!again, "the mark stands in the component once");
    let at = at.expect("the mark stands in the component");
    bytes[at + MARK.len()] = b'0' + u8::try_from(version).expect("one digit");
    bytes
}

async fn in_force(server: &Server, era: usize) {
    eventually("the next generation", || async {
        let generation = policies(server).await["generation"].as_u64();
        (generation == Some(era as u64 + 1)).then_some(())
    })
    .await;
}

async fn policies(server: &Server) -> Value {
    let backend = server.backend();
    backend.ok("GET", "/v1/policies", &Value::Null).await.body
}

async fn start(first: &Era) -> Server {
    // Those who hurry send as fast as they are answered: rates are not what is tested.
    let mut server = Server::with()
        .set("policy.cache", "compiled")
        .set("rates.connection_events.per_second", 0)
        .set("rates.user_events.per_second", 0)
        .set("rates.user_output.per_second", "0B")
        .set("rates.address_events.per_second", 0)
        .set("rates.address_connects.per_second", 0);
    for name in [HOUSE, ANNEX] {
        server = server
            .policy(name, &paths::guest("sealed"))
            .policy_set("settings", settings(name, first));
    }
    let server = server.start().await;
    for channel in ["open", "staff"] {
        server.backend().put_channel(channel, &json!({})).await;
    }
    server
}

/// A client that writes by hand, and has entered.
async fn enter_raw(server: &Server, user: &str, role: &str) -> Raw {
    let mut raw = Raw::connect(server).await;
    raw.ask(actors::LAST, "auth", &entry(user, "w", role)).await;
    actors::answer(&mut raw, actors::LAST).await;
    actors::rest(&mut raw).await;
    raw
}

#[tokio::test]
async fn five_hundred_swaps_lose_duplicate_and_misjudge_nothing() {
    let eras = eras::plan(SWAPS);
    let server = start(&eras[0]).await;
    let run = Run::new(&server, eras);
    let mut boss = enter(&server, "boss", "staff").await;
    let mut eve = enter(&server, "eve", "member").await;
    let mut ann = enter_raw(&server, "ann", "member").await;
    boss.heard().await;
    eve.heard().await;

    let ((), published, by_ann, by_eve, mut gus) = tokio::join!(
        run.swap_all(),
        actors::publish(&run),
        actors::hurry(&run, &mut ann),
        actors::stroll(&run, &mut eve),
        actors::come_and_go(&run),
    );
    let (mut heard_by_ann, by_ann): (_, Vec<Asked>) = by_ann;

    // Whatever was committed has been delivered to somebody who is answered after it.
    heard_by_ann.extend(actors::rest(&mut ann).await);
    gus.end().await;
    let heard_by_eve = eve.heard().await;
    let told = told::Told::new(&run.eras, boss.heard().await);

    for published in &published {
        told.judge_publications(published);
    }
    told.judge_audience(&eras::ANN, &told::events(&heard_by_ann));
    told.judge_audience(&eras::EVE, &heard_by_eve);
    told.judge_visits(&gus);
    told.judge_commands(&eras::ANN, &by_ann);
    told.judge_commands(&eras::EVE, &by_eve);
    told.judge_order(&eras::ANN, &heard_by_ann, &by_ann);
    told.judge_stories();
    told.judge_coverage(&published, &by_ann, &gus);

    let policies = policies(&server).await;
    assert_eq!(policies["generation"], SWAPS + 1);
    assert_eq!(policies["refusedConfiguration"], Value::Null);
    for policy in policies["policies"].as_array().expect("a list") {
        assert_eq!(policy["failures"], 0, "{policy}");
        assert_eq!(policy["state"], "active", "{policy}");
    }
    for trouble in ["policies keep changing", "not everything has settled"] {
        assert_eq!(server.log().count(trouble), 0, "{trouble}");
    }
}
