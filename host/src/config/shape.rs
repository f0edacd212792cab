//! Gives a parsed file its shape, and says of everything that does not fit what would. It must not know what a setting means, and shows no value that may be a secret.

use serde::Deserialize;
use serde_path_to_error::{Path, Segment};
use toml::{Table, Value};

use super::error::Problem;
use super::raw::Raw;
use crate::limits::MAX_CONFIG_PROBLEMS;
use crate::nearest::nearest;

/// What of a file has the right shape, as a table and as read; and what has not.
pub(super) struct Shaped {
    pub(super) table: Table,
    pub(super) raw: Raw,
    pub(super) faults: Faults,
}

/// What does not fit.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) problems: Vec<Problem>,
    /// Keys that seem to be meant by those that are unknown.
    meant: Vec<String>,
    /// Keys, without their sections, on lines that could not be read.
    pub(super) unread: Vec<String>,
}

impl Faults {
    /// Whether a problem at this place only follows from what was left out.
    pub(super) fn explain(&self, at: &str) -> bool {
        let around = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let known = self.problems.iter().map(|problem| problem.at.as_str());
        let mut known = known.chain(self.meant.iter().map(String::as_str));
        let last = at.rsplit('.').next().unwrap_or_default();
        known.any(|known| around(known, at)) || self.unread.iter().any(|key| key == last)
    }

    pub(super) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// Reads a table piece by piece: what does not fit is a problem, is taken out, and the rest is read.
pub(super) fn shape(table: Table, mut faults: Faults) -> Shaped {
    let mut table = Value::Table(table);
    loop {
        let (path, message) = match attempt(&table) {
            Ok(raw) => {
                let Value::Table(table) = table else {
                    unreachable!("a table stays one")
                };
                return Shaped { table, raw, faults };
            }
            Err(fault) => fault,
        };
        let at = path.iter().map(step).collect::<Option<Vec<_>>>();
        let seen = faults.problems.iter().any(|it| it.at == path.to_string());
        if !seen {
            let (problem, meant) = fault(&path.to_string(), &message);
            faults.problems.push(problem);
            // Where both are written, the right one is judged for itself.
            let section = at.as_deref().and_then(<[_]>::split_last);
            let section = section.and_then(|(_, path)| find(&table, path));
            let is_written = |name: &str| section.is_some_and(|it| it.get(name).is_some());
            let meant = meant.filter(|key| !is_written(key.rsplit('.').next().unwrap_or(key)));
            faults.meant.extend(meant);
        }
        let goes_on = faults.problems.len() < MAX_CONFIG_PROBLEMS
            && at.is_some_and(|at| take_out(&mut table, &at, seen));
        if !goes_on {
            return Shaped {
                table: Table::new(),
                raw: Raw::default(),
                faults,
            };
        }
    }
}

/// Reads a table that must fit as a whole.
pub(super) fn strict(table: &Table) -> Result<Raw, Problem> {
    attempt(&Value::Table(table.clone()))
        .map_err(|(path, message)| fault(&path.to_string(), &message).0)
}

fn attempt(table: &Value) -> Result<Raw, (Path, String)> {
    serde_path_to_error::deserialize(table.clone()).map_err(|error| {
        let message = error.inner().message().to_owned();
        (error.path().clone(), message)
    })
}

enum Step {
    Key(String),
    Index(usize),
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn find<'a>(at: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(at, |at, step| match step {
        Step::Key(key) => at.get(key),
        Step::Index(index) => at.get(index),
    })
}

/// Takes out what is at a place; whether there was something. An element of a list is replaced, so
/// that the others keep their numbers, by something that fits or, when that was tried, by nothing.
fn take_out(at: &mut Value, path: &[Step], again: bool) -> bool {
    match (at, path) {
        (Value::Table(table), [Step::Key(key), Step::Index(_)]) if again => {
            table.remove(key).is_some()
        }
        (Value::Table(table), [Step::Key(key)]) => table.remove(key).is_some(),
        (Value::Array(items), [Step::Index(index)]) => {
            let of_tables = items.iter().any(Value::is_table);
            let Some(item) = items.get_mut(*index) else {
                return false;
            };
            *item = match of_tables {
                true => Value::Table(Table::new()),
                false => Value::String(String::new()),
            };
            true
        }
        (Value::Table(table), [Step::Key(key), rest @ ..]) => table
            .get_mut(key)
            .is_some_and(|next| take_out(next, rest, again)),
        (Value::Array(items), [Step::Index(index), rest @ ..]) => items
            .get_mut(*index)
            .is_some_and(|next| take_out(next, rest, again)),
        _ => false,
    }
}

