//! The end-to-end tests: the real binary, stock clients, real components. One binary, so that it is linked once.

mod access;
mod bad_input;
mod bad_tokens;
mod clients;
mod demo;
mod directory;
mod durability;
mod exchange;
mod failing_policy;
mod first_events;
mod http_api;
mod presence;
mod private;
mod reload;
mod sessions;
mod shutdown;
mod slow_reader;
mod startup;
