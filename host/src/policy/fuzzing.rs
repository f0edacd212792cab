//! The reader of components for [`crate::fuzzing`].

use super::outline;

pub(crate) fn component(input: &[u8]) {
    // Neither is to panic, or to take more than it is given.
    let _names = outline::names(input);
    let _shape = outline::check_shape(input);
    // What reads interfaces is run in a process of its own, for it does not hold; what stands before it in
    // every process must.
    let _whole = outline::is_whole(input);
}
