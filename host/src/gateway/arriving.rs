//! Who may open one more session; must not know over which transport.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;

use super::address::Source;
use super::engine::Transport;
use super::newcomers::{Crowded, Newcomer};

/// A client that opens a session.
pub(super) struct Client {
    /// The address it comes from, without a port, where known.
    pub(super) address: Option<Arc<str>>,
    /// What that counts as where rates and bounds hold for it.
    pub(super) source: Source,
    /// Its place among those who have not authenticated.
    pub(super) newcomer: Newcomer,
}

/// Why a client may not open a session now.
#[derive(Clone, Copy, Debug)]
pub(super) enum TurnedAway {
    /// Its address opens them faster than it may.
    TooFast,
    /// There is no place among those who have not authenticated.
    Crowded(Crowded),
}

impl TurnedAway {
    /// What it is called in metrics.
    fn limit(self) -> &'static str {
        match self {
            Self::TooFast => "address-connects",
            Self::Crowded(Crowded::Address) => "address-unauthenticated",
            Self::Crowded(Crowded::All) => "unauthenticated",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooFast | Self::Crowded(Crowded::Address) => StatusCode::TOO_MANY_REQUESTS,
            Self::Crowded(Crowded::All) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// An error as Engine.IO writes its own, with the nearest number that it has.
    pub(super) fn error(self) -> &'static str {
        match self {
            Self::TooFast => {
                r#"{"code":4,"message":"Forbidden: too many sessions are opened from this address"}"#
            }
            Self::Crowded(Crowded::Address) => {
                r#"{"code":4,"message":"Forbidden: too many sessions of this address have not authenticated"}"#
            }
            Self::Crowded(Crowded::All) => {
                r#"{"code":4,"message":"Forbidden: too many sessions have not authenticated"}"#
            }
        }
    }
}

impl Client {
    /// A client that comes from `address`, if it may open a session.
    pub(super) fn arrive(
        transport: &Transport,
        address: Option<IpAddr>,
    ) -> Result<Self, TurnedAway> {
        let source = Source::of(address);
        let newcomer = if transport.connects.take(source) {
            let entered = transport.newcomers.enter(source);
            entered.map_err(TurnedAway::Crowded)
        } else {
            Err(TurnedAway::TooFast)
        };
        match newcomer {
            Ok(newcomer) => Ok(Self {
                address: address.map(|address| Arc::from(address.to_string())),
                source,
                newcomer,
            }),
            Err(turned_away) => {
                transport.metrics.limited(turned_away.limit());
                Err(turned_away)
            }
        }
    }
}
