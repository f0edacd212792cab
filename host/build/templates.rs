//! Writes down what `wardroom policy new` writes: the projects in `examples/policies`, file by file.
//! Knows not what is in them.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What a folder must hold to be a project.
const MANIFEST: &str = "policy.toml";
/// Files beside the projects that each of them gets.
const SHARED: [&str; 2] = [".gitignore", "cases.toml"];
/// What tools make, which git does not track either. `cargo xtask examples` compares what is
/// embedded with what git has.
const MADE: [&str; 6] = [
    ".zig-cache",
    "__pycache__",
    "build",
    "node_modules",
    "target",
    "zig-out",
];

/// Writes `templates.rs` to `out`.
pub(crate) fn write(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let examples = root.join("examples/policies");
    let mut code = "static TEMPLATES: &[Template] = &[\n".to_owned();
    for folder in entries(&examples)? {
        if !folder.join(MANIFEST).is_file() {
            continue;
        }
        let mut files = Vec::new();
        sources(&folder, &mut files)?;
        for name in SHARED {
            if !folder.join(name).exists() {
                files.push(examples.join(name));
            }
        }
        writeln!(code, "Template {{ language: {:?}, files: &[", name(&folder))?;
        for file in files {
            let place = file
                .strip_prefix(&folder)
                .or(file.strip_prefix(&examples))?;
            println!("cargo::rerun-if-changed={}", file.display());
            let place = place.to_str().ok_or("a name that is not UTF-8")?;
            let content = file.canonicalize()?;
            writeln!(code, "({place:?}, include_bytes!({content:?})),")?;
        }
        code += "] },\n";
    }
    code += "];\n";
    fs::write(out.join("templates.rs"), code)?;
    Ok(())
}

/// The files of a folder. Symbolic links are followed: a project gets what they lead to.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let entries = entries(folder)?;
    let made = |entry: &&PathBuf| MADE.contains(&name(entry).as_str());
    // Cargo looks into all of a folder that it is told to watch, so where tools leave what they
    // make only the files are watched.
    if !entries.iter().any(|entry| made(&entry)) {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    for entry in entries.iter().filter(|entry| !made(entry)) {
        if entry.is_dir() {
            sources(entry, files)?;
        } else {
            files.push(entry.clone());
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
