//! The Wardroom server as a library: the rooms of the house, wired together by [`app`].

mod accepting;
pub mod app;
pub mod auth;
pub mod binding;
pub mod budget;
pub mod builtin;
pub mod cli;
pub mod codes;
pub mod commit;
pub mod config;
pub mod core_dumps;
pub mod decision_log;
pub mod demo;
pub mod descriptors;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod gateway;
mod heads;
pub mod http;
pub mod json;
pub mod limits;
pub mod line_file;
pub mod metrics;
mod nearest;
pub mod policy;
pub mod policy_tools;
mod priority;
mod runtime;
pub mod shutdown;
pub mod store;
mod stripes;
pub mod telemetry;
pub mod threads;
mod uptime;
pub mod wire;
