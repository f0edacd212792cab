//! The list of policies and the bounds on them. It must not know components or hooks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value as Json};
use toml::Value;

use super::super::{
    Config, Isolation, OnFailure, Policy, PolicyBounds, PrivateChannels, Shadow, Visibility, raw,
};
use super::checker::{Checker, in_memory};
use crate::json::of_value;
use crate::limits::POLICY_COMPILE_MEMORY_LEAST_BYTES;
use crate::{builtin, files};

/// The setting of the shipped policy `private-channels` that shows private channels to others than
/// their members.
const WIDENING: &str = "see_all_roles";

pub(super) fn policies(check: &mut Checker<'_>, raw: Vec<raw::Policy>) -> Vec<Policy> {
    let mut names = BTreeSet::new();
    let mut policies = Vec::with_capacity(raw.len());
    for (index, policy) in raw.into_iter().enumerate() {
        let at = format!("policies[{index}]");
        policies.push(self::policy(check, &at, policy, &mut names));
    }
    policies
}

fn policy(
    check: &mut Checker<'_>,
    at: &str,
    raw: raw::Policy,
    names: &mut BTreeSet<String>,
) -> Policy {
    let name = raw.name.unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        check.problem(
            format!("{at}.name"),
            "required; 1 to 64 lower-case letters, digits and hyphens",
        );
    } else if !names.insert(name.clone()) {
        check.problem(
            format!("{at}.name"),
            "is used by an earlier policy as well; give each a name of its own",
        );
    }
    let file_at = format!("{at}.file");
    let named = raw.file.unwrap_or_default();
    let is_named = !named.as_os_str().is_empty();
    if !is_named {
        check.problem(
            &file_at,
            "required; the path of a component, or \"builtin:…\" with a name that `wardroom policy \
             list --builtin` lists",
        );
    }
    let file = match is_named {
        true => component(check, &file_at, &named),
        false => named,
    };
    if is_named && !builtin::is_builtin(&file) && !files::is_file(&file) {
        check.problem(
            &file_at,
            format!(
                "there is no file {}; put it there, or name another; `wardroom policy list --builtin` \
                 lists policies that need none",
                file.display()
            ),
        );
    }
    let settings = json(&Value::Table(raw.settings), &format!("{at}.settings"))
        .map_err(|(at, message)| check.problem(at, message))
        .unwrap_or_default();
    let endings = [("closed", OnFailure::Closed), ("open", OnFailure::Open)];
    let lives = [
        ("reuse", Isolation::Reuse),
        ("per-call", Isolation::PerCall),
    ];
    let shadow = shadow(check, at, raw.shadow.unwrap_or(false), raw.shadow_file);
    let on_failure = check.one_of(
        format!("{at}.on_failure"),
        raw.on_failure.as_deref(),
        "closed",
        &endings,
    );
    let wait = raw.wait.unwrap_or(true);
    if !wait && on_failure == OnFailure::Closed {
        check.problem(
            format!("{at}.wait"),
            "a server that does not wait acts as if the policy were not there, which a policy that \
             fails closed rules out; set on_failure = \"open\", or remove it",
        );
    }
    Policy {
        name,
        wait,
        on_failure,
        isolation: check.one_of(
            format!("{at}.isolation"),
            raw.isolation.as_deref(),
            "reuse",
            &lives,
        ),
        grants: grants(check, at, raw.grants.unwrap_or_default()),
        shadow,
        file,
        settings: of_value(&settings),
    }
}

/// The file of a component, or what stands for one in the binary.
fn component(check: &mut Checker<'_>, at: &str, path: &Path) -> PathBuf {
    match builtin::named(path) {
        None => return check.path(at, path),
        Some(Err(unknown)) => check.problem(at, unknown),
        Some(Ok(_)) => {}
    }
    path.to_owned()
}

/// A candidate need not be there yet: nothing depends on it.
fn shadow(check: &mut Checker<'_>, at: &str, whole: bool, candidate: Option<PathBuf>) -> Shadow {
    let Some(candidate) = candidate else {
        return if whole { Shadow::Whole } else { Shadow::Off };
    };
    let at = format!("{at}.shadow_file");
    if whole {
        check.problem(
            &at,
            "goes with a policy that decides; remove it, or set shadow = false",
        );
    }
    Shadow::Candidate(component(check, &at, &candidate))
}

