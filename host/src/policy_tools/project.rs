//! How a folder of sources is built, and what comes of it: as its `policy.toml` says, or guessed for
//! Cargo.
//! Knows nothing of components.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use super::files;
use crate::limits::POLICY_CASES_BYTES;

/// The file in which a folder says how it is built.
const MANIFEST: &str = "policy.toml";

/// What `cargo` builds policies for.
const TARGET: &str = "wasm32-wasip2";

/// A project: the command that builds it, and the file that the command makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its folder, in which the command is run.
    pub folder: PathBuf,
    /// What has to be there before it can be built.
    pub install: Option<Install>,
    /// A line for the shell.
    pub build: String,
    /// The component.
    pub file: PathBuf,
    /// The files with the cases that must pass.
    pub cases: Vec<PathBuf>,
}

/// How what a project depends on is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// A line for the shell, run in the folder.
    pub run: String,
    /// Files that say what is depended on, from the folder. It is run again when one changes.
    pub when: Vec<PathBuf>,
}

/// The files that say what is depended on, as they were when it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies([u8; 32]);

/// What a folder says of itself, in `policy.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What is done before the first build, and again when what is depended on changes.
    pub install: Option<Install>,
    /// A line for the shell, run in the folder.
    pub build: String,
    /// The component that it makes, from the folder.
    pub file: PathBuf,
    /// The files with the cases that must pass, from the folder: one, or a list.
    #[serde(default, deserialize_with = "one_or_more")]
    pub cases: Vec<PathBuf>,
    /// A line for the shell that runs what tests there are besides. No tool of the server runs it: it is
    /// for people and for pipelines.
    pub unit_tests: Option<String>,
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a path, or a list of paths")]
    enum Paths {
        One(PathBuf),
        More(Vec<PathBuf>),
    }

    Ok(match Paths::deserialize(deserializer)? {
        Paths::One(path) => vec![path],
        Paths::More(paths) => paths,
    })
}

impl Manifest {
    /// The manifest of a folder, if it has one.
    ///
    /// # Errors
    /// It cannot be read; the text names it.
    pub fn of(folder: &Path) -> Result<Option<Self>, String> {
        let file = folder.join(MANIFEST);
        if !file.is_file() {
            return Ok(None);
        }
        let said = |reason: String| format!("{}: {reason}", file.display());
        let text = files::read(&file, POLICY_CASES_BYTES).map_err(said)?;
        let manifest = toml::from_slice(&text).map_err(|e| said(e.to_string()))?;
        Ok(Some(manifest))
    }
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
    /// The project in a folder: what is given, what its `policy.toml` says, what can be guessed.
    ///
    /// # Errors
    /// It cannot be guessed; the text says what to give.
    pub fn new(
        folder: &Path,
        build: Option<String>,
        file: Option<PathBuf>,
        cases: Option<PathBuf>,
    ) -> Result<Self, String> {
        if !folder.is_dir() {
            return Err(format!("{} is not a folder", folder.display()));
        }
        let (mut build, mut file, mut cases) = (build, file, Vec::from_iter(cases));
        let mut install = None;
        if let Some(manifest) = Manifest::of(folder)? {
            // Who gives another command says all of it.
            install = manifest.install.filter(|_| build.is_none());
            build = build.or(Some(manifest.build));
            file = file.or(Some(folder.join(manifest.file)));
            if cases.is_empty() {
                cases = manifest.cases.iter().map(|it| folder.join(it)).collect();
            }
        }
        let (build, file) = match (build, file) {
            (Some(build), Some(file)) => (build, file),
            (build, file) => guess(folder, build, file)?,
        };
        Ok(Self {
            folder: folder.to_owned(),
            install,
            build,
            file,
            cases,
        })
    }

    /// What the project depends on now, by the files that say so; nothing if it says none.
    #[must_use]
    pub fn dependencies(&self) -> Option<Dependencies> {
        let install = self.install.as_ref()?;
        let mut all = Sha256::new();
        for file in &install.when {
            // One that is not there is different from one that is empty.
            match std::fs::read(self.folder.join(file)) {
                Ok(bytes) => all.update([[1].as_slice(), &Sha256::digest(bytes)].concat()),
                Err(_) => all.update([0]),
            }
        }
        Some(Dependencies(all.finalize().into()))
    }

