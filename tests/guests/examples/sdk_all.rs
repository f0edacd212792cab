//! Exports every hook, by the SDK.
#![cfg(target_family = "wasm")]

use wardroom_policy::{
    Admission, Channel, ChannelVisibility, Command, Commands, Denial, Event, Events, Json,
    Lifecycle, Rendering, Request, Rule,
};

struct All;

wardroom_policy::export!(All: lifecycle, admission, channel_visibility, commands, events);

impl Lifecycle for All {
    type Settings = wardroom_policy::NoSettings;

    fn configure(_: Self::Settings) -> Result<Self, String> {
        Ok(Self)
    }
}

impl Admission for All {
    fn admit(&self, _: &Request) -> Result<(), Denial> {
        Ok(())
    }
}

impl ChannelVisibility for All {
    fn audience(&self, _: &Channel) -> Rule {
        Rule::Everyone
    }
}

impl Commands for All {
    fn authorize(&self, _: &Command) -> Result<Option<Json>, Denial> {
        Ok(None)
    }
}

impl Events for All {
    fn render(&self, _: &Event) -> Rendering {
        Rendering::Unchanged
    }
}
