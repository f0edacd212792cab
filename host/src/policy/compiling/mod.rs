//! Compiles and reads components where it disturbs nobody: in a process of its own that is ended at its
//! bounds, or here, on threads of their own. Knows nothing of policies.
//!
//! What that costs does not follow from the size of a component: a few kilobytes can take minutes and
//! gigabytes, or lead the library that reads interfaces round in a circle of packages until its stack is
//! used up. Nothing but a process of its own can end without the server.

mod apart;
mod job;
mod stop;
mod threads;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use wasmtime::Engine;
use wasmtime::component::Component;

pub use self::job::Job;
pub(super) use self::stop::Stop;
use super::contract::{self, Surfaces};

/// The hidden subcommand of the program by which it compiles a component for another of its kind.
pub const SUBCOMMAND: &str = "compile-component";

/// Where components are compiled. Whoever builds a server or a tool says so: a program that does not
/// have [`SUBCOMMAND`], such as a test, must not run itself for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// In this process: nothing bounds the time and the memory that it takes.
    #[default]
    Here,
    /// In a process of its own, which is ended at its bounds. This program is run for it, with
    /// [`SUBCOMMAND`]; it must be of the same build as this one.
    Apart(PathBuf),
}

impl Compiler {
    /// In another process of the program that runs now.
    ///
    /// # Errors
    /// The system does not tell which program that is.
    pub fn own_program() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        // A file of this name may be another version by the time it is run; this is always the program
        // that runs.
        let same = PathBuf::from("/proc/self/exe");
        let program = if cfg!(target_os = "linux") {
            same
        } else {
            program
        };
        Ok(Self::Apart(program))
    }

    /// Compiles a component. The caller waits for as long as it takes.
    pub(super) fn compile(&self, order: &Order<'_>) -> Result<Component, NotCompiled> {
        match self {
            Self::Here => here(order.engine, order.bytes, order.pace)
                .map_err(|error| NotCompiled::Invalid(format!("{error:#}"))),
            Self::Apart(program) => apart::compile(program, order),
        }
    }
}

impl Compiler {
    /// What a component shows of itself; nothing where that cannot be understood.
    ///
    /// # Errors
    /// The process that was to read it could not be started, or ended without an answer: at its bounds, or
    /// because the reader does not hold.
    pub(super) fn surfaces(&self, bytes: &[u8]) -> Result<Option<Surfaces>, NotCompiled> {
        match self {
            Self::Here => Ok(contract::surfaces(bytes)),
            Self::Apart(program) => {
                let answer = apart::surfaces(program, bytes)?;
                serde_json::from_slice(&answer).map_err(|e| NotCompiled::Ended(e.to_string()))
            }
        }
    }
}

/// Compiles a component in this process, without bounds.
fn here(engine: &Engine, bytes: &[u8], pace: Pace) -> wasmtime::Result<Component> {
    threads::on(pace, || Component::new(engine, bytes))
}

/// Whether anybody is served meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nobody: the sooner it is done, the better.
    Full,
    /// Others are, and go first.
    GiveWay,
}

/// A component that is to be compiled, and within which bounds.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// The engine that is to run it.
    pub(super) engine: &'a Engine,
    pub(super) bytes: &'a [u8],
    pub(super) pace: Pace,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Memory that it may take, in bytes of address space.
    pub(super) memory_bytes: u64,
    /// Whether the engine counts instructions, which makes code of another kind.
    pub(super) counts: bool,
    /// Calls it off.
    pub(super) stop: &'a Stop,
}

/// Why a component was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCompiled {
    /// The compiler refuses it.
    #[error("the file is not a valid component: {0}")]
    Invalid(String),
    /// It took too long.
    #[error(
        "compiling the component takes longer than {}, and was ended; build it smaller or simpler, or \
         raise policy.compile_timeout",
        humantime::format_duration(*.0)
    )]
    TimedOut(Duration),
    /// It took too much memory: the bound, in bytes.
    #[error(
        "compiling the component takes more memory than {}, and was ended; build it smaller or \
         simpler, or raise policy.compile_memory",
        ByteSize(*.0)
    )]
    OutOfMemory(u64),
    /// The compiler ended without an answer.
    #[error(
        "the compiler ended before it was done with the component: {0}; build the component in another \
         way, or with another version of its tools"
    )]
    Ended(String),
    /// There was no process for it, which may pass.
    #[error("the component cannot be compiled, because no process can be started for it: {0}")]
    NotStarted(String),
    /// Nobody wants it any more.
    #[error("compiling the component was called off")]
    CalledOff,
}
