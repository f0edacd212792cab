//! Why connections end and what the client is told then; must not know how they are ended.

use bytes::Bytes;
use wardroom_domain::CloseReason;

use super::frame;
use super::wire::{self, Refusal};
use crate::codes::Code;

/// A WebSocket close without a status.
const WEBSOCKET_CLOSE: &[u8] = &[0x88, 0];

/// Why a connection ended. The names stand in logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// What waited for the client exceeded its bound, or none of it left in time.
    SlowConsumer,
    /// The client went on sending events though they were refused.
    RateExceeded,
    /// The client went on presenting tokens that are not accepted.
    TooManyFailedAuths,
    /// The client had not authenticated, and others needed the place.
    CrowdedOut,
    /// The client did not authenticate in time.
    AuthTimeout,
    /// The token expired, and no fresh one came.
    TokenExpired,
    /// The domain ended the connection of a client that is still there.
    Ended(CloseReason),
    /// The client said goodbye.
    Left,
    /// The client sent what is no packet, so that nothing after it can be understood either.
    Malformed,
    /// The transport failed or was closed by the client.
    TransportLost,
    /// The server is shutting down.
    Shutdown,
}

impl Cause {
    /// The name in logs and metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::SlowConsumer => "slow-consumer",
            Self::RateExceeded => "rate-exceeded",
            Self::TooManyFailedAuths => "failed-auths",
            Self::CrowdedOut => "crowded-out",
            Self::AuthTimeout => "auth-timeout",
            Self::TokenExpired => "token-expired",
            Self::Ended(CloseReason::Superseded) => "superseded",
            Self::Ended(CloseReason::Kicked) => "kicked",
            Self::Ended(CloseReason::MembershipEnded) => "membership-ended",
            Self::Ended(CloseReason::WorkspaceClosed) => "workspace-closed",
            Self::Ended(CloseReason::NotAdmitted(_)) => "not-admitted",
            Self::Left | Self::Ended(CloseReason::Left) => "left",
            Self::TransportLost | Self::Ended(CloseReason::Lost) => "transport-lost",
            Self::Malformed => "malformed",
            Self::Shutdown => "shutdown",
        }
    }

    /// What the client is told before the transport closes.
    pub(super) const fn farewell(&self) -> Farewell {
        match self {
            Self::Ended(_)
            // They would come back by themselves and do the same.
            | Self::RateExceeded
            | Self::TooManyFailedAuths => Farewell::StayAway,
            // They come back with a fresh token, if their application has made it a function, or
            // in better time.
            Self::AuthTimeout | Self::TokenExpired | Self::Shutdown | Self::Malformed => {
                Farewell::ComeBack
            }
            Self::SlowConsumer | Self::CrowdedOut | Self::Left | Self::TransportLost => {
                Farewell::None
            }
        }
    }

    /// The packet that tells the client why, if it can still hear it.
    pub(super) fn explanation(&self) -> Option<String> {
        let (code, message) = match self {
            Self::RateExceeded => (Code::RateLimited, "events come faster than they may"),
            Self::TooManyFailedAuths => (Code::RateLimited, "too many tokens were not accepted"),
            Self::AuthTimeout => (Code::AuthTimeout, "the socket did not authenticate in time"),
            Self::TokenExpired => (Code::TokenExpired, "the token has expired"),
            Self::Malformed => (
                Code::InvalidData,
                "what came is no Socket.IO packet, or is too large for one",
            ),
            Self::Shutdown => (Code::ShuttingDown, "the server is shutting down"),
            Self::Ended(CloseReason::Superseded) => (
                Code::Superseded,
                "the client came back on another connection",
            ),
            Self::Ended(CloseReason::Kicked) => (Code::Kicked, "the user was put out"),
            Self::Ended(CloseReason::MembershipEnded) => (
                Code::MembershipEnded,
                "the user is no longer a member of the workspace",
            ),
            Self::Ended(CloseReason::WorkspaceClosed) => {
                (Code::WorkspaceClosed, "the workspace was closed")
            }
            Self::Ended(CloseReason::NotAdmitted(denial)) => {
                (Code::DeniedByPolicy, &*denial.message)
            }
            Self::Ended(CloseReason::Left | CloseReason::Lost)
            | Self::SlowConsumer
            | Self::CrowdedOut
            | Self::Left
            | Self::TransportLost => return None,
        };
        let decision = match self {
            Self::Ended(CloseReason::NotAdmitted(denial)) => Some(&*denial.decision),
            _ => None,
        };
        let refusal = Refusal {
            code,
            message,
            decision,
        };
        Some(wire::error("auth", &refusal))
    }
}

/// The last packet to a client that is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// A Socket.IO disconnect: stock clients do not reconnect by themselves.
    StayAway,
    /// The close of the transport itself: stock clients reconnect. (An Engine.IO close packet says the
    /// same to JavaScript, but `python-socketio` stays away after it.)
    ComeBack,
    /// Nothing: the client cannot or need not hear it.
    None,
}

impl Farewell {
    /// The WebSocket frame that says it.
    pub(super) fn frame(self) -> Option<Bytes> {
        match self {
            Self::StayAway => Some(frame::text("41")),
            Self::ComeBack => Some(Bytes::from_static(WEBSOCKET_CLOSE)),
            Self::None => None,
        }
    }
}
