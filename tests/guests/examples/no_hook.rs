//! Exports `lifecycle` alone, which decides nothing.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/configurable@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::lifecycle::Guest for Policy {
    fn configure(_: String) -> Result<(), String> {
        Ok(())
    }
}
