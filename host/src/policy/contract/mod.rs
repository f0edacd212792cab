//! What a component says of itself, laid beside `wit/wardroom-policy`: every difference in words
//! that its author can act on. Knows neither the engine nor files; the engine has the last word on
//! whether a component is taken, this room only explains.

mod hints;
mod interfaces;
mod names;
mod types;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{PackageId, Resolve, WorldId, WorldItem, WorldKey};

use interfaces::Surface;
use names::Name;
pub(super) use names::{Standing, standing};

use super::outline;

/// The version of `wardroom:policy` that this server speaks.
pub(super) const SPOKEN: &str = "1.0.0";
/// The package of the interface.
pub(super) const PACKAGE: &str = "wardroom:policy";
/// What a policy may export.
pub(super) const HOOKS: [&str; 5] = [
    "lifecycle",
    "admission",
    "channel-visibility",
    "commands",
    "events",
];
/// What a policy may import of the package.
const OFFERED: [&str; 4] = ["types", "context", "directory", "log"];

/// The interface as it is released with this server.
const WIT: [(&str, &str); 5] = [
    (
        "package.wit",
        include_str!("../../../../wit/wardroom-policy/package.wit"),
    ),
    (
        "types.wit",
        include_str!("../../../../wit/wardroom-policy/types.wit"),
    ),
    (
        "context.wit",
        include_str!("../../../../wit/wardroom-policy/context.wit"),
    ),
    (
        "hooks.wit",
        include_str!("../../../../wit/wardroom-policy/hooks.wit"),
    ),
    (
        "worlds.wit",
        include_str!("../../../../wit/wardroom-policy/worlds.wit"),
    ),
];

/// One thing to say about a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether the server refuses the component because of it. If not, it is worth knowing only.
    pub refused: bool,
    /// Where: an export, an import, or a function or type of one.
    pub at: String,
    /// What is the case, in one sentence.
    pub said: String,
    /// What to do about it, or what usually brings it about.
    pub hint: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.said)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// What a component exports and imports, and what is to be said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surfaces {
    /// Hooks of the interface that it exports, by their short names.
    pub hooks: Vec<String>,
    /// What else it exports, by full names.
    pub other_exports: Vec<String>,
    /// Everything that it imports, by full names.
    pub imports: Vec<String>,
    /// The versions of `wardroom:policy` it was built against; one, if all is well.
    pub versions: Vec<String>,
    /// Everything to say, the grave things first.
    pub findings: Vec<Finding>,
}

impl Surfaces {
    /// The hooks and the imports beyond the question that come with a component, which an operator
    /// grants to a policy: whatever of `wardroom:policy` is more than `types`, `context` and `log`.
    #[must_use]
    pub fn capabilities(&self) -> Vec<String> {
        let beyond = |import: &&String| {
            let name = Name::of(import);
            name.package == PACKAGE && !["types", "context", "log"].contains(&name.interface)
        };
        self.imports.iter().filter(beyond).cloned().collect()
    }
}

/// Reads a component and compares it with the interface. Nothing where the parser does not
/// understand it: then only the engine can say what is wrong.
///
/// The parser does not hold against every file: where packages need each other in a circle it uses up its
/// stack, which ends the process. [`Compiler::surfaces`](super::compiling::Compiler::surfaces) has it read
/// apart.
pub(super) fn surfaces(bytes: &[u8]) -> Option<Surfaces> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    if !bytes.starts_with(COMPONENT) || !outline::is_whole(bytes) {
        return None;
    }
    match decode(bytes).ok()? {
        DecodedWasm::Component(theirs, world) => Some(compare(&theirs, world)),
        DecodedWasm::WitPackage(..) => Some(Surfaces {
            findings: vec![Finding {
                refused: true,
                at: "the file".into(),
                said: "it holds a WIT package in binary form and no code".into(),
                hint: Some("build the component itself, not its interface".into()),
            }],
            ..Surfaces::default()
        }),
    }
}

impl Surfaces {
    /// What keeps the server from taking the component, in one text without advice; nothing if no reason
    /// was found.
    pub(super) fn reasons(&self) -> Option<String> {
        let refused = self.findings.iter().filter(|finding| finding.refused);
        let reasons: Vec<String> = refused
            .map(|finding| format!("{}: {}", finding.at, finding.said))
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

fn compare(theirs: &Resolve, world: WorldId) -> Surfaces {
    let (ours, package) = released();
    let mut surface = Surface::new(ours, *package, theirs);
    let world = &theirs.worlds[world];
    for (key, item) in &world.exports {
        surface.export(&theirs.name_world_key(key), interface_of(key, item));
    }
    surface.exports_end();
    for (key, item) in &world.imports {
        surface.import(&theirs.name_world_key(key), interface_of(key, item));
    }
    surface.end()
}

fn interface_of(_: &WorldKey, item: &WorldItem) -> Option<wit_parser::InterfaceId> {
    match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    }
}

fn released() -> &'static (Resolve, PackageId) {
    static RELEASED: OnceLock<(Resolve, PackageId)> = OnceLock::new();
    RELEASED.get_or_init(|| {
        let mut sources = wit_parser::SourceMap::new();
        for (name, text) in WIT {
            sources.push_str(name, text);
        }
        let group = sources
            .parse()
            .unwrap_or_else(|_| panic!("the released WIT parses"));
        let mut resolve = Resolve::default();
        let package = resolve
            .push_group(group)
            .expect("the released WIT is whole");
        (resolve, package)
    })
}

#[cfg(test)]
mod tests;
