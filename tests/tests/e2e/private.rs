//! The shipped policy `private-channels`, in a real server.

use serde_json::{Value, json};
use wardroom_tests::backend::{channel, member};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::Settings;
use wardroom_tests::{Flavour, Server, event, eventually, paths, token};

use crate::exchange::{created, deleted, media, media_with, selected, unselected};

fn with_policy() -> Settings {
    Server::with().policy("private-channels", &paths::private_channels())
}

#[tokio::test]
async fn a_private_channel_exists_for_its_members_only() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    ann.heard().await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    let camera = json!({"channelId": "p", "userMediaState": {"camera": true}});
    ann.ask_ok("select-channel", camera).await;
    ann.ask_ok(
        "update-media-state",
        json!({"userMediaState": {"camera": false}}),
    )
    .await;
    ann.ask_ok("unselect-channel", json!({})).await;
    ann.ask_ok("select-channel", json!({"channelId": "p"}))
        .await;
    backend
        .publish("inside", &json!(1), &json!({"channel": "p"}))
        .await;
    backend.delete_channel("p").await;
    let heard = [
        created("p"),
        selected("ann", "p", media_with(json!({"camera": true}))),
        event(
            "media-state-updated",
            json!({"userId": "ann", "userMediaState": media()}),
        ),
        unselected("ann", "p"),
        selected("ann", "p", media()),
        event("inside", json!(1)),
        unselected("ann", "p"),
        deleted("p"),
    ];
    assert_eq!(ann.heard().await, heard);
    assert_eq!(eve.heard().await, [], "not even that it exists");
}

#[tokio::test]
async fn becoming_a_member_shows_a_channel_and_ceasing_hides_it() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    ann.heard().await;
    let membership = format!("{}/members/eve", channel("p"));
    backend.ok("PUT", &membership, &Value::Null).await;
    assert_eq!(eve.heard().await, [created("p")]);
    assert_eq!(ann.heard().await, [], "Ann's view has not changed");
    eve.ask_ok("select-channel", json!({"channelId": "p"}))
        .await;
    backend.ok("DELETE", &membership, &Value::Null).await;
    assert_eq!(
        eve.heard().await,
        [
            selected("eve", "p", media()),
            unselected("eve", "p"),
            deleted("p")
        ]
    );
    assert_eq!(
        ann.heard().await,
        [selected("eve", "p", media()), unselected("eve", "p")]
    );
    let refused = eve
        .ask_refused("select-channel", json!({"channelId": "p"}))
        .await;
    assert_eq!(refused, "channel-not-found", "as if there were none");
}

#[tokio::test]
async fn making_a_channel_public_shows_it_to_exactly_the_others() {
    let server = with_policy().start().await;
    let backend = server.backend();
    let mut ann = server.join("ann").await;
    let mut eve = server.join("eve").await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    ann.heard().await;
    backend.put_channel("p", &json!({"private": false})).await;
    assert_eq!(eve.heard().await, [created("p")]);
    assert_eq!(ann.heard().await, []);
    backend.put_channel("p", &json!({"private": true})).await;
    assert_eq!(eve.heard().await, [deleted("p")]);
    assert_eq!(ann.heard().await, []);
}

#[tokio::test]
async fn the_settings_name_roles_that_see_everything() {
    let mut settings = toml::Table::new();
    settings.insert("see_all_roles".into(), vec!["admin".to_owned()].into());
    let server = with_policy()
        .policy_set("settings", settings)
        .set("visibility.private_channels", "policies")
        .start()
        .await;
    let mut admin = server.connect(Flavour::Js4WebSocket, "admin").await;
    let token = token::with_role("root", WORKSPACE, "admin");
    admin
        .ask_ok("auth", json!({"token": token, "workspaceId": WORKSPACE}))
        .await;
    admin.heard().await;
    let mut eve = server.join("eve").await;
    admin.heard().await;
    server
        .backend()
        .put_channel("p", &json!({"private": true}))
        .await;
    assert_eq!(admin.heard().await, [created("p")]);
    assert_eq!(eve.heard().await, []);
}

/// Who has the last word on private channels, as operators are told.
async fn last_word(server: &Server) -> Value {
    let answer = server
        .backend()
        .ok("GET", "/v1/policies", &Value::Null)
        .await;
    answer.body["privateChannels"].clone()
}

#[tokio::test]
async fn a_policy_opens_a_private_channel_only_where_the_operator_lets_it() {
    let mut settings = toml::Table::new();
    settings.insert("see_all_roles".into(), vec!["admin".to_owned()].into());
    let server = with_policy().policy_set("settings", settings).start().await;
    let backend = server.backend();
    let admin = json!({"role": "admin"});
    backend.ok("PUT", &member("root"), &admin).await;
    let mut root = server.join("root").await;
    let mut ann = server.join("ann").await;
    root.heard().await;
    backend
        .put_channel("p", &json!({"private": true, "members": ["ann"]}))
        .await;
    assert_eq!(ann.heard().await, [created("p")]);
    assert_eq!(
        root.heard().await,
        [],
        "the policy shows it, the built-in rule does not"
    );
    assert_eq!(last_word(&server).await, "members");
    let path = "/v1/explain?workspace=w&user=root&channel=p";
    let said = backend.ok("GET", path, &Value::Null).await.body;
    assert_eq!(
        (&said["visible"], &said["policies"][0]["allows"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(said["builtInRule"]["allows"], false, "{said}");

    // The setting is followed, in both directions.
    let with = |word: &str| {
        let mut configuration = server.configuration();
        let visibility: toml::Table = format!("private_channels = \"{word}\"")
            .parse()
            .expect("TOML");
        configuration.insert("visibility".into(), visibility.into());
        configuration.to_string()
    };
    for (word, told) in [("policies", created("p")), ("members", deleted("p"))] {
        server.configure(&with(word));
        eventually("the setting is in force", || async {
            (last_word(&server).await == word).then_some(())
        })
        .await;
        // Settling is the first thing that happens then.
        assert_eq!(
            root.channels().await.contains(&"p".to_owned()),
            word == "policies"
        );
        assert_eq!(root.heard().await, [told]);
        assert_eq!(ann.heard().await, []);
    }
}
