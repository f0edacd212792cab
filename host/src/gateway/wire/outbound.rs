//! What clients are sent, as Socket.IO packets; must not know to whom.

use std::collections::BTreeSet;

use wardroom_domain::{Event, MediaState, SocketId, UserId, Workspace, WorkspaceId};

use crate::codes::Code;
use crate::wire::{Object, bare_profile, event_name_and_payload, media_state, quoted, status_name};

fn packet(name: &str, data: &str) -> String {
    format!("42[{},{data}]", quoted(name))
}

/// A server event with exactly the documented fields.
pub(crate) fn event(event: &Event) -> String {
    let (name, data) = event_name_and_payload(event);
    packet(name, data.as_str())
}

/// `auth-success`, without `transaction` if none was sent.
pub(crate) fn auth_success(transaction: Option<&str>, user: &UserId) -> String {
    let mut object = Object::new();
    if let Some(transaction) = transaction {
        object = object.string("transaction", transaction);
    }
    packet(
        "auth-success",
        &object.string("userId", user.as_str()).end(),
    )
}

/// `socket-api-error`.
pub(crate) fn error(event: &str, code: Code, message: &str) -> String {
    let object = Object::new()
        .string("event", event)
        .string("message", message);
    packet(
        "socket-api-error",
        &object.string("code", code.as_str()).end(),
    )
}

/// `socket-api-error-T`.
pub(crate) fn error_of_transaction(transaction: &str, code: Code, message: &str) -> String {
    let name = format!("socket-api-error-{transaction}");
    packet(&name, &error_object(code, message))
}

fn error_object(code: Code, message: &str) -> String {
    Object::new()
        .string("message", message)
        .string("code", code.as_str())
        .end()
}

fn ack(id: i64, object: Object) -> String {
    format!("43{id}[{}]", object.end())
}

/// The acknowledgement of what failed.
pub(crate) fn refused_ack(id: i64, code: Code, message: &str) -> String {
    let object = Object::new().raw("ok", "false");
    ack(id, object.raw("error", &error_object(code, message)))
}

/// The acknowledgement of what succeeded; after `auth` it says who and where the client is.
pub(crate) fn success_ack(id: i64, place: Option<(&UserId, &WorkspaceId, &SocketId)>) -> String {
    let mut object = Object::new().raw("ok", "true");
    if let Some((user, workspace, socket)) = place {
        object = object
            .string("userId", user.as_str())
            .string("workspaceId", workspace.as_str())
            .string("socketId", socket.as_str());
    }
    ack(id, object)
}

/// The acknowledgement of `get-state`: members, guests and what `asker` may see.
pub(crate) fn state_ack(id: i64, state: &Workspace, asker: &UserId) -> String {
    let users: BTreeSet<&UserId> = state
        .members()
        .keys()
        .chain(state.connected_users())
        .collect();
    let members: Vec<_> = users
        .into_iter()
        .map(|user| member(state, user, asker))
        .collect();
    let channels: Vec<_> = state
        .channels()
        .iter()
        .filter(|(id, _)| state.may_see(asker, id))
        .map(|(id, channel)| {
            let private = if channel.facts.private {
                "true"
            } else {
                "false"
            };
            Object::new()
                .string("channelId", id.as_str())
                .raw("private", private)
                .end()
        })
        .collect();
    let object = Object::new()
        .raw("ok", "true")
        .raw("members", &format!("[{}]", members.join(",")))
        .raw("channels", &format!("[{}]", channels.join(",")));
    ack(id, object)
}

