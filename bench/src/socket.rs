//! One Socket.IO client socket over a raw WebSocket, as cheap as it can be: the load generator
//! shares one core among ten thousand. Must not know what is being measured.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use anyhow::{Context, bail, ensure};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::frame;
use crate::limits::{HTTP_HEAD_BYTES, SCRATCH_BYTES};

/// The buffer that all sockets of this thread read into.
pub type Scratch = Rc<RefCell<Box<[u8]>>>;

/// A new scratch buffer.
pub fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()))
}

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    stream: Rc<TcpStream>,
    rest: Vec<u8>,
    queued: Vec<Vec<u8>>,
    closed: bool,
}

/// Sends an Engine.IO packet.
pub async fn send(stream: &TcpStream, packet: &str) -> std::io::Result<()> {
    let mut wire = Vec::with_capacity(packet.len() + 16);
    frame::encode_masked(&mut wire, frame::TEXT, packet.as_bytes());
    let mut sent = 0;
    while sent < wire.len() {
        stream.writable().await?;
        match stream.try_write(&wire[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Socket {
    /// Opens a WebSocket from `source` and goes through the Engine.IO and Socket.IO handshakes.
    pub async fn open(
        server: SocketAddr,
        source: Ipv4Addr,
        scratch: &Scratch,
    ) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((source, 0)))?;
        let mut stream = socket.connect(server).await.context("connect")?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut ahead = upgraded(&stream).await?;
        let stream = Rc::new(stream);
        let mut socket = Self {
            stream,
            rest: Vec::new(),
            queued: Vec::new(),
            closed: false,
        };
        let mut queued = Vec::new();
        socket.take(&mut ahead, &mut |packet| queued.push(packet.to_vec()))?;
        socket.queued = queued;
        let open = socket.next_packet(scratch).await?;
        ensure!(open.starts_with(b"0{"), "no Engine.IO handshake");
        send(&socket.stream, "40").await?;
        let connected = socket.next_packet(scratch).await?;
        ensure!(connected.starts_with(b"40"), "the namespace was refused");
        Ok(socket)
    }

    /// The stream, to send on.
    pub fn stream(&self) -> Rc<TcpStream> {
        Rc::clone(&self.stream)
    }

    /// The next packet that is not a heartbeat.
    pub async fn next_packet(&mut self, scratch: &Scratch) -> anyhow::Result<Vec<u8>> {
        loop {
            if !self.queued.is_empty() {
                return Ok(self.queued.remove(0));
            }
            if self.closed {
                bail!("the server closed the socket");
            }
            let mut packets = Vec::new();
            self.receive(scratch, |packet| packets.push(packet.to_vec()))
                .await?;
            self.queued = packets;
        }
    }

    /// Waits for bytes and calls `each` with every packet that is not a heartbeat, those that
    /// were read ahead during the handshake first. False once the server has closed.
    pub async fn receive(
        &mut self,
        scratch: &Scratch,
        mut each: impl FnMut(&[u8]),
    ) -> anyhow::Result<bool> {
        if !self.queued.is_empty() {
            std::mem::take(&mut self.queued)
                .iter()
                .for_each(|packet| each(packet));
            return Ok(!self.closed);
        }
        loop {
            self.stream.readable().await?;
            // Borrowed only between two awaits, so all sockets of the thread can share it.
            let mut buffer = scratch.borrow_mut();
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.take(&mut buffer[..count], &mut each)?;
                    return Ok(!self.closed);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, fresh: &mut [u8], each: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        let (stream, closed) = (&self.stream, &mut self.closed);
        frame::drain(&mut self.rest, fresh, |opcode, payload| {
            match (opcode, payload) {
                (frame::TEXT, b"2") => pong(stream, frame::TEXT, b"3"),
                (frame::TEXT, _) => each(payload),
                (frame::PING, payload) => pong(stream, frame::PONG, payload),
                (frame::CLOSE, _) => *closed = true,
                _ => {}
            }
        })?;
        Ok(())
    }
}

fn pong(stream: &TcpStream, opcode: u8, payload: &[u8]) {
    let mut wire = Vec::new();
    frame::encode_masked(&mut wire, opcode, payload);
    // A dozen bytes always fit, unless the server does not read; then it closes us for silence.
    let _ = stream.try_write(&wire);
}

/// Reads the answer to the upgrade; returns what follows it.
async fn upgraded(stream: &TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::new();
    loop {
        stream.readable().await?;
        match stream.try_read_buf(&mut answer) {
            Ok(0) => bail!("closed during the upgrade"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        }
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
            ensure!(status == "HTTP/1.1 101", "no upgrade: {status}");
            return Ok(answer.split_off(end + 4));
        }
        ensure!(
            answer.len() < HTTP_HEAD_BYTES,
            "the upgrade's answer is too long"
        );
    }
}
