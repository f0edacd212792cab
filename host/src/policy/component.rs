//! From a file's bytes to a component that may be asked: parses, compiles, compares exports and
//! imports with what this server asks and offers, links. Every refusal says what to do. Knows
//! neither configuration nor instances.

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::types::{Component as Type, ComponentItem};
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use super::bindings::Asked;
use super::bindings::exports::wardroom::policy::{
    admission, channel_visibility, commands, events, lifecycle,
};
use super::cache::Cache;
use super::compiling::NotCompiled;
use super::contract::{SPOKEN, Standing, standing};
use super::decision::Hook;
use super::facts::State;
use super::outline::{self, Names};
use super::wasi::{self, Offer};

/// What every name of the interface begins with.
const PACKAGE: &str = "wardroom:policy/";
/// The hook that decides nothing.
const LIFECYCLE: &str = "lifecycle";
/// The interface of facts beyond the question.
const DIRECTORY: &str = "directory";

/// Why a file cannot serve as a policy. Each text is for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Neither the magic bytes of WebAssembly nor its text form.
    #[error("the file is not WebAssembly: it does not begin with \\0asm")]
    NotWasm,
    /// The text form.
    #[error("the file is WebAssembly text; turn it into a component with `wasm-tools parse`")]
    Text,
    /// A core module.
    #[error(
        "the file is a core module, not a component; build for the target wasm32-wasip2, or wrap \
         it with `wasm-tools component new`"
    )]
    CoreModule,
    /// The file ends too soon.
    #[error("the file is truncated ({bytes} bytes): copy it again, and rename it into place")]
    Truncated {
        /// Its size.
        bytes: usize,
    },
    /// The file does not parse.
    #[error("the file is not a valid component: {0}")]
    Invalid(String),
    /// None of the hooks is exported.
    #[error(
        "the component exports no hook of wardroom:policy@1.0.0, so there is nothing to ask it; \
         it exports {exports}. Export one of wardroom:policy/admission, channel-visibility, \
         commands and events, each @1.0.0"
    )]
    NoHook {
        /// What it does export.
        exports: String,
    },
    /// Something of our package is exported that this version does not ask.
    #[error(
        "this server version does not ask `{hook}`, so what the policy decides there would go \
         unheard; remove the export, or use a server that asks it"
    )]
    UnaskedHook {
        /// Its name.
        hook: String,
    },
    /// An import is neither ours nor of the WASI that runtimes need.
    #[error(
        "the component imports what is not granted: {imports}. A policy may import \
         wardroom:policy/context, directory and log, and the parts of WASI 0.2 that language \
         runtimes need"
    )]
    NotGranted {
        /// The imports.
        imports: String,
    },
    /// Built against a version of the interface that this server does not speak.
    #[error(
        "the component was built against {name}, and this server speaks wardroom:policy@1.0.0; \
         {advice}"
    )]
    OtherVersion {
        /// The import or export that shows it.
        name: String,
        /// What to do.
        advice: &'static str,
    },
    /// There is more of something in it than is compiled.
    #[error(
        "the component has {has} {what}, and a server compiles at most {limit}; build it smaller, \
         or out of fewer parts"
    )]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        has: usize,
        /// How much there may be.
        limit: usize,
    },
    /// Compiling it came to no good end.
    #[error(transparent)]
    NotCompiled(#[from] NotCompiled),
    /// Names agree, types do not.
    #[error(
        "the component's types differ from wardroom:policy@1.0.0, so it was built from another \
         WIT: {0}"
    )]
    Mismatch(String),
}

/// The digest of a file's content, by which a version of a policy is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest in hexadecimal digits alone.
    pub(super) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A component that is linked and ready to be instantiated, with the hooks it exports.
