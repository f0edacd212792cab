//! Every call of the HTTP API once, through the real listener, and what is refused there.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wardroom_tests::backend::{channel, member};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::{ACME_KEY, READER_KEY};
use wardroom_tests::{Server, eventually, paths};

#[tokio::test]
async fn every_call_answers_with_its_status() {
    let server = Server::start().await;
    let backend = server.backend();
    let ann = server.join("ann").await;
    let workspace = format!("/v1/workspaces/{WORKSPACE}");
    let connection = |command: &str| format!("/v1/connections/{}/{command}", ann.socket());
    let none = Value::Null;
    let empty = json!({});
    let calls = [
        (
            "PUT",
            member("m"),
            json!({"user": {"name": "M"}, "role": "r", "attributes": {}}),
            201,
        ),
        ("PUT", member("m"), json!({"role": null}), 200),
        (
            "PUT",
            "/v1/users/m".into(),
            json!({"user": {"id": "m", "name": "N"}}),
            200,
        ),
        (
            "PUT",
            channel("c"),
            json!({"private": true, "members": ["ann"], "attributes": {}}),
            201,
        ),
        ("PUT", channel("c"), json!({"private": false}), 200),
        (
            "PUT",
            format!("{}/members/m", channel("c")),
            none.clone(),
            201,
        ),
        (
            "PUT",
            format!("{}/members/m", channel("c")),
            none.clone(),
            200,
        ),
        (
            "DELETE",
            format!("{}/members/m", channel("c")),
            none.clone(),
            204,
        ),
        (
            "POST",
            connection("select-channel"),
            json!({"userId": "ann", "channelId": "c"}),
            200,
        ),
        (
            "POST",
            connection("update-media-state"),
            json!({"userId": "ann", "userMediaState": {}}),
            200,
        ),
        (
            "POST",
            connection("update-online-status"),
            json!({"userId": "ann", "onlineStatus": "idle"}),
            200,
        ),
        (
            "POST",
            connection("unselect-channel"),
            json!({"userId": "ann"}),
            200,
        ),
        (
            "GET",
            format!("/v1/connections/{}", ann.socket()),
            none.clone(),
            200,
        ),
        ("GET", format!("{workspace}/connections"), none.clone(), 200),
        ("GET", "/v1/workspaces".into(), none.clone(), 200),
        ("GET", member("m"), none.clone(), 200),
        ("GET", "/v1/users/m".into(), none.clone(), 200),
        (
            "POST",
            "/v1/users/ann/events".into(),
            json!({"event": "e", "data": 1}),
            200,
        ),
        (
            "DELETE",
            format!("/v1/connections/{}", ann.socket()),
            none.clone(),
            204,
        ),
        ("GET", workspace.clone(), none.clone(), 200),
        (
            "POST",
            format!("{workspace}/events"),
            json!({"event": "e", "data": 1, "to": {"workspace": true}}),
            200,
        ),
        ("DELETE", channel("c"), none.clone(), 204),
        ("DELETE", member("m"), none.clone(), 204),
        (
            "PUT",
            workspace.clone(),
            json!({"members": {}, "channels": {}}),
            200,
        ),
        (
            "POST",
            "/v1/users/ann/disconnect".into(),
            empty.clone(),
            200,
        ),
        ("DELETE", workspace, none.clone(), 204),
        ("GET", "/v1/policies".into(), none.clone(), 200),
        ("GET", "/v1/openapi.json".into(), none.clone(), 200),
        ("GET", "/metrics".into(), none.clone(), 200),
        ("GET", "/healthz".into(), none.clone(), 200),
        ("GET", "/readyz".into(), none, 200),
    ];
    for (method, path, body, status) in calls {
        let answer = backend.call(method, &path, &body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_refused_is_a_problem_document_with_its_code() {
    let server = Server::start().await;
    let backend = server.backend();
    let deep = (0..300).fold(json!(1), |inner, _| json!([inner]));
    let events = format!("/v1/workspaces/{WORKSPACE}/events");
    let reserved = |name: &str| json!({"event": name, "data": {}, "to": {"workspace": true}});
    let to = |to: Value| json!({"event": "e", "data": {}, "to": to});
    let cases = [
        ("PUT", member("m"), json!({"usr": {}}), 400, "invalid-data"),
        (
            "PUT",
            member("m"),
            json!({"user": "m"}),
            400,
            "invalid-data",
        ),
        ("PUT", member("m"), json!([]), 400, "invalid-data"),
        (
            "PUT",
            member("m"),
            json!({"user": {"id": "other"}}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            member("m"),
            json!({"user": {"deep": deep}}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            member("m"),
            json!({"user": {"long": "x".repeat(17_000)}}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            member(&"x".repeat(129)),
            json!({}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            channel("c"),
            json!({"private": "yes"}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            channel("c"),
            json!({"members": [5]}),
            400,
            "invalid-data",
        ),
        (
            "PUT",
            member("m"),
            json!({"user": {"x": "x".repeat(1 << 20)}}),
            413,
            "body-too-large",
        ),
        (
            "DELETE",
            member("nobody"),
            Value::Null,
            404,
            "member-not-found",
        ),
        (
            "DELETE",
            channel("nowhere"),
            Value::Null,
            404,
            "channel-not-found",
        ),
        (
            "GET",
            "/v1/workspaces/nowhere".into(),
            Value::Null,
            404,
            "workspace-not-found",
        ),
        ("GET", "/v1/nothing".into(), Value::Null, 404, "not-found"),
        ("PATCH", member("m"), json!({}), 405, "method-not-allowed"),
        (
            "POST",
            events.clone(),
            reserved("connect"),
            400,
            "invalid-data",
        ),
        (
            "POST",
            events.clone(),
            reserved("disconnect"),
            400,
            "invalid-data",
        ),
        (
            "POST",
            events.clone(),
            reserved("auth-success"),
            400,
            "invalid-data",
        ),
        (
            "POST",
            events.clone(),
            reserved("socket-api-error-x"),
            400,
            "invalid-data",
        ),
        (
            "POST",
            events.clone(),
            reserved("channel-created"),
            400,
            "invalid-data",
        ),
        ("POST", events.clone(), to(json!({})), 400, "invalid-data"),
        (
            "POST",
            events,
            to(json!({"channel": "nowhere"})),
            404,
            "channel-not-found",
        ),
    ];
    backend.put_channel("known", &json!({})).await;
    for (method, path, body, status, code) in cases {
        let mut shown = format!("{method} {path} {body}");
        shown.truncate(120);
        let refused = backend.refused(method, &path, &body).await;
        assert_eq!(refused, (status, code.to_owned()), "{shown}");
    }
}

#[tokio::test]
async fn keys_and_scopes_are_demanded() {
    let server = Server::start().await;
    let backend = server.backend();
    backend.put_channel("c", &json!({})).await;
    let path = format!("/v1/workspaces/{WORKSPACE}");
    let anonymous = backend.send(backend.request("GET", &path)).await;
    assert_eq!(anonymous.problem(), (401, "unauthenticated".to_owned()));
    let wrong = server.backend_with("wr_wrong");
    let refused = wrong.refused("GET", &path, &Value::Null).await;
    assert_eq!(refused, (401, "unauthenticated".to_owned()));
    let reader = server.backend_with(READER_KEY);
    reader.ok("GET", &path, &Value::Null).await;
    let calls = [
        ("PUT", member("m"), json!({})),
        ("POST", format!("{path}/events"), json!({})),
        ("POST", "/v1/users/m/disconnect".to_owned(), json!({})),
        ("GET", "/v1/policies".to_owned(), Value::Null),
    ];
    for (method, path, body) in calls {
        let refused = reader.refused(method, &path, &body).await;
        assert_eq!(
            refused,
            (403, "scope-missing".to_owned()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let server = Server::start().await;
    let backend = server.backend();
    let key = wardroom_tests::settings::API_KEY;
    let put = || backend.request("PUT", &member("m")).bearer_auth(key);
    let undeclared = backend.send(put().body("{}")).await;
    assert_eq!(
        undeclared.problem(),
        (415, "unsupported-media-type".to_owned())
    );
    for body in ["", "{", "{}{}", "\u{0}", "NaN"] {
        let request = put().header("content-type", "application/json").body(body);
        let malformed = backend.send(request).await;
        assert_eq!(
            malformed.problem(),
            (400, "invalid-data".to_owned()),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn an_idempotency_key_is_honoured() {
    let server = Server::start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let path = format!("/v1/workspaces/{WORKSPACE}/events");
    let body = |data: u32| json!({"event": "e", "data": data, "to": {"workspace": true}});
    let key = [("Idempotency-Key", "once")];
    for _ in 0..3 {
        let answer = backend.call_with("POST", &path, &body(1), &key).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(ann.heard().await.len(), 1);
    let other = backend.call_with("POST", &path, &body(2), &key).await;
    assert_eq!(other.problem(), (409, "idempotency-conflict".to_owned()));
}

#[tokio::test]
async fn the_openapi_document_is_valid_and_names_every_call() {
    let server = Server::start().await;
    let document = server
        .backend()
        .ok("GET", "/v1/openapi.json", &Value::Null)
        .await
        .body;
    let mut checker = Command::new(paths::python())
        .arg(paths::python_script("check_openapi.py"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the checker starts");
    let mut input = checker.stdin.take().expect("it is piped");
    write!(input, "{document}").expect("the checker reads");
    drop(input);
    let output = checker.wait_with_output().expect("the checker ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let paths = document["paths"].as_object().expect("paths are an object");
    assert!(paths.len() >= 15, "{:?}", paths.keys());
}

#[tokio::test]
async fn the_public_listener_offers_health_and_nothing_internal() {
    let server = Server::start().await;
    let http = server.backend_at(server.public());
    let health = http.call("GET", "/healthz", &Value::Null).await;
    assert_eq!(health.status, 200, "{health:?}");
    let calls = [
        ("GET", "/v1/openapi.json", Value::Null),
        ("GET", "/v1/policies", Value::Null),
        ("GET", "/metrics", Value::Null),
        ("GET", "/readyz", Value::Null),
        // The demo gives tokens and the directory to everybody.
        ("GET", "/", Value::Null),
        ("GET", "/demo", Value::Null),
        ("GET", "/demo/", Value::Null),
        ("GET", "/demo/page.js", Value::Null),
        ("GET", "/demo/users.json", Value::Null),
        ("GET", "/demo/directory.json", Value::Null),
        (
            "POST",
            "/demo/actions/add-channel",
            json!({"channelId": "c"}),
        ),
        (
            "POST",
            "/demo/actions/delete-channel",
            json!({"channelId": "c"}),
        ),
    ];
    for (method, path, body) in calls {
        let answer = http.call(method, path, &body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_bound_key_stays_in_its_workspaces_and_what_it_did_is_on_file() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("audit");
    let settings = Server::with().set("audit.file", path.display().to_string());
    let server = settings.start().await;
    let acme = server.backend_with(ACME_KEY);
    let whole = json!({"members": {"m": {}}, "channels": {}});
    acme.ok("PUT", "/v1/workspaces/acme-eu", &whole).await;
    let refused = acme.refused("PUT", &member("m"), &json!({})).await;
    assert_eq!(refused, (403, "workspace-forbidden".to_owned()));
    let listed = acme.ok("GET", "/v1/workspaces", &Value::Null).await.body;
    let workspaces = listed["workspaces"].as_array().expect("it is a list");
    assert_eq!(workspaces.len(), 1, "{listed}");
    assert_eq!(workspaces[0]["workspaceId"], "acme-eu");
    let refused = acme.refused("GET", "/metrics", &Value::Null).await;
    assert_eq!(refused, (403, "workspace-forbidden".to_owned()));

    let line = |status: u64| {
        move |entry: &Value| entry["target"] == "wardroom::audit" && entry["status"] == status
    };
    let done = server.log().entry("of the call", line(201)).await;
    assert_eq!(done["key"], "acme");
    assert_eq!(done["workspace"], "acme-eu");
    assert_eq!(done["route"], "/v1/workspaces/{workspaceId}");
    let lines = eventually("both lines of the audit file", || async {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(serde_json::from_str::<Value>);
        let lines: Vec<_> = lines.map(|line| line.expect("a line is JSON")).collect();
        (lines.len() == 2).then_some(lines)
    })
    .await;
    let statuses: Vec<_> = lines.iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [201, 403], "{lines:?}");
    assert_eq!(lines[0]["requestId"], done["request_id"]);
}
