//! Bindings generated from `wit/wardroom-policy` for what this server version asks and offers.
//! Knows no domain types; `convert` does.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

// A hook that the server begins to ask is added here as an export, and one place in `component`.
wasmtime::component::bindgen!({
    inline: "
        package wardroom:host;
        world asked {
            import wardroom:policy/context@1.0.0;
            import wardroom:policy/directory@1.0.0;
            import wardroom:policy/log@1.0.0;
            export wardroom:policy/lifecycle@1.0.0;
            export wardroom:policy/admission@1.0.0;
            export wardroom:policy/channel-visibility@1.0.0;
            export wardroom:policy/commands@1.0.0;
            export wardroom:policy/events@1.0.0;
        }
    ",
    path: "../wit/wardroom-policy",
    world: "wardroom:host/asked",
    imports: { default: trappable },
    with: {
        "wardroom:policy/context.subject": super::resources::Subject,
        "wardroom:policy/context.channel": super::resources::Channel,
        "wardroom:policy/context.request": super::resources::Request,
        "wardroom:policy/context.command": super::resources::Command,
        "wardroom:policy/context.event": super::resources::Event,
    },
});
