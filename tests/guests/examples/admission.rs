//! Decides who may enter, which this server version does not ask.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:guests;
        world guest {
            include wardroom:policy/admission-policy@1.0.0;
        }
    ",
    path: "../../wit/wardroom-policy",
    world: "wardroom:guests/guest",
    generate_all,
});

use exports::wardroom::policy::admission::Guest;
use wardroom::policy::context::Request;
use wardroom::policy::types::Denial;

struct Policy;
export!(Policy);

impl Guest for Policy {
    fn admit(request: &Request) -> Result<(), Denial> {
        let _ = request.claims();
        Ok(())
    }
}
