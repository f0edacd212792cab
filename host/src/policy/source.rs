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

/// A policy as the operator configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The name it has in the log and in the API; no other policy has it.
    pub name: Arc<str>,
    /// Its file.
    pub file: PathBuf,
    /// What its `configure` is given: a JSON object.
    pub settings: Json,
    /// What holds when it fails.
    pub on_failure: OnFailure,
    /// How long its instances live.
    pub isolation: Isolation,
}
