//! Calls off what is being compiled. Knows nothing of how it is ended.

use std::sync::mpsc::Sender;

use parking_lot::Mutex;

use super::apart::News;

/// Calls off whatever is compiled under it, now and later.
#[derive(Default)]
pub(in super::super) struct Stop(Mutex<State>);

#[derive(Default)]
struct State {
    off: bool,
    /// Those that compile: one for each component that was compiled under it so far.
    told: Vec<Sender<News>>,
}

impl Stop {
    /// Calls everything off.
    pub(in super::super) fn call_off(&self) {
        let mut state = self.0.lock();
        state.off = true;
        for told in state.told.drain(..) {
            // It may be done already.
            let _done = told.send(News::CalledOff);
        }
    }

    /// Whether everything was called off.
    pub(in super::super) fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// Tells somebody when everything is called off, or was.
    pub(super) fn tell(&self, told: Sender<News>) {
        let mut state = self.0.lock();
        if state.off {
            let _done = told.send(News::CalledOff);
        } else {
            state.told.push(told);
        }
    }
}
