//! A seeded simulation of one workspace: random commands, time that jumps, policies that come and
//! go, and a judge who believes nothing. Knows the domain by its public face only.
//!
//! The judge rebuilds the workspace from the changes and what clients can know from the outputs,
//! holds both against a plain reading of `docs/protocol.md`, and against each other. A seed that
//! fails is the bug report.

mod cast;
mod clients;
mod heard;
mod judge;
mod model;
mod outcome;
mod policies;
mod random;
mod world;

use std::fmt;

use world::World;

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
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            refused,
            events,
            deliveries,
            questions,
        } = self;
        write!(
            f,
            "{accepted} commands carried out, {refused} refused; {events} events, {deliveries} \
             deliveries; {questions} questions to policies"
        )
    }
}

/// What a simulation found wrong. Its display is the bug report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed; the same one finds the same again.
    pub seed: u64,
    /// The step, from 0.
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
    let mut world = World::new(seed);
    for step in 0..steps {
        world.step().map_err(|violation| {
            Box::new(Failure {
                seed,
                step,
                violation,
                commands: world.last_commands(),
            })
        })?;
    }
    Ok(world.summary())
}
