//! What the process does that compiles or reads a component: bounds itself, takes the component, writes an
//! answer. Knows nothing of who asked.

use std::io::{self, Read, Write};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::super::{contract, engine};
use super::{Pace, threads};
use crate::core_dumps;
use crate::limits::POLICY_COMPILE_SPARE_SECONDS;

/// The word that has it give way.
pub(super) const GIVE_WAY: &str = "--give-way";
/// The word that has it make code that counts its instructions.
pub(super) const COUNT: &str = "--count";
/// The word that has it say what the component shows of itself, and compile nothing.
pub(super) const SURFACES: &str = "--surfaces";

/// What an answer begins with: what was asked for follows, why it is refused, or nothing.
const DONE: u8 = b'c';
const REFUSED: u8 = b'r';
const NO_MEMORY: u8 = b'm';

/// One component that is to be compiled or read by this process, which does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Memory that the process may take, in bytes of address space.
    pub memory_bytes: u64,
    /// How long the process may keep processors busy, all its threads together.
    pub processor_time: Duration,
    /// Whether it gives way to others.
    pub gives_way: bool,
    /// Whether the code is for an engine that counts instructions.
    pub counts: bool,
    /// Whether it is not compiled, and what it shows of itself is told as JSON.
    pub surfaces: bool,
}

/// What a compiler has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done(Vec<u8>),
    Refused(String),
    NoMemory,
}

/// Takes an answer apart; nothing if it is none.
pub(super) fn answer(mut bytes: Vec<u8>) -> Option<Answer> {
    match *bytes.first()? {
        DONE => {
            bytes.drain(..1);
            Some(Answer::Done(bytes))
        }
        REFUSED => Some(Answer::Refused(
            String::from_utf8_lossy(&bytes[1..]).into_owned(),
        )),
        NO_MEMORY => Some(Answer::NoMemory),
        _ => None,
    }
}

impl Job {
    /// Bounds the process, reads a component to the end of `input` and writes an answer.
    ///
    /// # Errors
    /// The bounds cannot be set, or reading or writing fails.
    pub fn run(self, input: &mut dyn Read, out: &mut dyn Write) -> io::Result<()> {
        self.bound()?;
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes)?;
        if self.surfaces {
            let surfaces = contract::surfaces(&bytes);
            out.write_all(&[DONE])?;
            serde_json::to_writer(&mut *out, &surfaces)?;
            return out.flush();
        }
        let pace = if self.gives_way {
            Pace::GiveWay
        } else {
            Pace::Full
        };
        let compiled = engine::compiler(self.counts)
            .and_then(|engine| threads::on(pace, || engine.precompile_component(&bytes)));
        match compiled {
            Ok(code) => {
                out.write_all(&[DONE])?;
                out.write_all(&code)?;
            }
            Err(error) if is_out_of_memory(&error) => out.write_all(&[NO_MEMORY])?,
            Err(error) => {
                out.write_all(&[REFUSED])?;
                write!(out, "{error:#}")?;
            }
        }
        out.flush()
    }

    /// Sets what can be set only from inside, before any work.
    fn bound(self) -> io::Result<()> {
        // It ends with the thread that waits for it.
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        leave_inherited()?;
        core_dumps::forbid()?;
        lower(Resource::RLIMIT_AS, self.memory_bytes, 0)?;
        let seconds = self.processor_time.as_secs().max(1);
        lower(Resource::RLIMIT_CPU, seconds, POLICY_COMPILE_SPARE_SECONDS)
    }
}

/// Lowers a limit, and the hard one to `spare` above it: at the first of processor time a process is
/// told why it ends, at the second it ends.
fn lower(resource: Resource, soft: u64, spare: u64) -> io::Result<()> {
    let (_, allowed) = getrlimit(resource)?;
    let hard = soft.saturating_add(spare).min(allowed);
    Ok(setrlimit(resource, soft.min(hard), hard)?)
}

/// Closes what whoever started the server left open for its children. The server itself leaves
/// nothing.
fn leave_inherited() -> io::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let mut inherited = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<i32>().ok());
        inherited.extend(number.filter(|number| *number > 2));
    }
    for number in inherited {
        // That of the directory is closed already.
        match nix::unistd::close(number) {
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let code = io.and_then(io::Error::raw_os_error);
        code == Some(Errno::ENOMEM as i32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_apart() {
        let code = Answer::Done(b"xyz".to_vec());
        assert_eq!(answer(b"cxyz".to_vec()), Some(code));
        let refused = Answer::Refused("no".to_owned());
        assert_eq!(answer(b"rno".to_vec()), Some(refused));
        assert_eq!(answer(b"m".to_vec()), Some(Answer::NoMemory));
        assert_eq!(answer(b"xyz".to_vec()), None);
        assert_eq!(answer(Vec::new()), None);
    }
}
