//! One client sends media states as fast as it can, to a hundred listeners of whom one reads slowly.
//! No sender may spend what others have of that listener's line: it stays, and misses nothing.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use memchr::memmem;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet, spawn_local};

use super::ground::{ATTACKER, Bounds, Ground, HALL, LOBBY, Setup};
use super::table::Claim;
use super::{Attack, Options, tokens};
use crate::frame;
use crate::socket::{Scratch, Socket, scratch, send};

/// Listeners, the slow one not counted.
const LISTENERS: usize = 99;
/// What the slow one reads at once, in bytes.
const SIP_BYTES: usize = 10_000;
/// The time between two such: 100 kB/s.
const BETWEEN_SIPS: Duration = Duration::from_millis(100);
/// What each state carries beside its number, in bytes; 2 KiB are allowed.
const PADDING_BYTES: usize = 1_900;
/// How long the flood pauses when it was not let in.
const PAUSE: Duration = Duration::from_millis(50);

/// The numbers of the flood that a listener got.
type Heard = Rc<RefCell<Vec<u64>>>;

#[derive(Debug)]
pub(super) struct Flood {
    others: JoinSet<()>,
    slow: JoinHandle<()>,
    heard_by_slow: Heard,
    heard_by_others: Heard,
    sent: Rc<Cell<u64>>,
    kicked: u64,
    slow_was_closed: bool,
}

impl Attack for Flood {
    fn setup(options: &Options) -> Setup {
        Setup {
            bounds: Bounds {
                peak_mib: 192.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 20, 8)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        let scratch = scratch();
        let (heard_by_slow, heard_by_others) = (Heard::default(), Heard::default());
        let mut others = JoinSet::new();
        for number in 0..LISTENERS {
            let source = Ipv4Addr::new(127, 0, 1, 1 + number as u8);
            let user = format!("listener-{number}");
            let mut socket = enter(ground.server, source, &user, &scratch).await?;
            // All get the same; one is enough to know what it was.
            let heard = (number == 0).then(|| Rc::clone(&heard_by_others));
            let scratch = scratch.clone();
            others.spawn_local(async move {
                while socket
                    .receive(&scratch, |packet| note(packet, heard.as_ref()))
                    .await
                    .unwrap_or(false)
                {}
            });
        }
        let source = Ipv4Addr::new(127, 0, 1, 250);
        let slow = enter(ground.server, source, "slow", &scratch).await?;
        let slow = spawn_local(sip(slow.stream(), Rc::clone(&heard_by_slow)));
        Ok(Self {
            others,
            slow,
            heard_by_slow,
            heard_by_others,
            sent: Rc::default(),
            kicked: 0,
            slow_was_closed: false,
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let scratch = scratch();
        while !ground.is_over() {
            match enter(ground.server, ATTACKER, "flood", &scratch).await {
                Ok(socket) => {
                    let flood = flood(socket, &scratch, &self.sent);
                    self.kicked += u64::from(ground.meanwhile(flood).await.is_some());
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        self.slow_was_closed = self.slow.is_finished();
        Ok(format!(
            "{} media states of 2 KB to {} listeners, one at 100 kB/s; {} got through, the sender closed {} times",
            self.sent.get(),
            LISTENERS + 1,
            self.heard_by_others.borrow().len(),
            self.kicked
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let closed = self.slow_was_closed || self.slow.is_finished();
        self.slow.abort();
        let open = self.others.len();
        self.others.abort_all();
        let (slow, others) = (self.heard_by_slow.borrow(), self.heard_by_others.borrow());
        let behind = others.len().saturating_sub(slow.len());
        let same = others.starts_with(&slow);
        Ok(vec![
            Claim::most("slow listener closed", f64::from(u8::from(closed)), 0.0),
            Claim::least("other listeners still there", open as f64, LISTENERS as f64),
            Claim::least("states that the others got", others.len() as f64, 50.0),
            Claim::most(
                "states missing before the last that the slow one got",
                f64::from(u8::from(!same)),
                0.0,
            ),
            Claim::most(
                "states that the slow one still lacks after it",
                behind as f64,
                0.0,
            ),
        ])
    }
}

async fn enter(
    server: SocketAddr,
    source: Ipv4Addr,
    user: &str,
    scratch: &Scratch,
) -> anyhow::Result<Socket> {
    let mut socket = Socket::open(server, source, scratch).await?;
    let auth = tokens::auth(&tokens::good(user, HALL, None)?, HALL);
    send(&socket.stream(), &auth).await?;
    while !socket
        .next_packet(scratch)
        .await?
        .starts_with(b"42[\"auth-success")
    {}
    Ok(socket)
}

/// Sends without waiting for anything, until it is closed.
async fn flood(mut socket: Socket, scratch: &Scratch, sent: &Cell<u64>) -> anyhow::Result<()> {
    let stream = socket.stream();
    let padding = "x".repeat(PADDING_BYTES);
    let writing = async {
        let select = format!(r#"42["select-channel",{{"channelId":"{LOBBY}"}}]"#);
        send(&stream, &select).await?;
        loop {
            let number = sent.replace(sent.get() + 1);
            let state = format!(r#"{{"flood":{number},"padding":"{padding}"}}"#);
            let event = format!(r#"42["update-media-state",{{"userMediaState":{state}}}]"#);
            send(&stream, &event).await?;
            // A socket that takes everything would never let the others of this thread have a turn.
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        while socket.receive(scratch, |_| {}).await? {}
        anyhow::Ok(())
    };
    tokio::select! {
        written = writing => written,
        read = reading => read,
    }
}

/// Notes the number of a state of the flood.
fn note(packet: &[u8], heard: Option<&Heard>) {
    const NAME: &[u8] = br#""flood":"#;
    let Some(heard) = heard else { return };
    if !packet.starts_with(b"42[\"media-state-updated\"") {
        return;
    }
    let Some(place) = memmem::find(packet, NAME) else {
        return;
    };
    let digits = packet[place + NAME.len()..].iter();
    let digits = digits.take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    heard.borrow_mut().push(number);
}

/// Reads 100 kB/s, answers heartbeats, and notes what came, until it is closed.
async fn sip(stream: Rc<TcpStream>, heard: Heard) {
    let mut rest = Vec::new();
    let mut sip = vec![0; SIP_BYTES];
    loop {
        tokio::time::sleep(BETWEEN_SIPS).await;
        let mut pings = 0;
        let mut closed = false;
        match stream.try_read(&mut sip) {
            Ok(0) => return,
            Ok(count) => {
                let drained = frame::drain(&mut rest, &mut sip[..count], |opcode, payload| {
                    pings += usize::from(opcode == frame::TEXT && payload == b"2");
                    closed |= opcode == frame::CLOSE;
                    note(payload, Some(&heard));
                });
                closed |= drained.is_err();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        for _ in 0..pings {
            closed |= send(&stream, "3").await.is_err();
        }
        if closed {
            return;
        }
    }
}
