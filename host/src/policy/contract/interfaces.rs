//! Exports and imports of a component beside the interfaces of the package: versions, names,
//! functions. Knows types by their differences only.

use wit_parser::{Function, InterfaceId, PackageId, Resolve};

use super::hints;
use super::names::{self, Name, Standing, closest, list};
use super::types::{Differ, Sides, shown};
use super::{Finding, HOOKS, OFFERED, PACKAGE, SPOKEN, Surfaces};
use crate::policy::wasi;

/// What the runtimes of JavaScript and Python export for their own start. Each component in these
/// languages has it, and none means anything by it.
const RUNTIMES_OWN: &str = "init";

/// Gathers what there is to say, export by export and import by import.
pub(super) struct Surface<'a> {
    sides: Sides<'a>,
    package: PackageId,
    found: Surfaces,
}

/// Which way an interface goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The component has it and the server calls it: all of it must be there.
    Export,
    /// The component calls it: what it uses must be there.
    Import,
}

impl<'a> Surface<'a> {
    pub(super) fn new(ours: &'a Resolve, package: PackageId, theirs: &'a Resolve) -> Self {
        Self {
            sides: Sides { ours, theirs },
            package,
            found: Surfaces::default(),
        }
    }

    /// Looks at one export; `interface` is nothing where it is a plain function or type.
    pub(super) fn export(&mut self, full: &str, interface: Option<InterfaceId>) {
        let name = Name::of(full);
        if name.package != PACKAGE {
            self.foreign_export(full, name);
            return;
        }
        if !self.version(full, name) {
            return;
        }
        if !HOOKS.contains(&name.interface) {
            self.found.other_exports.push(full.to_owned());
            let (said, hint) = if OFFERED.contains(&name.interface) {
                let said = "your component exports it, and it is the server that offers it";
                (said, Some("import it".to_owned()))
            } else {
                let said = "there is no such hook, so that what your policy decides there would go \
                            unheard";
                let remove = "remove the export, or use a server that asks it";
                (
                    said,
                    hints::hook(name.interface).or(Some(remove.to_owned())),
                )
            };
            self.say(true, full, said, hint);
            return;
        }
        self.found.hooks.push(name.interface.to_owned());
        if let Some(theirs) = interface {
            self.compare(Way::Export, name.interface, theirs);
        }
    }

    /// Ends the exports: without a hook that decides there is nothing to ask.
    pub(super) fn exports_end(&mut self) {
        if self.found.hooks.iter().any(|hook| hook != "lifecycle") {
            return;
        }
        if self.found.findings.iter().any(|finding| finding.refused) {
            return;
        }
        let others = self.found.other_exports.iter().map(String::as_str);
        let exports: Vec<&str> = others
            .chain(self.found.hooks.iter().map(|s| &**s))
            .collect();
        let said = format!(
            "your component exports no hook that decides; it exports {}",
            list(exports)
        );
        let hint = "export one of wardroom:policy/admission, channel-visibility, commands or \
                    events, version 1.0.0; is `export!` called, and the world right?";
        self.say(true, "exports", said, Some(hint.to_owned()));
    }

    /// Looks at one import.
    pub(super) fn import(&mut self, full: &str, interface: Option<InterfaceId>) {
        self.found.imports.push(full.to_owned());
        let name = Name::of(full);
        if name.package == PACKAGE {
            if !self.version(full, name) {
                return;
            }
            if OFFERED.contains(&name.interface) {
                if let Some(theirs) = interface {
                    self.compare(Way::Import, name.interface, theirs);
                }
            } else if HOOKS.contains(&name.interface) {
                let said = "your component imports a hook, and it is the policy that exports it";
                self.say(true, full, said, Some("export it in your world".into()));
            } else {
                let hint = closest(name.interface, OFFERED)
                    .map(|near| format!("is `{near}` meant? It offers {}", list(OFFERED)));
                let said = "the server offers no such interface";
                self.say(true, full, said, hint);
            }
        } else if wasi::offer(full).is_none() {
            let (said, hint) = hints::import(full);
            self.say(true, full, said, hint);
        }
    }

    /// Everything that was found, the grave things first.
    pub(super) fn end(mut self) -> Surfaces {
        let mut told: Vec<Finding> = Vec::new();
        for finding in self.found.findings {
            // A type that differs does so in every function that has it.
            if !told.contains(&finding) {
                told.push(finding);
            }
        }
        told.sort_by_key(|finding| !finding.refused);
        self.found.findings = told;
        let place = |hook: &String| HOOKS.iter().position(|known| known == hook);
        self.found.hooks.sort_by_key(place);
        self.found.versions.sort();
        self.found.versions.dedup();
        self.found
    }

    fn say(
        &mut self,
        refused: bool,
        at: impl Into<String>,
        said: impl Into<String>,
        hint: Option<String>,
    ) {
        self.found.findings.push(Finding {
            refused,
            at: at.into(),
            said: said.into(),
            hint,
        });
    }

