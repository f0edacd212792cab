//! The audit file: where it is, and how large it grows. It must not know what is audited.

use super::super::raw;
use super::checker::Checker;
use crate::limits::{AUDIT_QUEUE, MIN_AUDIT_BYTES};
use crate::line_file::Settings;

pub(super) fn settings(check: &mut Checker<'_>, raw: raw::Audit) -> Option<Settings> {
    let max_bytes = check.size("audit.max_size", raw.max_size.as_deref(), "64MiB");
    if max_bytes < MIN_AUDIT_BYTES {
        let least = format!("must not be smaller than {MIN_AUDIT_BYTES} bytes");
        check.problem("audit.max_size", least);
    }
    let path = check.own_file("audit.file", &raw.file?);
    Some(Settings {
        path,
        queue: AUDIT_QUEUE,
        max_bytes,
    })
}
