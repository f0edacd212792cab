//! What usually lies behind a difference: old names, and the dependencies that bring in imports.
//! Knows names only.

use super::names::{Name, closest};
use super::{HOOKS, PACKAGE, SPOKEN};

/// Names that drafts, other servers and examples use for a hook, and what it is called here.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("visibility", "channel-visibility"),
    ("channels", "channel-visibility"),
    ("channel-access", "channel-visibility"),
    ("authorization", "commands"),
    ("authorize", "commands"),
    ("command", "commands"),
    ("admit", "admission"),
    ("connect", "admission"),
    ("event", "events"),
    ("render", "events"),
    ("rendering", "events"),
    ("init", "lifecycle"),
];

/// Which hook somebody meant by a name that is none.
pub(super) fn hook(name: &str) -> Option<String> {
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    let meant = other
        .map(|(_, hook)| *hook)
        .or_else(|| closest(name, HOOKS))?;
    Some(format!("is `{PACKAGE}/{meant}@{SPOKEN}` meant?"))
}

/// What brings in an export that nobody asks.
pub(super) fn export(full: &str) -> Option<&'static str> {
    match Name::of(full).package {
        "wasi:cli" => Some("a program exports it; a policy is a library, crate type `cdylib`"),
        "wasi:http" => Some("a web service exports it; a policy is not one"),
        _ => None,
    }
}

/// What to say of an import that is not granted: what it is, and what usually brings it in.
pub(super) fn import(full: &str) -> (&'static str, Option<String>) {
    let name = Name::of(full);
    if name.package.starts_with("wasi:") && name.version.starts_with("0.3") {
        let said = "the server offers WASI 0.2, and this is of 0.3";
        let hint = "build for the target wasm32-wasip2, or without `async`";
        return (said, Some(hint.to_owned()));
    }
    let said = "your component imports it, and a policy is not granted it";
    let hint = match name.package {
        "wasi:http" => {
            "an HTTP client brings it in; a policy has no network and decides from the \
                        facts it is given: let the backend put what is needed into attributes"
        }
        "wasi:keyvalue" | "wasi:blobstore" | "wasi:messaging" => {
            "a policy keeps no data; what an answer needs comes as attributes or settings"
        }
        "wasi:config" => "settings come through `lifecycle.configure`, from the configuration",
        "wasi:logging" => "the server's log is the import `wardroom:policy/log`",
        "wasi:nn" => "a policy has no accelerator",
        "wasi:tls" => "a TLS library brings it in; a policy has no network",
        "wasi:cli" | "wasi:clocks" | "wasi:io" | "wasi:random" => {
            "the server offers the parts of WASI 0.2 that language runtimes need; a newer or \
             rarely used part is not among them"
        }
        "env" | "wasi_snapshot_preview1" => {
            "it is of a core module: build for wasm32-wasip2, or wrap it with `wasm-tools \
             component new` and the adapter"
        }
        "" => "a function that is declared and not linked becomes an import: is a library missing?",
        _ => "find the dependency that needs it and build without it",
    };
    (said, Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_misspelt_hooks_are_recognised() {
        let meant = |name| hook(name).unwrap_or_default();
        assert!(meant("visibility").contains("channel-visibility@1.0.0"));
        assert!(meant("admision").contains("/admission@"));
        assert_eq!(hook("weather"), None);
    }
}
