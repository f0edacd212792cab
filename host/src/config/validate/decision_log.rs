//! The decision log: which file, what is kept of it, what is masked. It must not know what decides.

use super::super::raw;
use super::checker::{Checker, in_memory};
use crate::decision_log::Settings;
use crate::limits::{
    DECISION_LOG_QUEUE, MAX_DECISION_LOG_MASKS, MAX_DECISION_LOG_QUEUE, MIN_DECISION_LOG_BYTES,
};

pub(super) fn settings(check: &mut Checker<'_>, raw: raw::DecisionLog) -> Option<Settings> {
    let sample_denied = check.part("decision_log.sample_denied", raw.sample_denied, 1.0);
    let sample_allowed = check.part("decision_log.sample_allowed", raw.sample_allowed, 0.0);
    let queue = check.positive("decision_log.queue", raw.queue, DECISION_LOG_QUEUE);
    if queue > MAX_DECISION_LOG_QUEUE {
        let most = format!("must not be more than {MAX_DECISION_LOG_QUEUE}");
        check.problem("decision_log.queue", most);
    }
    let max_bytes = check.size("decision_log.max_size", raw.max_size.as_deref(), "64MiB");
    if max_bytes < MIN_DECISION_LOG_BYTES {
        let least = format!("must not be smaller than {MIN_DECISION_LOG_BYTES} bytes");
        check.problem("decision_log.max_size", least);
    }
    let paths = raw.mask.unwrap_or_default();
    if paths.len() > MAX_DECISION_LOG_MASKS {
        let most = format!("must not be more than {MAX_DECISION_LOG_MASKS} paths");
        check.problem("decision_log.mask", most);
    }
    let mut mask = Vec::with_capacity(paths.len());
    for (index, path) in paths.iter().enumerate() {
        match path.parse() {
            Ok(path) => mask.push(path),
            Err(error) => check.problem(format!("decision_log.mask[{index}]"), error),
        }
    }
    let path = check.own_file("decision_log.path", &raw.path?);
    Some(Settings {
        path,
        sample_denied,
        sample_allowed,
        mask,
        queue: in_memory(queue),
        max_bytes,
    })
}
