//! What a policy may reach beyond its questions: compares what a new version imports with what the
//! one in force imports. Pure. Knows neither files nor the engine.

/// Interfaces that an operator may grant. What is met by stubs gives a policy nothing that it has
/// not got, so that it needs no grant.
const GRANTABLE: [&str; 1] = ["wardroom:policy/directory"];

/// A new version imports more than the one in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the new version imports {}, which the version in force does not. If it is to have that, add \
     grants = [{}] to the policy's section of the configuration; if not, build it without",
    imports.join(", "),
    quoted(imports)
)]
pub(super) struct NotGranted {
    imports: Vec<String>,
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

/// Whether a version may come into force that imports these interfaces. Where none is in force the
/// operator has just named the file, and so chose what it imports.
pub(super) fn compare(
    imports: &[String],
    in_force: Option<&[String]>,
    grants: &[String],
) -> Result<(), NotGranted> {
    let Some(in_force) = in_force else {
        return Ok(());
    };
    let new = |import: &&String| !in_force.contains(import) && !grants.contains(import);
    let imports: Vec<String> = imports.iter().filter(new).cloned().collect();
    if imports.is_empty() {
        Ok(())
    } else {
        Err(NotGranted { imports })
    }
}

/// What is wrong with the grants of a policy, if anything: one that means nothing would be taken
/// for one that means something.
pub(super) fn check_grants(grants: &[String]) -> Result<(), String> {
    match grants
        .iter()
        .find(|grant| !GRANTABLE.contains(&grant.as_str()))
    {
        None => Ok(()),
        Some(unknown) => Err(format!(
            "grants names {unknown:?}, which this server cannot give; it can give {}",
            GRANTABLE.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_first_version_and_one_that_imports_no_more_need_no_grant() {
        let directory = names(&GRANTABLE);
        assert_eq!(compare(&directory, None, &[]), Ok(()));
        assert_eq!(compare(&directory, Some(&directory), &[]), Ok(()));
        assert_eq!(compare(&[], Some(&directory), &[]), Ok(()));
    }

    #[test]
    fn more_than_before_needs_a_grant_and_the_refusal_says_which() {
        let directory = names(&GRANTABLE);
        let refused = compare(&directory, Some(&[]), &[]).err();
        let said = refused.map(|r| r.to_string()).unwrap_or_default();
        assert!(
            said.contains("add grants = [\"wardroom:policy/directory\"]"),
            "{said}"
        );
        assert_eq!(compare(&directory, Some(&[]), &directory), Ok(()));
    }

    #[test]
    fn a_grant_of_what_there_is_not_is_refused() {
        assert_eq!(check_grants(&names(&GRANTABLE)), Ok(()));
        let said = check_grants(&names(&["wasi:sockets/tcp"]))
            .err()
            .unwrap_or_default();
        assert!(said.contains("cannot give"), "{said}");
    }
}
