//! Policies as components: what is refused and in which words, what a failing one may disturb,
//! and how a changed file comes into force. Each misbehaving fixture is bound to a test.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod cache;
mod calls;
mod fixtures;
mod hooks;
mod loading;
mod log;
mod misbehaving;
mod reload;
mod scripts;
mod surroundings;
mod tools;
