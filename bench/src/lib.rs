//! The pieces that the load generator, the floor and the orchestrator share. Knows the protocol
//! from the outside only: no code of the server is used here.

pub mod api;
pub mod fleet;
pub mod frame;
pub mod histogram;
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
