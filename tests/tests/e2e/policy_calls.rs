//! What operators call for while clients are connected: a rollback, a shadow and its promotion, a dry
//! run. Over HTTP, and once by the command line.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wardroom_tests::settings::READER_KEY;
use wardroom_tests::{Server, eventually, paths};

use crate::exchange::{created, deleted};
use crate::explain::policy;

const POLICY: &str = "private-channels";

async fn status(server: &Server) -> Value {
    let backend = server.backend();
    let answer = backend.ok("GET", "/v1/policies", &Value::Null).await;
    answer.body["policies"][0].clone()
}

async fn call(server: &Server, call: &str) -> Value {
    let path = format!("/v1/policies/{POLICY}/{call}");
    server.backend().ok("POST", &path, &Value::Null).await.body
}

async fn refused(server: &Server, call: &str) -> (u16, String) {
    let path = format!("/v1/policies/{POLICY}/{call}");
    server.backend().refused("POST", &path, &Value::Null).await
}

fn replace(server: &Server, component: &Path) {
    let file = server.policy_file(POLICY);
    let beside = file.with_extension("new");
    fs::copy(component, &beside).expect("a component can be copied");
    fs::rename(&beside, &file).expect("a file can be renamed in its folder");
}

#[tokio::test]
async fn a_rollback_brings_back_what_people_saw_and_sticks() {
    let private = paths::private_channels();
    let server = Server::with().policy(POLICY, &private).start().await;
    server.backend().put_channel("open", &json!({})).await;
    let mut ann = server.join("ann").await;
    let good = status(&server).await;
    assert_eq!(
        refused(&server, "rollback").await,
        (409, "no-such-version".to_owned())
    );

    replace(&server, &paths::guest("nobody"));
    assert_eq!(ann.next().await, deleted("open"));
    let bad = status(&server).await;
    assert_eq!(bad["formerDigest"], good["digest"]);

    let back = call(&server, "rollback").await;
    assert_eq!(ann.next().await, created("open"));
    assert_eq!(
        (&back["digest"], &back["heldDigest"]),
        (&good["digest"], &bad["digest"])
    );
    assert_eq!(back["lastReload"]["cause"], "rollback");
    // The content that was called off may be written again, and stays called off.
    replace(&server, &paths::guest("nobody"));
    // Another content is taken.
    replace(&server, &paths::guest("each"));
    eventually("the next version", || async {
        let now = status(&server).await;
        (now["digest"] != good["digest"]).then_some(())
    })
    .await;
    let now = status(&server).await;
    assert_ne!(now["digest"], bad["digest"]);
}

#[tokio::test]
async fn a_candidate_is_tried_compared_and_promoted() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let candidate = folder.path().join("next.wasm");
    fs::copy(paths::guest("nobody"), &candidate).expect("a component can be copied");
    let server = Server::with()
        .policy(POLICY, &paths::private_channels())
        .policy_set("shadow_file", candidate.display().to_string())
        .start()
        .await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    backend.put_channel("open", &json!({})).await;
    assert_eq!(
        ann.heard().await,
        [created("open")],
        "the candidate decides nothing"
    );

    let shadow = format!("/v1/policies/{POLICY}/shadow");
    let report = eventually("a difference", || async {
        let report = backend.ok("GET", &shadow, &Value::Null).await.body;
        (report["samples"] != json!([])).then_some(report)
    })
    .await;
    assert_eq!(report["differences"][0]["kind"], "now_denied", "{report}");
    assert_eq!(report["samples"][0]["channelId"], "open", "{report}");

    let run = call(&server, "dry-run").await;
    let change = json!({"workspaceId": "w", "channelId": "open", "userId": "ann", "gains": false});
    assert_eq!(run["changes"], json!([change]), "{run}");
    assert_eq!(ann.heard().await, [], "nothing has changed");
    let (code, said, _) = policy(&server, &["dry-run", POLICY]).await;
    assert_eq!(code, Some(0));
    assert!(said.starts_with("w: ann loses open\n"), "{said}");

    let promoted = call(&server, "promote").await;
    assert_eq!(promoted["digest"], report["digest"]);
    assert_eq!(promoted["shadow"], Value::Null);
    assert_eq!(ann.next().await, deleted("open"));
    assert_eq!(
        refused(&server, "promote").await,
        (409, "no-such-version".to_owned())
    );
    let (code, said, error) = policy(&server, &["rollback", POLICY]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(said.starts_with("in force: sha256:"), "{said}");
    assert_eq!(ann.next().await, created("open"));
}

#[tokio::test]
async fn a_component_may_be_tried_before_it_is_anywhere() {
    let private = paths::private_channels();
    let server = Server::with().policy(POLICY, &private).start().await;
    server.backend().put_channel("open", &json!({})).await;
    server.backend().put_member("ann", &json!({})).await;
    let nobody = paths::guest("nobody").display().to_string();
    let (code, said, error) = policy(&server, &["dry-run", POLICY, &nobody, "--json"]).await;
    assert_eq!(code, Some(0), "{error}");
    let run: Value = serde_json::from_str(&said).expect("it is JSON");
    assert_eq!(
        (&run["gains"], &run["losses"]),
        (&json!(0), &json!(1)),
        "{run}"
    );
    let refuses = paths::guest("refuses_settings").display().to_string();
    let (code, _, error) = policy(&server, &["dry-run", POLICY, &refuses]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("422 policy-refused"), "{error}");
    let path = format!("/v1/policies/{POLICY}/dry-run");
    for (body, code) in [
        (json!({"file": "../wardroom.toml"}), "invalid-data"),
        (json!({"file": "none.wasm"}), "policy-refused"),
        (json!({}), "no-such-version"),
    ] {
        let (_, refused) = server.backend().refused("POST", &path, &body).await;
        assert_eq!(refused, code, "{body}");
    }
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let private = paths::private_channels();
    let server = Server::with().policy(POLICY, &private).start().await;
    let reader = server.backend_with(READER_KEY);
    for call in ["rollback", "promote", "dry-run"] {
        let path = format!("/v1/policies/{POLICY}/{call}");
        let (_, code) = reader.refused("POST", &path, &Value::Null).await;
        assert_eq!(code, "scope-missing");
    }
}
