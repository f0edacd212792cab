//! socketioxide: how it is set up, spoken to and hooked into; must not know what events mean.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use engineioxide::service::NotFoundService;
use http::{Method, Request, header};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::AckSender;
use socketioxide::handler::{
    ConnectHandler, DisconnectHandler, FromMessageParts, MessageHandler, Value,
};
use socketioxide::service::SocketIoService;
use socketioxide::socket::{DisconnectReason, Sid, Socket};
use socketioxide::{ParserConfig, SocketIo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tower::Service;
use wardroom_domain::SocketId;

use super::Settings;
use super::address::Source;
use super::closing::Cause;
use super::heartbeat::{ENGINE_PING_TIMEOUT, engine_join_timeout};
use super::newcomers::Newcomers;
use super::output::Output;
use super::pacing::Packets;
use super::peer::{Conversation, Departure, Incoming, Peer};
use super::pile::Piles;
use super::rates::Buckets;
use crate::limits;
use crate::metrics::Metrics;

/// Where Socket.IO is served.
pub(super) const PATH: &str = "/socket.io";

/// Bytes of one answer to a poll. socketioxide sets aside what would exceed it, and forgets that if
/// the next thing is an upgrade: so nothing may exceed it. What waits is bounded by the output.
const MAX_ANSWER_BYTES: u64 = u32::MAX as u64;

/// The packet that opens a session, with what holds for the client: its own bound in bytes, which is
/// one setting of socketioxide's with that of answers, and the deadline that we judge by.
pub(super) fn with_true_bounds(open: &str, ping_timeout: Duration) -> String {
    let ours = limits::MAX_INCOMING_MESSAGE_BYTES;
    let payload = format!("\"maxPayload\":{MAX_ANSWER_BYTES}");
    let engine = ENGINE_PING_TIMEOUT.as_millis();
    let timeout = format!("\"pingTimeout\":{engine}");
    let true_timeout = format!("\"pingTimeout\":{}", ping_timeout.as_millis());
    open.replacen(&payload, &format!("\"maxPayload\":{ours}"), 1)
        .replacen(&timeout, &true_timeout, 1)
}

/// The same for the answer to the first polling request.
pub(super) fn with_true_bounds_polled(answer: Bytes, ping_timeout: Duration) -> Bytes {
    match std::str::from_utf8(&answer) {
        Ok(open) if open.starts_with("0{") => with_true_bounds(open, ping_timeout).into(),
        // In revision 3 its length stands before it; it is ASCII.
        Ok(text) => match text.split_once(":0{") {
            Some((_, rest)) => {
                let open = with_true_bounds(&format!("0{{{rest}"), ping_timeout);
                format!("{}:{open}", open.len()).into()
            }
            None => answer,
        },
        Err(_) => answer,
    }
}

pub(super) type EngineBody = Packets;
type EngineService = SocketIoService<NotFoundService>;

/// The revision of Engine.IO that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Stock clients 2.x.
    V3,
    /// Stock clients 3.x and 4.x.
    V4,
}

impl Protocol {
    /// Reads the `EIO` parameter of a query.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "3" => Some(Self::V3),
            "4" => Some(Self::V4),
            _ => None,
        }
    }

    /// The `EIO` parameter of a query.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

/// The packet that shows where socketioxide's queue has run empty. Its event name is random, so
/// that no application event can be taken for it.
pub(super) struct Mark {
    event: String,
    prefix: String,
}

impl Mark {
    fn new() -> Self {
        let event = format!("{:032x}", rand::random::<u128>());
        let prefix = format!("42[\"{event}\"");
        Self { event, prefix }
    }

    /// Whether `text` is the packet of this mark.
    pub(super) fn is(&self, text: &str) -> bool {
        text.starts_with(&self.prefix)
    }
}

/// What all connections share.
pub(super) struct Transport {
    pub(super) settings: Settings,
    pub(super) mark: Mark,
    /// Every session, by id.
    pub(super) sessions: DashMap<Sid, Weak<Output>>,
    pub(super) metrics: Arc<Metrics>,
    /// Connections that are closed on this side and wait for the other.
    pub(super) lingering: TaskTracker,
    /// What waits for clients.
    pub(super) output: Piles,
    /// What clients sent and waits to be handled.
    pub(super) input: Piles,
    service: OnceLock<EngineService>,
    /// One permit for each session that may yet begin with polling.
    polling_places: Arc<Semaphore>,
    pub(super) newcomers: Arc<Newcomers>,
    /// Sessions that addresses open.
    pub(super) connects: Buckets<Source>,
    conversation: Arc<dyn Conversation>,
}

