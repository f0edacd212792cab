//! The rows about events under policies: rendering, and settling after a change. Knows no numbers.

use super::{Metric, Target, row};
use crate::scenario::Scenario::{Renditions, Settle};

/// What is counted wrong in any scenario must be nothing at all.
const ZERO: Target = Target::Zero;
const NONE: Target = Target::None;

/// The rows, in the order of their tables.
pub(crate) const EVENTS: &[Metric] = &[
    row(
        Renditions,
        "large.paced.cpu",
        "1,000 receivers, 18 k msg/s: CPU µs per message",
        NONE,
    ),
    row(
        Renditions,
        "large.paced.p99",
        "1,000 receivers, 18 k msg/s: p99 ms",
        NONE,
    ),
    row(
        Renditions,
        "large.window16.events",
        "1,000 receivers, 16 outstanding: events/s",
        NONE,
    ),
    row(
        Renditions,
        "large.window16.cpu",
        "1,000 receivers, 16 outstanding: CPU µs per message",
        NONE,
    ),
    row(
        Renditions,
        "small.paced.cpu",
        "100 × 10 receivers, 10 k msg/s: CPU µs per message",
        NONE,
    ),
    row(
        Renditions,
        "small.paced.p99",
        "100 × 10 receivers, 10 k msg/s: p99 ms",
        NONE,
    ),
    row(
        Renditions,
        "small.window64.events",
        "100 × 10 receivers, 64 outstanding: events/s",
        NONE,
    ),
    row(
        Renditions,
        "small.window64.cpu",
        "100 × 10 receivers, 64 outstanding: CPU µs per message",
        NONE,
    ),
    row(
        Renditions,
        "large.right",
        "renditions looked at, 1,000 receivers",
        NONE,
    ),
    row(Renditions, "large.wrong", "wrong ones among them", ZERO),
    row(
        Renditions,
        "small.right",
        "renditions looked at, 100 × 10 receivers",
        NONE,
    ),
    row(Renditions, "small.wrong", "wrong ones among them", ZERO),
    row(Settle, "settle.sockets", "sockets", NONE),
    row(Settle, "settle.channels", "channels", NONE),
    row(
        Settle,
        "settle.heard",
        "deliveries to people whom no change concerned",
        NONE,
    ),
    row(Settle, "settle.lost", "deliveries lost", ZERO),
    row(Settle, "steady.here.p99", "before: p99 ms here", NONE),
    row(Settle, "steady.here.most", "before: most ms here", NONE),
    row(Settle, "steady.beside.p99", "before: p99 ms beside", NONE),
    row(Settle, "steady.beside.most", "before: most ms beside", NONE),
    row(Settle, "swap.build", "file renamed → in force, ms", NONE),
    row(Settle, "swap.settle", "in force → settled, ms", NONE),
    row(
        Settle,
        "swap.latest",
        "in force → last delivery of what was committed before, ms",
        NONE,
    ),
    row(Settle, "swap.wrong", "deliveries to people shut out", ZERO),
    row(Settle, "swap.told", "people and channels told", NONE),
    row(Settle, "swap.differs", "told too much or too little", ZERO),
    row(
        Settle,
        "swap.building.beside.most",
        "published while it was built: most ms beside",
        NONE,
    ),
    row(
        Settle,
        "swap.settling.here.most",
        "published while it settled: most ms here",
        NONE,
    ),
    row(
        Settle,
        "swap.settling.beside.most",
        "published while it settled: most ms beside",
        NONE,
    ),
    row(Settle, "swap.all.here.p99", "around it: p99 ms here", NONE),
    row(
        Settle,
        "swap.all.beside.p99",
        "around it: p99 ms beside",
        NONE,
    ),
    row(
        Settle,
        "settings.build",
        "settings changed → in force, ms",
        NONE,
    ),
    row(Settle, "settings.settle", "in force → settled, ms", NONE),
    row(
        Settle,
        "settings.latest",
        "in force → last delivery of what was committed before, ms",
        NONE,
    ),
    row(
        Settle,
        "settings.wrong",
        "deliveries to people shut out",
        ZERO,
    ),
    row(
        Settle,
        "settings.differs",
        "told too much or too little",
        ZERO,
    ),
    row(
        Settle,
        "settings.settling.here.most",
        "published while it settled: most ms here",
        NONE,
    ),
    row(
        Settle,
        "settings.settling.beside.most",
        "published while it settled: most ms beside",
        NONE,
    ),
    row(
        Settle,
        "membership.latest",
        "members struck off: answer → last delivery of what was committed before, ms",
        NONE,
    ),
    row(
        Settle,
        "membership.wrong",
        "deliveries to people shut out",
        ZERO,
    ),
    row(
        Settle,
        "membership.differs",
        "told too much or too little",
        ZERO,
    ),
    row(
        Settle,
        "membership.all.beside.p99",
        "meanwhile: p99 ms beside",
        NONE,
    ),
    row(
        Settle,
        "role.latest",
        "roles taken away: answer → last delivery of what was committed before, ms",
        NONE,
    ),
    row(Settle, "role.wrong", "deliveries to people shut out", ZERO),
    row(Settle, "role.differs", "told too much or too little", ZERO),
    row(
        Settle,
        "role.all.beside.p99",
        "meanwhile: p99 ms beside",
        NONE,
    ),
    row(
        Settle,
        "admission.settle",
        "guests no longer admitted: in force → settled, ms",
        NONE,
    ),
    row(
        Settle,
        "admission.latest",
        "in force → last delivery of what was committed before, ms",
        NONE,
    ),
    row(
        Settle,
        "admission.wrong",
        "deliveries to people shut out",
        ZERO,
    ),
    row(Settle, "settle.closed", "sockets closed", NONE),
    row(
        Settle,
        "admission.settling.beside.most",
        "published while it settled: most ms beside",
        NONE,
    ),
];
