//! Exports two hooks, by the SDK, and takes no settings.
#![cfg(target_family = "wasm")]

use wardroom_policy::{Channel, ChannelVisibility, Event, Events, Rendering, Rule};

#[derive(Default)]
struct Two;

wardroom_policy::export!(Two: channel_visibility, events);

impl ChannelVisibility for Two {
    fn audience(&self, _: &Channel) -> Rule {
        Rule::Everyone
    }
}

impl Events for Two {
    fn render(&self, _: &Event) -> Rendering {
        Rendering::Unchanged
    }
}
