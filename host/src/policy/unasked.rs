//! Resources of the hooks that this server version does not ask yet: `request` (admission),
//! `command` (commands) and `event` (events).
//!
//! Components may import them, since `context` is one interface, but the host makes no handle to
//! one: a policy that exports such a hook is refused when it is loaded. So no method here can be
//! reached; each says so instead of pretending. Knows nothing of the hooks that are asked.
#![expect(unreachable_pub, reason = "generated code re-exports the handles")]

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::wardroom::policy::context;
use super::facts::{Channel, State, Subject};

/// Somebody asks to enter. No value exists before `admission` is asked.
pub enum Request {}
/// A client's command. No value exists before `commands` is asked.
pub enum Command {}
/// An event to render. No value exists before `events` is asked.
pub enum Event {}

fn no_such_handle<T>() -> Result<T> {
    Err(wasmtime::Error::msg(
        "this server version makes no such resource",
    ))
}

impl context::HostRequest for State {
    fn subject(&mut self, _: Resource<Request>) -> Result<Resource<Subject>> {
        no_such_handle()
    }
    fn claims(&mut self, _: Resource<Request>) -> Result<String> {
        no_such_handle()
    }
    fn remote_address(&mut self, _: Resource<Request>) -> Result<Option<String>> {
        no_such_handle()
    }
    fn is_reevaluation(&mut self, _: Resource<Request>) -> Result<bool> {
        no_such_handle()
    }
    fn drop(&mut self, _: Resource<Request>) -> Result<()> {
        no_such_handle()
    }
}

impl context::HostCommand for State {
    fn name(&mut self, _: Resource<Command>) -> Result<String> {
        no_such_handle()
    }
    fn arguments(&mut self, _: Resource<Command>) -> Result<String> {
        no_such_handle()
    }
    fn subject(&mut self, _: Resource<Command>) -> Result<Resource<Subject>> {
        no_such_handle()
    }
    fn channel(&mut self, _: Resource<Command>) -> Result<Option<Resource<Channel>>> {
        no_such_handle()
    }
    fn drop(&mut self, _: Resource<Command>) -> Result<()> {
        no_such_handle()
    }
}

impl context::HostEvent for State {
    fn name(&mut self, _: Resource<Event>) -> Result<String> {
        no_such_handle()
    }
    fn payload(&mut self, _: Resource<Event>) -> Result<String> {
        no_such_handle()
    }
    fn subject(&mut self, _: Resource<Event>) -> Result<Option<Resource<Subject>>> {
        no_such_handle()
    }
    fn channel(&mut self, _: Resource<Event>) -> Result<Option<Resource<Channel>>> {
        no_such_handle()
    }
    fn drop(&mut self, _: Resource<Event>) -> Result<()> {
        no_such_handle()
    }
}
