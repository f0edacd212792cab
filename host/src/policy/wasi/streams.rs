//! Streams of a guest without a console: input is at its end, output goes to the log.
#![expect(unreachable_pub, reason = "generated code re-exports the handles")]

use wasmtime::component::Resource;
use wasmtime::{Error, Result};

use super::generated::wasi::io;
use crate::limits::POLICY_LOG_BYTES_PER_CALL;
use crate::policy::facts::State;
use io::streams::StreamError;

/// Standard input, which is at its end.
pub struct InputStream;
/// Standard output or error.
pub struct OutputStream;
/// Something that is always ready.
pub struct Pollable;
/// A failure of a stream. The streams here do not fail, so there is no value.
pub enum StreamFailure {}

/// The result of a stream's operation, inside that of a call from the guest.
type Outcome<T> = Result<std::result::Result<T, StreamError>>;

fn at_end<T>() -> Outcome<T> {
    Ok(Err(StreamError::Closed))
}

impl io::error::Host for State {}
impl io::error::HostError for State {
    fn to_debug_string(&mut self, _: Resource<StreamFailure>) -> Result<String> {
        Err(Error::msg("no stream of a policy fails"))
    }

    fn drop(&mut self, _: Resource<StreamFailure>) -> Result<()> {
        Ok(())
    }
}

impl io::poll::Host for State {
    fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        Ok((0..).take(pollables.len()).collect())
    }
}

impl io::poll::HostPollable for State {
    fn ready(&mut self, _: Resource<Pollable>) -> Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<Pollable>) -> Result<()> {
        Ok(())
    }

    fn drop(&mut self, _: Resource<Pollable>) -> Result<()> {
        Ok(())
    }
}

impl io::streams::Host for State {}

impl io::streams::HostInputStream for State {
    fn read(&mut self, _: Resource<InputStream>, _: u64) -> Outcome<Vec<u8>> {
        at_end()
    }

    fn blocking_read(&mut self, _: Resource<InputStream>, _: u64) -> Outcome<Vec<u8>> {
        at_end()
    }

    fn skip(&mut self, _: Resource<InputStream>, _: u64) -> Outcome<u64> {
        at_end()
    }

    fn blocking_skip(&mut self, _: Resource<InputStream>, _: u64) -> Outcome<u64> {
        at_end()
    }

    fn subscribe(&mut self, _: Resource<InputStream>) -> Result<Resource<Pollable>> {
        Ok(Resource::new_own(0))
    }

    fn drop(&mut self, _: Resource<InputStream>) -> Result<()> {
        Ok(())
    }
}

impl io::streams::HostOutputStream for State {
    fn check_write(&mut self, _: Resource<OutputStream>) -> Outcome<u64> {
        // Always room: what is beyond the call's budget is dropped and counted.
        Ok(Ok(POLICY_LOG_BYTES_PER_CALL as u64))
    }

    fn write(&mut self, _: Resource<OutputStream>, contents: Vec<u8>) -> Outcome<()> {
        self.print(&contents);
        Ok(Ok(()))
    }

    fn blocking_write_and_flush(
        &mut self,
        _: Resource<OutputStream>,
        contents: Vec<u8>,
    ) -> Outcome<()> {
        self.print(&contents);
        Ok(Ok(()))
    }

    fn flush(&mut self, _: Resource<OutputStream>) -> Outcome<()> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<OutputStream>) -> Outcome<()> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<OutputStream>) -> Result<Resource<Pollable>> {
        Ok(Resource::new_own(0))
    }

    fn write_zeroes(&mut self, _: Resource<OutputStream>, _: u64) -> Outcome<()> {
        Ok(Ok(()))
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        _: Resource<OutputStream>,
        _: u64,
    ) -> Outcome<()> {
        Ok(Ok(()))
    }

    fn splice(
        &mut self,
        _: Resource<OutputStream>,
        _: Resource<InputStream>,
        _: u64,
    ) -> Outcome<u64> {
        at_end()
    }

    fn blocking_splice(
        &mut self,
        _: Resource<OutputStream>,
        _: Resource<InputStream>,
        _: u64,
    ) -> Outcome<u64> {
        at_end()
    }

    fn drop(&mut self, _: Resource<OutputStream>) -> Result<()> {
        Ok(())
    }
}
