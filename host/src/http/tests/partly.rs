//! Calls about a user in several workspaces, of which some cannot take them.

use parking_lot::Mutex;
use wardroom_domain::Workspace;

use super::*;
use crate::store::{Attempt, BoxFuture, Decide, Entry, Pass, StoreError};

/// The workspaces that take nothing now.
type Full = Arc<Mutex<BTreeSet<WorkspaceId>>>;

struct Clogged {
    store: Embedded,
    full: Full,
}

impl Store for Clogged {
    fn transact<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        decide: Decide<'a>,
        attempt: &'a mut Attempt,
    ) -> BoxFuture<'a, Result<Arc<Entry>, StoreError<Pass>>> {
        if self.full.lock().contains(workspace) {
            return Box::pin(async { Err(StoreError::Full) });
        }
        self.store.transact(workspace, decide, attempt)
    }

    fn follow(&self, workspace: &WorkspaceId) -> Box<dyn Tail> {
        self.store.follow(workspace)
    }

    fn snapshot(&self, workspace: &WorkspaceId) -> Option<Workspace> {
        self.store.snapshot(workspace)
    }

    fn workspaces(&self) -> Vec<WorkspaceId> {
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

/// A user who is connected to `a`, `b` and `c`, of which these are full.
async fn clogged(full: &[&str]) -> (Server, Full) {
    let blocked = Full::default();
    let store = Clogged {
        store: Embedded::in_memory(),
        full: blocked.clone(),
    };
    let (policies, limits) = (Arc::new(NoPolicies), BodyLimits::default());
    let server = Server::over(Arc::new(store), Drained(false), policies, limits);
    for (id, socket) in [("a", "s1"), ("b", "s2"), ("c", "s3")] {
        let path = format!("/v1/workspaces/{id}");
        let body = json!({"members": {"u1": {}}, "channels": {}});
        server.put(&path, body).await.is(201);
        server.connect(id, "u1", socket).await;
    }
    *blocked.lock() = full.iter().map(|id| workspace(id)).collect();
    (server, blocked)
}

fn failed(id: &str) -> Value {
    json!({"workspaceId": id, "outcome": "failed", "code": "overloaded"})
}

fn changed(id: &str) -> Value {
    json!({"workspaceId": id, "outcome": "changed"})
}

async fn publish(server: &Server, body: Value) -> Answered {
    let headers = [("idempotency-key", "k")];
    let call = request_with("POST", "/v1/users/u1/events", &headers, body.to_string());
    server.send(call).await
}

#[tokio::test]
async fn an_event_is_published_once_where_it_can_be_and_the_answer_says_where_not() {
    let (server, full) = clogged(&["b"]).await;
    let mut logs = ["a", "c"].map(|id| server.follow(id));
    let body = || json!({"event": "news", "data": 1});
    let answer = publish(&server, body()).await.is(200);
    let there = answer["workspaces"].as_array().unwrap();
    assert_eq!(there.len(), 3, "{answer}");
    for (index, id) in [(0, "a"), (2, "c")] {
        assert_eq!(there[index]["workspaceId"], id);
        assert_eq!(there[index]["outcome"], "changed");
        assert_eq!(there[index]["connections"], 1);
        assert!(there[index]["offset"].is_u64());
    }
    assert_eq!(there[1], failed("b"));

    // A repeat does nothing anywhere, even where there is room again.
    full.lock().clear();
    let again = publish(&server, body()).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.is(200), answer);
    let last = json!({"event": "last"});
    server.post("/v1/users/u1/events", last).await.is(200);
    for log in &mut logs {
        let (news, last) = (
            r#"news 1 Users({"u1"})"#.into(),
            r#"last null Users({"u1"})"#.into(),
        );
        assert_eq!(log.next().await, [news, last] as [String; 2]);
    }
}

