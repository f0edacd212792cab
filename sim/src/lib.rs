//! A seeded simulation of one workspace: random commands, time that jumps, policies that come and
//! go, and a judge who believes nothing. Knows the domain by its public face only.
//!
//! The judge rebuilds the workspace from the changes and what clients can know from the outputs,
//! holds both against a plain reading of `docs/protocol.md`, and against each other. A seed that
//! fails is the bug report.

mod cast;
mod clients;
mod consent;
mod heard;
mod judge;
mod model;
mod outcome;
mod policies;
mod questions;
mod random;
mod rush;
mod settling;
mod told;
mod world;

use std::fmt;

use rush::Rush;
use world::World;

/// One seed in so many plays a rush.
const RUSH: u64 = 50;

/// What a simulation that found nothing wrong was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Commands that were carried out.
    pub accepted: u64,
    /// Commands that were refused, as they should be.
    pub refused: u64,
    /// Events that were put out.
    pub events: u64,
    /// Events that reached a socket, counted by socket.
    pub deliveries: u64,
    /// Questions that policies answered.
    pub questions: u64,
    /// Commands that policies refused.
    pub denied: u64,
    /// Commands that policies granted something with.
    pub granted: u64,
    /// Connections that policies no longer admitted.
    pub put_out: u64,
    /// How often the workspace settled under other policies.
    pub settled: u64,
    /// Deliveries in a form that policies gave an event.
    pub reshaped: u64,
    /// Deliveries that policies withheld.
    pub withheld: u64,
    /// Commands that were decided with answers from before others came between.
    pub overtaken: u64,
    /// Transports that were lost in a rush.
    pub lost: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            refused,
            events,
            deliveries,
            questions,
            denied,
            granted,
            put_out,
            settled,
            reshaped,
            withheld,
            overtaken,
            lost,
        } = self;
        write!(
            f,
            "{accepted} commands carried out, {refused} refused; {events} events, {deliveries} \
             deliveries, {reshaped} reshaped, {withheld} withheld; {questions} questions to \
             policies, {denied} commands denied, {granted} granted something, {put_out} \
             connections put out, settled {settled} times; {overtaken} commands overtaken; {lost} \
             transports lost in a rush"
        )
    }
}

/// What a simulation found wrong. Its display is the bug report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed; the same one finds the same again.
    pub seed: u64,
    /// The step, from 1; 0 while a large workspace is filled.
    pub step: u64,
    /// What does not hold.
    pub violation: String,
    /// The last commands, the failing one at the end.
    pub commands: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails at step {}:", self.seed, self.step)?;
        writeln!(f, "  {}", self.violation)?;
        writeln!(f, "the last commands were:")?;
        for command in &self.commands {
            writeln!(f, "  {command}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Plays so many steps from a seed.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(seed: u64, steps: u64) -> Result<Summary, Box<Failure>> {
    if seed % RUSH == RUSH / 4 {
        return run_rush(seed, steps);
    }
    let mut world = World::new(seed);
    let mut played = world.begin();
    let mut step = 0;
    while played.is_ok() && step < steps {
        step += 1;
        played = world.step();
    }
    verdict(&world, seed, step, played)
}

fn run_rush(seed: u64, steps: u64) -> Result<Summary, Box<Failure>> {
    let mut rush = Rush::new(seed);
    let mut played = Ok(());
    let mut step = 0;
    while played.is_ok() && step < steps {
        step += 1;
        played = rush.step();
    }
    let played = played.and_then(|()| rush.end());
    verdict(rush.world(), seed, step, played)
}

fn verdict(
    world: &World,
    seed: u64,
    step: u64,
    played: Result<(), String>,
) -> Result<Summary, Box<Failure>> {
    match played {
        Ok(()) => Ok(world.summary()),
        Err(violation) => Err(Box::new(Failure {
            seed,
            step,
            violation,
            commands: world.last_commands(),
        })),
    }
}
