//! What a component shows of itself without being compiled or checked: the names of what it imports
//! and exports, and how much there is of everything that costs the compiler. Reading it takes time
//! and memory in proportion to the file and no more. Knows nothing of the interface.

use wasmparser::{
    BinaryReaderError, Encoding, FunctionBody, Operator, Parser, Payload, SectionLimited,
};

use super::component::LoadError;
use crate::limits::{
    POLICY_BLOCK_DEPTH, POLICY_COMPONENT_DEPTH, POLICY_COMPONENTS, POLICY_CORE_GLOBALS,
    POLICY_CORE_MEMORIES, POLICY_CORE_MODULES, POLICY_CORE_TABLES, POLICY_FUNCTION_BYTES,
    POLICY_FUNCTION_LOCALS, POLICY_FUNCTIONS, POLICY_SHAPE_INSTANCES, POLICY_TYPES,
};

/// The names of the whole component, and of nothing inside it, in the order in which they stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

/// Reads the names.
///
/// # Errors
/// The component is not well formed.
pub(super) fn names(bytes: &[u8]) -> Result<Names, LoadError> {
    read_names(bytes).map_err(malformed)
}

fn read_names(bytes: &[u8]) -> Result<Names, BinaryReaderError> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            // That of the whole is the last.
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Whether all that it announces is there. Readers that take their input in pieces make room for what a
/// section says it holds, and a few bytes may say that of 4 GiB.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut payloads = Parser::new(0).parse_all(bytes);
    payloads.all(|payload| payload.is_ok())
}

/// Refuses a component that is made of more than a server compiles. What it is made of may still be
/// wrong.
///
/// # Errors
/// What there is too much of, or where the component is not well formed.
pub(super) fn check_shape(bytes: &[u8]) -> Result<(), LoadError> {
    Shape::of(bytes)?.check()
}

fn malformed(error: BinaryReaderError) -> LoadError {
    LoadError::Invalid(error.to_string())
}

/// How much a component has of something, and how much it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    what: &'static str,
    has: usize,
    limit: usize,
}

impl Amount {
    const fn none(what: &'static str, limit: usize) -> Self {
        let has = 0;
        Self { what, has, limit }
    }

    fn add<T>(&mut self, section: &SectionLimited<'_, T>) {
        self.has += section.count() as usize;
    }

    fn at_least(&mut self, has: usize) {
        self.has = self.has.max(has);
    }

    fn check(self) -> Result<(), LoadError> {
        let Self { what, has, limit } = self;
        if has <= limit {
            return Ok(());
        }
        Err(LoadError::TooLarge { what, has, limit })
    }
}

/// What there is in a component, everything inside it included.
#[derive(Debug)]
struct Shape {
    components: Amount,
    depth: Amount,
    modules: Amount,
    instances: Amount,
    types: Amount,
    tables: Amount,
    memories: Amount,
    globals: Amount,
    functions: Amount,
    body: Amount,
    locals: Amount,
    blocks: Amount,
}

impl Shape {
    fn of(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut shape = Self {
            components: Amount::none("components inside it", POLICY_COMPONENTS),
            depth: Amount::none("components inside each other", POLICY_COMPONENT_DEPTH),
            modules: Amount::none("core modules", POLICY_CORE_MODULES),
            instances: Amount::none("instances", POLICY_SHAPE_INSTANCES),
            types: Amount::none("types", POLICY_TYPES),
            tables: Amount::none("tables", POLICY_CORE_TABLES),
            memories: Amount::none("memories", POLICY_CORE_MEMORIES),
            globals: Amount::none("globals", POLICY_CORE_GLOBALS),
            functions: Amount::none("functions", POLICY_FUNCTIONS),
            body: Amount::none("bytes in one function", POLICY_FUNCTION_BYTES),
            locals: Amount::none("locals in one function", POLICY_FUNCTION_LOCALS),
            blocks: Amount::none("blocks inside each other", POLICY_BLOCK_DEPTH),
        };
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::Version {
                    encoding: Encoding::Component,
                    ..
                } => {
                    depth += 1;
                    // The outermost is inside nothing.
                    shape.depth.at_least(depth - 1);
                }
                Payload::ModuleSection { .. } => {
                    shape.modules.has += 1;
                    depth += 1;
                }
                Payload::ComponentSection { .. } => shape.components.has += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::InstanceSection(section) => shape.instances.add(&section),
                Payload::ComponentInstanceSection(section) => shape.instances.add(&section),
                Payload::TypeSection(section) => shape.types.add(&section),
                Payload::CoreTypeSection(section) => shape.types.add(&section),
                Payload::ComponentTypeSection(section) => shape.types.add(&section),
                Payload::TableSection(section) => shape.tables.add(&section),
                Payload::MemorySection(section) => shape.memories.add(&section),
                Payload::GlobalSection(section) => shape.globals.add(&section),
                Payload::FunctionSection(section) => shape.functions.add(&section),
                Payload::CodeSectionEntry(body) => shape.function(&body).map_err(malformed)?,
                _ => {}
            }
        }
        Ok(shape)
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), BinaryReaderError> {
        self.body.at_least(body.as_bytes().len());
        let mut locals = 0_usize;
        for group in body.get_locals_reader()? {
            let (count, _) = group?;
            locals = locals.saturating_add(count as usize);
        }
        self.locals.at_least(locals);
        let (mut depth, mut deepest) = (0_usize, 0_usize);
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                // That of the function itself is the last.
                Operator::End => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        self.blocks.at_least(deepest);
        Ok(())
    }

    fn amounts(&self) -> [Amount; 12] {
        [
            self.components,
            self.depth,
            self.modules,
            self.instances,
            self.types,
            self.tables,
            self.memories,
            self.globals,
            self.functions,
            self.body,
            self.locals,
            self.blocks,
        ]
    }

    fn check(&self) -> Result<(), LoadError> {
        self.amounts().into_iter().try_for_each(Amount::check)
    }
}

#[cfg(test)]
mod tests;
