//! Variables of the environment: which name a setting, which are an orchestrator's, and what a wrong name may mean. It must not know what a setting means.

use std::fmt;

use super::VARIABLE_PREFIX;
use super::shape::known_keys;
use crate::nearest::nearest;

/// Variables with the prefix that the command line reads itself.
const OTHER_VARIABLES: [&str; 2] = ["WARDROOM_CONFIG", "WARDROOM_API_KEY"];

/// A variable of the environment. Its value may be a secret.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Those that are for settings, in the order in which they apply, and the names of those that only
/// look so.
pub(super) fn pick(
    environment: impl IntoIterator<Item = (String, String)>,
) -> (Vec<Variable>, Vec<String>) {
    let (mut variables, mut passed_over) = (Vec::new(), Vec::new());
    let ours: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
        .collect();
    let links = links(&ours);
    for (name, value) in ours {
        let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or_default();
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        if is_service_link(rest, &value, &links) {
            passed_over.push(name);
            continue;
        }
        let path = rest.split("__").map(str::to_lowercase).collect();
        variables.push(Variable { name, path, value });
    }
    // Elements of a list must come in their order, 10 after 9.
    variables.sort_by_cached_key(|variable| {
        let order = |part: &String| (part.parse::<usize>().unwrap_or_default(), part.clone());
        variable.path.iter().map(order).collect::<Vec<_>>()
    });
    passed_over.sort();
    (variables, passed_over)
}

/// How the variables of each link of Docker begin behind our prefix: nothing, or a word and `_`. A link
/// has its address in `…PORT`, and in `…NAME` whose it is, and as what: `/web/wardroom`.
fn links(variables: &[(String, String)]) -> Vec<String> {
    let link = |(name, value): &(String, String)| {
        let rest = name.strip_prefix(VARIABLE_PREFIX)?;
        let begin = match (rest.strip_suffix("PORT"), rest.strip_suffix("NAME")) {
            (Some(begin), _) if value.contains("://") => begin,
            (_, Some(begin)) if value.starts_with('/') => begin,
            _ => return None,
        };
        let is_whole = begin.is_empty() || begin.ends_with('_');
        (is_whole && !is_below_a_setting(rest)).then(|| begin.to_owned())
    };
    variables.iter().filter_map(link).collect()
}

/// Whether a variable goes on below a setting, whatever it ends with.
fn is_below_a_setting(rest: &str) -> bool {
    let section = rest.split_once("__").map(|(section, _)| section);
    section.map(str::to_lowercase).is_some_and(|section| {
        known_keys()
            .iter()
            .any(|key| key.split('.').next() == Some(&section))
    })
}

/// Whether an orchestrator made this variable up for a service whose name begins with `wardroom`,
/// as Kubernetes does for each service, and Docker for each link: `…_SERVICE_HOST`,
/// `…_SERVICE_PORT` and `…_SERVICE_PORT_<name>`, `…_PORT` with an address in it,
/// `…_PORT_<number>_TCP` with its parts, and of a link `…_NAME` with a path in it and `…_ENV_<name>`.
/// What goes on below a setting is one, however it ends.
fn is_service_link(rest: &str, value: &str, links: &[String]) -> bool {
    if is_below_a_setting(rest) {
        return false;
    }
    let ends = |end: &str| rest == &end[1..] || rest.ends_with(end);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Behind the last such word, so that the name of a service may hold it, too.
    let behind = |word: &str| {
        let at = format!("_{rest}").rfind(word)?;
        Some(rest[at + word.len() - 1..].to_owned())
    };
    let is_port_part = || {
        let after = behind("_PORT_").unwrap_or_default();
        let mut parts = after.split('_');
        is_number(parts.next().unwrap_or_default())
            && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
    };
    let is_of_linked = || {
        links.iter().any(|link| {
            let name = rest.strip_prefix(link.as_str());
            name.is_some_and(|name| name.starts_with("ENV_"))
        })
    };
    ends("_SERVICE_HOST")
        || (behind("_SERVICE_PORT").is_some_and(|it| it.is_empty() || it.starts_with('_'))
            && is_number(value))
        || (ends("_PORT") && value.contains("://"))
        || (ends("_NAME") && value.starts_with('/'))
        || is_of_linked()
        || is_port_part()
}

