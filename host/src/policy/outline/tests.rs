//! Tests of [`super`].
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use wasm_encoder::Encode;

use super::*;
use crate::policy::contract;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn number(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    number.encode(&mut bytes);
    bytes
}

/// A module or component of sections: the kind of each, and what is in it.
fn of(form: &[u8], sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = form.to_vec();
    for (kind, content) in sections {
        bytes.push(*kind);
        content.encode(&mut bytes);
    }
    bytes
}

fn component(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    of(COMPONENT, sections)
}

/// A component with a module of sections in it.
fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    component(&[(1, of(MODULE, sections))])
}

/// What a module with a number of functions has, all of this body.
fn functions(number_of: usize, body: &[u8]) -> [(u8, Vec<u8>); 2] {
    let mut code = number(number_of);
    for _ in 0..number_of {
        body.encode(&mut code);
    }
    [(3, number(number_of)), (10, code)]
}

/// A component with one function, of which this is the body.
fn function(body: Vec<u8>) -> Vec<u8> {
    module(&functions(1, &body))
}

/// A component inside this many others.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(component(&[]), |inner, _| component(&[(4, inner)]))
}

fn body_of_bytes(bytes: usize) -> Vec<u8> {
    // No locals, one end, and what does nothing.
    let mut body = vec![0];
    body.resize(bytes - 1, 0x01);
    body.push(0x0b);
    function(body)
}

fn body_with_locals(locals: usize) -> Vec<u8> {
    let mut body = number(1);
    body.extend(number(locals));
    body.extend([0x7f, 0x0b]);
    function(body)
}

fn body_with_blocks(depth: usize) -> Vec<u8> {
    let mut body = vec![0];
    body.extend([0x02, 0x40].repeat(depth));
    body.extend([0x0b].repeat(depth + 1));
    function(body)
}

/// A maker of components with a number of something, what that is called, and its limit.
type Case = (&'static str, usize, fn(usize) -> Vec<u8>);

#[test]
fn each_amount_may_be_as_large_as_its_limit_and_no_larger() {
    let cases: [Case; 14] = [
        ("core modules", POLICY_CORE_MODULES, |n| {
            component(&vec![(1, MODULE.to_vec()); n])
        }),
        ("components inside it", POLICY_COMPONENTS, |n| {
            component(&vec![(4, COMPONENT.to_vec()); n])
        }),
        (
            "components inside each other",
            POLICY_COMPONENT_DEPTH,
            nested,
        ),
        ("instances", POLICY_SHAPE_INSTANCES, |n| {
            component(&[(2, number(n))])
        }),
        ("instances", POLICY_SHAPE_INSTANCES, |n| {
            component(&[(5, number(n))])
        }),
        ("types", POLICY_TYPES, |n| component(&[(3, number(n))])),
        ("types", POLICY_TYPES, |n| component(&[(7, number(n))])),
        ("types", POLICY_TYPES, |n| module(&[(1, number(n))])),
        ("tables", POLICY_CORE_TABLES, |n| module(&[(4, number(n))])),
        ("memories", POLICY_CORE_MEMORIES, |n| {
            module(&[(5, number(n))])
        }),
        ("globals", POLICY_CORE_GLOBALS, |n| {
            module(&[(6, number(n))])
        }),
        ("functions", POLICY_FUNCTIONS, |n| {
            module(&functions(n, &[0, 0x0b]))
        }),
        (
            "bytes in one function",
            POLICY_FUNCTION_BYTES,
            body_of_bytes,
        ),
        (
            "locals in one function",
            POLICY_FUNCTION_LOCALS,
            body_with_locals,
        ),
    ];
    for (what, limit, made) in cases {
        assert_eq!(check_shape(&made(limit)), Ok(()), "{what}");
        let refused = LoadError::TooLarge {
            what,
            has: limit + 1,
            limit,
        };
        assert_eq!(check_shape(&made(limit + 1)), Err(refused));
    }
    assert_eq!(check_shape(&body_with_blocks(POLICY_BLOCK_DEPTH)), Ok(()));
    let said = check_shape(&body_with_blocks(POLICY_BLOCK_DEPTH + 1));
    assert_eq!(
        said.unwrap_err().to_string(),
        format!(
            "the component has {} blocks inside each other, and a server compiles at most \
             {POLICY_BLOCK_DEPTH}; build it smaller, or out of fewer parts",
            POLICY_BLOCK_DEPTH + 1
        )
    );
}

#[test]
fn amounts_of_several_parts_add_up() {
    let half = POLICY_FUNCTIONS / 2 + 1;
    let module = of(MODULE, &functions(half, &[0, 0x0b]));
    let inner = component(&[(1, module.clone())]);
    let shape = Shape::of(&component(&[(1, module), (4, inner)])).unwrap();
    assert_eq!(shape.functions.has, 2 * half);
    assert_eq!(
        (shape.modules.has, shape.components.has, shape.depth.has),
        (2, 1, 1)
    );
    assert!(shape.check().is_err());
}

/// What real languages make has room to grow.
#[test]
fn golden_components_have_a_tenth_of_what_they_may() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/1.0.0");
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let components = files.filter(|path| path.extension().is_some_and(|it| it == "wasm"));
    let mut seen = 0;
    for file in components {
        let shape = Shape::of(&fs::read(&file).unwrap()).unwrap();
        // Every component nests others.
        for Amount { what, has, limit } in shape.amounts() {
            let room = if what.contains("inside each other") {
                4
            } else {
                10
            };
            assert!(has * room <= limit, "{}: {has} {what}", file.display());
        }
        assert!(shape.functions.has > 0 && shape.blocks.has > 0);
        seen += 1;
    }
    assert!(seen >= 8, "{seen} components");
}

#[test]
fn names_are_those_of_the_whole_component_alone() {
    // A type, a function of it that is imported, and that function exported under another name.
    let function_type = (7, vec![1, 0x40, 0, 0x01, 0]);
    let import = |name: &str| {
        let mut content = vec![1, 0];
        name.encode(&mut content);
        content.extend([0x01, 0]);
        (10, content)
    };
    let export = |name: &str| {
        let mut content = vec![1, 0];
        name.encode(&mut content);
        content.extend([0x01, 0, 0]);
        (11, content)
    };
    let inner = component(&[
        function_type.clone(),
        import("inner-in"),
        export("inner-out"),
    ]);
    let whole = component(&[
        (4, inner),
        function_type,
        import("outer-in"),
        export("outer-out"),
    ]);
    let expected = Names {
        imports: vec!["outer-in".to_owned()],
        exports: vec!["outer-out".to_owned()],
    };
    assert_eq!(names(&whole), Ok(expected));
}

#[test]
fn what_is_not_well_formed_is_said_to_be_no_component() {
    // A section of exports that promises one and ends.
    let cut = component(&[(11, vec![1])]);
    assert!(matches!(names(&cut), Err(LoadError::Invalid(_))));
    // An instruction that there is not.
    let unknown = function(vec![0, 0xff, 0x0b]);
    assert!(matches!(check_shape(&unknown), Err(LoadError::Invalid(_))));
}

/// The reader of interfaces took 4 GiB for a file of 18 bytes.
#[test]
fn what_announces_more_than_there_is_is_not_whole() {
    let mut long = COMPONENT.to_vec();
    long.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let inside = component(&[(4, long.clone())]);
    let whole = nested(3);
    for cut in [&long, &inside, &whole[..whole.len() - 1].to_vec()] {
        assert!(!is_whole(cut));
        assert!(contract::surfaces(cut).is_none());
    }
    assert!(is_whole(&whole));
}
