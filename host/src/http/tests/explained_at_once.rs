//! Explanations that are called for by many at once, and again and again: policies are asked for few of
//! them at a time.

use tokio::task::JoinSet;

use super::judged::{Gate, Told, telling};
use super::*;
use crate::limits::EXPLANATIONS_AT_ONCE;

/// Far more than there are turns.
const CALLS: usize = 100;

/// With one thread for everybody, a question that takes long would keep it from all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_flood_of_explanations_has_its_turns_and_leaves_the_rest_to_others() {
    let gate = Arc::<Gate>::default();
    let server = Arc::new(telling(Told(Some(gate.clone()))).await);
    let body = json!({"workspaceId": "w", "userId": "bob", "command": "get-state"});
    let call = || {
        let (server, body) = (server.clone(), body.clone());
        async move { server.post("/v1/explain/command", body).await }
    };
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        calls.spawn(call());
    }
    // Those whose turn does not come are told to come again, and when.
    for _ in 0..CALLS - EXPLANATIONS_AT_ONCE {
        let refused = calls.join_next().await.unwrap().unwrap();
        assert_eq!(refused.headers["retry-after"], "1");
        refused.problem("overloaded");
    }
    assert_eq!(gate.asked(), EXPLANATIONS_AT_ONCE);
    // Other calls go on, and what asks no policy is explained.
    let other = server.clone();
    let others = tokio::spawn(async move {
        other.get("/v1/workspaces/w").await.is(200);
        other.get("/v1/explain/decisions/d1").await.is(200);
    });
    others.await.unwrap();
    gate.open();
    while let Some(answered) = calls.join_next().await {
        answered.unwrap().is(200);
    }
    // However often it was called for, there is a turn for the next one.
    tokio::spawn(call()).await.unwrap().is(200);
}
