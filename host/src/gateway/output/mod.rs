//! The ordered, byte-bounded output of one connection; must not know what the frames mean to users.

mod answering;
mod ending;
mod polling;
mod reading;
mod writing;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use socketioxide::socket::{Sid, Socket};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use self::answering::Behind;
pub(super) use self::answering::{Held, patience};
pub(super) use self::polling::Poll;
use self::polling::Polled;
use super::address::Source;
use super::arriving::Client;
use super::closing::Cause;
use super::connection::Connection;
use super::engine::{self, Carrier, Protocol, Transport};
use super::frame;
use super::heartbeat::Pulse;
use super::newcomers::Newcomer;
use super::peer::Peer;
use super::pile::{Pile, Piles};
use super::upgrading::PROBE_ANSWER;

/// The frame in which socketioxide says that it closes a session.
const ENGINE_CLOSE: &[u8] = &[0x81, 1, b'1'];
/// How the last frame of a WebSocket begins.
const WEBSOCKET_CLOSE: u8 = 0x88;

/// How frames reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// The client has not joined the namespace: frames are held.
    Joining,
    /// Through socketioxide's queue, which polling requests empty.
    Polling,
    /// The last packet through socketioxide's queue is under way: frames are held behind it.
    Switching,
    /// Straight into the TCP connection.
    Direct,
}

/// Everything that leaves for one client goes through here, in one order: socketioxide's own frames
/// (handshake, heartbeats) and the gateway's. While a client is polling, the gateway's frames pass
/// through socketioxide's queue instead; a mark sent through that queue shows when it has run
/// empty and the gateway may write by itself.
pub(crate) struct Output {
    transport: Arc<Transport>,
    protocol: Protocol,
    /// Where the client came from when the session began, where known.
    remote_address: Option<Arc<str>>,
    /// What it counts as where rates hold for an address.
    source: Source,
    /// Its place among those who have not authenticated, until it has.
    newcomer: Mutex<Option<Newcomer>>,
    /// Whether the session began with polling, so that socketioxide knows it without a wire.
    began_polling: bool,
    /// The place of a session that began with polling.
    _place: Option<OwnedSemaphorePermit>,
    wire: OnceLock<Connection>,
    sid: OnceLock<Sid>,
    carrier: OnceLock<Carrier>,
    socket: OnceLock<Weak<Socket>>,
    peer: OnceLock<Weak<Peer>>,
    /// Whether the connection has ended; the reading half then reports the end of the stream.
    ended: AtomicBool,
    /// Whether nothing more comes from the client: it closed the connection, or that failed.
    pub(super) input_ended: AtomicBool,
    /// Wakes the reading half when the connection ends.
    pub(super) reader: AtomicWaker,
    /// Who reads from the client and waits for room: its WebSocket, or its polling requests.
    readers: Mutex<Vec<Waker>>,
    /// Told when an answer has left, and when the connection is being closed.
    moved_on: Notify,
    /// When something last came of the client.
    pub(super) pulse: Mutex<Pulse>,
    state: Mutex<State>,
}

struct State {
    route: Route,
    /// Whether the client has joined the namespace.
    joined: bool,
    /// Whether no polling request can empty socketioxide's queue any more.
    on_wire: bool,
    /// What the TCP connection did not take yet.
    queue: VecDeque<Bytes>,
    /// What waits for the route to become direct or polling.
    held: VecDeque<Bytes>,
    /// What waits in socketioxide's queue, of a session that began with polling and still polls.
    polled: Option<Box<Polled>>,
    /// What waits behind an answer that is being made, if one is.
    behind: Behind,
    /// Bytes in `queue`, `held`, `polled` and `behind`.
    waiting_bytes: Pile,
    /// Bytes of an answer that is in `queue`: nobody is slow for what they asked for, as long as they
    /// take of it.
    answer: usize,
    /// Bytes until its end, with those before it.
    answer_left: usize,
    /// Bytes of answers in `polled` and `held`.
    copied: usize,
    /// When the end of that answer must have left, in time that the process ran.
    answer_by: Duration,
    flushing: bool,
    /// The last frame of the WebSocket, kept until everything else is said.
    parting: Option<Bytes>,
    /// Set once nothing more is accepted; the connection ends when the queue is empty.
    closing: Option<Cause>,
}

impl Output {
    /// An output over a WebSocket that the client opened directly.
    pub(super) fn direct(
        transport: Arc<Transport>,
        protocol: Protocol,
        client: Client,
        wire: Connection,
    ) -> Arc<Self> {
        let output = Self::new(transport, protocol, client, None);
        output.wire.set(wire).ok();
        output.state.lock().on_wire = true;
        output
    }

