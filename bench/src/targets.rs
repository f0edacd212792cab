//! The rows of the report and the targets that stand against them. Knows no numbers.

mod events;
pub(crate) mod hooks;
mod size;

pub(crate) use self::events::EVENTS;
pub(crate) use self::size::SIZE;

use crate::scenario::Scenario;
use crate::scenario::Scenario::{Burst, Churn, Connect, Fanout, Fanout5000, Idle, Policy, Rooms};

/// One row of a table.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) scenario: Scenario,
    /// Name in the load generator's answer.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) target: Target,
}

/// What a number must be, as ratios within one round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// Nothing; it explains others.
    None,
    /// At most these shares of the peer and, where given, the floor.
    AtMost { node: f64, floor: Option<f64> },
    /// At least these multiples.
    AtLeast { node: f64, floor: f64 },
    /// With policies at most this share of without.
    Policies(f64),
    /// At most this, by itself.
    Most(f64),
    /// Nothing lost at all.
    Zero,
}

const fn row(
    scenario: Scenario,
    name: &'static str,
    label: &'static str,
    target: Target,
) -> Metric {
    Metric {
        scenario,
        name,
        label,
        target,
    }
}

const DELIVERY: Target = Target::AtMost {
    node: 0.55,
    floor: Some(1.10),
};
const LATENCY: Target = Target::AtMost {
    node: 0.65,
    floor: Some(1.15),
};
const ROOMS: Target = Target::AtMost {
    node: 0.5,
    floor: Some(1.2),
};
const MOST: Target = Target::AtLeast {
    node: 8.0,
    floor: 0.8,
};

