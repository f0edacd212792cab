//! Components that are small and cost the compiler minutes or gigabytes.

use wasm_encoder::{
    BlockType, CodeSection, Encode, Function, FunctionSection, Instruction, Module, TypeSection,
    ValType,
};

/// Takes minutes to compile and little memory: many functions, each of which costs more than it should.
pub(crate) fn slow(component: &[u8]) -> Vec<u8> {
    with_functions(component, 400, 500, 500)
}

/// Takes gigabytes to compile: one function with many locals that are used inside many loops.
pub(crate) fn large(component: &[u8]) -> Vec<u8> {
    with_functions(component, 1, 10_000, 4_000)
}

/// A component that does what the given one does, with a core module beside it that nobody uses and
/// the compiler compiles all the same. Each loop hands on each local.
fn with_functions(component: &[u8], functions: u32, locals: u32, loops: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..functions {
        declared.function(0);
        let mut function = Function::new([(locals, ValType::I32)]);
        for _ in 0..loops {
            function.instruction(&Instruction::Loop(BlockType::Empty));
        }
        for local in 0..locals {
            function.instruction(&Instruction::LocalGet(local));
            function.instruction(&Instruction::LocalSet((local + 1) % locals));
        }
        for _ in 0..loops {
            function.instruction(&Instruction::LocalGet(0));
            function.instruction(&Instruction::BrIf(0));
            function.instruction(&Instruction::End);
        }
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    with_module(component, &module.finish())
}

/// A component that does what the given one does, with a core module beside it that nobody uses.
pub(crate) fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    /// The kind of section that holds a module.
    const CORE_MODULE: u8 = 1;
    let mut bytes = component.to_vec();
    bytes.push(CORE_MODULE);
    module.encode(&mut bytes);
    bytes
}
