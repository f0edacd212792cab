//! WASI as far as language runtimes need it in order to start: deterministic, never blocking,
//! giving nothing away. Knows nothing of policies.
//!
//! wasmtime's own implementation is not used: its synchronous side waits on the runtime's threads.

mod absent;
mod streams;

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime::{Error, Result};

use super::facts::State;
use crate::limits::POLICY_RANDOM_BYTES;
use generated::wasi::{cli, clocks, random};

pub(super) use absent::define_absent;
use streams::{InputStream, OutputStream, Pollable};

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

    wasmtime::component::bindgen!({
        path: "src/policy/wasi/wasi.wit",
        world: "wardroom:runtime/stubs",
        imports: { default: trappable },
        with: {
            "wasi:io/error.error": super::streams::StreamFailure,
            "wasi:io/poll.pollable": super::streams::Pollable,
            "wasi:io/streams.input-stream": super::streams::InputStream,
            "wasi:io/streams.output-stream": super::streams::OutputStream,
            "wasi:cli/terminal-input.terminal-input": super::Terminal,
            "wasi:cli/terminal-output.terminal-output": super::Terminal,
        },
    });
}

/// A guest has no terminal, so there is no value.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub enum Terminal {}

/// What of WASI a component may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Answered by the stubs in this module.
    Stub,
    /// May be imported, and traps when it is called: the guest has no way to get there.
    Absent,
}

/// What the server offers under an import's name, such as `wasi:io/streams@0.2.6`.
pub(super) fn offer(import: &str) -> Option<Offer> {
    let (interface, version) = import.strip_prefix("wasi:")?.split_once('@')?;
    version.strip_prefix("0.2.")?;
    match interface {
        "io/error"
        | "io/poll"
        | "io/streams"
        | "cli/environment"
        | "cli/exit"
        | "cli/stdin"
        | "cli/stdout"
        | "cli/stderr"
        | "cli/terminal-input"
        | "cli/terminal-output"
        | "cli/terminal-stdin"
        | "cli/terminal-stdout"
        | "cli/terminal-stderr"
        | "clocks/monotonic-clock"
        | "clocks/wall-clock"
        | "random/random"
        | "random/insecure"
        | "random/insecure-seed" => Some(Offer::Stub),
        _ if interface.starts_with("filesystem/") || interface.starts_with("sockets/") => {
            Some(Offer::Absent)
        }
        _ => None,
    }
}

/// Links the stubs.
pub(super) fn add_to(linker: &mut Linker<State>) -> Result<()> {
    generated::Stubs::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl cli::environment::Host for State {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for State {
    fn exit(&mut self, _: std::result::Result<(), ()>) -> Result<()> {
        Err(Error::msg("the policy tried to exit"))
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        Err(Error::msg(format!("the policy tried to exit with {code}")))
    }
}

impl cli::stdin::Host for State {
    fn get_stdin(&mut self) -> Result<Resource<InputStream>> {
        Ok(Resource::new_own(0))
    }
}

impl cli::stdout::Host for State {
    fn get_stdout(&mut self) -> Result<Resource<OutputStream>> {
        Ok(Resource::new_own(0))
    }
}

impl cli::stderr::Host for State {
    fn get_stderr(&mut self) -> Result<Resource<OutputStream>> {
        Ok(Resource::new_own(0))
    }
}

impl cli::terminal_input::Host for State {}
impl cli::terminal_input::HostTerminalInput for State {
    fn drop(&mut self, _: Resource<Terminal>) -> Result<()> {
        Ok(())
    }
}

impl cli::terminal_output::Host for State {}
impl cli::terminal_output::HostTerminalOutput for State {
    fn drop(&mut self, _: Resource<Terminal>) -> Result<()> {
        Ok(())
    }
}

impl cli::terminal_stdin::Host for State {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for State {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for State {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

/// Time stands still during a decision; waiting for it to pass ends at once.
impl clocks::monotonic_clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.decision_time().as_nanos()).unwrap_or(u64::MAX))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _: u64) -> Result<Resource<Pollable>> {
        Ok(Resource::new_own(0))
    }

    fn subscribe_duration(&mut self, _: u64) -> Result<Resource<Pollable>> {
        Ok(Resource::new_own(0))
    }
}

impl clocks::wall_clock::Host for State {
    fn now(&mut self) -> Result<clocks::wall_clock::Datetime> {
        let time = self.decision_time();
        Ok(clocks::wall_clock::Datetime {
            seconds: time.as_secs(),
            nanoseconds: time.subsec_nanos(),
        })
    }

    fn resolution(&mut self) -> Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1,
        })
    }
}

impl State {
    /// SplitMix64 from a seed that each call begins with: equal calls see equal numbers.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn random_bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        if count > POLICY_RANDOM_BYTES {
            return Err(Error::msg(format!(
                "a policy gets at most {POLICY_RANDOM_BYTES} random bytes at once"
            )));
        }
        let mut bytes = Vec::with_capacity(count as usize + 8);
        while bytes.len() < count as usize {
            bytes.extend_from_slice(&self.next_random().to_le_bytes());
        }
        bytes.truncate(count as usize);
        Ok(bytes)
    }
}

impl random::random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.next_random())
    }
}

impl random::insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.next_random())
    }
}

impl random::insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.next_random(), self.next_random()))
    }
}
