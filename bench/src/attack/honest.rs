//! A client that sends a command every 20 ms and wants its answer. It keeps to its times, so that a
//! server that stands still is felt by every command that was due meanwhile. Must not know what is
//! attacked.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::tokens;
use super::watch::{Clock, PHASES};
use crate::histogram::Histogram;
use crate::socket::{Scratch, Socket, scratch, send};

/// The time between two commands.
const BETWEEN: Duration = Duration::from_millis(20);
/// How long it tries to get in before it tries again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before that.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it listens for answers at the end.
const LISTENING: Duration = Duration::from_secs(5);

/// Who it is.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// User, also in the directory where the attack has it there.
    pub(super) user: &'static str,
    /// Role by token.
    pub(super) role: Option<&'static str>,
    /// Where it is.
    pub(super) workspace: &'static str,
    /// The channel that it selects.
    pub(super) channel: &'static str,
    /// The address that it comes from.
    pub(super) source: Ipv4Addr,
}

/// What became of the commands of one phase.
#[derive(Debug, Default, Clone)]
pub(super) struct Commands {
    /// Answered with success.
    pub(super) answered: u64,
    /// Answered with an error.
    pub(super) refused: u64,
    /// Never answered, or not sent because there was no connection.
    pub(super) missed: u64,
    /// Times that the connection was closed.
    pub(super) closed: u64,
    /// From when a command was due to its answer.
    pub(super) times: Histogram,
    /// The longest of these, in microseconds.
    pub(super) longest_us: u64,
    /// Why the first connection was closed.
    pub(super) reason: Option<String>,
}

impl Commands {
    /// The longest wait in milliseconds.
    pub(super) fn longest_ms(&self) -> f64 {
        self.longest_us as f64 / 1000.0
    }
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    due: Instant,
    phase: usize,
}

#[derive(Debug, Default)]
struct Account {
    phases: [Commands; PHASES],
    waiting: VecDeque<Waiting>,
    next: u64,
    last_words: Option<String>,
}

impl Account {
    fn sent(&mut self, due: Instant, phase: usize) -> String {
        self.next += 1;
        let number = self.next;
        self.waiting.push_back(Waiting { number, due, phase });
        let microphone = number.is_multiple_of(2);
        format!(
            r#"42{number}["update-media-state",{{"userMediaState":{{"microphone":{microphone}}}}}]"#
        )
    }

    fn heard(&mut self, packet: &[u8]) {
        let Some(rest) = packet.strip_prefix(b"43") else {
            if packet.starts_with(b"42[\"socket-api-error") || packet.starts_with(b"41") {
                let words = String::from_utf8_lossy(packet);
                self.last_words = Some(words.chars().take(200).collect());
            }
            return;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..digits]).unwrap_or_default();
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        // Events of a socket are answered in order: what is passed over will not be answered.
        while let Some(first) = self.waiting.pop_front() {
            let phase = &mut self.phases[first.phase];
            if first.number != number {
                phase.missed += 1;
                continue;
            }
            let took = first.due.elapsed().as_micros() as u64;
            phase.times.record(took);
            phase.longest_us = phase.longest_us.max(took);
            let succeeded = rest[digits..].starts_with(br#"[{"ok":true"#);
            if succeeded {
                phase.answered += 1;
            } else {
                phase.refused += 1;
                let words = || String::from_utf8_lossy(packet).chars().take(200).collect();
                phase.reason.get_or_insert_with(words);
            }
            return;
        }
    }

    /// The connection is gone: nothing that waits will be answered, and was waited for till now.
    fn give_up(&mut self) {
        for waiting in self.waiting.drain(..) {
            let phase = &mut self.phases[waiting.phase];
            let took = waiting.due.elapsed().as_micros() as u64;
            phase.missed += 1;
            phase.times.record(took);
            phase.longest_us = phase.longest_us.max(took);
        }
    }
}

