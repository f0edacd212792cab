//! How a folder of sources is built, and what comes of it: guessed where the folder says so.
//! Knows nothing of components.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde::Deserialize;

/// What `cargo` builds policies for.
const TARGET: &str = "wasm32-wasip2";

/// A project: the command that builds it, and the file that the command makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its folder, in which the command is run.
    pub folder: PathBuf,
    /// A line for the shell.
    pub build: String,
    /// The component.
    pub file: PathBuf,
}

/// What is asked of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

impl Project {
    /// The project in a folder; what is not given is guessed.
    ///
    /// # Errors
    /// It cannot be guessed; the text says what to give.
    pub fn new(
        folder: &Path,
        build: Option<String>,
        file: Option<PathBuf>,
    ) -> Result<Self, String> {
        if !folder.is_dir() {
            return Err(format!("{} is not a folder", folder.display()));
        }
        let folder = folder.to_owned();
        if let (Some(build), Some(file)) = (&build, &file) {
            let (build, file) = (build.clone(), file.clone());
            return Ok(Self {
                folder,
                build,
                file,
            });
        }
        if !folder.join("Cargo.toml").is_file() {
            return Err(format!(
                "{} holds no Cargo.toml, so how it is built cannot be guessed: give `--build` (a \
                 command, run in the folder) and `--file` (the component it makes)",
                folder.display()
            ));
        }
        let file = match file {
            Some(file) => file,
            None => cargo(&folder)?,
        };
        let guessed = || format!("cargo build --release --target {TARGET}");
        let build = build.unwrap_or_else(guessed);
        Ok(Self {
            folder,
            build,
            file,
        })
    }

    /// Builds it; what the command prints is seen.
    ///
    /// # Errors
    /// There is no shell.
    pub fn build(&self) -> std::io::Result<ExitStatus> {
        Command::new("sh")
            .args(["-c", &self.build])
            .current_dir(&self.folder)
            .status()
    }
}

/// The component that `cargo build` makes in a folder.
fn cargo(folder: &Path) -> Result<PathBuf, String> {
    let guess = |what: String| format!("{what}; give the component with `--file`");
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(folder)
        .output()
        .map_err(|e| guess(format!("`cargo metadata` cannot be run: {e}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(guess(format!("`cargo metadata` failed: {}", said.trim())));
    }
    let manifest = folder.join("Cargo.toml").canonicalize();
    let manifest = manifest.map_err(|e| guess(e.to_string()))?;
    component(&output.stdout, &manifest).map_err(guess)
}

fn component(metadata: &[u8], manifest: &Path) -> Result<PathBuf, String> {
    let metadata: Metadata =
        serde_json::from_slice(metadata).map_err(|e| format!("cargo's metadata: {e}"))?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == manifest)
        .ok_or_else(|| format!("{} describes no package", manifest.display()))?;
    let is_library = |target: &&Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    let libraries: Vec<&Target> = package.targets.iter().filter(is_library).collect();
    match libraries.as_slice() {
        [library] => {
            let name = format!("{}.wasm", library.name.replace('-', "_"));
            let folder = metadata.target_directory.join(TARGET).join("release");
            Ok(folder.join(name))
        }
        [] => Err(format!(
            "{} makes no library of the crate type `cdylib`, which a policy is",
            manifest.display()
        )),
        _ => Err(format!("{} makes several libraries", manifest.display())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_component_of_cargo_is_guessed() {
        let metadata = |kinds: &str| {
            format!(
                r#"{{"target_directory": "/t", "packages": [
                    {{"manifest_path": "/other/Cargo.toml", "targets": []}},
                    {{"manifest_path": "/p/Cargo.toml",
                      "targets": [{{"name": "my-policy", "crate_types": [{kinds}]}}]}}]}}"#
            )
        };
        let manifest = Path::new("/p/Cargo.toml");
        assert_eq!(
            component(metadata("\"cdylib\"").as_bytes(), manifest),
            Ok(PathBuf::from("/t/wasm32-wasip2/release/my_policy.wasm"))
        );
        let refused = component(metadata("\"lib\"").as_bytes(), manifest).unwrap_err();
        assert!(refused.contains("`cdylib`"), "{refused}");
    }

    #[test]
    fn what_cannot_be_guessed_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::new(folder.path(), None, None).unwrap_err();
        assert!(
            error.contains("--build") && error.contains("--file"),
            "{error}"
        );
        let build = Some("make".to_owned());
        let file = Some(PathBuf::from("x.wasm"));
        let project = Project::new(folder.path(), build, file).unwrap();
        assert_eq!(project.build, "make");
        let nowhere = Project::new(Path::new("/nowhere"), None, None).unwrap_err();
        assert!(nowhere.contains("/nowhere is not a folder"));
    }
}
