//! Policies as components: what is refused and in which words, what a failing one may disturb,
//! and how a changed file comes into force. Each misbehaving fixture is bound to a test.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod beside;
mod bombs;
mod builtin;
mod cache;
mod calls;
mod compiling;
mod explain;
mod exports;
mod fixtures;
mod golden;
mod hooks;
mod loading;
mod log;
mod look_ups;
mod memory;
mod misbehaving;
mod reconfigure;
mod reload;
mod sandbox;
mod scripts;
mod shadow;
mod starting;
mod surroundings;
mod tools;
