//! Has the right names of the hook `commands` and other types behind them.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:policy@1.0.0;
        interface commands {
            authorize: func(of: string) -> bool;
        }
        world guest {
            export commands;
        }
    ",
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::commands::Guest for Policy {
    fn authorize(of: String) -> bool {
        of.is_empty()
    }
}
