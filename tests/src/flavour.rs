//! The stock clients that the server must get on with. It must not know what they are used for.

use serde_json::{Value, json};

/// A stock client, and the transports that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// `socket.io-client` 4, WebSocket only.
    Js4WebSocket,
    /// `socket.io-client` 4, polling first, then an upgrade.
    Js4Upgrade,
    /// `socket.io-client` 4, polling only.
    Js4Polling,
    /// `socket.io-client` 3, WebSocket only.
    Js3WebSocket,
    /// `socket.io-client` 3, polling first, then an upgrade.
    Js3Upgrade,
    /// `socket.io-client` 2 (protocol 4), WebSocket only.
    Js2WebSocket,
    /// `socket.io-client` 2 (protocol 4), polling first, then an upgrade.
    Js2Upgrade,
    /// `socket.io-client` 2 (protocol 4), polling only.
    Js2Polling,
    /// `python-socketio`, WebSocket only.
    PythonWebSocket,
    /// `python-socketio`, polling first, then an upgrade.
    PythonUpgrade,
}

impl Flavour {
    /// The first argument of the JavaScript driver; nothing for another language.
    pub(crate) fn generation(self) -> Option<&'static str> {
        match self {
            Self::Js4WebSocket | Self::Js4Upgrade | Self::Js4Polling => Some("4"),
            Self::Js3WebSocket | Self::Js3Upgrade => Some("3"),
            Self::Js2WebSocket | Self::Js2Upgrade | Self::Js2Polling => Some("2"),
            Self::PythonWebSocket | Self::PythonUpgrade => None,
        }
    }

    /// The client's own option that chooses the transports.
    pub(crate) fn transports(self) -> Value {
        match self {
            Self::Js4WebSocket
            | Self::Js3WebSocket
            | Self::Js2WebSocket
            | Self::PythonWebSocket => json!(["websocket"]),
            Self::Js4Polling | Self::Js2Polling => json!(["polling"]),
            Self::Js4Upgrade | Self::Js3Upgrade | Self::Js2Upgrade | Self::PythonUpgrade => {
                json!(["polling", "websocket"])
            }
        }
    }

    /// The transport that the client ends up with.
    #[must_use]
    pub fn settled_transport(self) -> &'static str {
        match self {
            Self::Js4Polling | Self::Js2Polling => "polling",
            _ => "websocket",
        }
    }

    /// Whether the client can send a payload with its handshake. Protocol 4 knows none.
    #[must_use]
    pub fn has_handshake_payload(self) -> bool {
        self.generation() != Some("2")
    }

    /// Whether the server can tell that the client leaves on purpose. `python-socketio` closes its
    /// transport before its farewell is written: the reference server, too, sees a lost transport.
    #[must_use]
    pub fn says_goodbye(self) -> bool {
        self.generation().is_some()
    }
}
