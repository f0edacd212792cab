//! Collects problems while single values are read. It must not know which settings there are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Mode;
use super::super::error::Problem;
use super::super::units;
use crate::files;

/// Reads values, notes what is wrong, and goes on with the default.
pub(super) struct Checker<'a> {
    folder: &'a Path,
    mode: Mode,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    key_files: Vec<PathBuf>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(folder: &'a Path, mode: Mode) -> Self {
        Self {
            folder,
            mode,
            problems: Vec::new(),
            warnings: Vec::new(),
            key_files: Vec::new(),
        }
    }

    /// Takes down a file that a key is read from.
    pub(super) fn key_file(&mut self, path: PathBuf) {
        self.key_files.push(path);
    }

    pub(super) fn take_key_files(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.key_files)
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<String>) {
        (self.problems, self.warnings)
    }

    pub(super) fn problem(&mut self, at: impl Into<String>, message: impl std::fmt::Display) {
        self.problems.push(Problem::new(at, message));
    }

    /// Something that an operator should know, and that keeps nothing from running.
    pub(super) fn warning(&mut self, at: impl Into<String>, message: impl std::fmt::Display) {
        self.warnings.push(Problem::new(at, message).to_string());
    }

    /// A problem in production, a warning in development mode.
    pub(super) fn unsafe_to_run(&mut self, at: impl Into<String>, message: impl std::fmt::Display) {
        let problem = Problem::new(at, message);
        match self.mode {
            Mode::Production => self.problems.push(problem),
            Mode::Development | Mode::DevelopmentTool => self.warnings.push(problem.to_string()),
        }
    }

    pub(super) fn is_development(&self) -> bool {
        self.mode != Mode::Production
    }

    pub(super) fn not_empty(&mut self, at: impl Into<String>, text: &str) {
        if text.trim().is_empty() {
            self.problem(at, "must not be empty");
        }
    }

    /// The value, or a problem and `default`.
    fn read<T>(&mut self, at: &str, value: Option<&str>, default: &str, read: Reader<T>) -> T {
        if let Some(value) = value {
            match read(value) {
                Ok(value) => return value,
                Err(message) => self.problem(at, message),
            }
        }
        read(default).unwrap_or_else(|message| unreachable!("default of {at}: {message}"))
    }

    pub(super) fn duration(&mut self, at: &str, value: Option<&str>, default: &str) -> Duration {
        self.read(at, value, default, units::duration)
    }

    pub(super) fn positive_duration(
        &mut self,
        at: &str,
        value: Option<&str>,
        default: &str,
    ) -> Duration {
        let value = self.duration(at, value, default);
        if value.is_zero() {
            self.problem(at, "must be longer than nothing");
        }
        value
    }

    /// A size in bytes, at least one.
    pub(super) fn size(&mut self, at: &str, value: Option<&str>, default: &str) -> u64 {
        let value = self.read(at, value, default, units::size);
        if value == 0 {
            self.problem(at, "must be larger than nothing");
        }
        value
    }

    /// A number of at least one.
    pub(super) fn positive<T: Copy + PartialEq + From<u8>>(
        &mut self,
        at: &str,
        value: Option<T>,
        default: T,
    ) -> T {
        let value = value.unwrap_or(default);
        if value == T::from(0) {
            self.problem(at, "must be at least 1");
        }
        value
    }

    pub(super) fn address(&mut self, at: &str, value: Option<&str>, default: &str) -> SocketAddr {
        self.read(at, value, default, |text| {
            text.parse().map_err(|_| {
                "expected address:port, such as \"127.0.0.1:7801\" or \"[::]:7800\"".to_owned()
            })
        })
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        at: impl Into<String>,
        value: Option<&str>,
        default: &str,
        choices: &[(&str, T)],
    ) -> T {
        let named = |name: &str| choices.iter().find(|(choice, _)| *choice == name);
        if let Some(value) = value {
            if let Some((_, choice)) = named(value) {
                return *choice;
            }
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.problem(at, format!("expected one of: {}", names.join(", ")));
        }
        named(default).map_or(choices[0].1, |(_, choice)| *choice)
    }

    /// A path, relative to the configuration's folder.
    pub(super) fn path(&mut self, at: impl Into<String>, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() {
            self.problem(at, "must not be empty");
        }
        self.folder.join(path)
    }

    /// A file that the server writes, and makes if it is not there.
    pub(super) fn own_file(&mut self, at: &str, path: &Path) -> PathBuf {
        let path = self.path(at, path);
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !files::is_dir(folder)) {
            self.problem(at, "its folder does not exist");
        } else if files::is_dir(&path) {
            self.problem(at, "is a folder; expected a file in it");
        }
        path
    }

    /// A part of a whole, from 0 to 1.
    pub(super) fn part(&mut self, at: &str, value: Option<f64>, default: f64) -> f64 {
        let value = value.unwrap_or(default);
        if !(0.0..=1.0).contains(&value) {
            self.problem(at, "must be from 0.0 (none) to 1.0 (all)");
        }
        value
    }
}

type Reader<T> = fn(&str) -> Result<T, String>;

/// A size or number as this machine counts memory.
pub(super) fn in_memory(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
