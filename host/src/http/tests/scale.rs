//! What a call costs does not depend on how many workspaces there are.

use std::sync::atomic::{AtomicUsize, Ordering};

use wardroom_domain::Workspace;

use super::*;
use crate::store::{Attempt, BoxFuture, Decide, Entry, Pass, StoreError};

/// A store that counts how often somebody looks at a workspace, or at all of them.
#[derive(Default)]
struct Looks {
    one: AtomicUsize,
    all: AtomicUsize,
}

struct Watched {
    store: Embedded,
    looks: Arc<Looks>,
}

impl Store for Watched {
    fn transact<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        decide: Decide<'a>,
        attempt: &'a mut Attempt,
    ) -> BoxFuture<'a, Result<Arc<Entry>, StoreError<Pass>>> {
        self.store.transact(workspace, decide, attempt)
    }

    fn follow(&self, workspace: &WorkspaceId) -> Box<dyn Tail> {
        self.store.follow(workspace)
    }

    fn snapshot(&self, workspace: &WorkspaceId) -> Option<Workspace> {
        self.looks.one.fetch_add(1, Ordering::Relaxed);
        self.store.snapshot(workspace)
    }

    fn workspaces(&self) -> Vec<WorkspaceId> {
        self.looks.all.fetch_add(1, Ordering::Relaxed);
        self.store.workspaces()
    }

    fn workspaces_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.store.workspaces_of(user)
    }

    fn workspace_of(&self, user: &UserId) -> Option<WorkspaceId> {
        self.store.workspace_of(user)
    }

    fn presences_of(&self, user: &UserId) -> Vec<WorkspaceId> {
        self.store.presences_of(user)
    }

    fn locate(&self, socket: &SocketId) -> Option<WorkspaceId> {
        self.store.locate(socket)
    }
}

/// Workspaces of three members each, and one user who is in all of them.
async fn crowded(workspaces: usize) -> (Server, Arc<Looks>) {
    let looks = Arc::<Looks>::default();
    let store = Watched {
        store: Embedded::in_memory(),
        looks: looks.clone(),
    };
    let (policies, limits) = (Arc::new(NoPolicies), BodyLimits::default());
    let server = Server::over(Arc::new(store), Drained(false), policies, limits);
    for number in 0..workspaces {
        let own = [format!("a{number}"), format!("b{number}")];
        let members = json!({ own[0].clone(): {}, own[1].clone(): {}, "everywhere": {} });
        let body = json!({ "members": members, "channels": {} });
        let path = format!("/v1/workspaces/w{number}");
        server.put(&path, body).await.is(201);
    }
    (server, looks)
}

/// How often each kind of write looks at workspaces where there are so many.
async fn looks(workspaces: usize) -> Vec<(usize, usize)> {
    let (server, looks) = crowded(workspaces).await;
    server.connect("w1", "a1", "s1").await;
    let profile = json!({"user": {"name": "Ann"}});
    let whole = json!({"members": {"a1": profile, "b1": {}, "new": {}}, "channels": {"c": {}}});
    let calls = [
        ("PUT", "/v1/workspaces/w1/members/somebody", json!({})),
        ("PUT", "/v1/workspaces/w1/members/a2", json!({})),
        ("PUT", "/v1/workspaces/w1/members/everywhere", json!({})),
        ("PUT", "/v1/workspaces/w1/members/a1", profile.clone()),
        ("PUT", "/v1/users/b1", profile.clone()),
        (
            "PUT",
            "/v1/workspaces/w1/channels/c",
            json!({"private": true}),
        ),
        ("PUT", "/v1/workspaces/w1", whole),
        ("POST", "/v1/users/a1/disconnect", json!({})),
        ("DELETE", "/v1/workspaces/w1/members/a2", json!(null)),
        ("DELETE", "/v1/workspaces/w1", json!(null)),
    ];
    let mut counts = Vec::new();
    for (method, path, body) in calls {
        looks.one.store(0, Ordering::Relaxed);
        looks.all.store(0, Ordering::Relaxed);
        let answered = server.call(method, path, body).await;
        assert!(
            answered.status.is_success() || answered.status == StatusCode::NOT_FOUND,
            "{method} {path}: {}",
            answered.body
        );
        let count = |looks: &AtomicUsize| looks.load(Ordering::Relaxed);
        counts.push((count(&looks.one), count(&looks.all)));
    }
    counts
}

#[tokio::test]
async fn a_write_looks_at_no_workspace_that_it_does_not_concern() {
    let few = looks(3).await;
    assert_eq!(looks(60).await, few);
    assert!(few.iter().all(|(_, all)| *all == 0), "{few:?}");
    assert!(few.iter().all(|(one, _)| *one <= 4), "{few:?}");
}
