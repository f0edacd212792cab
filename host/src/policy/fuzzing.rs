//! The reader of components for [`crate::fuzzing`].

use super::{contract, outline};

pub(crate) fn component(input: &[u8]) {
    // Neither is to panic, or to take more than it is given.
    let _names = outline::names(input);
    let _shape = outline::check_shape(input);
    let surfaces = contract::surfaces(input);
    let refused = surfaces.is_some_and(|it| it.findings.iter().any(|finding| finding.refused));
    let explained = contract::explain(input).is_some();
    assert_eq!(
        refused, explained,
        "a refusal without a reason, or the reverse"
    );
}
