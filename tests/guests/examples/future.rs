//! Built against a version of the interface that is not out yet.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:policy@1.7.0;
        interface channel-visibility {
            audience: func(channel: string) -> bool;
        }
        world guest {
            export channel-visibility;
        }
    ",
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::channel_visibility::Guest for Policy {
    fn audience(channel: String) -> bool {
        channel.is_empty()
    }
}
