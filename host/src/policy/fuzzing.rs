//! The reader of components for [`crate::fuzzing`].

use super::contract;

pub(crate) fn component(input: &[u8]) {
    let surfaces = contract::surfaces(input);
    let refused = surfaces.is_some_and(|it| it.findings.iter().any(|finding| finding.refused));
    let explained = contract::explain(input).is_some();
    assert_eq!(
        refused, explained,
        "a refusal without a reason, or the reverse"
    );
}