fn grants(check: &mut Checker<'_>, at: &str, grants: Vec<String>) -> Vec<String> {
    for (index, grant) in grants.iter().enumerate() {
        let names_an_interface = grant
            .split_once(':')
            .and_then(|(_, rest)| rest.split_once('/'))
            .is_some_and(|(package, name)| !package.is_empty() && !name.is_empty());
        if !names_an_interface || grant.contains('@') {
            check.problem(
                format!("{at}.grants[{index}]"),
                "expected the name of an interface without a version, such as \
                 \"wardroom:policy/directory\"",
            );
        }
    }
    grants
}

/// TOML as JSON: dates become strings; what JSON cannot say is refused with its key path.
fn json(value: &Value, at: &str) -> Result<Json, (String, &'static str)> {
    Ok(match value {
        Value::String(text) => Json::String(text.clone()),
        Value::Integer(number) => Json::Number((*number).into()),
        Value::Float(number) => Json::Number(
            Number::from_f64(*number)
                .ok_or_else(|| (at.to_owned(), "JSON has no infinity and no NaN"))?,
        ),
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Datetime(time) => Json::String(time.to_string()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| json(item, &format!("{at}[{index}]")))
            .collect::<Result<_, _>>()?,
        Value::Table(table) => Json::Object(
            table
                .iter()
                .map(|(key, item)| Ok((key.clone(), json(item, &format!("{at}.{key}"))?)))
                .collect::<Result<Map<_, _>, _>>()?,
        ),
    })
}

pub(super) fn visibility(check: &mut Checker<'_>, raw: &raw::Visibility) -> Visibility {
    let choices = [
        ("members", PrivateChannels::Members),
        ("policies", PrivateChannels::Policies),
    ];
    Visibility {
        private_channels: check.one_of(
            "visibility.private_channels",
            raw.private_channels.as_deref(),
            "members",
            &choices,
        ),
    }
}

/// Warns of the setting by which the shipped policy widens who sees a private channel, where the
/// built-in rule keeps it from that.
pub(super) fn widening(check: &mut Checker<'_>, config: &Config) {
    if config.visibility.private_channels == PrivateChannels::Policies {
        return;
    }
    for (index, policy) in config.policies.iter().enumerate() {
        let settings = serde_json::from_str::<Json>(policy.settings.as_str()).unwrap_or_default();
        let roles = settings.get(WIDENING).and_then(Json::as_array);
        if roles.is_some_and(|roles| !roles.is_empty()) {
            check.warning(
                format!("policies[{index}].settings.{WIDENING}"),
                "has no effect: a private channel is for its listed members, whatever policies say; \
                 set visibility.private_channels = \"policies\" if these roles are to see it",
            );
        }
    }
}

pub(super) fn bounds(check: &mut Checker<'_>, raw: &raw::PolicyBounds) -> PolicyBounds {
    let deadline = check.positive_duration("policy.deadline", raw.deadline.as_deref(), "50ms");
    let start = raw.start_deadline.as_deref();
    let start_deadline = check.positive_duration("policy.start_deadline", start, "1s");
    if start_deadline < deadline {
        check.problem(
            "policy.start_deadline",
            "must not be shorter than policy.deadline",
        );
    }
    let timeout = raw.compile_timeout.as_deref();
    let compile_timeout = check.positive_duration("policy.compile_timeout", timeout, "2m");
    let compile_memory = check.size(
        "policy.compile_memory",
        raw.compile_memory.as_deref(),
        "2GiB",
    );
    if compile_memory < POLICY_COMPILE_MEMORY_LEAST_BYTES {
        check.problem(
            "policy.compile_memory",
            "must not be smaller than 256MiB: the compiler itself takes a good part of that",
        );
    }
    let memory = check.size("policy.memory", raw.memory.as_deref(), "64MiB");
    let warm = check.size("policy.warm_memory", raw.warm_memory.as_deref(), "256MiB");
    let elements = check.positive("policy.table_elements", raw.table_elements, 100_000);
    let output = check.size("policy.output", raw.output.as_deref(), "1MiB");
    let cache = raw.cache.as_deref();
    PolicyBounds {
        file_bytes: check.size("policy.file_size", raw.file_size.as_deref(), "64MiB"),
        compile_timeout,
        compile_memory_bytes: compile_memory,
        deadline,
        start_deadline,
        memory_bytes: in_memory(memory),
        warm_memory_bytes: warm,
        table_elements: in_memory(elements),
        output_bytes: in_memory(output),
        cache: cache.map(|path| check.path("policy.cache", path)),
    }
}
