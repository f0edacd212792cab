//! The policies that are part of the binary. A setting or an argument that names the file of a policy
//! names one of them as `builtin:private-channels`. It must not know what they decide.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path};

use crate::nearest::nearest;

/// What the name of such a policy begins with, where it stands for a file.
pub const PREFIX: &str = "builtin:";

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// A policy that is part of the binary.
pub struct BuiltIn {
    /// Its name, such as `private-channels`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub description: &'static str,
    /// The names of its settings, as its README explains them.
    pub settings: &'static [&'static str],
    /// Its component.
    pub bytes: &'static [u8],
}

impl fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "BuiltIn({PREFIX}{}, {} bytes)",
            self.name,
            self.bytes.len()
        )
    }
}

/// No policy that is part of the binary has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBuiltIn {
    name: String,
    known: Vec<&'static str>,
}

impl std::error::Error for UnknownBuiltIn {}

impl fmt::Display for UnknownBuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, known } = self;
        if known.is_empty() {
            return write!(
                f,
                "this binary was built without the policies that ship, {PREFIX}{name} among them; \
                 build it where `rustup target add wasm32-wasip2` has been done, or name a file"
            );
        }
        let all: Vec<_> = known.iter().map(|it| format!("{PREFIX}{it}")).collect();
        let all = all.join(", ");
        match nearest(name, known.iter().copied()) {
            Some(meant) => write!(
                f,
                "there is no {PREFIX}{name}; did you mean {PREFIX}{meant}? There are {all}"
            ),
            None => write!(f, "there is no {PREFIX}{name}; there are {all}"),
        }
    }
}

/// All policies that are part of the binary, by name. Empty if they could not be built when it was.
#[must_use]
pub fn all() -> &'static [BuiltIn] {
    SHIPPED
}

/// The policy that stands for a file of this path; nothing if the path is that of a file. A file of
/// such a name in the present folder is `./builtin:…`.
///
/// # Errors
/// There is no such policy.
pub fn named(path: &Path) -> Option<Result<&'static BuiltIn, UnknownBuiltIn>> {
    Some(find(name(path)?, all()))
}

/// Whether a path stands for a policy that is part of the binary, known or not, and for no file.
#[must_use]
pub fn is_builtin(path: &Path) -> bool {
    name(path).is_some()
}

fn name(path: &Path) -> Option<&str> {
    let mut components = path.components();
    let (Some(Component::Normal(only)), None) = (components.next(), components.next()) else {
        return None;
    };
    OsStr::to_str(only)?.strip_prefix(PREFIX)
}

fn find(name: &str, known: &'static [BuiltIn]) -> Result<&'static BuiltIn, UnknownBuiltIn> {
    let found = known.iter().find(|it| it.name == name);
    found.ok_or_else(|| UnknownBuiltIn {
        name: name.to_owned(),
        known: known.iter().map(|it| it.name).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_policy_that_ships_is_in_the_binary() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
        let mut shipped: Vec<_> = std::fs::read_dir(plugins)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        shipped.sort();
        let names: Vec<_> = all().iter().map(|it| it.name).collect();
        assert_eq!(names, shipped);
        for policy in all() {
            // The preamble of a component.
            assert!(
                policy.bytes.starts_with(b"\0asm\x0d\0\x01\0"),
                "{}",
                policy.name
            );
            assert!(!policy.description.is_empty(), "{}", policy.name);
        }
    }

    #[test]
    fn a_name_with_the_prefix_is_no_file_and_a_path_is_one() {
        let found = named(Path::new("builtin:private-channels")).unwrap();
        assert_eq!(found.unwrap().name, "private-channels");
        for file in [
            "private-channels",
            "./builtin:private-channels",
            "policies/builtin:private-channels",
            "/builtin:private-channels",
            "builtin:private-channels/policy.wasm",
            "",
        ] {
            assert!(named(Path::new(file)).is_none(), "{file}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_all() {
        let said = |name: &str| named(Path::new(name)).unwrap().unwrap_err().to_string();
        let all = "builtin:media-credentials, builtin:private-channels, builtin:profile-privacy, \
                   builtin:workspace-guard";
        assert_eq!(
            said("builtin:private-chanels"),
            format!(
                "there is no builtin:private-chanels; did you mean builtin:private-channels? There \
                 are {all}"
            )
        );
        let unknown = format!("there is no builtin:nonsense; there are {all}");
        assert_eq!(said("builtin:nonsense"), unknown);
    }

    #[test]
    fn a_binary_without_them_says_so() {
        let said = find("private-channels", &[]).unwrap_err().to_string();
        for words in [
            "built without",
            "rustup target add wasm32-wasip2",
            "name a file",
        ] {
            assert!(said.contains(words), "{words:?} in {said}");
        }
    }
}
