//! What stands in for a version of a policy that failed to answer, as it is told. It must not know how it
//! came about.

use serde::Serialize;
use utoipa::ToSchema;
use wardroom_domain::{Instead, StandIn};

/// What stands in for a version of a policy that failed to answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedStandIn {
    /// What answers in its stead: the version before it (`former`), or `on_failure` in the
    /// configuration (`closed`, `open`).
    #[schema(example = "closed")]
    pub(super) by: &'static str,
    /// The version before, if that answers.
    former_digest: Option<String>,
    /// How the version in force failed: the kind, and what is known of it.
    #[schema(example = "deadline: the call ran past its deadline of 50ms (policy.deadline)")]
    failure: String,
    /// Whether the version in force is in quarantine and was not asked, because it kept failing; the
    /// failure is the last one then.
    quarantined: bool,
}

impl ExplainedStandIn {
    /// As it is told.
    pub(super) fn of(stand_in: &StandIn) -> Self {
        let (by, former) = match &stand_in.instead {
            Instead::Former(version) => ("former", Some(version)),
            Instead::Open => ("open", None),
            Instead::Closed => ("closed", None),
        };
        Self {
            by,
            former_digest: former.map(ToString::to_string),
            failure: stand_in.failure.to_string(),
            quarantined: !stand_in.asked,
        }
    }
}
