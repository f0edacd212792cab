//! Exports a hook that no server of this version knows.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:policy@1.0.0;
        interface moderation {
            moderate: func(text: string) -> bool;
        }
        world guest {
            export moderation;
        }
    ",
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::moderation::Guest for Policy {
    fn moderate(text: String) -> bool {
        text.is_empty()
    }
}
