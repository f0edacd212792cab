//! `wardroom compile-component`: what the server runs to compile a policy apart from itself. It must
//! not know what a policy is.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use super::Failure;
use crate::app::CompileJob;

/// Compile a component from standard input to standard output, for a server
#[derive(Args, Debug)]
pub(super) struct CompileComponent {
    /// Address space of the process, in bytes
    memory_bytes: u64,
    /// Processor time of the process, in seconds
    processor_seconds: u64,
    /// Give way to other processes
    #[arg(long)]
    give_way: bool,
    /// Make code that counts its instructions
    #[arg(long)]
    count: bool,
    /// Compile nothing, and write what the component exports and imports, as JSON
    #[arg(long)]
    surfaces: bool,
}

pub(super) fn run(command: &CompileComponent, out: &mut dyn Write) -> Result<(), Failure> {
    let job = CompileJob {
        memory_bytes: command.memory_bytes,
        processor_time: Duration::from_secs(command.processor_seconds),
        gives_way: command.give_way,
        counts: command.count,
        surfaces: command.surfaces,
    };
    Ok(job.run(&mut std::io::stdin().lock(), out)?)
}
