//! A stock client in the hands of a test. It must not know which events there are, but for `get-state`.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::driver::{Driver, Report};
use crate::event::Event;
use crate::server::Server;
use crate::wait::within_deadline;
use crate::{Flavour, token};

/// A stock client. Dropping it kills its process, so that the server sees the transport break.
pub struct Client {
    name: String,
    flavour: Flavour,
    driver: Driver,
    events: VecDeque<Event>,
    socket: Option<String>,
    transport: Option<String>,
    gone: Option<String>,
    last_ack: u64,
}

impl Client {
    /// Starts a client that does nothing yet. Failures call it by `name`.
    #[must_use]
    pub fn start(flavour: Flavour, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            flavour,
            driver: Driver::start(flavour),
            events: VecDeque::new(),
            socket: None,
            transport: None,
            gone: None,
            last_ack: 0,
        }
    }

    /// Makes the socket, with a handshake payload unless it is null, and emits the `first` events
    /// at once, before anything is connected.
    pub fn connect(&mut self, server: &Server, handshake: Value, first: &[(&str, Value)]) {
        self.connect_to(&format!("http://{}", server.public()), handshake, first);
    }

    /// As [`Client::connect`], by URL.
    pub fn connect_to(&mut self, url: &str, handshake: Value, first: &[(&str, Value)]) {
        let mut options = json!({"transports": self.flavour.transports()});
        if !handshake.is_null() {
            options["auth"] = handshake;
        }
        self.driver
            .command(&json!({"do": "connect", "url": url, "options": options, "first": first}));
    }

    /// As [`Client::connect_to`], with options of the client's own and neither payload nor events.
    pub fn connect_with(&mut self, url: &str, mut options: Value) {
        options["transports"] = self.flavour.transports();
        self.driver
            .command(&json!({"do": "connect", "url": url, "options": options, "first": []}));
    }

    /// Waits until the client has been disconnected and is connected again, which it does by itself
    /// if it is told to reconnect. Tells the reason of the disconnection in its words.
    pub async fn came_back(&mut self) -> String {
        let reason = self.disconnected().await;
        (self.gone, self.socket) = (None, None);
        self.connected().await;
        self.gone = None;
        reason
    }

    /// Enters a workspace by token, however often the client loses its connection meanwhile.
    pub async fn enter_at_last(&mut self, user: &str, workspace: &str) {
        let what = format!("{}: an answer at last", self.name);
        let credentials = json!({"token": token::token(user, workspace), "workspaceId": workspace});
        within_deadline(&what, async {
            loop {
                while self.socket.is_none() {
                    self.take_report().await;
                }
                self.gone = None;
                self.last_ack += 1;
                let ack = self.last_ack;
                let args = [&credentials];
                self.driver
                    .command(&json!({"do": "emit", "event": "auth", "args": args, "ack": ack}));
                while self.gone.is_none() {
                    if self.take_report().await.is_some() {
                        return;
                    }
                }
                self.socket = None;
            }
        })
        .await;
    }

    /// Emits an event without asking for an acknowledgement.
    pub fn emit(&mut self, event: &str, data: Value) {
        self.emit_all(event, vec![data]);
    }

    /// Emits an event with any number of arguments.
    pub fn emit_all(&mut self, event: &str, arguments: Vec<Value>) {
        self.driver
            .command(&json!({"do": "emit", "event": event, "args": arguments}));
    }

    /// Leaves on purpose.
    pub fn disconnect(&mut self) {
        self.driver.command(&json!({"do": "disconnect"}));
    }

    /// Emits an event and waits for its acknowledgement. Events before it are kept.
    pub async fn ask(&mut self, event: &str, data: Value) -> Value {
        self.ask_all(event, vec![data]).await
    }

    /// As [`Client::ask`], with any number of arguments.
    ///
    /// # Panics
    /// If there is no acknowledgement in time, or not with exactly one argument.
    pub async fn ask_all(&mut self, event: &str, arguments: Vec<Value>) -> Value {
        self.last_ack += 1;
        let wanted = self.last_ack;
        self.driver
            .command(&json!({"do": "emit", "event": event, "args": arguments, "ack": wanted}));
        let what = format!("{}: the acknowledgement of {event}", self.name);
        let answer = within_deadline(&what, async {
            loop {
                if let Some((ack, answer)) = self.take_report().await {
                    assert_eq!(ack, wanted, "{what} came out of order");
                    return answer;
                }
                let gone = self.gone.as_ref();
                assert!(gone.is_none(), "{what}: gone ({gone:?}), {:?}", self.events);
            }
        });
        match <[Value; 1]>::try_from(answer.await) {
            Ok([answer]) => answer,
            Err(answer) => panic!("{} was {answer:?}", self.name),
        }
    }

    /// Asks for something that must be granted; what is granted comes without `ok`.
    ///
    /// # Panics
    /// If it is not granted.
    pub async fn ask_ok(&mut self, event: &str, data: Value) -> Value {
        let name = self.name.clone();
        let mut answer = self.ask(event, data.clone()).await;
        let object = answer.as_object_mut();
        let ok = object.and_then(|object| object.remove("ok"));
        assert_eq!(ok, Some(json!(true)), "{name}: {event} {data}: {answer}");
        answer
    }

    /// Asks for something that must be refused, and tells the code.
    ///
    /// # Panics
    /// If it is granted, or the error has another form than the documented one.
    pub async fn ask_refused(&mut self, event: &str, data: Value) -> String {
        let answer = self.ask(event, data).await;
        refusal(&answer)
    }

    /// Enters a workspace by token.
    pub async fn auth(&mut self, user: &str, workspace: &str) -> Value {
        let token = token::token(user, workspace);
        self.ask_ok("auth", json!({"token": token, "workspaceId": workspace}))
            .await
    }

    /// Waits until the client is connected, and tells the id of its socket.
    pub async fn connected(&mut self) -> String {
        let what = format!("{}: the connection", self.name);
        within_deadline(&what, async {
            loop {
                if let Some(socket) = &self.socket {
                    return socket.clone();
                }
                self.take_report().await;
            }
        })
        .await
    }

    /// Waits until the client uses a transport.
    pub async fn uses(&mut self, transport: &str) {
        let what = format!("{}: the transport {transport}", self.name);
        within_deadline(&what, async {
            while self.transport.as_deref() != Some(transport) {
                self.take_report().await;
            }
        })
        .await;
    }

    /// Waits until the client is told that it is disconnected, and tells the reason in its words.
    pub async fn disconnected(&mut self) -> String {
        let what = format!("{}: the disconnection", self.name);
        within_deadline(&what, async {
            loop {
                if let Some(reason) = &self.gone {
                    return reason.clone();
                }
                self.take_report().await;
            }
        })
        .await
    }

    /// The next event, of those that came before and those to come.
    pub async fn next(&mut self) -> Event {
        let what = format!("{}: another event", self.name);
        within_deadline(&what, async {
            loop {
                if let Some(event) = self.events.pop_front() {
                    return event;
                }
                assert!(self.gone.is_none(), "{what}: gone ({:?})", self.gone);
                self.take_report().await;
            }
        })
        .await
    }

    /// Everything that was heard until now and not looked at before. It asks for the state and
    /// waits for the answer: what the server had sent before stands before it.
    pub async fn heard(&mut self) -> Vec<Event> {
        self.ask_ok("get-state", json!({})).await;
        self.events.drain(..).collect()
    }

    /// Everything that was heard until the disconnection and not looked at before.
    pub async fn last_heard(&mut self) -> Vec<Event> {
        self.disconnected().await;
        self.events.drain(..).collect()
    }

    /// The workspace as this client may see it.
    pub async fn state(&mut self) -> Value {
        self.ask_ok("get-state", json!({})).await
    }

    /// The channels that this client may see, in order.
    ///
    /// # Panics
    /// If the state has another form than the documented one.
    pub async fn channels(&mut self) -> Vec<String> {
        let state = self.state().await;
        let channels = state["channels"].as_array().expect("channels are a list");
        let id = |channel: &Value| channel["channelId"].as_str().map(str::to_owned);
        let mut ids: Vec<_> = channels.iter().filter_map(id).collect();
        ids.sort();
        ids
    }

    /// The id of the socket.
    ///
    /// # Panics
    /// If it was never connected.
    #[must_use]
    pub fn socket(&self) -> &str {
        self.socket.as_deref().expect("it was connected")
    }

    /// Takes the next report; an acknowledgement is handed out, the rest is kept.
    async fn take_report(&mut self) -> Option<(u64, Vec<Value>)> {
        match self.driver.report().await {
            Report::Connect { id } => self.socket = Some(id),
            Report::Disconnect { reason } => self.gone = Some(reason),
            Report::ConnectError { message } => self.gone = Some(format!("error: {message}")),
            Report::Transport { name } => self.transport = Some(name),
            Report::Event { event, args } => self.events.push_back(Event::received(event, args)),
            Report::Ack { ack, args } => return Some((ack, args)),
        }
        None
    }
}

/// The code of a refusal in an acknowledgement.
///
/// # Panics
/// If it has another form than the documented one.
#[must_use]
pub fn refusal(answer: &Value) -> String {
    let code = answer["error"]["code"].as_str().map(str::to_owned);
    let code = code.unwrap_or_else(|| panic!("not refused: {answer}"));
    let message = answer["error"]["message"].as_str();
    assert!(message.is_some_and(|text| !text.is_empty()), "{answer}");
    let mut expected = json!({"ok": false, "error": {"code": code, "message": message}});
    // Only a refusal by a policy names a decision.
    if code == "denied-by-policy" {
        let decision = answer["error"]["decisionId"].as_str();
        assert!(decision.is_some_and(|id| id.len() >= 8), "{answer}");
        expected["error"]["decisionId"] = json!(decision);
    }
    assert_eq!(answer, &expected, "exactly the documented fields");
    code
}
