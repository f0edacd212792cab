//! One address opens polling sessions as fast as it can and never authenticates. Others, at other
//! addresses, get in meanwhile.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ground::{ATTACKER, Bounds, Ground, Setup};
use super::http::Http;
use super::table::Claim;
use super::{Attack, Options};

/// Sessions that are asked for in all, at most.
const SESSIONS: u64 = 65_536;
/// Connections that ask.
const LINES: usize = 64;
/// Requests on each that are not answered yet.
const AHEAD: usize = 16;
/// Sessions of one address that have not authenticated, as the server has it by default.
const ALLOWED: f64 = 1_000.0;

const PATH: &str = "/socket.io/?EIO=4&transport=polling";

#[derive(Debug, Default)]
pub(super) struct Polling {
    asked: Rc<Cell<u64>>,
    opened: Rc<Cell<u64>>,
    refused: Rc<Cell<u64>>,
}

impl Attack for Polling {
    fn setup(options: &Options) -> Setup {
        Setup {
            // They are over when they have not authenticated for 10 s.
            patience: Duration::from_secs(if options.quick { 14 } else { 30 }),
            bounds: Bounds {
                peak_mib: 128.0,
                left_mib: 48.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 20, 8)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let mut lines = JoinSet::new();
        let reason = Rc::new(RefCell::new(String::new()));
        for number in 0..LINES {
            let server = ground.server;
            let (asked, reason) = (Rc::clone(&self.asked), Rc::clone(&reason));
            let (opened, refused) = (Rc::clone(&self.opened), Rc::clone(&self.refused));
            lines.spawn_local(async move {
                // Every second one connects to the namespace, too, where it must authenticate.
                let joins = number.is_multiple_of(2);
                while asked.get() < SESSIONS {
                    let line = Line {
                        asked: &asked,
                        opened: &opened,
                        refused: &refused,
                        joins,
                    };
                    let outcome = match Http::open(server, ATTACKER, None).await {
                        Ok(mut http) => line.open(&mut http).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = outcome {
                        *reason.borrow_mut() = format!("{error:#}");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            });
        }
        let all = async { while lines.join_next().await.is_some() {} };
        // What was opened is left to the server.
        let _ = ground.meanwhile(all).await;
        tokio::time::sleep_until(ground.ends().into()).await;
        Ok(format!(
            "{} polling sessions asked for by one address, {} opened, {} refused",
            self.asked.get(),
            self.opened.get(),
            self.refused.get()
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let asked = self.asked.get() as f64;
        Ok(vec![Claim::least(
            "sessions asked for",
            asked,
            2.0 * ALLOWED,
        )])
    }
}

struct Line<'a> {
    asked: &'a Cell<u64>,
    opened: &'a Cell<u64>,
    refused: &'a Cell<u64>,
    joins: bool,
}

impl Line<'_> {
    /// Opens sessions on one connection until it is closed or there are enough.
    async fn open(&self, http: &mut Http) -> anyhow::Result<()> {
        while self.asked.get() < SESSIONS {
            for _ in 0..AHEAD {
                self.asked.set(self.asked.get() + 1);
                http.send("GET", PATH, "", "").await?;
            }
            let mut sessions = Vec::new();
            for _ in 0..AHEAD {
                let (status, text) = http.answer().await?;
                if status == 200 {
                    self.opened.set(self.opened.get() + 1);
                    let sid = text.split_once(r#""sid":""#);
                    sessions.extend(
                        sid.and_then(|(_, rest)| rest.split('"').next())
                            .map(str::to_owned),
                    );
                } else {
                    self.refused.set(self.refused.get() + 1);
                }
            }
            if self.joins {
                for sid in sessions {
                    http.call("POST", &format!("{PATH}&sid={sid}"), "40")
                        .await?;
                }
            }
        }
        Ok(())
    }
}
