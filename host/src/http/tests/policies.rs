//! What operators call for: answers and problems as the rest of the server gives them.

use super::super::{
    DifferenceCount, InShadow, IsolatedCount, PolicyState, Reload, Sample, ViewChange,
};
use super::*;

/// The one policy that there is.
const POLICY: &str = "private-channels";

pub(super) fn status() -> PolicyStatus {
    PolicyStatus {
        name: POLICY.into(),
        file: "policies/private-channels.wasm".into(),
        in_force: true,
        digest: "sha256:00".into(),
        former_digest: None,
        generation: 1,
        hooks: vec!["lifecycle".into()],
        capabilities: Vec::new(),
        state: PolicyState::Active,
        failures: 0,
        quarantined: Vec::new(),
        isolated: vec![IsolatedCount {
            hook: "commands".into(),
            count: 1,
        }],
        instances: 1,
        memory_bytes: 1 << 20,
        last_error: None,
        held_digest: None,
        shadow: None,
        last_reload: Reload {
            at: "2026-01-01T00:00:00.000Z".into(),
            cause: "start".into(),
            took_ms: 7,
            refused: None,
        },
    }
}

fn known(policy: &str) -> Result<(), Refusal> {
    match policy {
        POLICY => Ok(()),
        _ => Err(Refusal::UnknownPolicy),
    }
}

pub(super) fn shadow(policy: &str) -> Result<ShadowReport, Refusal> {
    known(policy)?;
    let difference = DifferenceCount {
        hook: "commands".into(),
        kind: "now_denied".into(),
        count: 2,
    };
    Ok(ShadowReport {
        shadow: InShadow {
            whole: false,
            file: "policies/next.wasm".into(),
            digest: Some("sha256:01".into()),
            last_error: None,
            since: Some("2026-01-01T00:00:00.000Z".into()),
            asked: 9,
            dropped: 0,
            differences: vec![difference],
        },
        samples: vec![Sample {
            at: "2026-01-01T00:00:01.000Z".into(),
            workspace_id: "w".into(),
            hook: "commands".into(),
            kind: "now_denied".into(),
            user_id: Some("u1".into()),
            channel_id: None,
            name: Some("select-channel".into()),
            live: "allowed".into(),
            shadow: "denied: closed".into(),
            keys: Vec::new(),
        }],
    })
}

pub(super) fn rollback(policy: &str) -> Result<PolicyStatus, Refusal> {
    known(policy)?;
    Ok(PolicyStatus {
        generation: 2,
        held_digest: Some("sha256:00".into()),
        ..status()
    })
}

pub(super) fn promote(policy: &str) -> Result<PolicyStatus, Refusal> {
    known(policy)?;
    Err(Refusal::NoVersion("nothing is in shadow".into()))
}

pub(super) fn dry_run(
    policy: &str,
    candidate: &Candidate,
    workspaces: Workspaces,
) -> Result<DryRun, Refusal> {
    known(policy)?;
    let digest = match candidate {
        Candidate::Shadow => "shadow".to_owned(),
        Candidate::FileBeside(name) => name.clone(),
        Candidate::Component(bytes) if bytes == b"bad" => {
            return Err(Refusal::Refused("it is no component".into()));
        }
        Candidate::Component(bytes) => format!("{} bytes", bytes.len()),
    };
    let states: Vec<_> = workspaces.collect();
    Ok(DryRun {
        digest,
        workspaces: states.len(),
        channels: states.iter().map(|(_, state)| state.channels().len()).sum(),
        failed: 0,
        last_failure: None,
        gains: 1,
        losses: 0,
        changes: vec![ViewChange {
            workspace_id: "w".into(),
            channel_id: "p".into(),
            user_id: "u2".into(),
            gains: true,
        }],
        truncated: false,
    })
}

fn path(call: &str) -> String {
    format!("/v1/policies/{POLICY}/{call}")
}

#[tokio::test]
async fn they_are_listed_with_how_they_fare() {
    let body = Server::new().get("/v1/policies").await.is(200);
    assert_eq!(body["generation"], 1);
    assert_eq!(body["refusedConfiguration"], Value::Null);
    let policy = &body["policies"][0];
    assert_eq!(policy["name"], POLICY);
    assert_eq!(policy["state"], "active");
    assert_eq!(policy["lastError"], Value::Null);
    assert_eq!(policy["inForce"], true);
    assert_eq!(
        policy["isolated"],
        json!([{"hook": "commands", "count": 1}])
    );
    assert_eq!(policy["lastReload"]["tookMs"], 7);
}

#[tokio::test]
async fn a_shadow_is_reported_flat() {
    let body = Server::new().get(&path("shadow")).await.is(200);
    assert_eq!(body["asked"], 9);
    let difference = json!({"hook": "commands", "kind": "now_denied", "count": 2});
    assert_eq!(body["differences"], json!([difference]));
    assert_eq!(body["samples"][0]["userId"], "u1");
}

#[tokio::test]
async fn a_rollback_answers_with_the_policy_as_it_is_now() {
    let server = Server::new();
    let body = server.post(&path("rollback"), json!({})).await.is(200);
    assert_eq!(body["generation"], 2);
    assert_eq!(body["heldDigest"], "sha256:00");
    let answered = server.post("/v1/policies/other/rollback", json!({})).await;
    assert_eq!(answered.problem("policy-not-found")["status"], 404);
    let answered = server.post(&path("promote"), json!({})).await;
    let problem = answered.problem("no-such-version");
    assert_eq!(problem["status"], 409);
    assert_eq!(problem["detail"], "nothing is in shadow");
}

#[tokio::test]
async fn a_repeated_call_under_a_key_is_done_once() {
    let server = Server::new();
    let headers = [("idempotency-key", "k")];
    let call = || request_with("POST", &path("rollback"), &headers, "");
    server.send(call()).await.is(200);
    let answered = server.send(call()).await;
    assert_eq!(answered.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn a_candidate_is_the_shadow_a_file_beside_the_own_or_a_component() {
    let server = furnished().await;
    let tried = |answered: Answered| answered.is(200)["digest"].clone();
    let path = path("dry-run");
    let nothing = server.send(request("POST", &path, "")).await;
    assert_eq!(tried(nothing), "shadow");
    let empty = server.post(&path, json!({})).await;
    assert_eq!(tried(empty), "shadow");
    let file = server.post(&path, json!({"file": "next.wasm"})).await;
    assert_eq!(tried(file), "next.wasm");
    let wasm = [("content-type", "application/wasm")];
    let component = request_with("POST", &path, &wasm, vec![7; 9]);
    let body = server.send(component).await.is(200);
    assert_eq!(body["digest"], "9 bytes");
    assert_eq!(
        (&body["workspaces"], &body["channels"]),
        (&json!(1), &json!(2))
    );
    let change = json!({"workspaceId": "w", "channelId": "p", "userId": "u2", "gains": true});
    assert_eq!(body["changes"], json!([change]));
    let bad = server.send(request_with("POST", &path, &wasm, "bad")).await;
    assert_eq!(bad.problem("policy-refused")["status"], 422);
}

#[tokio::test]
async fn a_candidate_is_never_a_file_elsewhere() {
    let server = Server::new();
    for file in [
        "",
        ".",
        "..",
        "../x.wasm",
        "/etc/passwd",
        "a/b.wasm",
        "a\\b",
        "a\0",
    ] {
        let answered = server.post(&path("dry-run"), json!({"file": file})).await;
        answered.wrong_at("/file");
    }
    let answered = server.post(&path("dry-run"), json!({"path": "x"})).await;
    answered.problem("invalid-data");
}