/// The output of a session, carried by the request that began it until the output ends. socketioxide
/// keeps that request for [`engine_join_timeout`] if nobody joins, even if the session is over.
#[derive(Clone)]
pub(super) struct SessionOutput(Arc<Mutex<Option<Arc<Output>>>>);

/// What an output knows of the request that carries it.
pub(super) type Carrier = Weak<Mutex<Option<Arc<Output>>>>;

impl SessionOutput {
    pub(super) fn new(output: &Arc<Output>) -> Self {
        let carried = Arc::new(Mutex::new(Some(Arc::clone(output))));
        output.carried_by(Arc::downgrade(&carried));
        Self(carried)
    }

    /// The output of the session of this socket, if it has not ended.
    fn of(socket: &Socket) -> Option<Arc<Output>> {
        let Self(carried) = socket.req_parts().extensions.get()?;
        carried.lock().clone()
    }
}

impl Transport {
    pub(super) fn new(
        settings: Settings,
        conversation: Arc<dyn Conversation>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let polling_places = Arc::new(Semaphore::new(settings.max_connections));
        let connects = Buckets::new(settings.rates.address_connects);
        let share = settings.max_connections / limits::UNAUTHENTICATED_SHARE;
        let newcomers = Newcomers::new(
            settings.max_unauthenticated_per_address,
            share.max(limits::MIN_UNAUTHENTICATED),
        );
        let transport = Arc::new(Self {
            settings,
            newcomers,
            connects,
            mark: Mark::new(),
            sessions: DashMap::new(),
            metrics,
            lingering: TaskTracker::new(),
            output: Piles::default(),
            input: Piles::default(),
            service: OnceLock::new(),
            polling_places,
            conversation,
        });
        let parser = ParserConfig::common()
            .max_incoming_binaries(limits::MAX_ATTACHMENTS)
            .max_incoming_binary_buf_size(limits::MAX_INCOMING_MESSAGE_BYTES);
        let (service, io) = SocketIo::builder()
            .with_parser(parser)
            .req_path(PATH)
            .max_payload(MAX_ANSWER_BYTES)
            .ws_max_message_size(limits::MAX_INCOMING_MESSAGE_BYTES)
            .ws_max_frame_size(limits::MAX_INCOMING_MESSAGE_BYTES)
            .ws_read_buffer_size(limits::READ_BUFFER_BYTES)
            .max_buffer_size(limits::MAX_POLLING_PACKETS)
            .connect_timeout(engine_join_timeout(&transport.settings))
            .upgrade_timeout(limits::UPGRADE_TIMEOUT)
            .ping_interval(transport.settings.ping_interval)
            .ping_timeout(ENGINE_PING_TIMEOUT)
            .build_svc();
        io.ns("/", Joining(Arc::clone(&transport)));
        transport.service.set(service).ok();
        transport
    }

    /// A place for a session that begins with polling, which no TCP connection stands for.
    pub(super) fn polling_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.polling_places).try_acquire_owned().ok()
    }

    pub(super) fn service(&self) -> EngineService {
        self.service
            .get()
            .expect("is set before the transport is handed out")
            .clone()
    }

    /// The outputs of every session that lives.
    pub(super) fn outputs(&self) -> Vec<Arc<Output>> {
        self.sessions
            .iter()
            .filter_map(|output| output.upgrade())
            .collect()
    }

    /// The session under this id, if it lives.
    pub(super) fn session(&self, sid: &Sid) -> Option<Arc<Output>> {
        self.sessions.get(sid).and_then(|output| output.upgrade())
    }
}

/// socketioxide's queue is full or the session is over.
#[derive(Debug, thiserror::Error)]
#[error("the packet could not be queued")]
pub(super) struct Refused;

/// Puts the mark into socketioxide's queue.
///
/// # Errors
/// If the queue does not take it.
pub(super) fn emit_mark(socket: &Socket, mark: &Mark) -> Result<(), Refused> {
    socket.emit(&mark.event, &()).map_err(|_| Refused)
}

/// Puts an event (`42[...]`) or an acknowledgement (`43<id>[...]`) into socketioxide's queue.
///
/// # Errors
/// If the queue does not take it.
pub(super) fn emit_text(socket: &Arc<Socket>, text: &str) -> Result<(), Refused> {
    let start = text.find('[').ok_or(Refused)?;
    let values: Vec<&RawValue> = serde_json::from_str(&text[start..]).map_err(|_| Refused)?;
    match (text[..start].split_at_checked(2), values.as_slice()) {
        (Some(("42", "")), [name, data]) => {
            let name: String = serde_json::from_str(name.get()).map_err(|_| Refused)?;
            socket.emit(name, data).map_err(|_| Refused)
        }
        (Some(("43", id)), [data]) => {
            let id = id.parse().map_err(|_| Refused)?;
            let mut unused = Value::Str(engineioxide::Str::from(""), None);
            let Ok(ack) = AckSender::from_message_parts(socket, &mut unused, &Some(id));
            ack.send(data).map_err(|_| Refused)
        }
        _ => Err(Refused),
    }
}

