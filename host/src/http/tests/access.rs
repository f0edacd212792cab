//! Who may call what: API keys and scopes.

use axum::http::header;

use super::*;

async fn with(authorization: &[&str]) -> Answered {
    let headers: Vec<_> = authorization
        .iter()
        .map(|value| ("authorization", *value))
        .collect();
    let mut request = request_with("GET", "/v1/workspaces/w", &headers, "");
    if headers.is_empty() {
        request.headers_mut().remove("authorization");
    }
    furnished().await.send(request).await
}

#[tokio::test]
async fn a_call_without_a_known_key_is_refused_with_a_challenge() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["Bearer wr_unknown_and_secret"],
        &["Basic wr_unknown_and_secret"],
        &["wr_unknown_and_secret"],
        &["Bearer"],
        &["Bearer every-scope", "Bearer every-scope"],
    ];
    for authorization in wrong {
        let answered = with(authorization).await;
        assert_eq!(answered.headers[header::WWW_AUTHENTICATE], "Bearer");
        let problem = answered.problem("unauthenticated");
        assert_eq!(problem["status"], 401);
        assert!(!problem.to_string().contains("wr_unknown_and_secret"));
    }
}

#[tokio::test]
async fn the_scheme_is_read_whatever_its_case() {
    with(&["bearer every-scope"]).await.is(200);
    with(&["BEARER  every-scope"]).await.is(200);
}

#[tokio::test]
async fn a_key_without_the_scope_is_told_which_one_it_lacks() {
    let answered = with(&["Bearer events:publish"]).await;
    assert_eq!(
        answered.headers[header::WWW_AUTHENTICATE],
        "Bearer error=\"insufficient_scope\", scope=\"directory:read\""
    );
    let problem = answered.problem("scope-missing");
    assert_eq!(problem["status"], 403);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("directory:read")
    );
}

#[tokio::test]
async fn a_caller_who_may_not_call_is_told_nothing_about_the_input() {
    let server = Server::new();
    let headers = [("authorization", "Bearer no-scope")];
    let request = request_with("PUT", "/v1/workspaces/w", &headers, "not JSON");
    server.send(request).await.problem("scope-missing");
}

/// Every operation of the OpenAPI document is called without a key and with a key that has every
/// scope but the documented one, so the document cannot promise what the code does not enforce.
#[tokio::test]
async fn every_call_enforces_the_scope_that_is_documented() {
    let server = Server::new();
    let mut open = Vec::new();
    for operation in described::operations(&server).await {
        let needed = operation.scope.clone();
        let path = operation.path.replace(['{', '}'], "");
        let method = &operation.method;
        let mut anonymous = request(method, &path, "");
        anonymous.headers_mut().remove("authorization");
        let Some(needed) = needed else {
            open.push(path.clone());
            server.send(anonymous).await.is(200);
            continue;
        };
        server.send(anonymous).await.problem("unauthenticated");
        let others = Scope::ALL
            .map(Scope::as_str)
            .into_iter()
            .filter(|s| *s != needed);
        for scope in others.chain(["no-scope"]) {
            let headers = [("authorization", &*format!("Bearer {scope}"))];
            let answered = server.send(request_with(method, &path, &headers, "")).await;
            let problem = answered.problem("scope-missing");
            assert!(
                problem["detail"].as_str().unwrap().contains(&needed),
                "{path}"
            );
        }
        let headers = [("authorization", &*format!("Bearer {needed}"))];
        let answered = server.send(request_with(method, &path, &headers, "")).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        assert!(!refused.contains(&answered.status), "{method} {path}");
    }
    open.sort();
    assert_eq!(open, ["/healthz", "/readyz", "/v1/openapi.json"]);
}
