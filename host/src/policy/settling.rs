//! Tells when what was decided under an earlier generation has been looked at under the present
//! one, so that the next swap can wait for it. Knows neither policies nor workspaces.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The last generation under which everything is known to hold. While nobody reports, nothing is
/// waited for.
#[derive(Default)]
pub(super) struct Settling {
    done: Mutex<Option<u64>>,
    changed: Condvar,
}

impl Settling {
    /// Takes down that everything holds under this generation.
    pub(super) fn report(&self, generation: u64) {
        let mut done = self.done.lock();
        *done = Some(done.map_or(generation, |done| done.max(generation)));
        self.changed.notify_all();
    }

    /// Waits until everything holds under this generation; false if it took too long.
    pub(super) fn wait(&self, generation: u64, patience: Duration) -> bool {
        let mut done = self.done.lock();
        let open = |done: &mut Option<u64>| done.is_some_and(|done| done < generation);
        !self
            .changed
            .wait_while_for(&mut done, open, patience)
            .timed_out()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NO_PATIENCE: Duration = Duration::ZERO;

    #[test]
    fn nobody_waits_while_nobody_reports() {
        assert!(Settling::default().wait(7, NO_PATIENCE));
    }

    #[test]
    fn a_swap_waits_for_the_report_of_the_one_before() {
        let settling = Arc::new(Settling::default());
        settling.report(1);
        assert!(settling.wait(1, NO_PATIENCE));
        assert!(!settling.wait(2, NO_PATIENCE));
        let waiting = {
            let settling = Arc::clone(&settling);
            std::thread::spawn(move || settling.wait(2, Duration::from_secs(60)))
        };
        // A late report of an earlier generation takes nothing back.
        settling.report(2);
        settling.report(1);
        assert!(waiting.join().is_ok_and(|settled| settled));
        assert!(settling.wait(2, NO_PATIENCE));
    }
}
