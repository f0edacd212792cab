//! A client without manners: it writes what it likes, and reads when it likes. It must not use a Socket.IO library.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::event::Event;
use crate::server::{Server, WORKSPACE};
use crate::token;
use crate::wait::within_deadline;

/// What the kernel may hold for a client that does not read, in bytes; small, so that a test need
/// not fill megabytes.
const RECEIVE_BUFFER_BYTES: u32 = 16 * 1024;

/// What a server tells an application.
#[derive(Clone, Debug)]
pub enum Heard {
    /// An event.
    Event(Event),
    /// The answer to what was asked under this number.
    Ack(u64, Value),
}

/// A WebSocket on which packets of Engine.IO 4 are written by hand.
pub struct Raw {
    stream: WebSocketStream<TcpStream>,
}

impl Raw {
    /// Opens the transport, without joining the namespace.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn open(server: &Server) -> Self {
        Self::open_at(server.public()).await
    }

    /// As [`Raw::open`], by address.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn open_at(address: SocketAddr) -> Self {
        within_deadline("the WebSocket", Self::shake_hands(address)).await
    }

    async fn shake_hands(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        let sized = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        sized.expect("a small buffer is always possible");
        let stream = socket.connect(address).await.expect("the server listens");
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = client_async(url, stream)
            .await
            .expect("it speaks WebSocket");
        let mut raw = Self { stream };
        let open = raw.packet().await.expect("it begins with a packet");
        assert!(open.starts_with('0'), "the first packet was {open}");
        raw
    }

    /// Opens the transport and joins the namespace, without a payload.
    pub async fn connect(server: &Server) -> Self {
        let mut raw = Self::open(server).await;
        raw.text("40").await;
        let joined = raw.packet().await;
        let joined = joined.expect("the namespace is open to everybody");
        assert!(joined.starts_with("40{"), "joining was answered {joined}");
        raw
    }

    /// Joins the test's workspace as a user, by token.
    pub async fn join(server: &Server, user: &str) -> Self {
        let mut raw = Self::connect(server).await;
        let token = token::token(user, WORKSPACE);
        raw.emit("auth", &json!({"token": token, "workspaceId": WORKSPACE}))
            .await;
        while raw.event().await.name != "auth-success" {}
        raw
    }

    /// Writes a text message.
    pub async fn text(&mut self, text: &str) {
        self.message(Message::text(text)).await;
    }

    /// Writes a binary message.
    pub async fn binary(&mut self, bytes: &[u8]) {
        self.message(Message::binary(bytes.to_vec())).await;
    }

    async fn message(&mut self, message: Message) {
        // The server may have closed in the meantime; reading tells.
        let sent = within_deadline("the taking of a message", self.stream.send(message));
        let _ = sent.await;
    }

    /// Writes an event with one argument.
    pub async fn emit(&mut self, event: &str, data: &Value) {
        self.text(&format!("42{}", json!([event, data]))).await;
    }

    /// Writes an event that is to be acknowledged under a number of one's own.
    pub async fn ask(&mut self, number: u64, event: &str, data: &Value) {
        self.text(&format!("42{number}{}", json!([event, data])))
            .await;
    }

    /// Writes an event again and again, a thousand at once, until the connection ends; the events
    /// that were heard in the meantime. It reads all the time, so that nothing waits for it.
    ///
    /// # Panics
    /// If the connection does not end in time.
    pub async fn flood(self, event: &str, data: &Value) -> Vec<Event> {
        let message = Message::text(format!("42{}", json!([event, data])));
        let (mut sink, mut stream) = self.stream.split();
        let write = async {
            loop {
                for _ in 0..1000 {
                    if sink.feed(message.clone()).await.is_err() {
                        return;
                    }
                }
                if sink.flush().await.is_err() {
                    return;
                }
            }
        };
        let read = async {
            let mut heard = Vec::new();
            while let Some(Ok(message)) = stream.next().await {
                let text = message.to_text().unwrap_or_default();
                heard.extend(parse(text));
            }
            heard
        };
        let both = async { tokio::join!(write, read).1 };
        within_deadline("the end of a flood", both).await
    }

    /// The next packet but pings, which are answered; nothing at the end of the connection.
    pub async fn packet(&mut self) -> Option<String> {
        within_deadline("a packet", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.text("3").await,
                    Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_) | Message::Frame(_)) | Err(_)) | None => return None,
                }
            }
        })
        .await
    }

    /// The next event or acknowledgement; nothing when the server has ended the session.
    ///
    /// # Panics
    /// If another packet comes.
    pub async fn heard(&mut self) -> Option<Heard> {
        let packet = self.packet().await?;
        if packet == "41" {
            return None;
        }
        let heard = parse(&packet)
            .map(Heard::Event)
            .or_else(|| parse_ack(&packet));
        Some(heard.unwrap_or_else(|| panic!("neither event nor acknowledgement: {packet}")))
    }

    /// The next event.
    ///
    /// # Panics
    /// If the connection ends first, or another packet comes.
    pub async fn event(&mut self) -> Event {
        let packet = self.packet().await;
        let packet = packet.expect("an event comes before the end of the connection");
        parse(&packet).unwrap_or_else(|| panic!("not an event: {packet}"))
    }

    /// The events until the connection ends.
    pub async fn events_until_closed(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(packet) = self.packet().await {
            events.extend(parse(&packet));
        }
        events
    }
}

fn parse(packet: &str) -> Option<Event> {
    let array: Vec<Value> = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
    let (name, arguments) = array.split_first()?;
    Some(Event::received(
        name.as_str()?.to_owned(),
        arguments.to_vec(),
    ))
}

fn parse_ack(packet: &str) -> Option<Heard> {
    let rest = packet.strip_prefix("43")?;
    let (number, _) = rest.split_once('[')?;
    let arguments: Vec<Value> = serde_json::from_str(&rest[number.len()..]).ok()?;
    let [answer] = <[Value; 1]>::try_from(arguments).ok()?;
    Some(Heard::Ack(number.parse().ok()?, answer))
}
