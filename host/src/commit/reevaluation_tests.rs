//! Settling that has nothing to settle.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use wardroom_domain::Hooks;

use super::*;
use crate::commit::{Policies, PolicySet};
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;

/// Policies of one generation that export no hook.
struct Silent;

impl Policies for Silent {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(1))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        None
    }

    fn standing(&self) -> Option<(Generation, Hooks)> {
        Some((Generation(1), Hooks::default()))
    }
}

#[tokio::test]
async fn settling_ends_in_a_workspace_that_is_gone() {
    let committer = Committer::new(
        Arc::new(Embedded::in_memory()),
        Arc::new(Silent),
        Arc::new(Metrics::default()),
    );
    let gone = WorkspaceId::new("gone").unwrap();
    let settled = tokio::time::timeout(Duration::from_secs(10), committer.settle(&gone));
    settled.await.unwrap().unwrap();
    assert!(committer.store().workspaces().is_empty());
}
