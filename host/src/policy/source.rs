//! A policy as the operator configured it. Knows nothing of what its file holds.

use std::path::PathBuf;
use std::sync::Arc;

use wardroom_domain::Json;

/// What holds for a question that a policy fails to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nobody sees, nobody enters, nothing is carried out or sent.
    #[default]
    Closed,
    /// As if the policy were not there.
    Open,
}

/// How long an instance lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// It serves many calls, of any workspace.
    #[default]
    Reuse,
    /// It serves one call, so that nothing a guest remembers reaches the next. Each call pays for
    /// a start.
    PerCall,
}

/// What of a policy is only asked, and its answers compared with those that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shadow {
    /// Nothing: it decides.
    #[default]
    Off,
    /// The whole policy: it is compared with what holds without it.
    Whole,
    /// The candidate in this file, or in the binary: it is compared with the version in force.
    Candidate(PathBuf),
}

/// A policy as the operator configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The name it has in the log and in the API; no other policy has it.
    pub name: Arc<str>,
    /// Its file, or the name of a policy in the binary, as [`crate::builtin`] has it.
    pub file: PathBuf,
    /// What its `configure` is given: a JSON object.
    pub settings: Json,
    /// What holds when it fails.
    pub on_failure: OnFailure,
    /// Whether a server waits for it at its start. Without it, it comes into force when it is loaded,
    /// and until then it is as if it were not there.
    pub wait: bool,
    /// How long its instances live.
    pub isolation: Isolation,
    /// Interfaces that a new version may import though the one in force does not.
    pub grants: Vec<String>,
    /// What of it is only asked and compared.
    pub shadow: Shadow,
}

impl PolicySource {
    /// A policy with a name and a file, and otherwise as when nothing else is configured.
    #[must_use]
    pub fn new(name: &str, file: PathBuf) -> Self {
        Self {
            name: Arc::from(name),
            file,
            settings: Json::from_canonical("{}"),
            on_failure: OnFailure::default(),
            wait: true,
            isolation: Isolation::default(),
            grants: Vec::new(),
            shadow: Shadow::default(),
        }
    }
}