fn member(state: &Workspace, user: &UserId, asker: &UserId) -> String {
    let object = Object::new();
    let object = match state.members().get(user) {
        Some(member) => object.raw("user", member.profile.as_str()),
        None => object.raw("user", bare_profile(user).as_str()),
    };
    let object = object.string("onlineStatus", status_name(state.status(user)));
    let selection = state.selections().get(user);
    match selection.filter(|selection| state.may_see(asker, &selection.channel)) {
        Some(selection) => object
            .string("selectedChannelId", selection.channel.as_str())
            .raw("userMediaState", &media_state(&selection.media)),
        None => object
            .raw("selectedChannelId", "null")
            .raw("userMediaState", &media_state(&MediaState::default())),
    }
    .end()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::expect;
    use wardroom_domain::{ChannelId, Json, OnlineStatus};

    use super::*;

    #[test]
    fn events_carry_exactly_the_documented_fields() {
        let user = UserId::new("u\"1").unwrap();
        let channel = ChannelId::new("c1").unwrap();
        let profile = Json::from_canonical(r#"{"id":"u1","name":"Ю"}"#);
        let mut media = MediaState {
            camera: true,
            ..MediaState::default()
        };
        media
            .rest
            .insert("volume".into(), Json::from_canonical("3"));
        let events = [
            Event::ChannelCreated {
                channel: channel.clone(),
            },
            Event::ChannelDeleted {
                channel: channel.clone(),
            },
            Event::UserJoined {
                user: user.clone(),
                profile: profile.clone(),
            },
            Event::UserLeavedWorkspace { user: user.clone() },
            Event::UserUpdated {
                user: user.clone(),
                profile,
            },
            Event::UserSelectedChannel {
                user: user.clone(),
                channel: channel.clone(),
                media: media.clone(),
            },
            Event::UserUnselectedChannel {
                user: user.clone(),
                channel,
            },
            Event::UserChangedDevice,
            Event::OnlineStatusUpdated {
                user: user.clone(),
                status: OnlineStatus::Idle,
            },
            Event::MediaStateUpdated { user, media },
            Event::Application {
                name: "ping".into(),
                data: Json::from_canonical("[1]"),
            },
        ];
        let packets: Vec<_> = events.iter().map(event).collect();
        expect![[r#"
            42["channel-created",{"channelId":"c1"}]
            42["channel-deleted",{"channelId":"c1"}]
            42["user-joined",{"user":{"id":"u1","name":"Ю"}}]
            42["user-leaved-workspace",{"userId":"u\"1"}]
            42["user-updated",{"user":{"id":"u1","name":"Ю"}}]
            42["user-selected-channel",{"userId":"u\"1","channelId":"c1","userMediaState":{"microphone":false,"speakers":true,"screen":false,"camera":true,"speaking":false,"volume":3}}]
            42["user-unselected-channel",{"userId":"u\"1","channelId":"c1"}]
            42["user-changed-device",null]
            42["online-status-updated",{"userId":"u\"1","onlineStatus":"idle"}]
            42["media-state-updated",{"userId":"u\"1","userMediaState":{"microphone":false,"speakers":true,"screen":false,"camera":true,"speaking":false,"volume":3}}]
            42["ping",[1]]"#]]
        .assert_eq(&packets.join("\n"));
    }

    #[test]
    fn answers_have_the_documented_form() {
        let user = UserId::new("u1").unwrap();
        let workspace = WorkspaceId::new("w1").unwrap();
        let socket = SocketId::new("s1").unwrap();
        let packets = [
            auth_success(Some("t"), &user),
            auth_success(None, &user),
            error("auth", Code::InvalidToken, "no"),
            error_of_transaction("t", Code::InvalidToken, "no"),
            refused_ack(1, Code::InvalidData, "no"),
            success_ack(2, None),
            success_ack(3, Some((&user, &workspace, &socket))),
            state_ack(4, &Workspace::default(), &user),
        ];
        expect![[r#"
            42["auth-success",{"transaction":"t","userId":"u1"}]
            42["auth-success",{"userId":"u1"}]
            42["socket-api-error",{"event":"auth","message":"no","code":"invalid-token"}]
            42["socket-api-error-t",{"message":"no","code":"invalid-token"}]
            431[{"ok":false,"error":{"message":"no","code":"invalid-data"}}]
            432[{"ok":true}]
            433[{"ok":true,"userId":"u1","workspaceId":"w1","socketId":"s1"}]
            434[{"ok":true,"members":[],"channels":[]}]"#]]
        .assert_eq(&packets.join("\n"));
    }
}
