//! Exports one hook, by the SDK, and takes no settings.
#![cfg(target_family = "wasm")]

use wardroom_policy::{Admission, Denial, Request};

#[derive(Default)]
struct One;

wardroom_policy::export!(One: admission);

impl Admission for One {
    fn admit(&self, _: &Request) -> Result<(), Denial> {
        Ok(())
    }
}
