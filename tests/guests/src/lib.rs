//! Policies that misbehave or are otherwise of use to tests only. Each is an example of this
//! package and becomes a component of its own; the library is empty. Built for this machine, as
//! `cargo test --workspace` does, they are empty too.
