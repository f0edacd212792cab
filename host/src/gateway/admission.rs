//! What of that which clients send is taken, and at which rates; must not know what events mean.

use std::sync::Arc;
use std::time::Instant;

use wardroom_domain::{Output as Outcome, UserId, WorkspaceId};

use super::address::Source;
use super::closing::Cause;
use super::identity::{Authenticator, Identity, TokenRefusal};
use super::peer::Peer;
use super::rates::{Bucket, Buckets, Rate};
use super::verifying::{Unverified, Verifying};
use super::wire::{self, Fault};
use crate::codes::Code;
use crate::limits;
use crate::metrics::Metrics;

/// How often clients may do things. What is beyond is refused; only those who go on are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Events of one connection.
    pub connection_events: Rate,
    /// Events of all connections of one user.
    pub user_events: Rate,
    /// Bytes that each listener is sent of what one user does.
    pub user_output: Rate,
    /// Events of all connections from one address.
    pub address_events: Rate,
    /// Sessions that one address opens.
    pub address_connects: Rate,
    /// Tokens from one address whose signature turns out to be wrong.
    pub address_failed_auths: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |(per_second, burst)| Rate::new(per_second, burst);
        Self {
            connection_events: rate(limits::CONNECTION_EVENTS),
            user_events: rate(limits::USER_EVENTS),
            user_output: rate(limits::USER_OUTPUT_BYTES),
            address_events: rate(limits::ADDRESS_EVENTS),
            address_connects: rate(limits::ADDRESS_CONNECTS),
            address_failed_auths: rate(limits::ADDRESS_FAILED_AUTHS),
        }
    }
}

const REFUSALS: Rate = Rate::new(limits::REFUSED_EVENTS.0, limits::REFUSED_EVENTS.1);

/// How one client has behaved so far.
#[derive(Default)]
pub(super) struct Conduct {
    events: Bucket,
    refused: Bucket,
    /// Tokens in a row that were not accepted.
    failed_auths: u32,
    /// Why it is to be closed, once it has read the last answer.
    offence: Option<Cause>,
    /// What it last asked to enter, and as whom its token lets it: for the log.
    pub(super) asked: Option<(WorkspaceId, Option<UserId>)>,
}

/// Keeps count of all clients.
pub(super) struct Admission {
    rates: Rates,
    max_auth_failures: u32,
    users: Buckets<UserId>,
    outputs: Buckets<UserId>,
    addresses: Buckets<Source>,
    failed: Buckets<Source>,
    verifying: Verifying,
    metrics: Arc<Metrics>,
}

impl Admission {
    pub(super) fn new(
        rates: Rates,
        max_auth_failures: u32,
        authenticator: Arc<dyn Authenticator>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            rates,
            max_auth_failures,
            users: Buckets::new(rates.user_events),
            outputs: Buckets::new(rates.user_output),
            addresses: Buckets::new(rates.address_events),
            failed: Buckets::new(rates.address_failed_auths),
            verifying: Verifying::new(authenticator),
            metrics,
        }
    }

    /// Whether one more event of a client, who is this user if it has authenticated, is taken.
    pub(super) fn take_event(&self, peer: &Peer, user: Option<&UserId>) -> Result<(), Fault> {
        let now = Instant::now();
        let mut conduct = peer.conduct.lock();
        let exceeded = if !conduct.events.take(self.rates.connection_events, now) {
            "connection-events"
        } else if user.is_some_and(|user| !self.users.take(user.clone())) {
            "user-events"
        } else if user.is_some_and(|user| !self.outputs.has(user)) {
            "user-output"
        } else if !self.addresses.take(peer.output().source()) {
            "address-events"
        } else {
            return Ok(());
        };
        if !conduct.refused.take(REFUSALS, now) {
            conduct.offence = Some(Cause::RateExceeded);
        }
        Err(self.limited(exceeded, "events come faster than they may"))
    }

    /// Takes note of what each listener gets of what a user did.
    pub(super) fn caused(&self, user: &UserId, outcomes: &[Outcome]) {
        if self.rates.user_output == Rate::UNBOUNDED {
            return;
        }
        let events = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Event { event, .. } => Some(wire::event(event).len()),
            _ => None,
        });
        let bytes = u32::try_from(events.sum::<usize>()).unwrap_or(u32::MAX);
        if bytes > 0 {
            self.outputs.charge(user.clone(), bytes);
        }
    }

    /// Finds out who holds a token.
    pub(super) async fn identify(&self, peer: &Peer, token: String) -> Result<Identity, Fault> {
        let source = peer.output().source();
        let found = match self.verifying.screen(&token) {
            Ok(()) => self.verify(peer, source, token).await,
            Err(refusal) => Err(refused(refusal)),
        };
        let mut conduct = peer.conduct.lock();
        match &found {
            Ok(_) => conduct.failed_auths = 0,
            // That the server is busy is not held against anybody.
            Err(fault) if matches!(fault.code, Code::Overloaded | Code::Internal) => {}
            Err(_) => {
                conduct.failed_auths += 1;
                if conduct.failed_auths >= self.max_auth_failures {
                    conduct.offence = Some(Cause::TooManyFailedAuths);
                }
            }
        }
        found
    }

    async fn verify(&self, peer: &Peer, source: Source, token: String) -> Result<Identity, Fault> {
        // The first attempt of a client is always looked at, whatever others at its address do: how
        // many first attempts there are is a matter of how many may connect.
        let failed_before = peer.conduct.lock().failed_auths > 0;
        if failed_before && !self.failed.has(&source) {
            return Err(self.limited("address-failed-auths", TOO_MANY_AUTHS));
        }
        self.verifying
            .verify(source, token)
            .await
            .map_err(|error| match error {
                Unverified::Refused(refusal) => {
                    self.failed.charge(source, 1);
                    refused(refusal)
                }
                Unverified::TooMany => self.limited("address-verifications", TOO_MANY_AUTHS),
                Unverified::Overloaded => {
                    self.metrics.limited("verifications");
                    Fault::new(Code::Overloaded, "too many tokens wait to be verified")
                }
                Unverified::Failed => Fault::new(Code::Internal, "the token could not be verified"),
            })
    }

    fn limited(&self, limit: &'static str, message: &'static str) -> Fault {
        self.metrics.limited(limit);
        Fault {
            reason: Some(limit),
            ..Fault::new(Code::RateLimited, message)
        }
    }

    /// Why a client is to be closed that went on though it was refused, if it did.
    pub(super) fn offence(&self, peer: &Peer) -> Option<Cause> {
        peer.conduct.lock().offence.clone()
    }
}

const TOO_MANY_AUTHS: &str = "too many tokens from this address are not accepted";

fn refused(refusal: TokenRefusal) -> Fault {
    match refusal {
        TokenRefusal::Expired => Fault::new(Code::TokenExpired, "the token has expired"),
        TokenRefusal::Invalid(reason) => Fault {
            reason: Some(reason),
            ..Fault::new(Code::InvalidToken, "the token is not accepted")
        },
    }
}