/// All rows, in the order of the tables.
pub(crate) const METRICS: &[Metric] = &[
    row(
        Connect,
        "connect.cpu",
        "CPU s per 1,000 connects",
        Target::AtMost {
            node: 0.15,
            floor: None,
        },
    ),
    row(Connect, "connect.rate", "connects per second", Target::None),
    row(
        Connect,
        "connect.p50",
        "connect to `auth-success`, p50 ms",
        Target::None,
    ),
    row(
        Connect,
        "connect.p99",
        "connect to `auth-success`, p99 ms",
        Target::None,
    ),
    row(Connect, "connect.lost", "sockets lost", Target::Zero),
    row(
        Churn,
        "churn.connected",
        "sockets that got in",
        Target::None,
    ),
    row(Churn, "churn.lost", "sockets lost", Target::Zero),
    row(
        Churn,
        "churn.cpu",
        "CPU s per 1,000 that came and went",
        Target::None,
    ),
    row(Churn, "churn.memory", "MiB at the end", Target::None),
    row(
        Fanout,
        "http.paced.cpu",
        "18 k msg/s by HTTP: CPU µs per message",
        DELIVERY,
    ),
    row(
        Fanout,
        "http.paced.p50",
        "18 k msg/s by HTTP: p50 ms",
        LATENCY,
    ),
    row(
        Fanout,
        "http.paced.p99",
        "18 k msg/s by HTTP: p99 ms",
        LATENCY,
    ),
    row(
        Fanout,
        "http.fast.rate",
        "by HTTP: most msg/s, p99 < 100 ms, none lost",
        MOST,
    ),
    row(
        Fanout,
        "http.fast.cpu",
        "by HTTP at that rate: CPU µs per message",
        Target::None,
    ),
    row(
        Fanout,
        "http.window64.rate",
        "by HTTP, 64 outstanding: msg/s",
        Target::None,
    ),
    row(
        Fanout,
        "http.window64.cpu",
        "by HTTP, 64 outstanding: CPU µs per message",
        Target::None,
    ),
    row(
        Fanout,
        "media.paced.cpu",
        "18 k msg/s by socket: CPU µs per message",
        DELIVERY,
    ),
    row(
        Fanout,
        "media.paced.p50",
        "18 k msg/s by socket: p50 ms",
        LATENCY,
    ),
    row(
        Fanout,
        "media.paced.p99",
        "18 k msg/s by socket: p99 ms",
        LATENCY,
    ),
    row(
        Fanout,
        "media.fast.rate",
        "by socket: most msg/s, p99 < 100 ms, none lost",
        MOST,
    ),
    row(
        Fanout,
        "media.fast.cpu",
        "by socket at that rate: CPU µs per message",
        Target::None,
    ),
    row(
        Fanout,
        "media.window64.rate",
        "by socket, 64 outstanding: msg/s",
        Target::None,
    ),
    row(
        Fanout,
        "media.window64.cpu",
        "by socket, 64 outstanding: CPU µs per message",
        Target::None,
    ),
    row(
        Fanout5000,
        "http.paced.cpu",
        "18 k msg/s to 5,000: CPU µs per message",
        DELIVERY,
    ),
    row(
        Fanout5000,
        "http.paced.p50",
        "18 k msg/s to 5,000: p50 ms",
        Target::None,
    ),
    row(
        Fanout5000,
        "http.paced.p99",
        "18 k msg/s to 5,000: p99 ms",
        Target::None,
    ),
    row(
        Rooms,
        "rooms.paced.cpu",
        "10 k msg/s: CPU µs per message",
        ROOMS,
    ),
    row(Rooms, "rooms.paced.p50", "10 k msg/s: p50 ms", Target::None),
    row(Rooms, "rooms.paced.p99", "10 k msg/s: p99 ms", Target::None),
    row(
        Rooms,
        "rooms.fast.rate",
        "most msg/s, p99 < 100 ms, none lost",
        Target::None,
    ),
    row(
        Rooms,
        "rooms.window64.cpu",
        "64 outstanding: CPU µs per message",
        ROOMS,
    ),
    row(Idle, "idle.kib", "KiB per idle socket", Target::None),
    row(
        Idle,
        "idle.total",
        "MiB with 10,000 idle",
        Target::AtMost {
            node: 0.8,
            floor: None,
        },
    ),
    row(Burst, "idle.kib", "KiB per idle socket", Target::None),
    row(
        Burst,
        "idle.total",
        "MiB with 10,000 idle",
        Target::AtMost {
            node: 0.8,
            floor: None,
        },
    ),
    row(
        Burst,
        "burst.after",
        "MiB after a burst",
        Target::AtMost {
            node: 0.7,
            floor: None,
        },
    ),
    row(Burst, "burst.peak", "MiB at the most", Target::None),
    row(
        Burst,
        "burst.cpu",
        "CPU µs per message of the burst",
        Target::None,
    ),
    row(
        Policy,
        "media.paced.cpu",
        "media, 18 k msg/s: CPU µs per message",
        Target::Policies(1.02),
    ),
    row(
        Policy,
        "media.window16.cpu",
        "media, 16 outstanding: CPU µs per message",
        Target::Policies(1.02),
    ),
    row(
        Policy,
        "media.window16.rate",
        "media, 16 outstanding: msg/s",
        Target::None,
    ),
    row(
        Policy,
        "select.paced.cpu",
        "select, 18 k/s: CPU µs per pair of messages",
        Target::Policies(1.02),
    ),
    row(
        Policy,
        "select.window16.cpu",
        "select, 16 outstanding: CPU µs per pair of messages",
        Target::Policies(1.02),
    ),
    row(
        Policy,
        "select.window16.rate",
        "select, 16 outstanding: pairs of messages/s",
        Target::None,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Two servers do best with different numbers of events outstanding, and what a message costs
    /// depends on that number more than on anything else.
    #[test]
    fn what_policies_cost_is_judged_under_the_same_load() {
        for metric in METRICS {
            if matches!(metric.target, Target::Policies(_)) {
                assert!(!metric.name.contains(".fast."), "{}", metric.name);
            }
        }
    }
}
