//! The list of policies and the bounds on them. It must not know components or hooks.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};
use toml::Value;

use super::super::{OnFailure, Policy, PolicyBounds, raw};
use super::checker::Checker;

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
        check.problem(format!("{at}.name"), "is used by an earlier policy as well");
    }
    let file_at = format!("{at}.file");
    let file = check.path(&file_at, &raw.file.unwrap_or_default());
    if !file.is_file() {
        check.problem(&file_at, format!("there is no file {}", file.display()));
    }
    let settings = json(&Value::Table(raw.settings), &format!("{at}.settings"))
        .map_err(|(at, message)| check.problem(at, message))
        .unwrap_or_default();
    for (index, grant) in raw.grants.iter().enumerate() {
        check.not_empty(format!("{at}.grants[{index}]"), grant);
    }
    let endings = [("closed", OnFailure::Closed), ("open", OnFailure::Open)];
    Policy {
        name,
        file,
        settings: settings.to_string(),
        on_failure: check.one_of(
            format!("{at}.on_failure"),
            raw.on_failure.as_deref(),
            "closed",
            &endings,
        ),
        grants: raw.grants,
    }
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

pub(super) fn bounds(check: &mut Checker<'_>, raw: &raw::PolicyBounds) -> PolicyBounds {
    PolicyBounds {
        deadline: check.positive_duration("policy.deadline", raw.deadline.as_deref(), "50ms"),
        configure_deadline: check.positive_duration(
            "policy.configure_deadline",
            raw.configure_deadline.as_deref(),
            "1s",
        ),
        memory_bytes: check.size("policy.memory", raw.memory.as_deref(), "16MiB"),
        table_elements: check.positive("policy.table_elements", raw.table_elements, 20_000),
        output_bytes: check.size("policy.output", raw.output.as_deref(), "256KiB"),
        host_calls: check.positive("policy.host_calls", raw.host_calls, 100_000),
        instances: check.positive("policy.instances", raw.instances, 4),
        calls_per_instance: check.positive(
            "policy.calls_per_instance",
            raw.calls_per_instance,
            100_000,
        ),
        component_bytes: check.size("policy.component", raw.component.as_deref(), "32MiB"),
        quarantine_after: check.positive("policy.quarantine_after", raw.quarantine_after, 10),
        reload_debounce: check.duration(
            "policy.reload_debounce",
            raw.reload_debounce.as_deref(),
            "200ms",
        ),
    }
}
