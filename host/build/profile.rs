//! How the components of this repository are built, for all that build them: the build script of the
//! server and `cargo xtask`.

/// The target that policies are built for.
pub(crate) const GUEST_TARGET: &str = "wasm32-wasip2";

/// The folder, in the one for what is built, in which `cargo xtask` keeps the policies that ship as
/// it built them last.
pub(crate) const SHIPPED_FOLDER: &str = "shipped-policies";

/// What differs from the server's own release profile. What debuggers of the host need would be most
/// of a component. A policy is compiled once more by every server that loads it, so small is fast.
pub(crate) const PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
];
