//! Bindings generated from `wit/wardroom-policy` for what this server version asks and offers.
//! Knows no domain types; `convert` does.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

// A hook that the server begins to ask is added here as an export; `directory`, once the server
// offers it, as an import. Until then `component` refuses policies that need either.
wasmtime::component::bindgen!({
    inline: "
        package wardroom:host;
        world asked {
            import wardroom:policy/context@1.0.0;
            import wardroom:policy/log@1.0.0;
            export wardroom:policy/lifecycle@1.0.0;
            export wardroom:policy/channel-visibility@1.0.0;
        }
    ",
    path: "../wit/wardroom-policy",
    world: "wardroom:host/asked",
    imports: { default: trappable },
    with: {
        "wardroom:policy/context.subject": super::facts::Subject,
        "wardroom:policy/context.channel": super::facts::Channel,
        "wardroom:policy/context.request": super::unasked::Request,
        "wardroom:policy/context.command": super::unasked::Command,
        "wardroom:policy/context.event": super::unasked::Event,
    },
});
