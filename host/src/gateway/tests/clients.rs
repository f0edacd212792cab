//! Raw clients: one speaks Engine.IO over a WebSocket, one over polling; must not know the server.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

pub(super) struct WebSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sid: String,
    asked: usize,
}

impl WebSocket {
    pub(super) async fn open(address: SocketAddr, query: &str) -> Self {
        let url = format!("ws://{address}/socket.io/?transport=websocket&{query}");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self::over(stream)
    }

    /// A WebSocket to which this polling session may move, unless the server refuses it.
    pub(super) async fn beside(client: &Polling) -> Option<Self> {
        let (address, sid) = (client.address, &client.sid);
        let url = format!("ws://{address}/socket.io/?transport=websocket&EIO=4&sid={sid}");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.ok()?;
        Some(Self::over(stream))
    }

    fn over(stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self {
            stream,
            sid: String::new(),
            asked: 0,
        }
    }

    /// Opens a session and joins the namespace.
    pub(super) async fn join(address: SocketAddr) -> Self {
        Self::open(address, "EIO=4").await.joined().await
    }

    /// The same, with a request of one's own.
    pub(super) async fn join_with(request: Request<()>) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self::over(stream).joined().await
    }

    async fn joined(self) -> Self {
        let mut client = self;
        assert!(client.next().await.unwrap().starts_with("0{"));
        client.send("40").await;
        let joined = client.next().await.unwrap();
        assert!(joined.starts_with("40{"), "{joined}");
        client.sid = joined.split('"').nth(3).unwrap().to_owned();
        client
    }

    pub(super) fn sid(&self) -> String {
        self.sid.clone()
    }

    /// Sends an event and returns what comes up to its acknowledgement.
    pub(super) async fn ask(&mut self, event: &str, data: &str) -> Vec<String> {
        self.asked += 1;
        let id = self.asked;
        self.send(&format!("42{id}[\"{event}\",{data}]")).await;
        self.until_containing(&format!("43{id}[")).await
    }

    /// What comes up to this packet.
    pub(super) async fn until(&mut self, last: &str) -> Vec<String> {
        self.until_containing(last).await
    }

    /// What comes up to a packet with this in it.
    pub(super) async fn until_containing(&mut self, part: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let packet = self.next().await;
            seen.push(packet.unwrap_or_else(|| panic!("closed before {part}, after {seen:?}")));
            if seen.last().is_some_and(|packet| packet.contains(part)) {
                return seen;
            }
        }
    }

    /// What comes until the connection is closed.
    pub(super) async fn rest(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(packet) = self.next().await {
            seen.push(packet);
        }
        seen
    }

    pub(super) async fn send(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.unwrap();
    }

    /// Sends all of these in one go.
    pub(super) async fn send_at_once(&mut self, packets: &[String]) {
        for packet in packets {
            self.stream
                .feed(Message::text(packet.as_str()))
                .await
                .unwrap();
        }
        self.stream.flush().await.unwrap();
    }

    /// Sends, though the server may have closed already.
    pub(super) async fn try_send(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.ok();
    }

    pub(super) async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.stream.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next packet that is no heartbeat; nothing once the connection is closed.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("in time");
            match message {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.try_send("3").await;
                }
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub(super) async fn close(mut self) {
        self.stream.close(None).await.unwrap();
    }

    /// Breaks off as a proxy does that fails: with a TCP reset.
    pub(super) fn reset(self) {
        if let MaybeTlsStream::Plain(stream) = self.stream.get_ref() {
            let socket = socket2::SockRef::from(stream);
            socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
    }

    /// Sends this packet again and again, and reads what comes until the connection is closed, without
    /// heartbeats.
    pub(super) async fn rest_while_sending(self, packet: String) -> Vec<String> {
        let (mut sender, mut receiver) = self.stream.split();
        let sending = tokio::spawn(async move {
            while sender.send(Message::text(packet.as_str())).await.is_ok() {}
        });
        let mut seen = Vec::new();
        let reading = async {
            while let Some(Ok(Message::Text(text))) = receiver.next().await {
                if text.as_str() != "2" {
                    seen.push(text.as_str().to_owned());
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("in time");
        sending.abort();
        seen
    }
}

/// One HTTP exchange on a connection of its own: status, head and body. The status is 0 if the
/// connection was closed instead.
pub(super) async fn exchange(
    address: SocketAddr,
    request: impl AsRef<[u8]>,
) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_ref()).await.ok();
    let mut response = Vec::new();
    let reading = stream.read_to_end(&mut response);
    let read = tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("in time");
    if read.is_err() || response.is_empty() {
        return (0, String::new(), String::new());
    }
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

pub(super) struct Polling {
    address: SocketAddr,
    pub(super) sid: String,
}

impl Polling {
    pub(super) async fn open(address: SocketAddr) -> Self {
        let mut client = Self {
            address,
            sid: String::new(),
        };
        let (status, body) = client.get().await;
        assert_eq!(status, 200);
        client.sid = body.split('"').nth(3).unwrap().to_owned();
        client
    }

    /// Opens a session and joins the namespace.
    pub(super) async fn join(address: SocketAddr) -> Self {
        let client = Self::open(address).await;
        client.post("40").await;
        while !client.poll().await.concat().contains("40{") {}
        client
    }

    fn query(&self) -> String {
        match self.sid.as_str() {
            "" => "EIO=4&transport=polling".to_owned(),
            sid => format!("EIO=4&transport=polling&sid={sid}"),
        }
    }

    pub(super) async fn get(&self) -> (u16, String) {
        let query = self.query();
        let head =
            format!("GET /socket.io/?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (status, _, body) = exchange(self.address, head).await;
        (status, body)
    }

    /// The packets that the next poll brings, without heartbeats.
    pub(super) async fn poll(&self) -> Vec<String> {
        let (status, body) = self.get().await;
        assert_eq!(status, 200, "{body}");
        body.split('\x1e')
            .filter(|packet| *packet != "2")
            .map(str::to_owned)
            .collect()
    }

    pub(super) async fn post(&self, packets: &str) -> u16 {
        let (query, length) = (self.query(), packets.len());
        let request = format!(
            "POST /socket.io/?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{packets}"
        );
        exchange(self.address, request).await.0
    }
}