    /// Runs a line of the project's in its folder; what it prints is seen.
    ///
    /// # Errors
    /// There is no shell.
    pub fn run(&self, line: &str) -> std::io::Result<ExitStatus> {
        Command::new("sh")
            .args(["-c", line])
            .current_dir(&self.folder)
            .status()
    }
}

/// What is not given, for a folder of Cargo's.
fn guess(
    folder: &Path,
    build: Option<String>,
    file: Option<PathBuf>,
) -> Result<(String, PathBuf), String> {
    if !folder.join("Cargo.toml").is_file() {
        return Err(format!(
            "{} holds neither {MANIFEST} nor Cargo.toml, so how it is built cannot be guessed: \
             give `--build` (a command, run in the folder) and `--file` (the component it makes)",
            folder.display()
        ));
    }
    let file = match file {
        Some(file) => file,
        None => cargo(folder)?,
    };
    let guessed = || format!("cargo build --release --target {TARGET}");
    Ok((build.unwrap_or_else(guessed), file))
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
        let error = Project::new(folder.path(), None, None, None).unwrap_err();
        assert!(
            error.contains("--build") && error.contains("--file"),
            "{error}"
        );
        let build = Some("make".to_owned());
        let file = Some(PathBuf::from("x.wasm"));
        let project = Project::new(folder.path(), build, file, None).unwrap();
        assert_eq!(project.build, "make");
        let nowhere = Project::new(Path::new("/nowhere"), None, None, None).unwrap_err();
        assert!(nowhere.contains("/nowhere is not a folder"));
    }

    #[test]
    fn what_is_depended_on_is_known_by_the_files_that_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            MANIFEST,
            "build = \"make\"\nfile = \"x.wasm\"\n[install]\nrun = \"npm ci\"\nwhen = [\"a\", \"b\"]\n",
        );
        let project = Project::new(folder.path(), None, None, None).unwrap();
        assert_eq!(project.install.as_ref().unwrap().run, "npm ci");
        let neither = project.dependencies().unwrap();
        write("a", "");
        let one = project.dependencies().unwrap();
        write("source", "changed");
        assert_eq!(project.dependencies().unwrap(), one);
        write("b", "");
        let both = project.dependencies().unwrap();
        assert!(neither != one && one != both);
        write("b", "changed");
        assert!(project.dependencies().unwrap() != both);
        let other = Project::new(folder.path(), Some("make".to_owned()), None, None).unwrap();
        assert_eq!(other.dependencies(), None);
    }

    #[test]
    fn a_folder_says_how_it_is_built_unless_somebody_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join(MANIFEST);
        let text = "build = \"make\"\nfile = \"build/x.wasm\"\ncases = \"cases.toml\"\n";
        std::fs::write(&manifest, text).unwrap();
        let said = Project::new(folder.path(), None, None, None).unwrap();
        assert_eq!(said.build, "make");
        assert_eq!(said.file, folder.path().join("build/x.wasm"));
        assert_eq!(said.cases, [folder.path().join("cases.toml")]);
        let several = text.replace("\"cases.toml\"", "[\"one.toml\", \"two.toml\"]");
        std::fs::write(&manifest, several).unwrap();
        let said = Project::new(folder.path(), None, None, None).unwrap();
        let paths = ["one.toml", "two.toml"].map(|name| folder.path().join(name));
        assert_eq!(said.cases, paths);

        let build = Some("make fast".to_owned());
        let cases = PathBuf::from("few.toml");
        let given = Project::new(folder.path(), build, None, Some(cases.clone())).unwrap();
        assert_eq!((&*given.build, given.cases), ("make fast", vec![cases]));
        assert_eq!(given.file, said.file);

        std::fs::write(&manifest, "built = \"make\"").unwrap();
        let error = Project::new(folder.path(), None, None, None).unwrap_err();
        assert!(
            error.contains(MANIFEST) && error.contains("`built`"),
            "{error}"
        );
    }
}
