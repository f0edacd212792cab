//! Settling that has nothing to settle, and that many wait for.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use wardroom_domain::{
    ChannelFacts, CommandFacts, Denial, EventFacts, Hooks, Json, Rendition, RequestFacts, Rules,
    SocketId, SubjectFacts, UserId, Verdict,
};

use super::*;
use crate::commit::{Asking, Policies, PolicySet};
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

/// Policies that admit everybody, and count whom they were asked about again.
#[derive(Clone, Default)]
struct Counting {
    generation: Arc<AtomicU64>,
    asked_again: Arc<AtomicUsize>,
}

impl Policies for Counting {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(self.generation.load(Ordering::SeqCst)))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        Some(Arc::new(self.clone()))
    }
}

impl PolicySet for Counting {
    fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            admission: true,
            ..Hooks::default()
        }
    }

    fn audience(&self, _: Asking<'_>, _: &ChannelFacts) -> Rules {
        Rules::default()
    }

    fn decide(&self, _: Asking<'_>, _: usize, _: &ChannelFacts, _: &[SubjectFacts]) -> Vec<bool> {
        Vec::new()
    }

    fn admit(&self, _: Asking<'_>, request: &RequestFacts) -> Result<(), Denial> {
        if request.reevaluation {
            self.asked_again.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn authorize(&self, _: Asking<'_>, _: &CommandFacts) -> Verdict {
        Verdict::Allowed(None)
    }

    fn render(&self, _: Asking<'_>, _: &EventFacts) -> Option<Vec<Rendition>> {
        None
    }
}

#[tokio::test]
async fn however_many_wait_each_connection_is_asked_about_once() {
    const CONNECTIONS: usize = 600;
    let policies = Counting::default();
    let committer = Arc::new(Committer::new(
        Arc::new(Embedded::in_memory()),
        Arc::new(policies.clone()),
        Arc::new(Metrics::default()),
    ));
    let workspace = WorkspaceId::new("w").unwrap();
    let sockets: Vec<_> = (0..CONNECTIONS)
        .map(|number| SocketId::new(&format!("s{number}")).unwrap())
        .collect();
    for (number, socket) in sockets.iter().enumerate() {
        let command = Command::Connect {
            socket: socket.clone(),
            user: UserId::new(&format!("u{number}")).unwrap(),
            status: None,
            role: None,
            named_by_token: true,
            replaces: None,
            claims: Json::from_canonical("{}"),
            remote_address: None,
        };
        committer.run(&workspace, command, None).await.unwrap();
    }
    assert_eq!(policies.asked_again.load(Ordering::SeqCst), 0);

    policies.generation.store(1, Ordering::SeqCst);
    let mut waiting = JoinSet::new();
    for socket in sockets.iter().take(100).cloned() {
        let (committer, workspace) = (Arc::clone(&committer), workspace.clone());
        let command = Command::GetState { socket };
        waiting.spawn(async move { committer.run(&workspace, command, None).await });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(policies.asked_again.load(Ordering::SeqCst), CONNECTIONS);
    assert!(committer.settling.is_empty());
}
