//! What clients are sent, as Socket.IO packets; must not know to whom.

use wardroom_domain::{Event, Json, SocketId, UserId, WorkspaceId};

use crate::codes::Code;
use crate::wire::{Object, event_name, event_name_and_payload, quoted};

fn packet(name: &str, data: &str) -> String {
    format!("42[{},{data}]", quoted(name))
}

/// An event with the data that policies gave it.
pub(crate) fn rendered(event: &Event, data: &Json) -> String {
    packet(event_name(event), data.as_str())
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

/// What a client is told of a refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) code: Code,
    pub(crate) message: &'a str,
    /// The decision of the policies, if it was they who refused.
    pub(crate) decision: Option<&'a str>,
}

impl Refusal<'_> {
    fn write(&self, object: Object) -> String {
        let object = object
            .string("message", self.message)
            .string("code", self.code.as_str());
        match self.decision {
            Some(decision) => object.string("decisionId", decision),
            None => object,
        }
        .end()
    }
}

/// `socket-api-error`.
pub(crate) fn error(event: &str, refusal: &Refusal<'_>) -> String {
    let object = Object::new().string("event", event);
    packet("socket-api-error", &refusal.write(object))
}

/// `socket-api-error-T`.
pub(crate) fn error_of_transaction(transaction: &str, refusal: &Refusal<'_>) -> String {
    let name = format!("socket-api-error-{transaction}");
    packet(&name, &refusal.write(Object::new()))
}

pub(super) fn ack(id: i64, object: Object, grant: Option<&Json>) -> String {
    let object = match grant {
        Some(grant) => object.raw("grant", grant.as_str()),
        None => object,
    };
    format!("43{id}[{}]", object.end())
}

/// The acknowledgement of what failed.
pub(crate) fn refused_ack(id: i64, refusal: &Refusal<'_>) -> String {
    let object = Object::new().raw("ok", "false");
    let object = object.raw("error", &refusal.write(Object::new()));
    ack(id, object, None)
}

/// Who a client is, and where.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) user: UserId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) socket: SocketId,
}

/// The acknowledgement of what succeeded, with what policies attach to it; after `auth` it says who
/// and where the client is.
pub(crate) fn success_ack(id: i64, place: Option<&Place>, grant: Option<&Json>) -> String {
    let mut object = Object::new().raw("ok", "true");
    if let Some(place) = place {
        object = object
            .string("userId", place.user.as_str())
            .string("workspaceId", place.workspace.as_str())
            .string("socketId", place.socket.as_str());
    }
    ack(id, object, grant)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::expect;
    use wardroom_domain::{ChannelId, MediaState, OnlineStatus};

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
        let place = Place {
            user: user.clone(),
            workspace: WorkspaceId::new("w1").unwrap(),
            socket: SocketId::new("s1").unwrap(),
        };
        let no = Refusal {
            code: Code::InvalidToken,
            message: "no",
            decision: None,
        };
        let denied = Refusal {
            code: Code::DeniedByPolicy,
            decision: Some("d1"),
            ..no
        };
        let grant = Json::from_canonical(r#"{"janus":{"token":"t"}}"#);
        let packets = [
            auth_success(Some("t"), &user),
            auth_success(None, &user),
            error("auth", &no),
            error_of_transaction("t", &no),
            refused_ack(1, &no),
            error("auth", &denied),
            error_of_transaction("t", &denied),
            refused_ack(1, &denied),
            success_ack(2, None, None),
            success_ack(2, None, Some(&grant)),
            success_ack(3, Some(&place), None),
        ];
        expect![[r#"
            42["auth-success",{"transaction":"t","userId":"u1"}]
            42["auth-success",{"userId":"u1"}]
            42["socket-api-error",{"event":"auth","message":"no","code":"invalid-token"}]
            42["socket-api-error-t",{"message":"no","code":"invalid-token"}]
            431[{"ok":false,"error":{"message":"no","code":"invalid-token"}}]
            42["socket-api-error",{"event":"auth","message":"no","code":"denied-by-policy","decisionId":"d1"}]
            42["socket-api-error-t",{"message":"no","code":"denied-by-policy","decisionId":"d1"}]
            431[{"ok":false,"error":{"message":"no","code":"denied-by-policy","decisionId":"d1"}}]
            432[{"ok":true}]
            432[{"ok":true,"grant":{"janus":{"token":"t"}}}]
            433[{"ok":true,"userId":"u1","workspaceId":"w1","socketId":"s1"}]"#]]
        .assert_eq(&packets.join("\n"));
    }
}
