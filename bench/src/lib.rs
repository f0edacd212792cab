//! The pieces that the load generator, the floor and the orchestrator share. They know the protocol
//! from the outside only; of the server's code, `hooks` alone uses any.

pub mod api;
pub mod attack;
pub mod fleet;
pub mod frame;
pub mod histogram;
pub mod hooks;
pub mod hub;
pub mod limits;
pub mod mark;
pub mod policies;
pub mod privacy;
pub mod process;
pub mod publisher;
pub mod report;
pub mod scenario;
pub mod servers;
pub mod socket;
mod targets;