    /// An output of a session that begins with polling.
    pub(super) fn polling(
        transport: Arc<Transport>,
        protocol: Protocol,
        client: Client,
        place: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        Self::new(transport, protocol, client, Some(place))
    }

    fn new(
        transport: Arc<Transport>,
        protocol: Protocol,
        client: Client,
        place: Option<OwnedSemaphorePermit>,
    ) -> Arc<Self> {
        let began_polling = place.is_some();
        let waiting_bytes = Pile::among(&transport.output);
        transport.metrics.connection_opened();
        let output = Arc::new(Self {
            transport,
            protocol,
            remote_address: client.address,
            source: client.source,
            newcomer: Mutex::default(),
            began_polling,
            _place: place,
            wire: OnceLock::new(),
            sid: OnceLock::new(),
            carrier: OnceLock::new(),
            socket: OnceLock::new(),
            peer: OnceLock::new(),
            ended: AtomicBool::new(false),
            input_ended: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            readers: Mutex::default(),
            moved_on: Notify::new(),
            pulse: Mutex::new(Pulse::new()),
            state: Mutex::new(State {
                route: Route::Joining,
                joined: false,
                on_wire: false,
                queue: VecDeque::new(),
                held: VecDeque::new(),
                polled: began_polling.then(|| Box::new(Polled::new())),
                behind: None,
                waiting_bytes,
                answer: 0,
                answer_left: 0,
                copied: 0,
                answer_by: Duration::ZERO,
                flushing: false,
                parting: None,
                closing: None,
            }),
        });
        client.newcomer.is(&output);
        *output.newcomer.lock() = Some(client.newcomer);
        output
    }

    /// Called when the client has authenticated.
    pub(super) fn authenticated(&self) {
        self.newcomer.lock().take();
    }

    /// Says what keeps this until it ends: the request that began the session, and not one for its upgrade.
    pub(super) fn carried_by(&self, carrier: Carrier) {
        self.carrier.set(carrier).ok();
    }

    /// Makes the session findable by its id, for its upgrade and its end.
    pub(super) fn register(self: &Arc<Self>, sid: Sid) {
        if self.sid.set(sid).is_ok() {
            self.transport.sessions.insert(sid, Arc::downgrade(self));
        }
    }

    /// Remembers who joined over this session; whether nobody had before.
    pub(super) fn set_peer(&self, peer: &Arc<Peer>) -> bool {
        self.peer.set(Arc::downgrade(peer)).is_ok()
    }

    pub(super) fn peer(&self) -> Option<Arc<Peer>> {
        self.peer.get().and_then(Weak::upgrade)
    }

    /// What clients sent and waits to be handled, of all of them.
    pub(super) fn input(&self) -> &Piles {
        &self.transport.input
    }

    /// The address the client comes from, without a port.
    pub(super) fn remote_address(&self) -> Option<&Arc<str>> {
        self.remote_address.as_ref()
    }

