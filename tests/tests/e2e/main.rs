//! The end-to-end tests: the real binary, stock clients, real components. One binary, so that it is linked once.

mod access;
mod admission;
mod bad_input;
mod bad_tokens;
mod clients;
mod commands;
mod decision_log;
mod demo;
mod directory;
mod durability;
mod exchange;
mod explain;
mod failing_policy;
mod first_events;
mod http_api;
mod live_sessions;
mod policy_calls;
mod presence;
mod private;
mod reload;
mod renditions;
mod sessions;
mod shutdown;
mod slow_reader;
mod startup;
mod swaps;
