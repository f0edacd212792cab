//! Many sockets: who they are, how they get in, and who listens to them afterwards. Must not know
//! what is published.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jsonwebtoken::{EncodingKey, Header};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet, spawn_local};

use crate::histogram::Histogram;
use crate::hub::Hub;
use crate::limits::{CONNECT_DEADLINE, CONNECTING};
use crate::socket::{Scratch, Socket, scratch, send};

// One source address has 28,000 ports by default, and closed ones rest for a minute.
const SOURCES: u8 = 32;

/// Members of equal workspaces.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many workspaces.
    pub workspaces: usize,
    /// Members, each with one socket, in each.
    pub members: usize,
    /// What the names of its workspaces and members begin with; another for another fleet.
    pub prefix: &'static str,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            workspaces: 1,
            members: 1,
            prefix: "",
        }
    }
}

impl Shape {
    /// Sockets in all.
    pub fn sockets(self) -> usize {
        self.workspaces * self.members
    }

    /// The name of a workspace.
    pub fn workspace(self, index: usize) -> String {
        format!("{}w{index}", self.prefix)
    }

    /// The name of a member; one user is a member of one workspace only.
    pub fn user(self, socket: usize) -> String {
        format!("{}u{socket}", self.prefix)
    }

    fn workspace_of(self, socket: usize) -> usize {
        socket / self.members
    }
}

/// How the connecting went.
#[derive(Debug, Default)]
pub struct Arrival {
    /// Sockets that got in.
    pub connected: usize,
    /// Sockets that did not in [`CONNECT_DEADLINE`].
    pub lost: usize,
    /// The first reason, if any was lost.
    pub reason: Option<String>,
    /// From the first byte to `auth-success`.
    pub latency: Histogram,
    /// Wall time of the whole phase, in seconds.
    pub seconds: f64,
}

/// The sockets of a run, in order; index `i` is user `ui`.
#[derive(Debug)]
pub struct Fleet {
    streams: Vec<Option<Rc<TcpStream>>>,
    listeners: Vec<JoinHandle<()>>,
}

/// What every socket needs to get in.
#[derive(Debug)]
pub struct Entry {
    /// Where the sockets connect.
    pub server: SocketAddr,
    /// Who they are.
    pub shape: Shape,
    /// The status they authenticate with.
    pub status: &'static str,
    auths: Vec<String>,
}

impl Entry {
    /// Signs a token for every member beforehand, so that it is not part of what is measured.
    pub fn new(
        server: SocketAddr,
        shape: Shape,
        status: &'static str,
        secret: &str,
    ) -> anyhow::Result<Self> {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_secs();
        let auths = (0..shape.sockets())
            .map(|socket| {
                let claims = serde_json::json!({
                    "sub": shape.user(socket), "iat": now, "exp": now + 3600,
                });
                let token = jsonwebtoken::encode(&Header::default(), &claims, &key)?;
                let workspace = shape.workspace(shape.workspace_of(socket));
                let auth = serde_json::json!({
                    "token": token, "workspaceId": workspace, "onlineStatus": status,
                    "transaction": format!("t{socket}"),
                });
                Ok(format!(r#"42["auth",{auth}]"#))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            server,
            shape,
            status,
            auths,
        })
    }
}

impl Fleet {
    /// Connects and authenticates every socket of `entry`, [`CONNECTING`] at a time, and leaves
    /// them listening; what they hear goes to `hub`.
    pub async fn connect(entry: Rc<Entry>, hub: &Rc<Hub>) -> anyhow::Result<(Self, Arrival)> {
        let scratch = scratch();
        let count = entry.shape.sockets();
        let next = Rc::new(Cell::new(0));
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..CONNECTING.min(count) {
            let (entry, hub) = (Rc::clone(&entry), Rc::clone(hub));
            let (next, scratch) = (Rc::clone(&next), Rc::clone(&scratch));
            workers.spawn_local(async move { work(&entry, &hub, &next, &scratch).await });
        }
        let mut fleet = Self {
            streams: vec![None; count],
            listeners: Vec::with_capacity(count),
        };
        let mut arrival = Arrival::default();
        while let Some(results) = workers.join_next().await {
            for (index, result) in results? {
                match result {
                    Ok((stream, listener, took)) => {
                        fleet.streams[index] = Some(stream);
                        fleet.listeners.push(listener);
                        arrival.connected += 1;
                        arrival.latency.record(took.as_micros() as u64);
                    }
                    Err(error) => {
                        arrival.lost += 1;
                        arrival.reason.get_or_insert_with(|| format!("{error:#}"));
                    }
                }
            }
        }
        arrival.seconds = began.elapsed().as_secs_f64();
        Ok((fleet, arrival))
    }

    /// Closes every connection without a word, as a lost network would.
    pub async fn close(self) {
        drop(self.streams);
        for listener in self.listeners {
            listener.abort();
            // An error is the abort itself, or the listener had ended with its socket.
            let _ = listener.await;
        }
    }

    /// The stream of one socket, to send on.
    pub fn stream(&self, index: usize) -> anyhow::Result<Rc<TcpStream>> {
        self.streams
            .get(index)
            .cloned()
            .flatten()
            .context("this socket did not get in")
    }
}

type Outcome = (
    usize,
    anyhow::Result<(Rc<TcpStream>, JoinHandle<()>, Duration)>,
);

async fn work(entry: &Entry, hub: &Rc<Hub>, next: &Cell<usize>, scratch: &Scratch) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    loop {
        let index = next.replace(next.get() + 1);
        if index >= entry.auths.len() {
            return outcomes;
        }
        let began = Instant::now();
        let entering = enter(entry, index, hub, scratch);
        let result = match tokio::time::timeout(CONNECT_DEADLINE, entering).await {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!("no answer in {CONNECT_DEADLINE:?}")),
        };
        outcomes.push((
            index,
            result.map(|socket| {
                let stream = socket.stream();
                let took = began.elapsed();
                let listener = listen(socket, index, Rc::clone(hub), Rc::clone(scratch));
                (stream, listener, took)
            }),
        ));
    }
}

async fn enter(
    entry: &Entry,
    index: usize,
    hub: &Hub,
    scratch: &Scratch,
) -> anyhow::Result<Socket> {
    let source = Ipv4Addr::new(127, 0, 0, 2 + (index % usize::from(SOURCES)) as u8);
    let mut socket = Socket::open(entry.server, source, scratch).await?;
    send(&socket.stream(), &entry.auths[index]).await?;
    loop {
        let packet = socket.next_packet(scratch).await?;
        if packet.starts_with(b"42[\"auth-success\"") {
            return Ok(socket);
        }
        if packet.starts_with(b"42[\"socket-api-error") {
            bail!("auth was refused: {}", String::from_utf8_lossy(&packet));
        }
        hub.received(index, &packet, hub.now_us());
    }
}

fn listen(mut socket: Socket, index: usize, hub: Rc<Hub>, scratch: Scratch) -> JoinHandle<()> {
    spawn_local(async move {
        loop {
            let mut now_us = None;
            let account = Rc::clone(&hub);
            let received = socket.receive(&scratch, |packet| {
                let now_us = *now_us.get_or_insert_with(|| account.now_us());
                account.received(index, packet, now_us);
            });
            let open = received.await.unwrap_or(false);
            hub.settle();
            if !open {
                hub.closed();
                return;
            }
        }
    })
}
