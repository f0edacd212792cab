//! Refusals without end, while nobody reads what the server logs: the pipe is full after some hundred
//! of them.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use super::ground::{Ground, HALL, Setup};
use super::table::Claim;
use super::{Attack, Options, tokens};
use crate::socket::{Socket, scratch, send};

/// Who is refused all the time.
const SENDERS: u8 = 8;
/// The time between two refusals of each: 400 a second in all.
const BETWEEN: Duration = Duration::from_millis(20);
/// So many lines fill a pipe of 64 KiB.
const PIPE: f64 = 285.0;

#[derive(Debug, Default)]
pub(super) struct Log {
    sent: Rc<Cell<u64>>,
}

impl Attack for Log {
    fn setup(options: &Options) -> Setup {
        Setup {
            unread_log: true,
            ..Setup::new(options, 20, 8)
        }
    }

    async fn prepare(_: &Ground) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let scratch = scratch();
        let mut senders = JoinSet::new();
        for number in 0..SENDERS {
            let (server, scratch, sent) = (ground.server, scratch.clone(), Rc::clone(&self.sent));
            let source = Ipv4Addr::new(127, 0, 1, 1 + number);
            let packet = tokens::auth("no.token.at-all", HALL);
            senders.spawn_local(async move {
                let mut ticks = interval(BETWEEN);
                loop {
                    ticks.tick().await;
                    let Ok(mut socket) = Socket::open(server, source, &scratch).await else {
                        continue;
                    };
                    let stream = socket.stream();
                    loop {
                        tokio::select! {
                            open = socket.receive(&scratch, |_| {}) => {
                                if !open.unwrap_or(false) {
                                    break;
                                }
                            }
                            _ = ticks.tick() => {
                                if send(&stream, &packet).await.is_err() {
                                    break;
                                }
                                sent.set(sent.get() + 1);
                            }
                        }
                    }
                }
            });
        }
        tokio::time::sleep_until(ground.ends().into()).await;
        senders.shutdown().await;
        Ok(format!(
            "{} tokens refused, the log in a pipe that nobody reads",
            self.sent.get()
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let sent = self.sent.get() as f64;
        Ok(vec![Claim::least("tokens refused", sent, 4.0 * PIPE)])
    }
}
