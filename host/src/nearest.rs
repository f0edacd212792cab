//! Which name may be meant by one that is not known. It must not know what is named.

/// The name that is so near to this one that it may be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.len() / 3).clamp(1, 3);
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let known = || ["grace", "grace_in_channel", "public"].into_iter();
        assert_eq!(nearest("grce", known()), Some("grace"));
        assert_eq!(nearest("pubilc", known()), Some("public"));
        assert_eq!(nearest("nonsense", known()), None);
    }
}
