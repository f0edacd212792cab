//! Tests of the demo's files and actions. They know no HTTP.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use wardroom_domain::{Command, UserId, WorkspaceId};

use super::{Action, BadAction, Demo, DemoUser, FILES};
use crate::limits::MAX_DEMO_ACTION_BYTES;

fn demo() -> Demo {
    let user = |id: &str, name: &str| DemoUser {
        id: UserId::new(id).unwrap(),
        name: name.into(),
        token: format!("token-of-{id}"),
    };
    Demo {
        workspace: WorkspaceId::new("demo").unwrap(),
        users: vec![user("ann", "Ann \"</script>"), user("ben", "Ben")],
    }
}

#[test]
fn every_file_that_the_page_names_is_served() {
    let demo = demo();
    let index = demo.respond("/demo").unwrap();
    assert_eq!(index.content_type, "text/html; charset=utf-8");
    assert_eq!(demo.respond("/demo/"), Some(index));
    for (path, _, content) in FILES
        .iter()
        .filter(|(path, ..)| !path.contains("socket.io"))
    {
        let folder = |name: &str| format!("/demo/{name}");
        let quoted = content
            .split('"')
            .filter_map(|text| text.strip_prefix("./").map(folder))
            .chain(
                content
                    .split('"')
                    .filter(|text| text.starts_with("/demo/") && text.contains('.'))
                    .map(str::to_owned),
            );
        for name in quoted.filter(|name| !name.ends_with("directory.json")) {
            assert!(
                demo.respond(&name).is_some(),
                "{path} names {name}, which is not served"
            );
        }
    }
    for stranger in ["/", "/demo/../main.rs", "/demo/actions", "/demo/vendor"] {
        assert_eq!(demo.respond(stranger), None, "{stranger}");
    }
}

#[test]
fn the_chooser_gets_the_users_as_json() {
    let asset = demo().respond("/demo/users.json").unwrap();
    let users: Value = serde_json::from_slice(&asset.body).unwrap();
    assert_eq!(users["workspace"], "demo");
    assert_eq!(users["users"][0]["name"], "Ann \"</script>");
    assert_eq!(users["users"][1]["token"], "token-of-ben");
}

#[test]
fn the_first_directory_has_a_private_channel_of_the_first_user() {
    let truth = demo().truth().unwrap();
    assert_eq!(truth.members.len(), 2);
    let private: Vec<_> = truth
        .channels
        .iter()
        .filter(|(_, spec)| spec.private == Some(true))
        .collect();
    assert_eq!(private.len(), 1);
    let members = private[0].1.members.as_ref().unwrap();
    assert!(members.iter().map(UserId::as_str).eq(["ann"]));
}

#[test]
fn an_action_becomes_the_command_of_the_api_call() {
    let command = |name: &str, body: &str| Action::parse(name, body.as_bytes()).unwrap();
    let added = command(
        "add-channel",
        r#"{"channelId":"plans","private":true,"members":["ann"]}"#,
    );
    let Command::PutChannel { channel, spec } = added.into_command() else {
        panic!("adding a channel is putting it");
    };
    assert_eq!(channel.as_str(), "plans");
    assert_eq!(spec.private, Some(true));
    assert_eq!(spec.members.unwrap().len(), 1);

    let hidden = command("set-private", r#"{"channelId":"plans","private":false}"#);
    let Command::PutChannel { spec, .. } = hidden.into_command() else {
        panic!("making a channel public is putting it");
    };
    assert_eq!((spec.private, spec.members), (Some(false), None));

    let both = r#"{"channelId":"plans","userId":"ben"}"#;
    assert!(matches!(
        command("invite", both).into_command(),
        Command::PutChannelMember { user, .. } if user.as_str() == "ben"
    ));
    assert!(matches!(
        command("uninvite", both).into_command(),
        Command::RemoveChannelMember { user, .. } if user.as_str() == "ben"
    ));
    assert!(matches!(
        command("delete-channel", r#"{"channelId":"plans"}"#).into_command(),
        Command::DeleteChannel { channel } if channel.as_str() == "plans"
    ));
}

#[test]
fn what_is_not_an_action_is_refused() {
    let refused = |name: &str, body: &str| Action::parse(name, body.as_bytes()).unwrap_err();
    assert!(matches!(refused("kick", "{}"), BadAction::Unknown));
    for body in [
        "",
        "[]",
        "{}",
        r#"{"channelId":1}"#,
        r#"{"channelId":"a","x":1}"#,
    ] {
        assert!(matches!(
            refused("delete-channel", body),
            BadAction::Body(_)
        ));
    }
    assert!(matches!(
        refused("delete-channel", r#"{"channelId":""}"#),
        BadAction::Id(_)
    ));
    let large = " ".repeat(MAX_DEMO_ACTION_BYTES + 1);
    assert!(matches!(
        refused("delete-channel", &large),
        BadAction::TooLarge
    ));
}
