//! Components made of shipped ones: another version that does the same, and one that takes long to
//! compile. Files are replaced by one rename, as operators are told to. Knows nothing of servers.

use std::path::Path;

use anyhow::Context;

/// The section of a component that anything may be in.
const CUSTOM: u8 = 0;
/// The section of a component that holds a module.
const MODULE: u8 = 1;
/// Variables of a function that takes long to compile.
const VARIABLES: u8 = 64;
/// What a function of the bomb has in it, in steps of a few instructions.
const STEPS: usize = 1_500;

/// The same component with other content.
pub(super) fn another(component: &[u8], mark: u8) -> Vec<u8> {
    let mut content = vec![4];
    content.extend_from_slice(b"mark");
    content.push(mark);
    with_section(component, CUSTOM, &content)
}

/// The same component with a module beside it that has so many functions of some 20 KB.
pub(super) fn bomb(component: &[u8], functions: u32) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type: a function without parameters and results.
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    let mut types = Vec::new();
    number(&mut types, functions);
    types.extend(std::iter::repeat_n(0, functions as usize));
    section(&mut module, 3, &types);
    let mut code = Vec::new();
    number(&mut code, functions);
    for seed in 0..functions {
        let body = body(seed);
        number(&mut code, body.len() as u32);
        code.extend(body);
    }
    section(&mut module, 10, &code);
    with_section(component, MODULE, &module)
}

/// A function of many blocks in which all variables are alive all the time.
fn body(seed: u32) -> Vec<u8> {
    const I64: u8 = 0x7e;
    let [block, again, empty, branch_if, end] = [0x02, 0x03, 0x40, 0x0d, 0x0b];
    let [get, set, multiply, add, is_zero] = [0x20, 0x21, 0x7e, 0x7c, 0x50];
    let mut body = vec![1, VARIABLES, I64, again, empty];
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut variable = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % u32::from(VARIABLES)) as u8
    };
    for _ in 0..STEPS {
        body.extend([block, empty, get, variable(), is_zero, branch_if, 0]);
        body.extend([
            get,
            variable(),
            get,
            variable(),
            multiply,
            get,
            variable(),
            add,
        ]);
        body.extend([set, variable(), end]);
    }
    body.extend([get, variable(), is_zero, branch_if, 0, end, end]);
    body
}

fn with_section(component: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    let mut made = component.to_vec();
    section(&mut made, kind, content);
    made
}

fn section(to: &mut Vec<u8>, kind: u8, content: &[u8]) {
    to.push(kind);
    number(to, content.len() as u32);
    to.extend_from_slice(content);
}

/// A number in LEB128.
fn number(to: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Puts new content in the place of a file that a server follows.
pub(super) fn replace(home: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let beside = home.join("beside");
    std::fs::write(&beside, content)?;
    std::fs::rename(&beside, home.join(name)).with_context(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_components_have_them() {
        let mut written = Vec::new();
        for value in [0, 127, 128, 624_485] {
            number(&mut written, value);
        }
        assert_eq!(written, [0, 0x7f, 0x80, 0x01, 0xe5, 0x8e, 0x26]);
    }

    #[test]
    fn what_is_appended_is_one_section() {
        let (made, bomb) = (another(b"head", 7), bomb(b"head", 3));
        assert_eq!(made, b"head\x00\x06\x04mark\x07");
        let (kind, module) = (bomb[4], &bomb[5..]);
        assert_eq!(kind, MODULE);
        let start = module.windows(4).position(|four| four == b"\0asm");
        let length = module[..start.unwrap_or_default()]
            .iter()
            .rev()
            .fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        assert_eq!(start.map(|start| start + length), Some(module.len()));
    }
}
