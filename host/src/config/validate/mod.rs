//! Turns what was written into what it means, collecting every problem on the way. It must not read anything but the files that settings name.

mod audit;
mod checker;
mod decision_log;
mod exposure;
mod keys;
mod origins;
mod policies;
mod proxies;
mod rates;

use std::path::Path;

use tracing_subscriber::EnvFilter;

use self::checker::{Checker, in_memory};
pub(super) use self::exposure::exposed;
use super::error::Problem;
use super::{
    Auth, Config, Limits, Listen, Log, LogFormat, Mode, Presence, Process, ShutdownBounds,
    SocketIo, Store, Written, raw,
};
use crate::auth::TokenRules;
use crate::limits::{MAX_AUTH_FAILURES, MAX_UNAUTHENTICATED_OF_ADDRESS};
use crate::nearest::nearest;

/// A configuration and what is wrong with it; usable only if nothing is.
pub(super) struct Checked {
    pub(super) config: Config,
    pub(super) problems: Vec<Problem>,
}

/// Validates everything. Relative paths start from `folder`.
pub(super) fn validate(raw: raw::Raw, folder: &Path, mode: Mode) -> Checked {
    let mut check = Checker::new(folder, mode);
    let config = Config {
        listen: listen(&mut check, raw.listen),
        auth: auth(&mut check, raw.auth),
        api_keys: keys::api_keys(&mut check, raw.api_keys),
        presence: presence(&mut check, &raw.presence),
        store: store(&mut check, raw.store),
        policies: policies::policies(&mut check, raw.policies),
        policy: policies::bounds(&mut check, &raw.policy),
        visibility: policies::visibility(&mut check, &raw.visibility),
        decision_log: decision_log::settings(&mut check, raw.decision_log),
        audit: audit::settings(&mut check, raw.audit),
        limits: limits(&mut check, &raw.limits),
        rates: rates::rates(&mut check, &raw.rates),
        socketio: socketio(&mut check, &raw.socketio),
        shutdown: ShutdownBounds {
            drain: check.duration("shutdown.drain", raw.shutdown.drain.as_deref(), "10s"),
        },
        log: log(&mut check, raw.log),
        process: Process {
            core_dumps: raw.process.core_dumps.unwrap_or(true),
        },
        demo: None,
        warnings: Vec::new(),
        key_files: Vec::new(),
        passed_over: Vec::new(),
        written: Written::default(),
    };
    policies::widening(&mut check, &config);
    let key_files = check.take_key_files();
    let (problems, warnings) = check.finish();
    Checked {
        config: Config {
            warnings,
            key_files,
            ..config
        },
        problems,
    }
}

fn listen(check: &mut Checker<'_>, raw: raw::Listen) -> Listen {
    // In development mode tokens are given away, so only this machine may connect by default.
    let public = if check.is_development() {
        "127.0.0.1:7800"
    } else {
        "0.0.0.0:7800"
    };
    let public = check.address("listen.public", raw.public.as_deref(), public);
    let internal = check.address("listen.internal", raw.internal.as_deref(), "127.0.0.1:7801");
    if public == internal && public.port() != 0 {
        check.problem("listen.internal", "must differ from listen.public");
    }
    let origins = raw.allowed_origins.unwrap_or_else(|| vec!["*".into()]);
    Listen {
        public,
        internal,
        keep_alive: check.positive_duration("listen.keep_alive", raw.keep_alive.as_deref(), "75s"),
        allowed_origins: origins::allowed_origins(check, origins),
        trusted_proxies: proxies::trusted_proxies(check, &raw.trusted_proxies.unwrap_or_default()),
    }
}

fn auth(check: &mut Checker<'_>, raw: raw::Auth) -> Auth {
    let audience = raw.audience.unwrap_or_default();
    for (index, entry) in audience.iter().enumerate() {
        check.not_empty(format!("auth.audience[{index}]"), entry);
    }
    if let Some(issuer) = &raw.issuer {
        check.not_empty("auth.issuer", issuer);
    }
    let user_claim = raw.user_claim.unwrap_or_else(|| "sub".into());
    check.not_empty("auth.user_claim", &user_claim);
    Auth {
        deadline: check.positive_duration("auth.deadline", raw.deadline.as_deref(), "10s"),
        expiry_notice: check.duration("auth.expiry_notice", raw.expiry_notice.as_deref(), "30s"),
        max_failures: check.positive("auth.max_failures", raw.max_failures, MAX_AUTH_FAILURES),
        tokens: TokenRules {
            keys: keys::token_keys(check, raw.keys),
            issuer: raw.issuer,
            audience,
            leeway: check.duration("auth.leeway", raw.leeway.as_deref(), "30s"),
            user_claim,
        },
    }
}