#[tokio::test]
async fn an_event_that_is_published_nowhere_is_a_problem_and_may_be_sent_again() {
    let (server, full) = clogged(&["a", "b", "c"]).await;
    let body = || json!({"event": "news"});
    publish(&server, body()).await.problem("overloaded");
    full.lock().remove(&workspace("c"));
    let answered = publish(&server, body()).await;
    assert!(!answered.headers.contains_key("idempotency-replayed"));
    let there = &answered.is(200)["workspaces"];
    assert_eq!((&there[0], &there[1]), (&failed("a"), &failed("b")));
    assert_eq!(there[2]["outcome"], "changed");

    // So it is where the only workspace is a named one.
    let named = json!({"event": "news", "workspaceId": "a"});
    let answered = server.post("/v1/users/u1/events", named).await;
    assert_eq!(answered.headers["retry-after"], "1");
    answered.problem("overloaded");
}

#[tokio::test]
async fn a_user_is_forgotten_where_it_can_be_and_the_answer_says_where_not() {
    let (server, full) = clogged(&["b"]).await;
    let answer = server.delete("/v1/users/u1").await.is(200);
    let expected = json!([changed("a"), failed("b"), changed("c")]);
    assert_eq!(answer["workspaces"], expected);
    server.delete("/v1/users/u1").await.problem("overloaded");
    full.lock().clear();
    let answer = server.delete("/v1/users/u1").await.is(200);
    assert_eq!(answer["workspaces"], json!([changed("b")]));
    server
        .delete("/v1/users/u1")
        .await
        .problem("member-not-found");
}

#[tokio::test]
async fn a_profile_changes_where_it_can_and_the_answer_says_where_not() {
    let (server, full) = clogged(&["a"]).await;
    let put = |name: &str| {
        let body = json!({"user": {"name": name}});
        server.put("/v1/users/u1", body)
    };
    let answer = put("Ann").await.is(200);
    let expected = json!([failed("a"), changed("b"), changed("c")]);
    assert_eq!(answer["workspaces"], expected);
    full.lock().clear();
    // A repeat of the call changes it where it failed.
    let unchanged = |id: &str| json!({"workspaceId": id, "outcome": "unchanged"});
    let answer = put("Ann").await.is(200);
    let expected = json!([changed("a"), unchanged("b"), unchanged("c")]);
    assert_eq!(answer["workspaces"], expected);
    *full.lock() = ["a", "b", "c"].map(workspace).into();
    put("Bob").await.problem("overloaded");
}

#[tokio::test]
async fn a_user_is_disconnected_where_it_can_be_and_the_answer_says_where_not() {
    let (server, full) = clogged(&["a"]).await;
    let disconnect = || server.post("/v1/users/u1/disconnect", json!({}));
    let answer = disconnect().await.is(200);
    let expected = json!([failed("a"), changed("b"), changed("c")]);
    assert_eq!(answer["workspaces"], expected);
    // There is nowhere else by now.
    let answered = disconnect().await;
    assert_eq!(answered.headers["retry-after"], "1");
    answered.problem("overloaded");
    full.lock().clear();
    let answer = disconnect().await.is(200);
    assert_eq!(answer["workspaces"], json!([changed("a")]));
    let answer = disconnect().await.is(200);
    assert_eq!(answer["workspaces"], json!([]));
}

/// A profile that is told with a membership is told everywhere.
#[tokio::test]
async fn a_profile_of_a_member_is_told_behind_a_workspace_that_takes_nothing() {
    let (server, full) = clogged(&["b"]).await;
    let put = || {
        let body = json!({"user": {"name": "Ann"}});
        server.put("/v1/workspaces/a/members/u1", body)
    };
    let name_in = async |id: &str| {
        let path = format!("/v1/workspaces/{id}/members/u1");
        server.get(&path).await.is(200)["user"]["name"].clone()
    };
    put().await.problem("overloaded");
    assert_eq!(name_in("a").await, "Ann");
    assert_eq!(name_in("b").await, Value::Null);
    assert_eq!(name_in("c").await, "Ann");
    full.lock().clear();
    put().await.is(200);
    assert_eq!(name_in("b").await, "Ann");
}
