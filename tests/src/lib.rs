//! The harness of the end-to-end tests: a real server, stock clients, a backend. It must not know the server's code.
//!
//! Everything here panics with what was expected and what came instead: its callers are tests.
//! Nothing waits for a time to pass; everything waits for something to happen, for no longer than
//! [`wait::DEADLINE`].

pub mod backend;
pub mod client;
pub mod demo;
mod driver;
pub mod event;
pub mod flavour;
pub mod log;
pub mod paths;
mod process;
pub mod raw;
pub mod server;
pub mod settings;
pub mod token;
pub mod wait;

pub use backend::Backend;
pub use client::Client;
pub use demo::Demo;
pub use event::{Event, event};
pub use flavour::Flavour;
pub use raw::Raw;
pub use server::Server;
pub use wait::eventually;
