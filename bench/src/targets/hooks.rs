//! The rows of the tables about policy calls, and their targets. All times are in microseconds;
//! they hold for two cores. Knows no numbers.

/// A series of calls: a row with quantiles.
#[derive(Debug)]
pub(crate) struct Series {
    /// Name in the benchmark's answer, before the quantile's.
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The most that the median may be.
    pub(crate) p50: Option<f64>,
    /// The most that the 99th percentile may be.
    pub(crate) p99: Option<f64>,
}

const fn series(name: &'static str, label: &'static str, p50: f64) -> Series {
    Series {
        name,
        label,
        p50: Some(p50),
        p99: None,
    }
}

const fn plain(name: &'static str, label: &'static str) -> Series {
    Series {
        name,
        label,
        p50: None,
        p99: None,
    }
}

/// All series, in the order of the table.
pub(crate) const SERIES: &[Series] = &[
    plain("none", "no policy: whether anybody is asked"),
    Series {
        p99: Some(2.0),
        ..series(
            "admission.role",
            "admission by role (`workspace-guard`)",
            1.0,
        )
    },
    plain(
        "admission.full",
        "admission by role, two claims and network",
    ),
    plain("webhook", "the same admission asked of the webhook"),
    plain(
        "audience",
        "the rule of a private channel (`private-channels`)",
    ),
    plain(
        "commands",
        "a command with Janus and LiveKit tokens (`media-credentials`)",
    ),
    series(
        "events",
        "a 300-byte event in three forms (`profile-privacy`)",
        5.0,
    ),
    plain("events.unchanged", "the same without a profile, left alone"),
    plain("decide", "`decide`, for each of 10,000"),
    series(
        "visible.members",
        "channel changed, 10,000 people: by a rule about members",
        100.0,
    ),
    plain("visible.roles", "the same by a rule about everybody"),
    series("visible.each", "the same by asking about `each`", 3_000.0),
    plain("lifecycle", "an instance started and configured"),
    plain("trap", "a trap, a fresh instance and its answer"),
    plain("isolated", "admission with an instance for each call"),
    series(
        "reload.cached",
        "file renamed to first decision, compiled before",
        5_000.0,
    ),
    series(
        "reload.new",
        "file renamed to first decision, new",
        100_000.0,
    ),
    series(
        "start-up.cached",
        "ten policies loaded, compiled before",
        20_000.0,
    ),
    plain("start-up.new", "ten policies loaded, new"),
];

/// What a single number must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Nothing; it explains others.
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    pub(crate) fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
        }
    }
}

/// A row with one number.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) bound: Bound,
}

const fn single(name: &'static str, label: &'static str, bound: Bound) -> Single {
    Single { name, label, bound }
}

/// All single numbers, in the order of the table.
pub(crate) const SINGLES: &[Single] = &[
    single(
        "webhook.latency-ratio",
        "latency, webhook / in place",
        Bound::AtLeast(100.0),
    ),
    single("webhook.cpu-ratio", "CPU, webhook / in place", Bound::None),
    single(
        "throughput.two",
        "admissions per second, two threads",
        Bound::None,
    ),
    single("throughput.webhook", "the same by the webhook", Bound::None),
    single(
        "throughput.ratio",
        "admissions per second, in place / webhook",
        Bound::AtLeast(25.0),
    ),
    single("throughput.scaling", "two threads / one", Bound::None),
    single(
        "isolated.two",
        "admissions per second, an instance each, two threads",
        Bound::None,
    ),
    single(
        "isolated.scaling",
        "the same, two threads / one",
        Bound::None,
    ),
    single("instance.kib", "KiB per warm instance", Bound::AtMost(64.0)),
    single(
        "start-up.kib",
        "KiB that ten policies add to a process",
        Bound::None,
    ),
    single(
        "visible.again",
        "questions put when nothing changed",
        Bound::AtMost(0.0),
    ),
    single(
        "reload.wrong",
        "decisions failed or misjudged while reloading",
        Bound::AtMost(0.0),
    ),
];

/// One column of the table of components.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The most that the number may be, by the language that a component's name begins with.
    pub(crate) most: &'static [(&'static str, f64)],
}

const fn column(name: &'static str, label: &'static str) -> Column {
    Column {
        name,
        label,
        most: &[],
    }
}

/// All columns, in the order of the table.
pub(crate) const COLUMNS: &[Column] = &[
    column("size", "KiB"),
    column("compile", "compile ms"),
    Column {
        most: &[
            ("rust", 64.0),
            ("javascript", 256.0),
            ("typescript", 256.0),
            ("python", 1024.0),
        ],
        ..column("memory", "instance KiB")
    },
    column("start", "start µs"),
    column("cold", "start and first answer µs"),
    Column {
        most: &[
            ("rust", 1.0),
            ("javascript", 5.0),
            ("typescript", 5.0),
            ("python", 5.0),
        ],
        ..column("admission.p50", "admission µs")
    },
    Column {
        most: &[
            ("rust", 2.0),
            ("javascript", 15.0),
            ("typescript", 15.0),
            ("python", 15.0),
        ],
        ..column("admission.p99", "p99")
    },
    column("channel-visibility.p50", "rule of a channel µs"),
    column("channel-visibility.p99", "p99"),
    column("decide.p50", "`decide`, each µs"),
    column("commands.p50", "command µs"),
    column("commands.p99", "p99"),
    Column {
        most: &[
            ("rust", 5.0),
            ("javascript", 25.0),
            ("typescript", 25.0),
            ("python", 30.0),
        ],
        ..column("events.p50", "300-byte event µs")
    },
    column("events.p99", "p99"),
    Column {
        most: &[
            ("rust", 5_000.0),
            ("javascript", 5_000.0),
            ("typescript", 5_000.0),
            ("python", 5_000.0),
        ],
        ..column("reload-cached.p50", "reload µs, compiled before")
    },
    Column {
        most: &[
            ("rust", 100_000.0),
            ("javascript", 1_300_000.0),
            ("typescript", 1_300_000.0),
        ],
        ..column("reload-new.p50", "reload µs, new")
    },
];
