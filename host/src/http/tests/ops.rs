//! What operators and probes are told.

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
