//! Which clients have vanished: those of whom nothing comes, and those who never join. It must not know
//! what they send.
//!
//! socketioxide sends the heartbeats. It would judge by the clock alone, and after a pause of the process
//! end sessions whose answers wait in their sockets; so its deadlines are far away.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Settings;
use super::closing::Cause;
use super::engine::{Protocol, Transport};
use super::frame;
use super::output::Output;
use crate::{limits, uptime};

/// What socketioxide believes the deadline for an answer to be.
pub(super) const ENGINE_PING_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The packet by which the server asks, since revision 4 of Engine.IO.
const PING: &str = "2";

/// How long socketioxide waits for a client to join: it may not give up a client that has not given up.
/// The session is closed far earlier, after [`limits::JOIN_TIMEOUT`] in which the process ran.
pub(super) fn engine_join_timeout(settings: &Settings) -> Duration {
    let heartbeat = settings.ping_interval + settings.ping_timeout;
    limits::JOIN_TIMEOUT + heartbeat + limits::ENGINE_JOIN_MARGIN
}

/// What is known of the life of one client, in time that the process ran.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// When its session began.
    began: Duration,
    /// When something last came of it.
    pub(super) heard: Duration,
    /// When it was asked over its WebSocket and has not answered since; in revision 3 the client asks.
    asked: Option<Duration>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        let now = uptime::lately();
        Self {
            began: now,
            heard: now,
            asked: None,
        }
    }

    /// Takes note of what socketioxide writes to a WebSocket.
    pub(super) fn written(&mut self, protocol: Protocol, buffer: &[u8]) {
        let asks = |frame: frame::Frame<'_>| frame.text == Some(PING);
        if protocol == Protocol::V4 && frame::walk(buffer).any(asks) {
            self.asked = Some(uptime::lately());
        }
    }

    /// Whether it should have joined by now, if it has not.
    fn should_have_joined(&self, now: Duration) -> bool {
        now > self.began + limits::JOIN_TIMEOUT
    }

    /// Whether it is too long ago that anything came. A client that polls, and one that asks by
    /// itself, lets hear of itself once in an interval.
    fn is_lost(&self, now: Duration, interval: Duration, timeout: Duration) -> bool {
        match self.asked {
            Some(asked) => now > asked + timeout,
            None => now > self.heard + interval + timeout,
        }
    }
}

/// Looks after all sessions until the transport is gone.
pub(super) async fn watch(transport: Weak<Transport>) {
    let mut looked = 0;
    while let Some(transport) = transport.upgrade() {
        let (interval, timeout) = {
            let settings = &transport.settings;
            (settings.ping_interval, settings.ping_timeout)
        };
        // Who has not joined has not authenticated either, and over a WebSocket has no id yet.
        let sessions = transport.outputs().into_iter();
        for output in sessions.chain(transport.newcomers.outputs()) {
            if output.is_lost(interval, timeout) || output.never_joined() {
                output.close(Cause::TransportLost);
            }
            looked += 1;
            if looked % limits::HEARTBEATS_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        drop(transport);
        tokio::time::sleep((timeout / 8).clamp(limits::MIN_HEARTBEAT_LOOK, limits::HEARTBEAT_LOOK))
            .await;
    }
}

impl Output {
    fn is_lost(self: &Arc<Self>, interval: Duration, timeout: Duration) -> bool {
        let now = uptime::now();
        // It may have answered long ago: it is not read as long as much of it waits. Or it cannot have
        // been asked yet, behind what it is taking; that has deadlines of its own.
        if !self.may_read() || self.is_writing() {
            self.heard();
        }
        self.pulse.lock().is_lost(now, interval, timeout)
    }

    fn never_joined(&self) -> bool {
        self.peer().is_none() && self.pulse.lock().should_have_joined(uptime::now())
    }

    /// Called when something comes of the client, whatever it is.
    pub(super) fn heard(&self) {
        let mut pulse = self.pulse.lock();
        pulse.heard = uptime::lately();
        pulse.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_lost_that_does_not_answer_in_time() {
        let seconds = Duration::from_secs;
        let lost = |pulse: Pulse, now| pulse.is_lost(seconds(now), seconds(25), seconds(20));
        let asks_itself = Pulse {
            began: Duration::ZERO,
            heard: seconds(100),
            asked: None,
        };
        assert!(!lost(asks_itself, 145) && lost(asks_itself, 146));
        let asked = Pulse {
            asked: Some(seconds(110)),
            ..asks_itself
        };
        assert!(!lost(asked, 130) && lost(asked, 131));
    }

    #[test]
    fn a_session_is_to_be_joined_in_time() {
        let mut pulse = Pulse::new();
        pulse.heard += limits::JOIN_TIMEOUT;
        let by = pulse.began + limits::JOIN_TIMEOUT;
        assert!(!pulse.should_have_joined(by));
        assert!(pulse.should_have_joined(by + Duration::from_millis(1)));
    }

    /// A client hears the last heartbeat just before a pause, and gives up when the next one is late.
    #[test]
    fn socketioxide_closes_nobody_who_may_have_joined_during_a_pause() {
        for (interval, timeout) in [(25, 20), (60, 60), (300, 20)] {
            let [ping_interval, ping_timeout] = [interval, timeout].map(Duration::from_secs);
            let settings = Settings {
                ping_interval,
                ping_timeout,
                ..Settings::default()
            };
            let gives_up = limits::JOIN_TIMEOUT + ping_interval + ping_timeout;
            assert!(engine_join_timeout(&settings) > gives_up);
        }
    }

    #[test]
    fn only_a_ping_asks() {
        let mut pulse = Pulse::new();
        pulse.written(Protocol::V4, &frame::text("42[\"2\"]"));
        pulse.written(Protocol::V3, &frame::text("2"));
        assert_eq!(pulse.asked, None);
        pulse.written(Protocol::V4, &[frame::text("6"), frame::text("2")].concat());
        assert!(pulse.asked.is_some());
    }
}
