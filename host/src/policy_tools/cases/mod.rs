//! Table cases: what a policy is asked and what it is expected to answer, read from TOML or JSON.
//! One format for policies in every language. Knows no engine.

mod directory;
mod generate;
mod raw;
mod read;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;
use wardroom_domain::{
    ChannelFacts, Json, RequestFacts, SubjectFacts, UserId, Workspace, WorkspaceId,
};

use super::files;
use crate::limits::POLICY_CASES_BYTES;
use crate::policy::workbench::{CommandQuestion, EventQuestion};

/// One case, with everything that the file says for all of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, which no other case of the file has.
    pub name: String,
    /// What `configure` is given.
    pub settings: Json,
    /// The workspace in which the question arises.
    pub workspace: WorkspaceId,
    /// The time of the decision; without it, the present.
    pub now: Option<SystemTime>,
    /// What a policy that imports `directory` can look up.
    pub directory: Workspace,
    /// What is asked, and what is expected.
    pub asked: Asked,
}

/// What is asked, with what is expected of the answer.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Whether the settings are taken.
    Configure(ExpectConfigured),
    /// Whether somebody is admitted.
    Request(RequestFacts, ExpectVerdict),
    /// Who of these sees a channel.
    Channel(ChannelFacts, Vec<SubjectFacts>, ExpectAudience),
    /// Whether a command is allowed.
    Command(CommandQuestion, ExpectAllowed),
    /// What these people get of an event.
    Event(EventQuestion, Vec<SubjectFacts>, ExpectRendered),
}

/// What is expected of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectConfigured {
    /// They are taken.
    Accepted,
    /// They are refused, in words that hold these.
    Refused(String),
}

/// What is expected of a refusal; what is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectDenied {
    /// The whole code.
    pub code: Option<String>,
    /// A part of the message.
    pub message: Option<String>,
}

/// What is expected of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectVerdict {
    /// It is admitted.
    Admitted,
    /// It is not.
    Denied(ExpectDenied),
}

/// What is expected of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectAudience {
    /// Who of the subjects sees it, and nobody else of them.
    pub sees: Option<BTreeSet<UserId>>,
    /// The name of the rule that is answered.
    pub rule: Option<String>,
}

/// What is expected of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectAllowed {
    /// It is allowed, with this grant if one is named; the text `*` in it stands for anything.
    Allowed(Option<Value>),
    /// It is not.
    Denied(ExpectDenied),
}

/// What is expected of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectRendered {
    /// It goes on as it is.
    Unchanged,
    /// Nobody gets it.
    Suppressed,
    /// What each of the audience gets, if anything; the text `*` stands for anything.
    Gets(BTreeMap<UserId, Option<Value>>),
}

/// The cases cannot be read, in words for their author, with line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct CasesError {
    /// The file.
    pub file: String,
    /// What is wrong, and where.
    pub reason: String,
}

/// Reads a file of cases; one whose name ends in `.json` is JSON, any other TOML.
///
/// # Errors
/// It cannot be read, is not in its format, or a case does not add up.
pub fn load(file: &Path) -> Result<Vec<Case>, CasesError> {
    let (text, is_json) = text(file)?;
    parse(&text, is_json).map_err(|reason| error(file, reason))
}

/// Reads the text of a file of cases.
///
/// # Errors
/// It is not in its format, or a case does not add up.
pub fn parse(text: &str, is_json: bool) -> Result<Vec<Case>, String> {
    let raw: raw::File = if is_json {
        serde_json::from_str(text).map_err(|e| e.to_string())?
    } else {
        toml::from_str(text).map_err(|e| e.to_string())?
    };
    read::cases(raw)
}

/// Reads settings from a file, JSON or TOML like [`load`].
///
/// # Errors
/// It cannot be read, or is no object.
pub fn settings(file: &Path) -> Result<Json, CasesError> {
    let (text, is_json) = text(file)?;
    let object: Result<values::Object, String> = if is_json {
        serde_json::from_str(&text).map_err(|e| e.to_string())
    } else {
        toml::from_str(&text).map_err(|e| e.to_string())
    };
    object
        .map(values::Object::json)
        .map_err(|reason| error(file, reason))
}

fn error(file: &Path, reason: impl Into<String>) -> CasesError {
    CasesError {
        file: file.display().to_string(),
        reason: reason.into(),
    }
}

/// The text of a file, and whether its name says that it is JSON.
fn text(file: &Path) -> Result<(String, bool), CasesError> {
    let bytes = files::read(file, POLICY_CASES_BYTES).map_err(|reason| error(file, reason))?;
    let text = String::from_utf8(bytes).map_err(|_| error(file, "it is not UTF-8"))?;
    Ok((text, file.extension().is_some_and(|end| end == "json")))
}

#[cfg(test)]
mod tests;