#[derive(Clone)]
pub(super) struct Linked {
    pub(super) pre: InstancePre<State>,
    pub(super) lifecycle: Option<lifecycle::GuestIndices>,
    pub(super) admission: Option<admission::GuestIndices>,
    pub(super) visibility: Option<channel_visibility::GuestIndices>,
    pub(super) commands: Option<commands::GuestIndices>,
    pub(super) events: Option<events::GuestIndices>,
    /// Whether it may look up facts beyond the question.
    pub(super) looks_up: bool,
}

impl Linked {
    /// Whether it exports a hook.
    pub(super) fn exports(&self, hook: Hook) -> bool {
        match hook {
            Hook::Admission => self.admission.is_some(),
            Hook::Visibility => self.visibility.is_some(),
            Hook::Commands => self.commands.is_some(),
            Hook::Events => self.events.is_some(),
        }
    }

    /// The names of the hooks that it exports.
    pub(super) fn hooks(&self) -> Vec<&'static str> {
        let lifecycle = self.lifecycle.is_some().then_some(LIFECYCLE);
        let deciding = Hook::ALL.into_iter().filter(|hook| self.exports(*hook));
        lifecycle
            .into_iter()
            .chain(deciding.map(Hook::name))
            .collect()
    }

    /// The interfaces it imports beyond what every policy may, without their version: what an
    /// operator grants.
    pub(super) fn capabilities(&self) -> Vec<String> {
        let directory = self.looks_up.then(|| format!("{PACKAGE}{DIRECTORY}"));
        directory.into_iter().collect()
    }
}

/// A linker with everything that any policy is offered.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>, wasmtime::Error> {
    let mut linker = Linker::new(engine);
    Asked::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    wasi::add_to(&mut linker)?;
    Ok(linker)
}

/// Makes a component ready, or says why it cannot be; `compile` is called unless the cache has it.
/// Compiling takes up to seconds: not for a thread that serves anybody.
pub(super) fn link(
    engine: &Engine,
    linker: &Linker<State>,
    bytes: &[u8],
    cache: Option<&Cache>,
    compile: impl FnOnce(&Engine, &[u8]) -> Result<Component, NotCompiled>,
) -> Result<Linked, LoadError> {
    check_form(bytes)?;
    // What a small file may make dear is looked at last.
    let names = outline::names(bytes)?;
    check_exports(&names)?;
    let looks_up = check_imports(&names)?;
    let digest = Digest::of(bytes);
    let component = match cache.and_then(|cache| cache.load(digest, engine)) {
        Some(component) => component,
        None => {
            outline::check_shape(bytes)?;
            let component = compile(engine, bytes)?;
            if let Some(cache) = cache {
                cache.store(digest, &component);
            }
            component
        }
    };
    let shape = component.component_type();
    let mut linker = linker.clone();
    define_absent(engine, &shape, &mut linker).map_err(|e| mismatch(&e))?;
    let pre = linker
        .instantiate_pre(&component)
        .map_err(|e| mismatch(&e))?;
    let exported: Vec<&str> = shape.exports(engine).map(|(name, _)| name).collect();
    // The indices look at names alone; the types are compared when an instance is made. An export
    // that lacks a function is an error and not a hook that is absent.
    macro_rules! indices {
        ($interface:ident, $name:expr) => {
            exported
                .iter()
                .any(|export| ours(export).is_some_and(|(name, _)| name == $name))
                .then(|| $interface::GuestIndices::new(&pre))
                .transpose()
                .map_err(|e| mismatch(&e))?
        };
    }
    Ok(Linked {
        lifecycle: indices!(lifecycle, LIFECYCLE),
        admission: indices!(admission, Hook::Admission.name()),
        visibility: indices!(channel_visibility, Hook::Visibility.name()),
        commands: indices!(commands, Hook::Commands.name()),
        events: indices!(events, Hook::Events.name()),
        looks_up,
        pre,
    })
}

/// Types that do not agree, as the engine puts it.
pub(super) fn mismatch(error: &wasmtime::Error) -> LoadError {
    LoadError::Mismatch(format!("{error:#}"))
}