    /// What the client's address counts as where rates hold for it.
    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Whether nothing is accepted any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.has_ended() || self.state.lock().closing.is_some()
    }

    /// Why the connection was closed, if it was.
    #[cfg(test)]
    pub(super) fn cause(&self) -> Option<Cause> {
        self.state.lock().closing.clone()
    }

    /// Bytes that wait here for the client.
    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.state.lock().waiting_bytes.bytes()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.wire.get().map(Connection::stream)
    }

    /// Called when the client has joined the namespace and may be written to.
    pub(super) fn joined(self: &Arc<Self>, socket: &Arc<Socket>) {
        self.socket.set(Arc::downgrade(socket)).ok();
        let mut state = self.state.lock();
        state.joined = true;
        if state.on_wire {
            self.send_mark(&mut state);
            return;
        }
        state.route = Route::Polling;
        for frames in state.take_held() {
            self.send_polling(&mut state, &frames);
        }
    }

    /// Sends `frames` behind everything sent before. Each chunk is made of whole frames. Never
    /// waits: what the connection does not take at once is kept, up to
    /// [`crate::limits::MAX_OUTPUT_BYTES`]; beyond that the client is closed as [`Cause::SlowConsumer`].
    pub(crate) fn push(self: &Arc<Self>, frames: &[Bytes]) {
        let mut state = self.state.lock();
        let open = state.closing.is_none() && !self.has_ended();
        if open && !self.keep_behind(&mut state, frames) {
            self.route(&mut state, frames);
        }
    }

    fn route(self: &Arc<Self>, state: &mut State, frames: &[Bytes]) {
        match state.route {
            Route::Direct => self.write(state, frames),
            Route::Polling => frames
                .iter()
                .for_each(|chunk| self.send_polling(state, chunk)),
            Route::Joining | Route::Switching => {
                for chunk in frames {
                    if !self.has_room(state) {
                        return;
                    }
                    state.waiting_bytes += chunk.len();
                    state.held.push_back(chunk.clone());
                }
            }
        }
    }

    /// Takes what socketioxide writes, always whole, and acts on the two marks in it.
    pub(super) fn take_engine_frames(self: &Arc<Self>, buffer: &[u8]) {
        let mut state = self.state.lock();
        if self.has_ended() {
            return;
        }
        self.pulse.lock().written(self.protocol, buffer);
        if state.route == Route::Direct {
            if !state.joined || state.closing.is_some() {
                return self.write(&mut state, &[Bytes::copy_from_slice(buffer)]);
            }
            // Who has joined is told why before being told to go, and both by [`Self::close`], which
            // follows when socketioxide says why; its own farewell would come first, and once for
            // each packet that it did not understand.
            for frame in frame::walk(buffer) {
                let whole = Bytes::copy_from_slice(frame.whole);
                match whole.first() {
                    Some(&WEBSOCKET_CLOSE) => state.parting = Some(whole),
                    _ if whole == ENGINE_CLOSE => {}
                    _ => self.write(&mut state, &[whole]),
                }
            }
            return;
        }
        for frame in frame::walk(buffer) {
            if frame.text.is_some_and(|text| self.transport.mark.is(text)) {
                state.route = Route::Direct;
                state.end_polling();
                let copied = state.copied;
                let held = state.take_held();
                self.write_whole(&mut state, &held);
                state.begin_answer(copied);
                self.end_if_drained(&mut state);
                continue;
            }
            let mut answer = 0;
            if frame
                .text
                .is_some_and(|text| polling::is_event(text.as_bytes()))
            {
                let copied = state.copied;
                state.note_fetched(1);
                answer = copied - state.copied;
            }
            // From this answer on socketioxide keeps its queue locked for the WebSocket: whatever
            // is put into it now leaves through here. The client has had the answer already.
            if frame.text == Some(PROBE_ANSWER) && !state.on_wire {
                state.on_wire = true;
                if state.joined {
                    self.send_mark(&mut state);
                }
                continue;
            }
            let whole = self.with_true_bounds(&frame);
            self.write(&mut state, &[whole]);
            state.begin_answer(answer);
        }
    }

    /// Sends the mark behind everything that is in socketioxide's queue.
    fn send_mark(self: &Arc<Self>, state: &mut State) {
        state.route = Route::Switching;
        let Some(socket) = self.socket.get().and_then(Weak::upgrade) else {
            return;
        };
        if engine::emit_mark(&socket, &self.transport.mark).is_err() {
            self.end(state, Cause::SlowConsumer);
        }
    }

    /// Whether one more thing may wait. If not, the client has let too much pile up, and is closed.
    fn has_room(self: &Arc<Self>, state: &mut State) -> bool {
        let settings = &self.transport.settings;
        let waiting = state.waiting_bytes.bytes().saturating_sub(state.exempt());
        let has_room = waiting <= settings.max_output_bytes && {
            // The piles of many may be too large though none of them is.
            let most = settings.max_output_total_bytes;
            state.waiting_bytes.all() <= most || {
                let connections = self.transport.sessions.len();
                waiting <= Piles::share(most, connections, crate::limits::MIN_OUTPUT_SHARE)
            }
        };
        if !has_room {
            self.end(state, Cause::SlowConsumer);
        }
        has_room
    }
}

impl State {
    fn take_held(&mut self) -> Vec<Bytes> {
        let held: Vec<_> = std::mem::take(&mut self.held).into();
        self.waiting_bytes -= held.iter().map(Bytes::len).sum::<usize>();
        self.copied = 0;
        held
    }

    fn drop_front(&mut self, mut written: usize) {
        self.waiting_bytes -= written;
        if self.answer_left > 0 {
            self.answer_left = self.answer_left.saturating_sub(written);
            self.set_answers_apart();
        }
        while let Some(front) = self.queue.front_mut() {
            if written < front.len() {
                *front = front.slice(written..);
                return;
            }
            written -= front.len();
            self.queue.pop_front();
        }
    }
}
