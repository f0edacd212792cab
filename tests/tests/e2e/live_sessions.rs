//! A policy is swapped under open sessions: who is no longer admitted is closed, selections end,
//! and no event that was committed after the change reaches somebody it should not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wardroom_tests::{Client, Event, Server, eventually, paths};

use crate::admission::{POLICY, enter};
use crate::exchange::{closing_code, deleted, unselected};

/// Swaps rounds: each makes the house strict and lenient again.
const ROUNDS: usize = 10;

async fn lenient() -> Server {
    let server = Server::with().policy(POLICY, &paths::guest("lenient"));
    let server = server.start().await;
    for channel in ["open", "staff"] {
        server.backend().put_channel(channel, &json!({})).await;
    }
    server
}

/// Puts a component in the place of the policy and waits until it is in force everywhere.
async fn swap(server: &Server, component: &Path) {
    let before = generation(server).await;
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    fs::copy(component, &beside).expect("the folder can be written to");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
    eventually("another generation", || async {
        (generation(server).await != before).then_some(())
    })
    .await;
}

async fn generation(server: &Server) -> Value {
    let backend = server.backend();
    let policies = backend.ok("GET", "/v1/policies", &Value::Null).await;
    policies.body["policies"][0]["generation"].clone()
}

#[tokio::test]
async fn who_is_no_longer_admitted_is_closed_and_selections_end() {
    let server = lenient().await;
    let mut boss = enter(&server, "boss", "staff").await;
    let mut ann = enter(&server, "ann", "member").await;
    let mut gus = enter(&server, "gus", "guest").await;
    let staff = json!({"channelId": "staff"});
    ann.ask_ok("select-channel", staff.clone()).await;
    gus.ask_ok("select-channel", staff).await;
    boss.heard().await;
    gus.heard().await;
    swap(&server, &paths::guest("strict")).await;

    let heard = gus.last_heard().await;
    assert_eq!(closing_code(&heard), "denied-by-policy");
    let last = &heard.last().expect("it said why").data;
    assert_eq!(last["message"], "guests may not enter");
    assert!(last["decisionId"].is_string(), "{last}");

    let heard = ann.heard().await;
    let place = |event: &Event| heard.iter().position(|other| other == event);
    let left = place(&unselected("ann", "staff")).expect("the selection ended");
    let gone = place(&deleted("staff")).expect("the channel is out of sight");
    assert!(left < gone, "{heard:?}");
    let heard = boss.heard().await;
    assert!(heard.contains(&unselected("gus", "staff")), "{heard:?}");
    assert!(heard.contains(&unselected("ann", "staff")), "{heard:?}");
    assert!(!heard.contains(&deleted("staff")), "{heard:?}");
    let code = ann
        .ask_refused("select-channel", json!({"channelId": "staff"}))
        .await;
    assert_eq!(code, "channel-not-found");
}

/// Whoever changes a role in the directory changes who is admitted and who sees what at once.
#[tokio::test]
async fn a_changed_role_closes_and_hides_at_once() {
    let server = Server::with().policy(POLICY, &paths::guest("strict"));
    let server = server.start().await;
    let backend = server.backend();
    backend.put_channel("staff", &json!({})).await;
    let member = "/v1/workspaces/w/members/ann";
    backend.ok("PUT", member, &json!({"role": "staff"})).await;
    let mut ann = server.join("ann").await;
    ann.ask_ok("select-channel", json!({"channelId": "staff"}))
        .await;
    ann.heard().await;
    backend.ok("PUT", member, &json!({"role": "member"})).await;
    assert_eq!(
        ann.heard().await,
        [unselected("ann", "staff"), deleted("staff")]
    );
    backend.ok("PUT", member, &json!({"role": "guest"})).await;
    assert_eq!(closing_code(&ann.last_heard().await), "denied-by-policy");
}

/// Numbered notes are published to the channel `staff` all the time. Those that were sent after the
/// strict policy was in force are for staff alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_committed_after_a_swap_reaches_somebody_it_should_not() {
    let server = lenient().await;
    let mut boss = enter(&server, "boss", "staff").await;
    let mut ann = enter(&server, "ann", "member").await;
    boss.heard().await;
    let mut forbidden = Vec::new();
    let mut number = 0_u64;
    for _ in 0..ROUNDS {
        publish(&server, &mut number, 20).await;
        // While it is being swapped either answer is right.
        let strict = paths::guest("strict");
        tokio::join!(swap(&server, &strict), publish(&server, &mut number, 20));
        let from = number;
        publish(&server, &mut number, 20).await;
        forbidden.extend(from..number);
        swap(&server, &paths::guest("lenient")).await;
    }
    assert_eq!(numbers(&mut boss).await, (0..number).collect::<Vec<_>>());
    let heard = numbers(&mut ann).await;
    let wrong: Vec<_> = heard.iter().filter(|it| forbidden.contains(it)).collect();
    assert!(
        wrong.is_empty(),
        "committed under the strict policy: {wrong:?}"
    );
    assert!(heard.is_sorted(), "{heard:?}");
    assert!(
        heard.len() >= ROUNDS * 20,
        "what was allowed came: {heard:?}"
    );
}

async fn publish(server: &Server, number: &mut u64, count: usize) {
    let backend = server.backend();
    for _ in 0..count {
        let body = json!({"event": "note", "data": *number, "to": {"channel": "staff"}});
        backend.ok("POST", "/v1/workspaces/w/events", &body).await;
        *number += 1;
    }
}

/// The numbers of the notes that a client has heard.
async fn numbers(client: &mut Client) -> Vec<u64> {
    let heard = client.heard().await;
    let notes = heard.iter().filter(|event| event.name == "note");
    notes.filter_map(|event| event.data.as_u64()).collect()
}