    /// Notes the version of a name of the package; false if it is not one that is spoken.
    fn version(&mut self, full: &str, name: Name<'_>) -> bool {
        self.found.versions.push(name.version.to_owned());
        let hint = match names::standing(name.version, SPOKEN) {
            Standing::Spoken => return true,
            Standing::Later => format!("upgrade the server, or build against {PACKAGE}@{SPOKEN}"),
            Standing::LaterMajor => format!(
                "another major version is another interface: upgrade the server, or write the \
                 policy against {PACKAGE}@{SPOKEN}"
            ),
            Standing::EarlierMajor => format!(
                "another major version is another interface: take the WIT of {PACKAGE}@{SPOKEN} \
                 and build again"
            ),
            Standing::Unknown => {
                format!("take the WIT with its version: `package {PACKAGE}@{SPOKEN};`")
            }
        };
        let theirs = match name.version {
            "" => "a package without a version",
            version => version,
        };
        let said =
            format!("your component was built against {theirs}, this server speaks {SPOKEN}");
        self.say(true, full, said, Some(hint));
        false
    }

    fn foreign_export(&mut self, full: &str, name: Name<'_>) {
        if full == RUNTIMES_OWN {
            return;
        }
        self.found.other_exports.push(full.to_owned());
        if HOOKS.contains(&name.interface) && !name.package.is_empty() {
            let said = format!(
                "the hook `{}` is exported under another package, where this server does not look",
                name.interface
            );
            let hint = format!("export `{PACKAGE}/{}@{SPOKEN}`", name.interface);
            self.say(true, full, said, Some(hint));
        } else if HOOKS.contains(&name.interface) || self.function_of(full).is_some() {
            let hook = self.function_of(full).unwrap_or(name.interface).to_owned();
            let said = "it is exported by itself, and this server looks for whole interfaces";
            let hint = format!("`export {PACKAGE}/{hook}@{SPOKEN};` in your world");
            self.say(true, full, said, Some(hint));
        } else {
            let hint = hints::export(full).map(str::to_owned);
            self.say(false, full, "this server never asks it", hint);
        }
    }

    /// The hook that has a function of this name.
    fn function_of(&self, function: &str) -> Option<&'static str> {
        HOOKS.into_iter().find(|hook| {
            self.ours(hook).is_some_and(|id| {
                self.sides.ours.interfaces[id]
                    .functions
                    .contains_key(function)
            })
        })
    }

    fn ours(&self, interface: &str) -> Option<InterfaceId> {
        let package = &self.sides.ours.packages[self.package];
        package.interfaces.get(interface).copied()
    }

    fn compare(&mut self, way: Way, interface: &str, theirs: InterfaceId) {
        let Some(ours) = self.ours(interface) else {
            return;
        };
        let ours = &self.sides.ours.interfaces[ours].functions;
        let theirs = &self.sides.theirs.interfaces[theirs].functions;
        for (name, their_function) in theirs {
            let at = format!("{interface}.{}", names::function(name));
            match ours.get(name) {
                Some(our_function) => self.function(way, &at, our_function, their_function),
                None => {
                    let unused = ours.keys().filter(|ours| !theirs.contains_key(*ours));
                    let unused = unused.map(|name| names::function(name));
                    let near = closest(names::function(name), unused);
                    let hint = near.map(|near| format!("is `{near}` meant?"));
                    match way {
                        Way::Export => {
                            let said = "the interface has no such function, so nobody calls it";
                            self.say(false, at, said, hint);
                        }
                        Way::Import => {
                            let said = "your component calls it, and this server does not offer it";
                            self.say(true, at, said, hint);
                        }
                    }
                }
            }
        }
        if way == Way::Export {
            for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
                let at = format!("{interface}.{name}");
                let hint = "implement it, if only with the answer that changes nothing";
                let said = "your component lacks the function, which this server calls";
                self.say(true, at, said, Some(hint.into()));
            }
        }
    }

    fn function(&mut self, way: Way, at: &str, ours: &Function, theirs: &Function) {
        if ours.kind.is_async() != theirs.kind.is_async() {
            let said = "your function is `async`, and this server calls plain functions";
            self.say(true, at, said, Some("take `async` off its WIT".into()));
            return;
        }
        if ours.params.len() != theirs.params.len() {
            let said = format!(
                "your {} takes another number of parameters, {}, this server expects {}",
                if way == Way::Export {
                    "function"
                } else {
                    "import"
                },
                theirs.params.len(),
                ours.params.len()
            );
            self.say(true, at, said, other_wit());
            return;
        }
        for (our, their) in ours.params.iter().zip(&theirs.params) {
            match self.sides.differ(our.ty, their.ty) {
                None => {}
                Some(Differ::Inside(inside)) => self.inside(inside),
                Some(Differ::Whole) => {
                    let said = format!(
                        "your component takes {} as `{}`, this server expects {}",
                        shown(self.sides.theirs, Some(their.ty)),
                        our.name,
                        shown(self.sides.ours, Some(our.ty))
                    );
                    self.say(true, at, said, other_wit());
                }
            }
        }
        let differ = match (ours.result, theirs.result) {
            (None, None) => None,
            (Some(our), Some(their)) => self.sides.differ(our, their),
            _ => Some(Differ::Whole),
        };
        match differ {
            None => {}
            Some(Differ::Inside(inside)) => self.inside(inside),
            Some(Differ::Whole) => {
                let said = format!(
                    "your component returns {}, this server expects {}",
                    shown(self.sides.theirs, theirs.result),
                    shown(self.sides.ours, ours.result)
                );
                self.say(true, at, said, other_wit());
            }
        }
    }

    fn inside(&mut self, inside: Vec<(String, String)>) {
        for (at, said) in inside {
            self.say(true, at, said, other_wit());
        }
    }
}

fn other_wit() -> Option<String> {
    Some(format!(
        "the WIT in your project is not the released {PACKAGE}@{SPOKEN}: copy it again"
    ))
}
