//! The policies that ship, in a real server with stock clients. `private-channels` has a module of its
//! own beside this one.

mod builtin;
mod guard;
mod media;
mod privacy;

use wardroom_tests::settings::Settings;
use wardroom_tests::{Server, paths};

/// The settings of a server with one shipped policy and the settings of that, a text in TOML.
fn with_policy(name: &str, settings: &str) -> Settings {
    let settings: toml::Table = settings.parse().expect("the settings are TOML");
    Server::with()
        .policy(name, &paths::plugin(name))
        .policy_set("settings", settings)
}
