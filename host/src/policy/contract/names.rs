//! Names of interfaces and functions as components write them. Knows no types.

/// The parts of a name such as `wardroom:policy/channel-visibility@1.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// `wardroom:policy`, or nothing where the name is a plain word.
    pub(super) package: &'a str,
    /// `channel-visibility`.
    pub(super) interface: &'a str,
    /// `1.0.0`, or nothing.
    pub(super) version: &'a str,
}

impl<'a> Name<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.rsplit_once('/').unwrap_or(("", path));
        Self {
            package,
            interface,
            version,
        }
    }
}

/// The name of a function as WIT writes it: `[method]channel.members` is `channel.members`.
pub(super) fn function(name: &str) -> &str {
    match name.split_once(']') {
        Some((_, rest)) if name.starts_with('[') => rest,
        _ => name,
    }
}

/// The candidate that somebody who wrote `name` most likely meant, if any is near.
pub(super) fn closest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    /// How alike two names must be, of 1, to be taken for one another.
    const ALIKE: f64 = 0.6;
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::normalized_damerau_levenshtein(name, candidate),
                candidate,
            )
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Several names in a sentence.
pub(super) fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// How a version of the interface stands to the one that this server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Standing {
    /// The same, or an earlier one that it grew out of.
    Spoken,
    /// A later one of the same major version: the server may know too little.
    Later,
    /// One of a later major version: another interface.
    LaterMajor,
    /// One of an earlier major version: another interface.
    EarlierMajor,
    /// It is no version.
    Unknown,
}

/// How `version` stands to the one that is `spoken`.
pub(in super::super) fn standing(version: &str, spoken: &str) -> Standing {
    let numbers = |text: &str| -> Option<[u64; 3]> {
        let numbers: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
        numbers.ok()?.try_into().ok()
    };
    match (numbers(version), numbers(spoken)) {
        (Some([theirs, ..]), Some([ours, ..])) if theirs > ours => Standing::LaterMajor,
        (Some([theirs, ..]), Some([ours, ..])) if theirs < ours => Standing::EarlierMajor,
        (Some(theirs), Some(ours)) if theirs > ours => Standing::Later,
        (Some(_), Some(_)) => Standing::Spoken,
        _ => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_apart() {
        let name = Name::of("wardroom:policy/channel-visibility@1.0.0");
        assert_eq!(
            (name.package, name.interface, name.version),
            ("wardroom:policy", "channel-visibility", "1.0.0")
        );
        assert_eq!(Name::of("run").interface, "run");
        assert_eq!(function("[method]channel.members"), "channel.members");
        assert_eq!(function("audience"), "audience");
    }

    #[test]
    fn what_is_near_is_suggested_and_what_is_far_is_not() {
        assert_eq!(closest("decides", ["audience", "decide"]), Some("decide"));
        assert_eq!(closest("frobnicate", ["audience", "decide"]), None);
    }

    #[test]
    fn versions_up_to_ours_of_the_same_major_are_spoken() {
        let standing = |version| standing(version, "1.2.0");
        assert_eq!(standing("1.0.0"), Standing::Spoken);
        assert_eq!(standing("1.2.0"), Standing::Spoken);
        assert_eq!(standing("1.2.1"), Standing::Later);
        assert_eq!(standing("1.3.0"), Standing::Later);
        assert_eq!(standing("1.10.0"), Standing::Later);
        assert_eq!(standing("2.0.0"), Standing::LaterMajor);
        assert_eq!(standing("0.9.0"), Standing::EarlierMajor);
        for none in ["", "1", "1.0", "1.0.0.0", "1.0.0-rc1", "one"] {
            assert_eq!(standing(none), Standing::Unknown, "{none}");
        }
    }
}
