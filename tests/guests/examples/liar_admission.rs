//! Has the right names of the hook `admission` and other types behind them.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:policy@1.0.0;
        interface admission {
            admit: func(of: string) -> bool;
        }
        world guest {
            export admission;
        }
    ",
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::admission::Guest for Policy {
    fn admit(of: String) -> bool {
        of.is_empty()
    }
}
