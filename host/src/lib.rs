//! The Wardroom server as a library: the rooms of the house, wired together by [`app`].

pub mod app;
pub mod codes;
pub mod commit;
pub mod json;
pub mod limits;
pub mod metrics;
pub mod store;