/// Sends commands until the clock stops; what became of them, by phase.
pub(super) async fn live(
    server: SocketAddr,
    who: Who,
    clock: Clock,
) -> anyhow::Result<[Commands; PHASES]> {
    let account = RefCell::new(Account::default());
    let scratch = scratch();
    let mut due = Instant::now();
    let mut first = true;
    while !clock.is_stopped() {
        let began = Instant::now();
        let entered = tokio::time::timeout(PATIENCE, enter(server, &who, &scratch)).await;
        let entered = entered
            .context("not in after 10 s")
            .and_then(|entered| entered);
        if first {
            // It is in before anything is measured, or nothing can be.
            first = false;
            due = Instant::now();
            let mut socket = entered.context("an honest client does not get in in calm")?;
            clock.ready();
            talk(&mut socket, &scratch, &account, &clock, &mut due).await;
        } else {
            match entered {
                Ok(mut socket) => {
                    let missed = due.elapsed().as_micros() / BETWEEN.as_micros();
                    account.borrow_mut().phases[clock.phase()].missed += missed as u64;
                    due = Instant::now();
                    talk(&mut socket, &scratch, &account, &clock, &mut due).await;
                }
                Err(error) => {
                    let mut account = account.borrow_mut();
                    let phase = &mut account.phases[clock.phase()];
                    phase.reason.get_or_insert_with(|| format!("{error:#}"));
                    let took = began.elapsed().as_micros() as u64;
                    phase.longest_us = phase.longest_us.max(took);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(account.take().phases)
}

async fn enter(server: SocketAddr, who: &Who, scratch: &Scratch) -> anyhow::Result<Socket> {
    let token = tokens::good(who.user, who.workspace, who.role)?;
    let mut socket = Socket::open(server, who.source, scratch).await?;
    send(&socket.stream(), &tokens::auth(&token, who.workspace)).await?;
    answered(&mut socket, scratch, b"42[\"auth-success").await?;
    let select = format!(r#"420["select-channel",{{"channelId":"{}"}}]"#, who.channel);
    send(&socket.stream(), &select).await?;
    answered(&mut socket, scratch, b"430[{\"ok\":true").await?;
    Ok(socket)
}

async fn answered(socket: &mut Socket, scratch: &Scratch, wanted: &[u8]) -> anyhow::Result<()> {
    loop {
        let packet = socket.next_packet(scratch).await?;
        if packet.starts_with(wanted) {
            return Ok(());
        }
        if packet.starts_with(b"42[\"socket-api-error") {
            bail!("refused: {:.200}", String::from_utf8_lossy(&packet));
        }
    }
}

/// Sends commands until the connection or the time is over.
async fn talk(
    socket: &mut Socket,
    scratch: &Scratch,
    account: &RefCell<Account>,
    clock: &Clock,
    due: &mut Instant,
) {
    let stream: Rc<_> = socket.stream();
    let mut ends = None;
    let why = loop {
        if clock.is_stopped() {
            let ends = *ends.get_or_insert_with(|| Instant::now() + LISTENING);
            if account.borrow().waiting.is_empty() || Instant::now() > ends {
                break None;
            }
        }
        let tick = tokio::time::sleep_until((*due).into());
        let received = socket.receive(scratch, |packet| account.borrow_mut().heard(packet));
        tokio::select! {
            open = received => match open {
                Ok(true) => {}
                Ok(false) => break Some("closed by the server".to_owned()),
                Err(error) => break Some(format!("{error:#}")),
            },
            () = tick => {
                if !clock.is_stopped() {
                    let packet = account.borrow_mut().sent(*due, clock.phase());
                    if let Err(error) = send(&stream, &packet).await {
                        break Some(format!("{error:#}"));
                    }
                }
                *due += BETWEEN;
            }
        }
    };
    let mut account = account.borrow_mut();
    account.give_up();
    if let Some(why) = why {
        let words = account.last_words.take().unwrap_or_default();
        let phase = &mut account.phases[clock.phase()];
        phase.closed += 1;
        phase.reason.get_or_insert_with(|| format!("{why} {words}"));
    }
}
