//! What operators and probes are told.

use super::super::{LoadingPolicy, LoadingState, PrivateChannels};
use super::*;

#[tokio::test]
async fn probes_need_no_key() {
    let (ready, drained) = (
        Server::new(),
        Server::with(Drained(true), BodyLimits::default()),
    );
    let probe = |path| Request::get(path).body(Body::empty()).unwrap();
    ready.send(probe("/healthz")).await.is(200);
    drained.send(probe("/healthz")).await.is(200);
    let body = ready.send(probe("/readyz")).await.is(200);
    assert_eq!(body, json!({"ready": true, "reasons": []}));
    let body = drained.send(probe("/readyz")).await.is(503);
    assert_eq!(body, json!({"ready": false, "reasons": ["draining"]}));
}

#[tokio::test]
async fn metrics_are_in_the_text_form() {
    let server = furnished().await;
    let text = server.get("/metrics").await.is(200);
    let text = text.as_str().unwrap();
    let line = "wardroom_commands_total{command=\"sync\",code=\"ok\"} 1";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_that_shows_nothing() {
    let broken = Server::with(Drained(true), BodyLimits::default());
    let problem = broken.get("/v1/policies").await.problem("internal");
    assert!(!problem.to_string().contains("policies are gone"));
}

/// A server that waits for a policy.
struct Starting;

impl Ops for Starting {
    fn ready(&self) -> Readiness {
        Readiness {
            ready: false,
            reasons: self.starting(),
        }
    }

    fn starting(&self) -> Vec<String> {
        vec!["policy \"large\" is compiling".into()]
    }

    fn policies(&self) -> Policies {
        Policies {
            generation: 1,
            private_channels: PrivateChannels::Members,
            policies: Vec::new(),
            loading: vec![LoadingPolicy {
                name: "large".into(),
                file: "policies/large.wasm".into(),
                digest: "sha256:00".into(),
                bytes: 18 << 20,
                state: LoadingState::Compiling,
                since: "2026-01-01T00:00:00.000Z".into(),
            }],
            refused_configuration: None,
            stuck_files: Vec::new(),
        }
    }

    fn visibility(&self) -> Box<dyn Visibility> {
        Drained(false).visibility()
    }

    fn judges(&self) -> Box<dyn Judges> {
        Drained(false).judges()
    }

    fn denied(&self, decision: &str) -> Option<Denied> {
        Drained(false).denied(decision)
    }

    fn shadow(&self, policy: &str) -> Result<ShadowReport, Refusal> {
        Drained(false).shadow(policy)
    }

    fn rollback(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        Drained(false).rollback(policy)
    }

    fn promote(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        Drained(false).promote(policy)
    }

    fn dry_run(
        &self,
        policy: &str,
        candidate: Candidate,
        workspaces: Workspaces,
    ) -> Result<DryRun, Refusal> {
        Drained(false).dry_run(policy, candidate, workspaces)
    }
}

#[tokio::test]
async fn a_server_that_starts_answers_its_operators_and_refuses_everybody_else() {
    let server = Server::of(
        Starting,
        Arc::new(commit::NoPolicies),
        BodyLimits::default(),
    );
    server.get("/healthz").await.is(200);
    server.get("/metrics").await.is(200);
    server.get("/v1/openapi.json").await.is(200);
    let body = server.get("/readyz").await.is(503);
    assert_eq!(
        body,
        json!({"ready": false, "reasons": ["policy \"large\" is compiling"]})
    );
    let body = server.get("/v1/policies").await.is(200);
    assert_eq!(body["policies"], json!([]));
    assert_eq!(body["loading"][0]["name"], "large");
    assert_eq!(body["loading"][0]["state"], "compiling");
    for path in [
        "/v1/workspaces/w",
        "/v1/policies/private-channels/shadow",
        "/v1/explain?workspace=w&user=u&channel=c",
    ] {
        let problem = server.get(path).await.problem("overloaded");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("starting: policy \"large\" is compiling"),
            "{path}: {detail}"
        );
    }
    let rollback = Request::post("/v1/policies/private-channels/rollback");
    let rollback = rollback.header("authorization", format!("Bearer {KEY}"));
    let answered = server.send(rollback.body(Body::empty()).unwrap()).await;
    answered.problem("overloaded");
}
