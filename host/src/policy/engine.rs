//! The WebAssembly engine that decisions run on, and the thread that keeps its time. Knows no
//! policy.

use std::num::NonZeroUsize;

use wasmtime::{Config, Engine, Error, Store, UpdateDeadline};

use super::facts::State;
use super::limits::PolicyLimits;
use crate::limits::{POLICY_HANDLES, POLICY_STACK_BYTES, POLICY_TICK};
use crate::threads;

/// Makes the engine and starts its clock, which ends with the engine.
///
/// Instances are allocated on demand: they are kept warm, so that the pooling allocator would save
/// 20 µs after a trap and nothing else, and would bound what a component may look like.
pub(super) fn start() -> Result<Engine, Error> {
    run(&config())
}

/// Makes an engine that counts the instructions of guests, which makes each of them dearer.
pub(super) fn start_counting() -> Result<Engine, Error> {
    run(&counting())
}

/// Makes an engine that compiles for one that [`start`] made, or [`start_counting`] if it `counts`, and
/// runs nothing: it has no clock.
pub(super) fn compiler(counts: bool) -> Result<Engine, Error> {
    Engine::new(&if counts { counting() } else { config() })
}

fn config() -> Config {
    let mut config = Config::new();
    config
        // The largest single switch: calls cost a half to a third without it, and no policy waits.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(POLICY_STACK_BYTES)
        // Enough to name the place of a trap; a long one makes each trap dear.
        .wasm_backtrace_max_frames(NonZeroUsize::new(4));
    config
}

fn counting() -> Config {
    let mut config = config();
    config.consume_fuel(true);
    config
}

fn run(config: &Config) -> Result<Engine, Error> {
    let engine = Engine::new(config)?;
    let clock = engine.weak();
    // Its own thread: a runaway guest on a runtime worker must not hold the clock that stops it.
    threads::keep("policy-clock", move || {
        while let Some(engine) = clock.upgrade() {
            engine.increment_epoch();
            drop(engine);
            // Nobody unparks it: it wakes up early or on time, and either does.
            std::thread::park_timeout(POLICY_TICK);
        }
    })
    .map_err(Error::new)?;
    Ok(engine)
}

/// Makes a store with every limit set. The deadline of each call is the state's own, in real time:
/// a tick only has it looked at.
pub(super) fn store(engine: &Engine, state: State, limits: &PolicyLimits) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    // Only an engine that counts has fuel, and never too little: deadlines end calls.
    let _not_counting = store.set_fuel(u64::MAX);
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_max_component_handles(POLICY_HANDLES);
    store.epoch_deadline_callback(|context| match context.data().deadline.passed() {
        Some(bound) => Err(bound.into()),
        None => Ok(UpdateDeadline::Continue(1)),
    });
    store
}
