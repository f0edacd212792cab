//! Where settings come from: one TOML file, then the environment on top of it. It must not know what a setting means.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::{ConfigError, Problem};
use super::raw::Raw;
use super::written::Written;
use crate::files;
use crate::limits::MAX_CONFIG_FILE_BYTES;

/// How every variable begins that overrides a setting: `WARDROOM_LISTEN__PUBLIC` is
/// `listen.public`, `WARDROOM_AUTH__KEYS__0__SECRET` is `auth.keys[0].secret`.
pub const VARIABLE_PREFIX: &str = "WARDROOM_";

/// Variables with the prefix that the command line reads itself.
const OTHER_VARIABLES: [&str; 2] = ["WARDROOM_CONFIG", "WARDROOM_API_KEY"];

/// A parsed file and the variables that override it.
#[derive(Debug)]
pub(super) struct Source {
    origin: String,
    folder: PathBuf,
    table: Table,
    variables: Vec<Variable>,
}

/// A variable of the environment. Its value may be a secret.
struct Variable {
    name: String,
    path: Vec<String>,
    value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Source {
    /// Reads the file, or the default one if it is there, and picks the variables that count.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let default = Path::new(super::DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let variables = variables(environment);
        let Some(file) = file else {
            return Ok(Self {
                origin: "no file, environment only".into(),
                folder: PathBuf::new(),
                table: Table::new(),
                variables,
            });
        };
        let origin = file.display().to_string();
        let table = read_bounded(file)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned()))
            .map_err(|message| Problem::new(&origin, message))
            .and_then(|text| parse(&origin, &text))
            .map_err(|problem| ConfigError::new(&origin, vec![problem]))?;
        Ok(Self {
            origin,
            folder: file.parent().map(Path::to_owned).unwrap_or_default(),
            table,
            variables,
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

    /// The file with every variable applied to it.
    ///
    /// A variable is tried as a string first; where no string fits, as a TOML value, so that
    /// `true`, `5` and `["a", "b"]` can be given without quoting what is plain text.
    pub(super) fn into_raw(self) -> Result<(Raw, Written), ConfigError> {
        let fail = |problem| ConfigError::new(&self.origin, vec![problem]);
        let mut raw = read_raw(&self.table).map_err(fail)?;
        let mut table = self.table.clone();
        let mut problems = Vec::new();
        for variable in &self.variables {
            match apply(&table, variable) {
                Ok((next, next_raw)) => (table, raw) = (next, next_raw),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok((raw, Written::of(&table)))
        } else {
            Err(ConfigError::new(self.origin, problems))
        }
    }
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

/// Parses TOML. The error names line and column and shows no text of the file.
fn parse(origin: &str, text: &str) -> Result<Table, Problem> {
    text.parse::<Table>().map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Problem::new(
            format!("{origin}:{line}:{column}"),
            without_value(error.message()),
        )
    })
}

/// Whether an orchestrator made this variable up for a service that is called `wardroom`, as
/// Kubernetes does (`WARDROOM_SERVICE_HOST`, `WARDROOM_PORT_7800_TCP_ADDR`). No setting looks so.
fn is_service_link(path: &str) -> bool {
    let port = path.strip_prefix("PORT");
    path == "SERVICE_HOST"
        || path.starts_with("SERVICE_PORT")
        || port.is_some_and(|rest| {
            let number = rest.strip_prefix('_');
            rest.is_empty() || number.is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
        })
}

fn variables(environment: impl IntoIterator<Item = (String, String)>) -> Vec<Variable> {
    let mut variables: Vec<_> = environment
        .into_iter()
        .filter(|(name, _)| !OTHER_VARIABLES.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let path = name.strip_prefix(VARIABLE_PREFIX)?;
            if is_service_link(path) {
                return None;
            }
            let path = path.split("__").map(str::to_lowercase).collect();
            Some(Variable { name, path, value })
        })
        .collect();
    // Elements of a list must come in their order, 10 after 9.
    variables.sort_by_cached_key(|variable| {
        let order = |part: &String| (part.parse::<usize>().unwrap_or_default(), part.clone());
        variable.path.iter().map(order).collect::<Vec<_>>()
    });
    variables
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
    let raw = read_raw(&table).map_err(|problem| named(problem.to_string()))?;
    Ok((table, raw))
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

/// Gives the table its shape. The error carries the key path.
fn read_raw(table: &Table) -> Result<Raw, Problem> {
    let deserializer = Value::Table(table.clone());
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().message().to_owned();
        Problem::new(path, without_value(&message))
    })
}

/// Takes the offending value out of a message of serde: it may be a secret in the wrong place.
fn without_value(message: &str) -> String {
    let message = message.trim();
    let is_about_a_value =
        message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match (is_about_a_value, message.rfind(", expected ")) {
        (true, Some(expected)) => {
            let (found, expected) = message.split_at(expected);
            let kind = found.split(['"', '`']).next().unwrap_or_default();
            format!("{}{expected}", kind.trim_end())
        }
        _ => message.lines().next().unwrap_or_default().to_owned(),
    }
}
