//! Where settings come from: one TOML file, then the environment on top of it. It must not know what a setting means.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::{ConfigError, Problem};
use super::raw::Raw;
use super::shape::{Faults, Shaped, shape, strict};
use super::units;
use super::variables::{self, Variable, meant_by};
use super::written::Written;
use crate::files;
use crate::limits::{MAX_CONFIG_FILE_BYTES, MAX_CONFIG_PROBLEMS};

/// How every variable begins that overrides a setting: `WARDROOM_LISTEN__PUBLIC` is
/// `listen.public`, `WARDROOM_AUTH__KEYS__0__SECRET` is `auth.keys[0].secret`.
pub const VARIABLE_PREFIX: &str = "WARDROOM_";

/// A parsed file and the variables that override it.
#[derive(Debug)]
pub(super) struct Source {
    origin: String,
    folder: PathBuf,
    table: Table,
    /// What of the file could not be read.
    faults: Faults,
    variables: Vec<Variable>,
    passed_over: Vec<String>,
}

impl Source {
    /// Reads the file, or the default one if it is there, and picks the variables that count.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let default = Path::new(super::DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let (variables, passed_over) = variables::pick(environment);
        let Some(file) = file else {
            return Ok(Self {
                origin: "no file, environment only".into(),
                folder: PathBuf::new(),
                table: Table::new(),
                faults: Faults::default(),
                variables,
                passed_over,
            });
        };
        let origin = file.display().to_string();
        let mut faults = Faults::default();
        let table = read_bounded(file)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()))
            .map_err(|message| ConfigError::new(&origin, vec![Problem::new(&origin, message)]))
            .map(|text| parse(&origin, text, &mut faults))?;
        let Some(table) = table else {
            return Err(ConfigError::new(origin, faults.problems));
        };
        Ok(Self {
            origin,
            folder: file.parent().map(Path::to_owned).unwrap_or_default(),
            table,
            faults,
            variables,
            passed_over,
        })
    }

    /// What to call this source in an error.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a secret for tokens stands in the file itself.
    pub(super) fn holds_a_secret(&self) -> bool {
        let keys = self.table.get("auth").and_then(|auth| auth.get("keys"));
        let mut keys = keys.and_then(Value::as_array).into_iter().flatten();
        keys.any(|key| key.get("secret").is_some())
    }

    /// The folder that relative paths start from.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with every variable applied to it, as far as it has the right shape.
    ///
    /// A variable is tried as a string first; where no string fits, as a TOML value, so that
    /// `true`, `5` and `["a", "b"]` can be given without quoting what is plain text.
    pub(super) fn into_raw(self) -> Read {
        let Shaped {
            mut table,
            mut raw,
            mut faults,
        } = shape(self.table, self.faults);
        for variable in &self.variables {
            match apply(&table, variable) {
                Ok((next, next_raw)) => (table, raw) = (next, next_raw),
                Err(problem) => faults.add(problem),
            }
        }
        Read {
            raw,
            written: Written::of(&table),
            faults,
            passed_over: self.passed_over,
        }
    }
}

/// What was read of all sources.
pub(super) struct Read {
    pub(super) raw: Raw,
    pub(super) written: Written,
    pub(super) faults: Faults,
    /// Variables that an orchestrator made up for services.
    pub(super) passed_over: Vec<String>,
}

/// Reads a whole file of bounded size.
///
/// # Errors
/// A text for the operator.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = files::read(path, MAX_CONFIG_FILE_BYTES)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if bytes.len() as u64 > MAX_CONFIG_FILE_BYTES {
        return Err(format!(
            "{} is larger than {MAX_CONFIG_FILE_BYTES} bytes",
            path.display()
        ));
    }
    Ok(bytes)
}

/// Parses TOML. Lines on which a value lacks its quotes are problems, and are left out to see what
/// else is. Any other error ends it: what comes behind a bracket that is never closed is no error, and
/// what is missing then may be there. A problem names line and column and shows no text of the file.
fn parse(origin: &str, mut text: String, faults: &mut Faults) -> Option<Table> {
    let mut last = None;
    loop {
        let error = match text.parse::<Table>() {
            Ok(table) => return Some(table),
            Err(error) => error,
        };
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        if last == Some(line) || faults.problems.len() >= MAX_CONFIG_PROBLEMS {
            return None;
        }
        last = Some(line);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let end = text[begin..]
            .find('\n')
            .map_or(text.len(), |end| begin + end);
        let written = &text[begin..end];
        let place = format!("{origin}:{line}:{column}");
        let Some(message) = unquoted(written) else {
            let mut message = first_line(error.message());
            if message == "duplicate key" {
                message = twice(&text[..begin], written);
            } else if let Some(opened) = left_open(&text[..begin]) {
                message += &format!("; the bracket on line {opened} may lack its other half");
            }
            faults.add(Problem::new(place, message));
            return None;
        };
        faults.add(Problem::new(place, message));
        let key = written
            .split_once('=')
            .map(|(key, _)| key.trim().to_owned());
        faults.unread.extend(key);
        text.replace_range(begin..end, "");
    }
}

