//! Policies: WebAssembly components that decide. This module loads them, keeps them current and
//! puts questions to them; it knows nothing of sockets, HTTP or how configuration is written.
//!
//! [`Policies`] is the handle that the rest of the server holds. [`Policies::current`] gives the
//! set in force, which does not change while it is held: all questions of one decision go to one
//! set. Calls run in place, on the caller's thread, for microseconds.

mod bindings;
mod cache;
mod capability;
mod compiling;
mod component;
mod contract;
mod convert;
mod deadline;
mod decision;
mod denials;
mod dry_run;
mod engine;
mod explain;
mod facts;
mod failure;
pub(crate) mod fuzzing;
mod hearing;
mod instance;
mod ladder;
mod last_words;
mod limits;
mod loader;
mod measure;
mod offenders;
mod outline;
mod pipeline;
mod places;
mod progress;
mod quarantine;
mod question;
mod registry;
mod reload;
mod resources;
mod set;
mod settling;
mod shadow;
mod source;
mod version;
mod warm_up;
mod wasi;
pub mod workbench;

pub use compiling::{Compiler, Job as CompileJob, NotCompiled, SUBCOMMAND as COMPILE_SUBCOMMAND};
pub use component::{Digest, LoadError};
pub use decision::{Decided, DecisionSink, Hook, Said};
pub use denials::Denied;
pub use dry_run::{Candidate, DryRun, DryRunError, ViewChange};
pub use explain::{Judged, Opinion, Viewer};
pub use limits::PolicyLimits;
pub use loader::Surroundings;
pub use progress::{LoadingPolicy, LoadingState};
pub use question::{Asking, CommandQuestion, EventQuestion};
pub use registry::{
    Cause, Policies, PolicyState, PolicyStatus, PromoteError, ReconfigureError,
    RefusedConfiguration, Reload, RollbackError, ShadowError, StartError, Starting,
};
pub use reload::{Also, Looked, Nudge, WatchError, Watching};
pub use set::PolicySet;
pub use shadow::{DifferenceCount, DifferenceKind, Sample, ShadowReport};
pub use source::{Isolation, OnFailure, PolicySource, Shadow};