/// The variable that may be meant by one that names no setting.
pub(super) fn meant_by(variable: &Variable) -> Option<String> {
    // What is not there cannot be told from its neighbours by an underscore more or less.
    let bare = |name: &str| name.replace(|c: char| c == '_' || c.is_ascii_digit(), "");
    let known: Vec<(String, String)> = known_keys()
        .iter()
        .map(|key| {
            let name = format!("{VARIABLE_PREFIX}{}", key.to_uppercase().replace('.', "__"));
            // Lists are numbered.
            let name = ["AUTH__KEYS__", "API_KEYS__", "POLICIES__"]
                .into_iter()
                .fold(name, |name, list| name.replace(list, &format!("{list}0__")));
            (bare(&name), name)
        })
        .collect();
    let wanted = bare(&variable.name.to_uppercase());
    let found = nearest(&wanted, known.iter().map(|(bare, _)| bare.as_str()))?;
    let (_, name) = known.iter().find(|(bare, _)| bare == found)?;
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn links_of_orchestrators_are_told_from_settings() {
        for (name, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "7800"),
            ("SERVICE_PORT_CLIENTS", "7800"),
            ("PORT", "tcp://10.0.0.1:7800"),
            ("PORT_7800_TCP", "tcp://10.0.0.1:7800"),
            ("PORT_7800_TCP_ADDR", "10.0.0.1"),
            ("INTERNAL_SERVICE_HOST", "10.0.0.2"),
            ("INTERNAL_SERVICE_PORT", "7801"),
            ("INTERNAL_SERVICE_PORT_HTTP", "7801"),
            ("INTERNAL_PORT", "tcp://10.0.0.2:7801"),
            ("INTERNAL_PORT_7801_TCP", "tcp://10.0.0.2:7801"),
            ("INTERNAL_PORT_7801_TCP_PROTO", "tcp"),
            ("INTERNAL_PORT_7801_TCP_PORT", "7801"),
            ("INTERNAL_PORT_7801_TCP_ADDR", "10.0.0.2"),
            ("A_PORT_OF_CALL_PORT_53_UDP_ADDR", "10.0.0.2"),
            ("NAME", "/web/wardroom"),
            ("INTERNAL_NAME", "/web/wardroom-internal"),
        ] {
            assert!(is_service_link(name, value, &[]), "{name}");
        }
        for (name, value) in [
            ("LISTEN_PORT", "7800"),
            ("PORT", "7800"),
            ("SERVICE_PORT", "http"),
            ("LISTEN__PUBLIC", "tcp://10.0.0.1:7800"),
            ("LISTEN__PUBLIC_SERVICE_HOST", "10.0.0.1"),
            ("POLICIES__0__SETTINGS__SERVICE_HOST", "10.0.0.1"),
            ("PORT_X_TCP", "x"),
            ("INTERNAL", "x"),
            ("NAME", "wardroom"),
            ("API_KEYS__0__NAME", "/backend"),
            ("ENV_FOO", "x"),
        ] {
            assert!(!is_service_link(name, value, &[]), "{name}");
        }
    }

    #[test]
    fn the_environment_of_what_is_linked_is_none_of_ours() {
        let names = |variables: &[(&str, &str)]| {
            let owned =
                |(name, value): &(&str, &str)| (format!("WARDROOM_{name}"), (*value).into());
            let (picked, passed_over) = pick(variables.iter().map(owned));
            let picked: Vec<String> = picked.into_iter().map(|it| it.name).collect();
            (picked, passed_over.len())
        };
        let of_link = [
            ("ENV_FOO", "x"),
            ("ENV_WARDROOM_LISTEN__PUBLIC", "127.0.0.1:1"),
        ];
        for evidence in [("PORT", "tcp://10.0.0.1:7800"), ("NAME", "/web/wardroom")] {
            let all = [of_link[0], of_link[1], evidence];
            assert_eq!(names(&all), (vec![], 3), "{evidence:?}");
        }
        let (picked, passed_over) = names(&of_link);
        assert_eq!((picked.len(), passed_over), (2, 0));
        // Those of another link, and of what is no link.
        let others = [
            ("DB_PORT", "tcp://10.0.0.1:5432"),
            ("DB_ENV_FOO", "x"),
            ("WEB_ENV_FOO", "x"),
            ("API_KEYS__0__NAME", "/backend"),
            ("API_KEYS__0__ENV_FOO", "x"),
        ];
        let expected = [
            "WARDROOM_API_KEYS__0__ENV_FOO",
            "WARDROOM_API_KEYS__0__NAME",
            "WARDROOM_WEB_ENV_FOO",
        ];
        let (mut picked, passed_over) = names(&others);
        picked.sort();
        assert_eq!(
            (picked, passed_over),
            (expected.map(String::from).into(), 2)
        );
    }

    #[test]
    fn a_wrong_name_is_answered_with_a_near_one() {
        let meant = |name: &str| {
            let (variables, _) = pick([(name.to_owned(), "x".to_owned())]);
            meant_by(&variables[0])
        };
        for (name, near) in [
            ("WARDROOM_LISTEN_PUBLIC", "WARDROOM_LISTEN__PUBLIC"),
            ("WARDROOM_LISTN__PUBLIC", "WARDROOM_LISTEN__PUBLIC"),
            (
                "WARDROOM_AUTH_KEYS_0_SECRET",
                "WARDROOM_AUTH__KEYS__0__SECRET",
            ),
            ("wardroom", ""),
        ] {
            if near.is_empty() {
                assert!(pick([(name.to_owned(), String::new())]).0.is_empty());
            } else {
                assert_eq!(meant(name).as_deref(), Some(near), "{name}");
            }
        }
        assert_eq!(meant("WARDROOM_SOMETHING_ELSE_ENTIRELY"), None);
    }
}