fn presence(check: &mut Checker<'_>, raw: &raw::Presence) -> Presence {
    Presence {
        grace: check.duration("presence.grace", raw.grace.as_deref(), "5s"),
        grace_in_channel: check.duration(
            "presence.grace_in_channel",
            raw.grace_in_channel.as_deref(),
            "60s",
        ),
    }
}

fn store(check: &mut Checker<'_>, raw: raw::Store) -> Store {
    Store {
        path: raw.path.map(|path| check.own_file("store.path", &path)),
    }
}

fn limits(check: &mut Checker<'_>, raw: &raw::Limits) -> Limits {
    let output = check.size("limits.max_output", raw.max_output.as_deref(), "1MiB");
    let output_total = check.size(
        "limits.max_output_total",
        raw.max_output_total.as_deref(),
        "1GiB",
    );
    if output_total < output {
        check.problem(
            "limits.max_output_total",
            "must not be smaller than limits.max_output",
        );
    }
    let body = check.size("limits.max_http_body", raw.max_http_body.as_deref(), "1MiB");
    let sync_body = check.size(
        "limits.max_http_sync_body",
        raw.max_http_sync_body.as_deref(),
        "16MiB",
    );
    if sync_body < body {
        check.problem(
            "limits.max_http_sync_body",
            "must not be smaller than limits.max_http_body",
        );
    }
    let connections = check.positive("limits.max_connections", raw.max_connections, 65_536);
    let unauthenticated = check.positive(
        "limits.max_unauthenticated_per_address",
        raw.max_unauthenticated_per_address,
        MAX_UNAUTHENTICATED_OF_ADDRESS as u64,
    );
    Limits {
        max_connections: in_memory(connections),
        max_unauthenticated_per_address: in_memory(unauthenticated),
        max_output_bytes: in_memory(output),
        max_output_total_bytes: in_memory(output_total),
        write_timeout: check.positive_duration(
            "limits.write_timeout",
            raw.write_timeout.as_deref(),
            "4s",
        ),
        max_http_body_bytes: in_memory(body),
        max_http_sync_body_bytes: in_memory(sync_body),
    }
}

fn socketio(check: &mut Checker<'_>, raw: &raw::SocketIo) -> SocketIo {
    SocketIo {
        ping_interval: check.positive_duration(
            "socketio.ping_interval",
            raw.ping_interval.as_deref(),
            "25s",
        ),
        ping_timeout: check.positive_duration(
            "socketio.ping_timeout",
            raw.ping_timeout.as_deref(),
            "20s",
        ),
    }
}

fn log(check: &mut Checker<'_>, raw: raw::Log) -> Log {
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let level = raw.level.unwrap_or_else(|| "info".into());
    if let Some(problem) = wrong_level(&level) {
        check.problem("log.level", problem);
    }
    Log {
        format: check.one_of("log.format", raw.format.as_deref(), "text", &formats),
        level,
    }
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Why a text is neither a level nor directives. A word alone would be taken for the name of a part
/// of the program, and everything else not be logged at all.
fn wrong_level(text: &str) -> Option<String> {
    let expected = "expected a level (error, warn, info, debug, trace) or directives such as \
                    \"info,wardroom::policy=debug\"";
    if EnvFilter::try_new(text).is_err() || text.trim().is_empty() {
        return Some(expected.to_owned());
    }
    let is_word = |word: &&str| !word.is_empty() && !word.contains(['=', '[', ':']);
    let mut words = text.split(',').map(str::trim).filter(is_word);
    let wrong = words.find(|word| {
        let level = word.to_ascii_lowercase();
        !LEVELS.contains(&level.as_str()) && level.parse::<u8>().is_err()
    })?;
    let lower = wrong.to_ascii_lowercase();
    let synonym = match lower.as_str() {
        "warning" => Some("warn"),
        "err" | "fatal" | "critical" | "panic" => Some("error"),
        "information" | "notice" => Some("info"),
        "verbose" | "fine" | "all" => Some("trace"),
        "none" | "silent" => Some("off"),
        _ => nearest(&lower, LEVELS.into_iter()),
    };
    Some(match synonym {
        Some(level) => format!("there is no such level; did you mean \"{level}\"? {expected}"),
        None => format!("there is no such level; {expected}"),
    })
}
