//! The floor: a broadcaster that does the least any server could do for the same clients. Canned
//! handshakes, frames passed through as bytes, one write per receiver for all that waits. Knows
//! no rules: no tokens are verified, no state is kept but who is in which room.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use clap::Parser;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use wardroom_bench::frame;
use wardroom_bench::limits::{
    FLOOR_PENDING_BYTES, HTTP_BODY_BYTES, HTTP_HEAD_BYTES, SCRATCH_BYTES,
};
use wardroom_bench::process::allow_files;

const BACKLOG: u32 = 4096;
const OPEN: &str = r#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const CONNECTED: &str = r#"40{"sid":"floor"}"#;

/// Serves canned Socket.IO handshakes and broadcasts frames.
#[derive(Parser)]
struct Arguments {
    /// Where sockets connect.
    #[arg(long)]
    server: SocketAddr,
    /// Where frames are published.
    #[arg(long)]
    api: SocketAddr,
}

/// A socket in a room, and what its kernel buffer had no place for.
struct Receiver {
    stream: TcpStream,
    pending: RefCell<Vec<u8>>,
    flushing: Cell<bool>,
    gone: Cell<bool>,
}

#[derive(Default)]
struct Room {
    receivers: RefCell<Vec<Rc<Receiver>>>,
    waiting: RefCell<Vec<u8>>,
}

#[derive(Default)]
struct Floor {
    rooms: RefCell<HashMap<String, Rc<Room>>>,
    dirty: RefCell<Vec<Rc<Room>>>,
    published: Notify,
    scratch: RefCell<Vec<u8>>,
}

impl Floor {
    fn room(&self, name: &str) -> Rc<Room> {
        if let Some(room) = self.rooms.borrow().get(name) {
            return Rc::clone(room);
        }
        Rc::clone(self.rooms.borrow_mut().entry(name.to_owned()).or_default())
    }

    /// Puts a packet in line; everything in line when the broadcaster has its turn shares writes.
    fn publish(&self, room: &Rc<Room>, packet: &[u8]) {
        let mut waiting = room.waiting.borrow_mut();
        if waiting.is_empty() {
            self.dirty.borrow_mut().push(Rc::clone(room));
        }
        frame::encode(&mut waiting, frame::TEXT, packet);
        self.published.notify_one();
    }

    async fn broadcast(&self) {
        loop {
            self.published.notified().await;
            let rooms = self.dirty.take();
            for room in rooms {
                let bytes = room.waiting.take();
                let mut receivers = room.receivers.borrow_mut();
                receivers.retain(|receiver| !receiver.gone.get());
                receivers.iter().for_each(|receiver| receiver.push(&bytes));
            }
        }
    }
}

impl Receiver {
    fn push(self: &Rc<Self>, bytes: &[u8]) {
        let mut pending = self.pending.borrow_mut();
        let sent = match pending.is_empty() {
            true => match self.stream.try_write(bytes) {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(_) => return self.gone.set(true),
            },
            false => 0,
        };
        if sent == bytes.len() {
            return;
        }
        pending.extend_from_slice(&bytes[sent..]);
        if pending.len() > FLOOR_PENDING_BYTES {
            return self.gone.set(true);
        }
        if !self.flushing.replace(true) {
            let receiver = Rc::clone(self);
            spawn_local(async move {
                if receiver.flush().await.is_err() {
                    receiver.gone.set(true);
                }
                receiver.flushing.set(false);
            });
        }
    }