/// What is wrong at a place, and the key that seems to be meant there.
fn fault(at: &str, message: &str) -> (Problem, Option<String>) {
    let Some((unknown, known)) = unknown_key(message) else {
        return (Problem::new(at, words(message)), None);
    };
    let section = at.strip_suffix(unknown.as_str()).unwrap_or_default();
    if let Some(meant) = nearest(&unknown, known.iter().map(String::as_str)) {
        let problem = Problem::new(at, format!("unknown key; did you mean `{meant}`?"));
        return (problem, Some(format!("{section}{meant}")));
    }
    let all = known_keys();
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let names: Vec<String> = all.iter().map(|key| last(key)).collect();
    let elsewhere = nearest(&unknown, names.iter().map(String::as_str));
    let elsewhere = elsewhere.and_then(|name| all.iter().find(|key| last(key) == name));
    let message = match elsewhere {
        Some(key) => format!("unknown key; did you mean `{key}`?"),
        None => format!("unknown key; known here: {}", known.join(", ")),
    };
    (Problem::new(at, message), None)
}

/// The key that serde does not know, and those that it knows in its place.
fn unknown_key(message: &str) -> Option<(String, Vec<String>)> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known = known.split('`').skip(1).step_by(2);
    Some((unknown.to_owned(), known.map(str::to_owned).collect()))
}

/// Every key that is read; elements of lists are not numbered.
pub(super) fn known_keys() -> Vec<String> {
    let mut found = Vec::new();
    find_keys("", &|value| value, &mut found);
    found
}

/// The names that are known at a place, found by asking with one that cannot be.
fn known_names(wrap: &dyn Fn(Value) -> Value) -> Vec<String> {
    let probe = Table::from_iter([("?".to_owned(), Value::Boolean(true))]);
    let message = Raw::deserialize(wrap(Value::Table(probe)))
        .map(|_| String::new())
        .unwrap_or_else(|error| error.message().to_owned());
    let unknown = unknown_key(&message).filter(|(unknown, _)| unknown == "?");
    unknown.map(|(_, known)| known).unwrap_or_default()
}

fn find_keys(prefix: &str, wrap: &dyn Fn(Value) -> Value, found: &mut Vec<String>) {
    for name in known_names(wrap) {
        let path = format!("{prefix}{name}");
        let nested = |value: Value| wrap(Value::Table(Table::from_iter([(name.clone(), value)])));
        let listed = |value: Value| nested(Value::Array(vec![value]));
        let inner = format!("{path}.");
        if !known_names(&nested).is_empty() {
            find_keys(&inner, &nested, found);
        } else if !known_names(&listed).is_empty() {
            find_keys(&inner, &listed, found);
        } else {
            found.push(path);
        }
    }
}

/// A message of serde in an operator's words, without the value: it may be a secret.
fn words(message: &str) -> String {
    let message = message.trim();
    let is_about_a_value =
        message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    let Some((found, expected)) = message
        .rsplit_once(", expected ")
        .filter(|_| is_about_a_value)
    else {
        return message.lines().next().unwrap_or_default().to_owned();
    };
    let found = found.split_once(": ").map_or(found, |(_, found)| found);
    let found = found.split(['"', '`']).next().unwrap_or_default().trim();
    let found = match found {
        "map" => "a section",
        "sequence" => "a list",
        "integer" => "a whole number",
        "floating point" => "a number",
        "boolean" => "true or false",
        "string" => "a text",
        other => other,
    };
    let expected = expected.lines().next().unwrap_or_default();
    let expected = match expected {
        "a string" | "path string" => "a text in quotes",
        "a boolean" => "true or false, without quotes",
        "a sequence" => "a list, such as [\"a\", \"b\"]",
        "u8" | "u16" | "u32" | "u64" => "a whole number that is not negative, without quotes",
        "f64" => "a number, such as 0.5, without quotes",
        "a map" => "a section",
        other if other.starts_with("struct ") => "a section, and its keys in it",
        other => other,
    };
    format!("this is {found}; expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_shown() {
        for message in [
            "invalid type: string \"hunter2, expected x\", expected u64",
            "invalid value: integer `-5`, expected u64",
        ] {
            let told = words(message);
            assert!(!told.contains("hunter2") && !told.contains('5'), "{told}");
            assert!(told.contains("expected a whole number"), "{told}");
        }
    }
}
