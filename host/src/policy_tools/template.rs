//! New projects: the examples of `examples/policies`, which are embedded, under another name. Knows
//! not what is in them but their name.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::project::Manifest;
use crate::limits::MAX_POLICY_NAME_CHARS;

include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The project of one language: its files by their path in it.
struct Template {
    language: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

/// What else people call a language.
const ALIASES: [(&str, &str); 14] = [
    ("as", "assemblyscript"),
    ("c++", "cpp"),
    ("cc", "cpp"),
    ("cxx", "cpp"),
    ("golang", "go"),
    ("js", "javascript"),
    ("mjs", "javascript"),
    ("kt", "kotlin"),
    ("mbt", "moonbit"),
    ("py", "python"),
    ("python3", "python"),
    ("rs", "rust"),
    ("ts", "typescript"),
    ("moon", "moonbit"),
];

/// The name of the examples, in each form that languages write it in.
const EXAMPLE: &str = "house-rules";

/// Words that some language or tool has taken: those of Rust and WIT, and crates that policies use.
const TAKEN: &str = "abstract alloc as async await become bool borrow box break char const \
    constructor continue core crate do dyn else enum export extern f32 f64 false final flags fn \
    for from func future gen if impl import in include interface let list loop macro match mod \
    move mut option override own package priv proc-macro pub record ref resource result return \
    s16 s32 s64 s8 self serde serde-json static std stream string struct super test trait true \
    try tuple type typeof u16 u32 u64 u8 union unsafe unsized use variant virtual wardroom-policy \
    where while with wit-bindgen world yield";

/// The name of a new policy: words of lower-case letters and digits, with hyphens between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// A text is no name for a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It does not have the form.
    #[error(
        "a name is words of lower-case letters and digits that each begin with a letter, with \
         hyphens between them, such as `quiet-hours`"
    )]
    Form,
    /// It is too long.
    #[error("a name has at most {MAX_POLICY_NAME_CHARS} characters")]
    Long,
    /// A language has the word for itself.
    #[error("the word is taken by a language or a tool: use two, such as `my-{0}`")]
    Taken(String),
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_word = |word: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(plain)
        };
        if !text.split('-').all(is_word) {
            return Err(NameError::Form);
        }
        if text.len() > MAX_POLICY_NAME_CHARS {
            return Err(NameError::Long);
        }
        if TAKEN.split_whitespace().any(|taken| taken == text) {
            return Err(NameError::Taken(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A project cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is none in this language.
    #[error("there is no template in {language:?}; there are {}", known.join(", "))]
    Language {
        /// What was asked for.
        language: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Its folder is taken.
    #[error("{} is there already: give another place with `--path`", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {reason}", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The example does not say how it is built.
    #[error("the template is broken: {0}")]
    Manifest(String),
}

/// The languages in which there are templates, in order.
pub fn languages() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|template| template.language)
}

/// Writes a new project in a folder that is not there yet; where that fails, nothing is left.
/// Returns how it is built.
///
/// # Errors
/// There is no such template, or the folder exists or cannot be written.
pub fn write(language: &str, name: &Name, folder: &Path) -> Result<Manifest, TemplateError> {
    let wanted = language.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == wanted);
    let wanted = alias.map_or(&*wanted, |(_, language)| language);
    let template = TEMPLATES.iter().find(|it| it.language == wanted);
    let template = template.ok_or_else(|| TemplateError::Language {
        language: language.to_owned(),
        known: languages().collect(),
    })?;
    if let Some(parent) = folder.parent() {
        let written = fs::create_dir_all(parent);
        written.map_err(|reason| failed(parent, reason))?;
    }
    fs::create_dir(folder).map_err(|reason| match reason.kind() {
        ErrorKind::AlreadyExists => TemplateError::Exists(folder.to_owned()),
        _ => failed(folder, reason),
    })?;
    let written = template.write(name, folder);
    if written.is_err() {
        // The first failure is the one to be told of.
        let _ = fs::remove_dir_all(folder);
    }
    written?;
    Manifest::of(folder)
        .map_err(TemplateError::Manifest)?
        .ok_or_else(|| TemplateError::Manifest("it has no policy.toml".to_owned()))
}

fn failed(file: &Path, reason: std::io::Error) -> TemplateError {
    let file = file.to_owned();
    TemplateError::Write { file, reason }
}

impl Template {
    fn write(&self, name: &Name, folder: &Path) -> Result<(), TemplateError> {
        for (place, content) in self.files {
            let file = folder.join(name.put_into(place));
            let inside = file.parent().unwrap_or(folder);
            fs::create_dir_all(inside).map_err(|reason| failed(inside, reason))?;
            let written = match std::str::from_utf8(content) {
                Ok(text) => fs::write(&file, name.put_into(text)),
                Err(_) => fs::write(&file, content),
            };
            written.map_err(|reason| failed(&file, reason))?;
        }
        Ok(())
    }
}

impl Name {
    /// A text of the example, with this name in place of the example's.
    fn put_into(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (old, new) in forms(EXAMPLE).into_iter().zip(forms(&self.0)) {
            text = text.replace(&old, &new);
        }
        text
    }
}