    async fn flush(&self) -> std::io::Result<()> {
        loop {
            self.stream.writable().await?;
            let mut pending = self.pending.borrow_mut();
            match self.stream.try_write(&pending) {
                Ok(sent) => drop(pending.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if pending.is_empty() {
                *pending = Vec::new();
                return Ok(());
            }
        }
    }
}

/// Reads up to the end of a request's head; returns the head's length.
async fn head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Option<usize>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        ensure!(
            buffer.len() < HTTP_HEAD_BYTES,
            "the head of a request is too long"
        );
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn accept_key(buffer: &[u8]) -> anyhow::Result<String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(buffer)?;
    let key = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"))
        .context("no WebSocket key")?;
    let digest = Sha1::new()
        .chain_update(key.value)
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    Ok(base64::engine::general_purpose::STANDARD.encode(digest))
}

async fn serve_socket(floor: Rc<Floor>, mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    let Some(end) = head(&mut stream, &mut rest).await? else {
        return Ok(());
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(&rest[..end])?
    );
    rest = rest.split_off(end);
    let mut wire = answer.into_bytes();
    frame::encode(&mut wire, frame::TEXT, OPEN.as_bytes());
    stream.write_all(&wire).await?;
    let receiver = Rc::new(Receiver {
        stream,
        pending: RefCell::default(),
        flushing: Cell::new(false),
        gone: Cell::new(false),
    });
    let listened = listen(&floor, &receiver, rest).await;
    receiver.gone.set(true);
    listened
}

async fn listen(floor: &Floor, receiver: &Rc<Receiver>, mut rest: Vec<u8>) -> anyhow::Result<()> {
    let mut room = None;
    while !receiver.gone.get() {
        receiver.stream.readable().await?;
        let mut scratch = floor.scratch.borrow_mut();
        match receiver.stream.try_read(&mut scratch) {
            Ok(0) => return Ok(()),
            Ok(count) => frame::drain(&mut rest, &mut scratch[..count], |opcode, packet| {
                if opcode == frame::TEXT {
                    handle(floor, receiver, &mut room, packet);
                }
            })?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The text between `before` and the next quote.
fn string_after<'a>(packet: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = packet.split_once(before)?;
    rest.split_once('"').map(|(value, _)| value)
}

fn handle(floor: &Floor, receiver: &Rc<Receiver>, room: &mut Option<Rc<Room>>, packet: &[u8]) {
    let mut own = Vec::new();
    let Ok(packet) = std::str::from_utf8(packet) else {
        return receiver.gone.set(true);
    };
    if packet == "40" {
        frame::encode(&mut own, frame::TEXT, CONNECTED.as_bytes());
        receiver.push(&own);
    } else if let Some(auth) = packet.strip_prefix(r#"42["auth","#) {
        let joined = floor.room(string_after(auth, r#""workspaceId":""#).unwrap_or_default());
        joined.receivers.borrow_mut().push(Rc::clone(receiver));
        *room = Some(joined);
        let transaction = string_after(auth, r#""transaction":""#).unwrap_or_default();
        let reply =
            format!(r#"42["auth-success",{{"transaction":"{transaction}","userId":"floor"}}]"#);
        frame::encode(&mut own, frame::TEXT, reply.as_bytes());
        receiver.push(&own);
    } else if let (Some(room), Some(rest)) =
        (room, packet.strip_prefix(r#"42["update-media-state",{"#))
    {
        let event = format!(r#"42["media-state-updated",{{"userId":"floor",{rest}"#);
        floor.publish(room, event.as_bytes());
    }
}

/// The room and packet that `POST /v1/workspaces/{w}/events` asks for; `None` for other calls.
fn publication(path: &str, body: &str) -> anyhow::Result<Option<(String, String)>> {
    let Some(room) = path
        .strip_prefix("/v1/workspaces/")
        .and_then(|p| p.strip_suffix("/events"))
    else {
        return Ok(None);
    };
    let event = string_after(body, r#""event":""#).context("no event")?;
    let (_, data) = body.split_once(r#""data":"#).context("no data")?;
    let (data, _) = data.rsplit_once(r#","to":"#).context("no audience")?;
    Ok(Some((room.to_owned(), format!(r#"42["{event}",{data}]"#))))
}

async fn serve_api(floor: Rc<Floor>, mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(start) = head(&mut stream, &mut buffer).await? {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(&buffer)?;
        let path = request.path.unwrap_or_default().to_owned();
        let length = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .map_or(Ok(0), |header| {
                String::from_utf8_lossy(header.value)
                    .trim()
                    .parse::<usize>()
            })?;
        ensure!(
            length <= HTTP_BODY_BYTES,
            "the body of a request is too long"
        );
        while buffer.len() < start + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                bail!("closed within a request");
            }
        }
        let body = std::str::from_utf8(&buffer[start..start + length])?;
        if let Some((room, packet)) = publication(&path, body)? {
            floor.publish(&floor.room(&room), packet.as_bytes());
        }
        buffer.drain(..start + length);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            .await?;
    }
    Ok(())
}

fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket.listen(BACKLOG)?)
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let floor = Rc::new(Floor::default());
    *floor.scratch.borrow_mut() = vec![0; SCRATCH_BYTES];
    let (sockets, api) = (listener(arguments.server)?, listener(arguments.api)?);
    let broadcaster = Rc::clone(&floor);
    spawn_local(async move { broadcaster.broadcast().await });
    loop {
        tokio::select! {
            accepted = sockets.accept() => {
                let floor = Rc::clone(&floor);
                // A client that breaks off is the client's matter; the load generator counts it.
                spawn_local(async move { drop(serve_socket(floor, accepted?.0).await); anyhow::Ok(()) });
            }
            accepted = api.accept() => {
                let floor = Rc::clone(&floor);
                spawn_local(async move { drop(serve_api(floor, accepted?.0).await); anyhow::Ok(()) });
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    allow_files(10_500)?;
    LocalSet::new().run_until(serve(Arguments::parse())).await
}
