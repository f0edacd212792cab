//! Write policies for Wardroom in Rust. Knows the interface `wit/wardroom-policy` and nothing of
//! the server behind it.
//!
//! A policy is a type of yours. It implements a trait for each hook it wants, and [`export!`]
//! makes a component that exports those hooks and no others:
//!
//! ```
//! use serde::Deserialize;
//! use wardroom_policy::{Channel, ChannelVisibility, Lifecycle, Rule, member, role};
//!
//! /// Channels with the attribute `staff` are for their members and one role.
//! struct StaffChannels {
//!     role: String,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     role: String,
//! }
//!
//! impl Lifecycle for StaffChannels {
//!     type Settings = Settings;
//!
//!     fn configure(settings: Settings) -> Result<Self, String> {
//!         if settings.role.is_empty() {
//!             return Err("role: must not be empty".into());
//!         }
//!         Ok(Self { role: settings.role })
//!     }
//! }
//!
//! impl ChannelVisibility for StaffChannels {
//!     fn audience(&self, channel: &Channel) -> Rule {
//!         match channel.attribute("staff").as_deref() {
//!             Some("true") => Rule::only(member().or(role(&self.role))),
//!             _ => Rule::Everyone,
//!         }
//!     }
//! }
//!
//! wardroom_policy::export!(StaffChannels: lifecycle, channel_visibility);
//! ```
//!
//! The crate of a policy is a `cdylib`, built by
//! `cargo build --release --target wasm32-wasip2`; `opt-level = "s"`, `lto = true` and
//! `strip = true` in `[profile.release]` make it small.
//!
//! **Tests.** Built for this machine, [`Channel`], [`Subject`], [`Request`], [`Command`] and
//! [`Event`] are plain values with builders, so `cargo test` asks a policy without a server:
//!
//! ```
//! # use wardroom_policy::{Channel, ChannelVisibility, Rule, Subject, member};
//! # struct Private;
//! # impl ChannelVisibility for Private {
//! #     fn audience(&self, _: &Channel) -> Rule { Rule::only(member()) }
//! # }
//! let channel = Channel::new("c1").private().with_members(["ann"]);
//! let rule = Private.audience(&channel);
//! assert_eq!(rule, Rule::only(member()));
//! assert_eq!(rule.visible_to(&channel, &Subject::new("ann")), Some(true));
//! assert_eq!(rule.visible_to(&channel, &Subject::new("bob")), Some(false));
//! ```
//!
//! **What to rely on.** An instance may answer any number of calls or be dropped after any, and
//! several answer at once: what a policy remembers is a cache at best. That is why hooks take
//! `&self`, and why what a component imports is what its code calls: one that calls neither
//! [`directory`] nor the log imports neither.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
pub mod bindings;
mod clock;
#[doc(hidden)]
pub mod component;
#[cfg(not(target_family = "wasm"))]
mod facts;
mod fields;
mod hooks;
mod json;
mod log;
mod render;
mod secret;
mod select;
mod settings;

pub use bindings::exports_of_hooks::{Rendering, Rendition, Rule};
pub use bindings::wardroom::policy::log::Level;
pub use bindings::wardroom::policy::types::{Clause, Denial, Json, Selector, Test};
#[cfg(target_family = "wasm")]
pub use bindings::wardroom::policy::{
    context::{Channel, Command, Event, Request, Subject, workspace},
    directory,
};
pub use clock::{now, unix_time};
#[cfg(not(target_family = "wasm"))]
pub use facts::{Channel, Command, Event, Request, Subject, directory, workspace};
pub use fields::Fields;
pub use hooks::{Admission, ChannelVisibility, Commands, Events, Lifecycle, NoSettings};
pub use json::to_json;
#[doc(hidden)]
pub use log::write as write_log;
pub use secret::Secret;
pub use select::{all, any, attribute, everybody, member, role, roles, user, users};
pub use settings::read_settings;
