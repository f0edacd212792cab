//! What a backend's calls are heard as: the whole truth at once, commands on behalf, own events.

use serde_json::json;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Server, event};

use crate::exchange::{created, deleted, media_with, selected, status, unselected};

#[tokio::test]
async fn the_whole_truth_is_heard_as_its_differences() {
    let server = Server::start().await;
    let backend = server.backend();
    let path = format!("/v1/workspaces/{WORKSPACE}");
    let quiet = format!("{path}?quiet=true");
    let before = json!({
        "members": {"ann": {"user": {"id": "ann"}}, "carl": {"user": {"id": "carl"}}},
        "channels": {"old": {}, "kept": {}},
    });
    let mut bob = server.join("bob").await;
    backend.ok("PUT", &quiet, &before).await;
    assert_eq!(bob.heard().await, []);
    assert_eq!(bob.channels().await, ["kept", "old"]);
    let after = json!({
        "members": {"ann": {"user": {"id": "ann", "name": "Ann"}}, "dora": {}},
        "channels": {"new": {}, "kept": {}},
    });
    backend.ok("PUT", &path, &after).await;
    let mut heard = bob.heard().await;
    heard.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    let expected = [
        created("new"),
        deleted("old"),
        event("user-joined", json!({"user": {"id": "dora"}})),
        event("user-leaved-workspace", json!({"userId": "carl"})),
        event(
            "user-updated",
            json!({"user": {"id": "ann", "name": "Ann"}}),
        ),
    ];
    assert_eq!(heard, expected);
    backend.ok("PUT", &path, &after).await;
    assert_eq!(bob.heard().await, [], "the same truth again is no news");
}

#[tokio::test]
async fn repeating_a_put_announces_nothing() {
    let server = Server::start().await;
    let backend = server.backend();
    let ann = json!({"user": {"id": "ann", "name": "Ann"}, "role": "admin"});
    let channel = json!({"private": true, "members": ["ann"], "attributes": {"a": 1}});
    assert_eq!(backend.put_member("ann", &ann).await.status, 201);
    assert_eq!(backend.put_channel("c", &channel).await.status, 201);
    let mut bob = server.join("bob").await;
    assert_eq!(backend.put_member("ann", &ann).await.status, 200);
    assert_eq!(backend.put_channel("c", &channel).await.status, 200);
    backend
        .ok("PUT", "/v1/users/ann", &json!({"user": ann["user"]}))
        .await;
    assert_eq!(bob.heard().await, []);
}

#[tokio::test]
async fn a_profile_is_updated_in_every_workspace_of_its_user() {
    let server = Server::start().await;
    let backend = server.backend();
    let mut listeners = Vec::new();
    for workspace in ["one", "two", "three"] {
        let mut client = server.connect(Flavour::Js4WebSocket, workspace).await;
        client.auth("bob", workspace).await;
        listeners.push(client);
    }
    for workspace in ["one", "two"] {
        let path = format!("/v1/workspaces/{workspace}/members/ann");
        backend
            .ok("PUT", &path, &json!({"user": {"id": "ann"}}))
            .await;
    }
    for listener in &mut listeners {
        listener.heard().await;
    }
    let ann = json!({"id": "ann", "name": "Ann"});
    backend
        .ok("PUT", "/v1/users/ann", &json!({"user": ann}))
        .await;
    let updated = event("user-updated", json!({"user": ann}));
    for listener in &mut listeners[..2] {
        let heard = listener.heard().await;
        assert_eq!(heard, std::slice::from_ref(&updated));
    }
    assert_eq!(listeners[2].heard().await, []);
}

#[tokio::test]
async fn a_backend_may_act_on_behalf_of_a_connection() {
    let server = Server::start().await;
    let backend = server.backend();
    backend.put_channel("c", &json!({})).await;
    let mut ann = server.join("ann").await;
    let socket = ann.socket().to_owned();
    let act = |command: &str| format!("/v1/connections/{socket}/{command}");
    let calls = [
        (
            act("select-channel"),
            json!({"userId": "ann", "channelId": "c", "userMediaState": {"camera": true}}),
        ),
        (
            act("update-media-state"),
            json!({"userId": "ann", "userMediaState": {"speaking": true}}),
        ),
        (
            act("update-online-status"),
            json!({"userId": "ann", "onlineStatus": "idle"}),
        ),
        (act("unselect-channel"), json!({"userId": "ann"})),
    ];
    for (path, body) in &calls {
        backend.ok("POST", path, body).await;
    }
    let media = media_with(json!({"camera": true, "speaking": true}));
    let heard = [
        selected("ann", "c", media_with(json!({"camera": true}))),
        event(
            "media-state-updated",
            json!({"userId": "ann", "userMediaState": media}),
        ),
        status("ann", "idle"),
        unselected("ann", "c"),
    ];
    assert_eq!(ann.heard().await, heard);
    let nobody = "/v1/connections/nobody/unselect-channel";
    let refused = backend
        .refused("POST", nobody, &json!({"userId": "ann"}))
        .await;
    assert_eq!(refused, (404, "connection-not-found".to_owned()));
    // Somebody else's socket stays somebody else's.
    let body = json!({"userId": "bob", "channelId": "c", "userMediaState": {"microphone": true}});
    let refused = backend.refused("POST", &act("select-channel"), &body).await;
    assert_eq!(refused, (403, "another-users-connection".to_owned()));
    assert!(ann.heard().await.is_empty());
}

#[tokio::test]
async fn an_application_event_reaches_exactly_those_it_is_for() {
    let server = Server::start().await;
    let backend = server.backend();
    backend.put_channel("open", &json!({})).await;
    backend
        .put_channel("secret", &json!({"private": true, "members": ["ann"]}))
        .await;
    let mut ann = server.join("ann").await;
    let mut bob = server.join("bob").await;
    bob.ask_ok("select-channel", json!({"channelId": "open"}))
        .await;
    bob.heard().await;
    ann.heard().await;
    let targets = [
        json!({"workspace": true}),
        json!({"channel": "secret"}),
        json!({"conversation": "open"}),
        json!({"users": ["bob", "nobody"]}),
        json!({"sockets": [ann.socket()]}),
    ];
    for (number, to) in targets.iter().enumerate() {
        backend
            .publish(
                "news",
                &json!({"number": number, "of": [null, 1.5, "я"]}),
                to,
            )
            .await;
    }
    let news = |numbers: &[u32]| -> Vec<_> {
        let data = |number: &u32| json!({"number": number, "of": [null, 1.5, "я"]});
        numbers
            .iter()
            .map(|number| event("news", data(number)))
            .collect()
    };
    assert_eq!(ann.heard().await, news(&[0, 1, 4]));
    assert_eq!(bob.heard().await, news(&[0, 2, 3]));
}
