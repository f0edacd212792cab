//! What a crash leaves behind: nothing, where the operator wants that. It must not know what is in
//! memory.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Largest core file, in bytes: too small for any to be begun. With 0, Linux would still hand the
/// memory of the process to a program that collects crashes; with 1 it does not.
const CORE_BYTES: u64 = 1;

/// Keeps the memory of the process from being written to disk, whatever happens to it. It cannot be
/// taken back.
///
/// # Errors
/// If the system does not let it.
pub fn forbid() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    let most = CORE_BYTES.min(hard);
    Ok(setrlimit(Resource::RLIMIT_CORE, most, most)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_core_is_written_from_then_on() {
        forbid().unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap();
        assert!(soft <= CORE_BYTES && hard <= CORE_BYTES);
    }
}