fn check_form(bytes: &[u8]) -> Result<(), LoadError> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    if bytes.starts_with(COMPONENT) {
        if whole(&bytes[COMPONENT.len()..]) {
            Ok(())
        } else {
            Err(LoadError::Truncated { bytes: bytes.len() })
        }
    } else if bytes.starts_with(MODULE) {
        Err(LoadError::CoreModule)
    } else if COMPONENT.starts_with(bytes) {
        Err(LoadError::Truncated { bytes: bytes.len() })
    } else if bytes.trim_ascii_start().starts_with(b"(") {
        Err(LoadError::Text)
    } else if bytes.starts_with(b"\0asm") {
        Err(LoadError::Invalid(
            "an unknown version of the format".into(),
        ))
    } else {
        Err(LoadError::NotWasm)
    }
}

/// Whether the last section ends where the file does. The parser finds a missing end as well, in
/// many different words.
fn whole(mut sections: &[u8]) -> bool {
    while let [_kind, rest @ ..] = sections {
        // The size, seven bits a byte, the lowest first.
        let digits = rest.iter().take_while(|byte| **byte >= 0x80).count();
        let Some((size, payload)) = rest.split_at_checked(digits + 1) else {
            return false;
        };
        let size = size.iter().rev().try_fold(0_usize, |sum, byte| {
            Some(sum.checked_mul(0x80)? | usize::from(byte & 0x7f))
        });
        match size.and_then(|size| payload.get(size..)) {
            Some(next) => sections = next,
            None => return false,
        }
    }
    true
}

/// Refuses a component that exports nothing to ask, or something that would not be asked.
fn check_exports(names: &Names) -> Result<(), LoadError> {
    let mut decides = false;
    for export in &names.exports {
        let Some((interface, version)) = ours(export) else {
            continue;
        };
        check_version(export, version)?;
        let asked = Hook::ALL.iter().any(|hook| hook.name() == interface);
        if !asked && interface != LIFECYCLE {
            return Err(LoadError::UnaskedHook {
                hook: interface.to_owned(),
            });
        }
        decides |= asked;
    }
    if decides {
        return Ok(());
    }
    let exports = match names.exports.as_slice() {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    Err(LoadError::NoHook { exports })
}

/// Refuses a component that imports what is not offered. Returns whether it looks up facts beyond
/// the question.
fn check_imports(names: &Names) -> Result<bool, LoadError> {
    let mut refused = Vec::new();
    let mut looks_up = false;
    for import in &names.imports {
        match ours(import) {
            Some((interface, version)) => {
                check_version(import, version)?;
                match interface {
                    "types" | "context" | "log" => {}
                    DIRECTORY => looks_up = true,
                    _ => refused.push(import.to_owned()),
                }
            }
            None if wasi::offer(import).is_some() => {}
            None => refused.push(import.to_owned()),
        }
    }
    if refused.is_empty() {
        Ok(looks_up)
    } else {
        Err(LoadError::NotGranted {
            imports: refused.join(", "),
        })
    }
}

fn define_absent(
    engine: &Engine,
    shape: &Type,
    linker: &mut Linker<State>,
) -> Result<(), wasmtime::Error> {
    for (import, item) in shape.imports(engine) {
        if wasi::offer(import) == Some(Offer::Absent)
            && let ComponentItem::ComponentInstance(interface) = item.ty
        {
            wasi::define_absent(&mut linker.instance(import)?, import, &interface, engine)?;
        }
    }
    Ok(())
}

/// The interface and the version in a name of our package.
fn ours(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(PACKAGE)?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

fn check_version(name: &str, version: &str) -> Result<(), LoadError> {
    let advice = match standing(version, SPOKEN) {
        Standing::Spoken => return Ok(()),
        Standing::Later | Standing::LaterMajor => "upgrade the server, or build against 1.0.0",
        Standing::EarlierMajor | Standing::Unknown => "build against 1.0.0",
    };
    Err(LoadError::OtherVersion {
        name: name.to_owned(),
        advice,
    })
}
