//! HTTP calls on one kept connection from an address of choice. Must not know what they mean.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::api::parse;

/// A connection.
#[derive(Debug)]
pub(super) struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
    headers: String,
}

/// Opens a TCP connection from one of this machine's addresses.
pub(super) async fn connect(server: SocketAddr, source: Ipv4Addr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Http {
    /// Opens a connection; with a key for a backend's.
    pub(super) async fn open(
        server: SocketAddr,
        source: Ipv4Addr,
        key: Option<&str>,
    ) -> anyhow::Result<Self> {
        let authorization = key.map_or_else(String::new, |key| {
            format!("Authorization: Bearer {key}\r\n")
        });
        Ok(Self {
            stream: connect(server, source).await?,
            buffer: Vec::new(),
            headers: format!("Host: {server}\r\n{authorization}"),
        })
    }

    /// Sends a request without waiting for its answer.
    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{}{headers}Content-Length: {}\r\n\r\n{body}",
            self.headers,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        Ok(())
    }

    /// The next answer: its status and its body.
    pub(super) async fn answer(&mut self) -> anyhow::Result<(u16, String)> {
        loop {
            if let Some(answer) = parse(&self.buffer)? {
                let body = &self.buffer[answer.head..answer.length];
                let text = String::from_utf8_lossy(body).into_owned();
                self.buffer.drain(..answer.length);
                return Ok((answer.status, text));
            }
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "closed without an answer"
            );
        }
    }

    /// One request and its answer.
    pub(super) async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> anyhow::Result<(u16, String)> {
        let headers = if body.is_empty() {
            ""
        } else {
            "Content-Type: text/plain;charset=UTF-8\r\n"
        };
        self.send(method, path, headers, body).await?;
        self.answer().await
    }
}