/// A name as packages, as files and modules, as types, and as people write it. Each has something
/// that the others have not, so that none is replaced twice.
fn forms(name: &str) -> [String; 4] {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    [
        name.to_owned(),
        name.replace('-', "_"),
        name.split('-').map(capital).collect(),
        capital(&name.replace('-', " ")),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn all_files(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.is_symlink(), "{}", path.display());
            match path.is_dir() {
                true => files.extend(all_files(&path)),
                false => files.push(path),
            }
        }
        files
    }

    #[test]
    fn names_are_words_that_no_language_has_taken() {
        for good in ["quiet-hours", "a", "v2-rules", "house-rules", "tests"] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        for bad in [
            "", "-", "a-", "-a", "a--b", "Quiet", "a_b", "a b", "2x", "a-2", "é", "a/b", "..",
        ] {
            assert_eq!(bad.parse::<Name>(), Err(NameError::Form), "{bad:?}");
        }
        for taken in ["fn", "world", "serde", "test"] {
            let error = taken.parse::<Name>().unwrap_err();
            assert_eq!(error, NameError::Taken(taken.to_owned()));
            assert!(error.to_string().contains(&format!("`my-{taken}`")));
        }
        let long = "a".repeat(MAX_POLICY_NAME_CHARS);
        assert!(long.parse::<Name>().is_ok());
        let longer: Result<Name, _> = (long + "a").parse();
        assert_eq!(longer, Err(NameError::Long));
    }

    #[test]
    fn a_name_is_put_in_every_form() {
        let name: Name = "two-quiet-hours".parse().unwrap();
        let text = "house-rules house_rules.wasm HouseRules, House rules; greenhouse rules";
        assert_eq!(
            name.put_into(text),
            "two-quiet-hours two_quiet_hours.wasm TwoQuietHours, Two quiet hours; greenhouse rules"
        );
    }

    #[test]
    fn every_language_makes_a_whole_project() {
        let name: Name = "quiet-hours".parse().unwrap();
        let parent = tempfile::tempdir().unwrap();
        for language in languages() {
            let folder = parent.path().join("deep").join(language);
            let manifest = write(language, &name, &folder).unwrap();
            let file = manifest.file.to_str().unwrap();
            assert!(
                file.ends_with("quiet-hours.wasm") || file.ends_with("quiet_hours.wasm"),
                "{language}: {file}"
            );
            assert_eq!(manifest.cases.first().unwrap(), Path::new("cases.toml"));
            for file in &manifest.cases {
                let cases = crate::policy_tools::cases::load(&folder.join(file));
                assert!(!cases.unwrap().is_empty());
            }
            for needed in ["README.md", ".gitignore"] {
                assert!(folder.join(needed).is_file(), "{language}: {needed}");
            }
            let files = all_files(&folder);
            // The interface comes along, and is the one of this server.
            let hooks = files.iter().find(|file| file.ends_with("hooks.wit"));
            let hooks = fs::read_to_string(hooks.unwrap()).unwrap();
            assert!(hooks == include_str!("../../../wit/wardroom-policy/hooks.wit"));
            for file in files {
                let path = file.to_str().unwrap();
                let Ok(text) = fs::read_to_string(&file) else {
                    continue;
                };
                for old in forms(EXAMPLE) {
                    assert!(!text.contains(&old), "{path} has {old}");
                    assert!(!path.contains(&old), "{path}");
                }
            }
        }
        let languages: Vec<_> = languages().collect();
        for language in [
            "assemblyscript",
            "c",
            "cpp",
            "go",
            "javascript",
            "kotlin",
            "moonbit",
            "nim",
            "python",
            "rust",
            "typescript",
            "zig",
        ] {
            assert!(languages.contains(&language), "{languages:?}");
        }
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let name: Name = "quiet-hours".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = write("c", &name, folder.path()).unwrap_err();
        assert!(matches!(error, TemplateError::Exists(_)), "{error}");
        assert!(all_files(folder.path()).is_empty());

        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        for place in [&file, &file.join("inside")] {
            let error = write("c", &name, place).unwrap_err();
            assert!(error.to_string().contains("file"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_language_goes_by_the_names_that_people_call_it() {
        let name: Name = "quiet-hours".parse().unwrap();
        let parent = tempfile::tempdir().unwrap();
        let known: Vec<_> = languages().collect();
        for (alias, language) in ALIASES {
            assert!(
                known.contains(&language) && !known.contains(&alias),
                "{alias}"
            );
            let folder = parent.path().join(alias);
            let manifest = write(alias, &name, &folder).unwrap();
            assert_eq!(Some(manifest), Manifest::of(&folder).unwrap());
            let same = parent.path().join(format!("{alias} in full"));
            write(language, &name, &same).unwrap();
            assert_eq!(all_files(&folder).len(), all_files(&same).len(), "{alias}");
        }
        write("TypeScript", &name, &parent.path().join("capital")).unwrap();
    }

    #[test]
    fn a_language_that_is_unknown_lists_those_that_are() {
        let name: Name = "quiet-hours".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let error = write("cobol", &name, &place).unwrap_err().to_string();
        for language in languages() {
            assert!(error.contains(language), "{error}");
        }
        assert!(error.contains("\"cobol\"") && !place.exists(), "{error}");
    }
}
