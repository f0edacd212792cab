//! Has the right names of the hook `events` and other types behind them.
#![cfg(target_family = "wasm")]

wit_bindgen::generate!({
    inline: "
        package wardroom:policy@1.0.0;
        interface events {
            render: func(of: string) -> bool;
        }
        world guest {
            export events;
        }
    ",
});

struct Policy;
export!(Policy);

impl exports::wardroom::policy::events::Guest for Policy {
    fn render(of: String) -> bool {
        of.is_empty()
    }
}