/// What to say of a line that names a key or a section once more, and where it was named before.
fn twice(before: &str, line: &str) -> String {
    let section = |line: &str| {
        let name = line.trim().strip_prefix('[')?.split(']').next()?;
        Some(name.trim_start_matches('[').trim().to_owned())
    };
    let lines = before.lines().enumerate();
    if let Some(name) = section(line) {
        let mut same = lines.filter(|(_, line)| section(line).as_ref() == Some(&name));
        return match same.next() {
            Some((first, _)) => format!(
                "duplicate key: this section begins on line {} already; put what belongs to it there, \
                 under one heading",
                first + 1
            ),
            None => "duplicate key: what this section sets was set before".to_owned(),
        };
    }
    let key = |line: &str| Some(line.split_once('=')?.0.trim().to_owned());
    let own = key(line);
    let lines: Vec<_> = lines.collect();
    let within = lines
        .iter()
        .rev()
        .take_while(|(_, line)| section(line).is_none());
    let first = within
        .filter(|(_, line)| own.is_some() && key(line) == own)
        .last();
    match first {
        Some((first, _)) => format!("duplicate key: line {} sets it already", first + 1),
        None => "duplicate key: it was set before".to_owned(),
    }
}

/// The line on which the latest value begins that is a list or a table and goes on behind this text,
/// as far as that shows without parsing.
fn left_open(before: &str) -> Option<usize> {
    let opens = |line: &str| {
        let (_, value) = line.split_once('=')?;
        let value = value.split('#').next().unwrap_or_default().trim();
        let (open, close) = match value.chars().next()? {
            '[' => ('[', ']'),
            '{' => ('{', '}'),
            _ => return Some(false),
        };
        Some(value.matches(open).count() > value.matches(close).count())
    };
    let lines: Vec<&str> = before.lines().collect();
    for (index, line) in lines.iter().enumerate().rev() {
        let line = line.trim();
        if opens(line) == Some(true) {
            return Some(index + 1);
        }
        // It was closed, or another key or section began.
        if line.starts_with([']', '}', '[']) || opens(line).is_some() {
            return None;
        }
    }
    None
}

/// What to say of a line whose value would be one in quotes.
fn unquoted(line: &str) -> Option<String> {
    let (_, value) = line.split_once('=')?;
    let value = value.split('#').next().unwrap_or_default().trim();
    let begins = value.chars().next()?;
    // Neither is a secret.
    if begins.is_ascii_digit() && (units::duration(value).is_ok() || units::size(value).is_ok()) {
        return Some(format!("durations and sizes stand in quotes: \"{value}\""));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@".contains(c);
    let is_text = begins.is_ascii_alphabetic() || begins == '/' || begins == '.';
    (is_text && value.chars().all(plain)).then(|| "texts stand in quotes".to_owned())
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// The table with one variable applied, if the result still has the right shape.
fn apply(table: &Table, variable: &Variable) -> Result<(Table, Raw), Problem> {
    let as_text = try_value(table, variable, Value::String(variable.value.clone()));
    let Err(problem) = as_text else {
        return as_text;
    };
    format!("value = {}", variable.value)
        .parse::<Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .and_then(|value| try_value(table, variable, value).ok())
        .ok_or(problem)
}

fn try_value(table: &Table, variable: &Variable, value: Value) -> Result<(Table, Raw), Problem> {
    let mut root = Value::Table(table.clone());
    let named = |message: String| Problem::new(&variable.name, message);
    insert(&mut root, &variable.path, value).map_err(named)?;
    let Value::Table(table) = root else {
        return Err(named("names no key".into()));
    };
    let raw = strict(&table).map_err(|problem| named(wrong(variable, &problem)))?;
    Ok((table, raw))
}

/// What is wrong with a variable, and which one may be meant.
fn wrong(variable: &Variable, problem: &Problem) -> String {
    if !problem.message.starts_with("unknown key") {
        return problem.to_string();
    }
    match meant_by(variable) {
        Some(name) => format!("names no setting; did you mean {name}?"),
        None => format!("names no setting: {problem}"),
    }
}

/// Puts `value` at `path`, making the tables and the next list elements that it needs.
fn insert(at: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *at = value;
        return Ok(());
    };
    if let Ok(index) = first.parse::<usize>() {
        if at.as_table().is_some_and(Table::is_empty) {
            *at = Value::Array(Vec::new());
        }
        let list = at
            .as_array_mut()
            .ok_or("uses a number where no list is; lists start at 0")?;
        if index == list.len() {
            list.push(Value::Table(Table::new()));
        }
        let length = list.len();
        let element = list
            .get_mut(index)
            .ok_or_else(|| format!("the list has {length} elements; the next one is {length}"))?;
        return insert(element, rest, value);
    }
    let table = at
        .as_table_mut()
        .ok_or("goes into a key that has no parts of its own")?;
    let next = table
        .entry(first)
        .or_insert_with(|| Value::Table(Table::new()));
    insert(next, rest, value)
}
