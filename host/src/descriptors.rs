//! How many files and connections the process may have open, and how they are shared out. It must
//! not know who uses one.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::limits::DESCRIPTOR_RESERVE;

/// Raises the soft limit to the hard one, as far as the system lets it, and says how many
/// descriptors the process may have.
///
/// # Errors
/// If the system does not tell.
pub fn raise() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        return Ok(soft);
    }
    Ok(hard)
}

/// How many connections of clients there may be at once: what is wanted, but never so many that
/// nothing is left for backends, operators, files and the directory.
#[must_use]
pub fn connections(wanted: usize) -> usize {
    let Ok((limit, _)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let most = shared_out(wanted, limit);
    if most < wanted {
        tracing::warn!(
            max_connections = wanted,
            descriptors = limit,
            reserved = DESCRIPTOR_RESERVE,
            effective = most,
            "fewer clients are taken than limits.max_connections says, because the process may not \
             open as many files: raise its limit (ulimit -Hn, LimitNOFILE= of systemd)"
        );
    } else {
        tracing::info!(
            max_connections = wanted,
            descriptors = limit,
            "there are descriptors for all clients"
        );
    }
    most
}

fn shared_out(wanted: usize, limit: u64) -> usize {
    let left = limit.saturating_sub(DESCRIPTOR_RESERVE);
    // Where there is next to nothing, half is better than nobody.
    let most = left.max(limit / 2).max(1);
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn something_is_left_for_all_else() {
        for (wanted, limit, most) in [
            (1_000, 1_000_000, 1_000),
            (65_536, 65_536, 65_536 - 256),
            (65_536, 1_024, 768),
            (65_536, 300, 150),
            (65_536, 0, 1),
            (65_536, u64::MAX, 65_536),
        ] {
            assert_eq!(shared_out(wanted, limit), most, "{wanted} of {limit}");
        }
        assert_eq!(DESCRIPTOR_RESERVE, 256);
    }

    #[test]
    fn the_limit_is_what_the_system_grants_at_most() {
        let raised = raise().unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!((raised, soft), (hard, hard));
    }
}
