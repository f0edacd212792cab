//! `get-state` of a large workspace with large profiles, by several sockets, many times each, some of
//! which never read the answers.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use serde_json::json;
use tokio::task::JoinSet;

use super::ground::{Bounds, Ground, HALL, Setup};
use super::table::Claim;
use super::{Attack, Options, tokens};
use crate::socket::{Scratch, Socket, scratch, send};

/// Members.
const MEMBERS: usize = 4_000;
/// Members for a first look.
const QUICK_MEMBERS: usize = 1_000;
/// Bytes of a profile, just below what is allowed.
const PROFILE_BYTES: usize = 16_000;
/// Calls at once while they are made.
const FILLING: usize = 16;
/// Sockets that ask.
const SOCKETS: usize = 12;
/// What each asks for, one right after the other.
const ASKED: usize = 15;
/// What a reader reads at once, in bytes.
const SIP_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct States {
    members: usize,
    answered: Rc<Cell<u64>>,
    closed: Rc<Cell<u64>>,
}

impl Attack for States {
    fn setup(options: &Options) -> Setup {
        Setup {
            bounds: Bounds {
                // The budget for such answers is 256 MiB; as much again for what is on its way.
                peak_mib: 512.0,
                left_mib: 128.0,
                ..Bounds::default()
            },
            ..Setup::new(options, 30, 10)
        }
    }

    async fn prepare(ground: &Ground) -> anyhow::Result<Self> {
        let members = if ground.quick { QUICK_MEMBERS } else { MEMBERS };
        let next = Rc::new(Cell::new(0));
        let mut fillers = JoinSet::new();
        for _ in 0..FILLING {
            let (mut line, next) = (ground.api.line().await?, Rc::clone(&next));
            fillers.spawn_local(async move {
                while next.get() < members {
                    let number = next.replace(next.get() + 1);
                    let path = format!("/v1/workspaces/{HALL}/members/member-{number}");
                    let about = "x".repeat(PROFILE_BYTES);
                    let user = json!({ "name": format!("Member {number}"), "about": about });
                    let body = json!({ "user": user }).to_string();
                    line.must("PUT", &path, &body).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(filled) = fillers.join_next().await {
            filled??;
        }
        Ok(Self {
            members,
            answered: Rc::default(),
            closed: Rc::default(),
        })
    }

    async fn run(&mut self, ground: &Ground) -> anyhow::Result<String> {
        let scratch = scratch();
        let mut asking = JoinSet::new();
        for number in 0..SOCKETS {
            let (server, scratch, members) = (ground.server, scratch.clone(), self.members);
            let (answered, closed) = (Rc::clone(&self.answered), Rc::clone(&self.closed));
            let token = tokens::good(&format!("member-{number}"), HALL, None)?;
            let auth = tokens::auth(&token, HALL);
            asking.spawn_local(async move {
                let asked = ask(server, number, &auth, &scratch, members, &answered).await;
                if asked.is_err() {
                    closed.set(closed.get() + 1);
                }
            });
        }
        let all = async { while asking.join_next().await.is_some() {} };
        let _ = ground.meanwhile(all).await;
        asking.shutdown().await;
        Ok(format!(
            "{} get-state of {} members with 16 KB by {SOCKETS} sockets, half of which do not read: {} answered, {} sockets closed",
            SOCKETS * ASKED,
            self.members,
            self.answered.get(),
            self.closed.get()
        ))
    }

    async fn verify(&mut self, _: &Ground) -> anyhow::Result<Vec<Claim>> {
        let answered = self.answered.get() as f64;
        Ok(vec![Claim::least(
            "get-state answered to readers",
            answered,
            1.0,
        )])
    }
}

async fn ask(
    server: std::net::SocketAddr,
    number: usize,
    auth: &str,
    scratch: &Scratch,
    members: usize,
    answered: &Cell<u64>,
) -> anyhow::Result<()> {
    let source = Ipv4Addr::new(127, 0, 1, 1 + number as u8);
    let mut socket = Socket::open(server, source, scratch).await?;
    let stream = socket.stream();
    send(&stream, auth).await?;
    while !socket
        .next_packet(scratch)
        .await?
        .starts_with(b"42[\"auth-success")
    {}
    for asked in 0..ASKED {
        send(&stream, &format!(r#"42{asked}["get-state",{{}}]"#)).await?;
    }
    if number.is_multiple_of(2) {
        // It stays, and reads nothing, until the attack is over.
        std::future::pending::<()>().await;
    }
    // An answer is larger than any message that this client takes, so it is read as bytes: each has
    // every profile in it.
    let (mut scratch, mut heard) = (vec![0; SIP_BYTES], 0);
    let state = members * PROFILE_BYTES;
    while heard < ASKED * state {
        stream.readable().await?;
        match stream.try_read(&mut scratch) {
            Ok(0) => anyhow::bail!("closed"),
            Ok(count) => {
                answered.set(answered.get() + ((heard + count) / state - heard / state) as u64);
                heard += count;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
