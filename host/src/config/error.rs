//! What is wrong with a configuration, in words an operator can act on. It must not show values, which may be secrets.

use std::error::Error;
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key path (`auth.keys[1].secret`), the variable, or a place in the file.
    pub at: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a key path.
    pub fn new(at: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            at: at.into(),
            message: message.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.message)
    }
}

/// Everything that is wrong with one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    origin: String,
    problems: Vec<Problem>,
}

impl ConfigError {
    /// The problems of the configuration that was read from `origin`; at least one.
    pub(super) fn new(origin: impl Into<String>, problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty());
        Self {
            origin: origin.into(),
            problems,
        }
    }

    /// Everything that is wrong, in the order of the keys.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the configuration ({}) cannot be used:",
            self.origin
        )?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl Error for ConfigError {}