/// Ends a polling session as if its client had closed it: nothing else in socketioxide's interface
/// does, and a session that is not ended keeps answering polls.
pub(super) async fn end_polling_session(transport: Arc<Transport>, sid: Sid, protocol: Protocol) {
    let (eio, body) = match protocol {
        Protocol::V3 => (protocol.number(), "1:1"),
        Protocol::V4 => (protocol.number(), "1"),
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{PATH}/?EIO={eio}&transport=polling&sid={sid}"))
        .header(header::CONTENT_TYPE, "text/plain;charset=UTF-8")
        .body(EngineBody::whole(body))
        .expect("is made of valid parts");
    let Ok(_) = Service::call(&mut transport.service(), request).await;
}

/// Marks the handlers below as the gateway's own among socketioxide's generic ones. They are
/// called in place and not as spawned tasks, which would lose the order of events.
enum InPlace {}

/// Registers a client's handlers before socketioxide confirms that it joined: an event that comes
/// right behind the confirmation would find none otherwise.
#[derive(Clone)]
struct Joining(Arc<Transport>);

#[derive(Debug, thiserror::Error)]
#[error("a connection joins once")]
struct JoinedTwice;

#[derive(Debug, thiserror::Error)]
#[error("the session has ended")]
struct HasEnded;

impl ConnectHandler<LocalAdapter, InPlace> for Joining {
    fn call_middleware<'a>(
        &'a self,
        socket: Arc<Socket>,
        _: &'a Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Display + Send>>> + Send + 'a>> {
        Box::pin(std::future::ready(self.prepare(&socket)))
    }

    fn call(&self, socket: Arc<Socket>, handshake: Option<Value>) {
        let Some(output) = SessionOutput::of(&socket) else {
            return;
        };
        output.joined(&socket);
        if let Some(peer) = output.peer() {
            let handshake = handshake.as_ref().and_then(Value::as_str);
            peer.joined(handshake.map(|text| Bytes::copy_from_slice(text.as_bytes())));
        }
    }
}

impl Joining {
    fn prepare(&self, socket: &Arc<Socket>) -> Result<(), Box<dyn Display + Send>> {
        let Some(output) = SessionOutput::of(socket) else {
            return Err(Box::new(HasEnded));
        };
        let conversation = Arc::clone(&self.0.conversation);
        let id = SocketId::new(socket.id.as_str()).expect("a session id is a valid id");
        output.register(socket.id);
        let peer = Peer::new(id, Arc::clone(&output), conversation);
        if !output.set_peer(&peer) {
            return Err(Box::new(JoinedTwice));
        }
        socket.on_fallback(Receiving(Arc::clone(&peer)));
        socket.on_disconnect(Departing(peer));
        Ok(())
    }
}

struct Receiving(Arc<Peer>);

impl MessageHandler<LocalAdapter, InPlace> for Receiving {
    fn call(&self, _: Arc<Socket>, value: Value, ack: Option<i64>) {
        let (text, binary) = match value {
            Value::Str(text, attachments) => (Bytes::from(text), attachments.is_some()),
            Value::Bytes(_) => (Bytes::new(), true),
        };
        self.0.received(Incoming { text, binary, ack });
    }
}

struct Departing(Arc<Peer>);

impl DisconnectHandler<LocalAdapter, InPlace> for Departing {
    fn call_with_defer(
        &self,
        socket: Arc<Socket>,
        reason: DisconnectReason,
        remove: fn(Arc<Socket>),
    ) {
        let output = self.0.output();
        // A transport that ends though more could come, and not by us, is one that socketioxide could
        // not understand any longer.
        let gave_up = reason == DisconnectReason::TransportError
            && !output.has_ended()
            && !output.input_ended.load(Ordering::Acquire);
        let is_malformed = gave_up || reason == DisconnectReason::PacketParsingError;
        if is_malformed {
            let socket = self.0.id().as_str();
            tracing::info!(
                socket,
                "a client sent what is no Socket.IO packet and was closed"
            );
        }
        let departure = match reason {
            DisconnectReason::ClientNSDisconnect => Departure::OnPurpose,
            _ => Departure::Lost,
        };
        self.0.departed(departure);
        remove(socket);
        let cause = match (departure, reason) {
            (Departure::OnPurpose, _) => Cause::Left,
            (Departure::Lost, _) if is_malformed => Cause::Malformed,
            (Departure::Lost, _) => Cause::TransportLost,
        };
        self.0.output().close(cause);
    }
}
