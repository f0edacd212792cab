//! What is generated from `wit/wardroom-policy`: the types and imports once, and each hook in a
//! world of its own, so that a component exports the hooks it names and no others. Holds nothing
//! written by hand.

wit_bindgen::generate!({
    inline: "
        package wardroom:sdk-imports;
        world imports {
            import wardroom:policy/types@1.0.0;
            import wardroom:policy/context@1.0.0;
            import wardroom:policy/directory@1.0.0;
            import wardroom:policy/log@1.0.0;
        }
    ",
    path: "wit/wardroom-policy",
    world: "wardroom:sdk-imports/imports",
    generate_all,
    generate_unused_types: true,
    additional_derives: [PartialEq],
});

/// The hook `lifecycle`.
pub mod lifecycle {
    wit_bindgen::generate!({
        inline: "
            package wardroom:sdk-lifecycle;
            world lifecycle { export wardroom:policy/lifecycle@1.0.0; }
        ",
        path: "wit/wardroom-policy",
        world: "wardroom:sdk-lifecycle/lifecycle",
        with: { "wardroom:policy/types@1.0.0": crate::bindings::wardroom::policy::types },
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "wardroom_policy::bindings::lifecycle",
    });
}

/// The hook `admission`.
pub mod admission {
    wit_bindgen::generate!({
        inline: "
            package wardroom:sdk-admission;
            world admission { export wardroom:policy/admission@1.0.0; }
        ",
        path: "wit/wardroom-policy",
        world: "wardroom:sdk-admission/admission",
        with: {
            "wardroom:policy/types@1.0.0": crate::bindings::wardroom::policy::types,
            "wardroom:policy/context@1.0.0": crate::bindings::wardroom::policy::context,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "wardroom_policy::bindings::admission",
    });
}

/// The hook `channel-visibility`.
pub mod channel_visibility {
    wit_bindgen::generate!({
        inline: "
            package wardroom:sdk-channel-visibility;
            world channel-visibility { export wardroom:policy/channel-visibility@1.0.0; }
        ",
        path: "wit/wardroom-policy",
        world: "wardroom:sdk-channel-visibility/channel-visibility",
        with: {
            "wardroom:policy/types@1.0.0": crate::bindings::wardroom::policy::types,
            "wardroom:policy/context@1.0.0": crate::bindings::wardroom::policy::context,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "wardroom_policy::bindings::channel_visibility",
    });
}

/// The hook `commands`.
pub mod commands {
    wit_bindgen::generate!({
        inline: "
            package wardroom:sdk-commands;
            world commands { export wardroom:policy/commands@1.0.0; }
        ",
        path: "wit/wardroom-policy",
        world: "wardroom:sdk-commands/commands",
        with: {
            "wardroom:policy/types@1.0.0": crate::bindings::wardroom::policy::types,
            "wardroom:policy/context@1.0.0": crate::bindings::wardroom::policy::context,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "wardroom_policy::bindings::commands",
    });
}

/// The hook `events`.
pub mod events {
    wit_bindgen::generate!({
        inline: "
            package wardroom:sdk-events;
            world events { export wardroom:policy/events@1.0.0; }
        ",
        path: "wit/wardroom-policy",
        world: "wardroom:sdk-events/events",
        with: {
            "wardroom:policy/types@1.0.0": crate::bindings::wardroom::policy::types,
            "wardroom:policy/context@1.0.0": crate::bindings::wardroom::policy::context,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "wardroom_policy::bindings::events",
    });
}

/// The types that exist only where a hook is exported.
pub mod exports_of_hooks {
    pub use super::channel_visibility::exports::wardroom::policy::channel_visibility::Rule;
    pub use super::events::exports::wardroom::policy::events::{Rendering, Rendition};
}
