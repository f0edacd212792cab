//! Client events, well-formed and not; must not know what follows of them.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: Expect) {
    let text = Bytes::copy_from_slice(text.as_bytes());
    let request = Request::read(&Incoming {
        text,
        binary: false,
        ack: None,
    });
    let content = match request.content {
        Ok(event) => format!("{event:?}"),
        Err(fault) => format!("{}: {}", fault.code.as_str(), fault.message),
    };
    let transaction = request.transaction;
    expected.assert_eq(&format!("{} {transaction:?} {content}", request.event));
}

#[test]
fn well_formed_events_are_read() {
    check(
        r#"["auth",{"token":"x","workspaceId":"w","onlineStatus":"idle","prevSocketId":"s","transaction":"t","other":1},"more"]"#,
        expect![[r#"auth Some("t") Auth(AuthRequest("w", Some(Idle), Some("s")))"#]],
    );
    check(
        r#"["select-channel",{"channelId":"c","userMediaState":{"camera":true,"x":{"b":1,"a":2}}}]"#,
        expect![[
            r#"select-channel None SelectChannel { channel: "c", media: Some(MediaPatch { microphone: None, speakers: None, screen: None, camera: Some(true), speaking: None, rest: {"x": Json("{\"a\":2,\"b\":1}")} }) }"#
        ]],
    );
    check(r#"["get-state"]"#, expect!["get-state None GetState(None)"]);
    check(
        r#"["\u0067et-state",{}]"#,
        expect!["get-state None GetState(None)"],
    );
    check(
        r#"["get-state",{"limit":20,"after":null}]"#,
        expect!["get-state None GetState(Some(Page { after: None, limit: 20 }))"],
    );
    check(
        r#"["get-state",{"after":"u"}]"#,
        expect![[r#"get-state None GetState(Some(Page { after: Some("u"), limit: 1000 }))"#]],
    );
    check(
        r#"["get-state",{"limit":0}]"#,
        expect!["get-state None invalid-data: `limit` must be a whole number from 1 to 1000"],
    );
    check(
        r#"["get-state",{"limit":1001}]"#,
        expect!["get-state None invalid-data: `limit` must be a whole number from 1 to 1000"],
    );
    check(
        r#"["get-state",{"limit":"20"}]"#,
        expect!["get-state None invalid-data: `limit` must be a whole number from 1 to 1000"],
    );
    check(
        r#"["get-state",{"after":5}]"#,
        expect!["get-state None invalid-data: `after` must be a string"],
    );
}

#[test]
fn null_means_absent() {
    check(
        r#"["auth",{"token":"x","workspaceId":"w","onlineStatus":null,"prevSocketId": null,"transaction":null}]"#,
        expect![[r#"auth None Auth(AuthRequest("w", None, None))"#]],
    );
    check(
        r#"["select-channel",{"channelId":"c","userMediaState":null}]"#,
        expect![[r#"select-channel None SelectChannel { channel: "c", media: None }"#]],
    );
    check(
        r#"["update-media-state",{"userMediaState":{"camera":null,"x":null}}]"#,
        expect![[
            r#"update-media-state None UpdateMediaState(MediaPatch { microphone: None, speakers: None, screen: None, camera: None, speaking: None, rest: {"x": Json("null")} })"#
        ]],
    );
    check(
        r#"["get-state",null]"#,
        expect!["get-state None GetState(None)"],
    );
    let missing = [
        (r#"["select-channel",{"channelId":null}]"#, "channelId"),
        (
            r#"["update-online-status",{"onlineStatus":null}]"#,
            "onlineStatus",
        ),
        (
            r#"["update-media-state",{"userMediaState":null}]"#,
            "userMediaState",
        ),
        (r#"["auth",{"token":null,"workspaceId":"w"}]"#, "token"),
    ];
    for (text, field) in missing {
        let text = Bytes::from(text);
        let request = Request::read(&Incoming {
            text,
            binary: false,
            ack: None,
        });
        let fault = request.content.unwrap_err();
        assert_eq!(fault, Fault::invalid(format!("`{field}` is missing")));
    }
    let handshake = br#"{"token":"x","workspaceId":"w","prevSocketId":null,"transaction":null}"#;
    let request = Request::read_handshake(handshake).unwrap();
    assert!(matches!(request.content, Ok(ClientEvent::Auth(_))));
    assert_eq!(request.transaction, None);
    assert!(Request::read_handshake(b"null").is_none());
    assert!(Request::read_handshake(br#"{"token":null,"workspaceId":null}"#).is_none());
}

#[test]
fn malformed_events_are_explained() {
    check("[]", expect![" None invalid-data: the event has no name"]);
    check(
        r#"["auth"]"#,
        expect!["auth None invalid-data: `token` is missing"],
    );
    check(
        r#"["auth",null]"#,
        expect!["auth None invalid-data: `token` is missing"],
    );
    check(
        r#"["auth",[1]]"#,
        expect!["auth None invalid-data: the event takes one object"],
    );
    check(
        r#"["auth",{"token":5,"workspaceId":"w","transaction":"t"}]"#,
        expect![[r#"auth Some("t") invalid-data: `token` must be a string"#]],
    );
    check(
        r#"["auth",{"token":"x","workspaceId":""}]"#,
        expect!["auth None invalid-data: `workspaceId` must not be empty"],
    );
    check(
        r#"["auth",{"token":"x","workspaceId":"w","transaction":""}]"#,
        expect!["auth None invalid-data: `transaction` must have 1 to 128 characters"],
    );
    check(
        r#"["update-online-status",{"onlineStatus":"away"}]"#,
        expect![
            "update-online-status None invalid-data: `onlineStatus` must be \"online\", \"idle\" or \"offline\""
        ],
    );
    check(
        r#"["update-media-state",{"userMediaState":{"camera":1}}]"#,
        expect![
            "update-media-state None invalid-data: `userMediaState/camera` must be true or false"
        ],
    );
    check(
        r#"["nonsense",{}]"#,
        expect!["nonsense None invalid-data: unknown event"],
    );
}

#[test]
fn deep_and_huge_events_are_refused() {
    let deep = "[".repeat(5000) + &"]".repeat(5000);
    let text = format!(r#"["update-media-state",{{"userMediaState":{{"x":{deep}}}}}]"#);
    check(
        &text,
        expect![
            "update-media-state None invalid-data: `userMediaState` is nested deeper than 120 levels"
        ],
    );
    let long = "x".repeat(limits::MAX_INCOMING_EVENT_BYTES);
    check(
        &format!(r#"["auth",{{"transaction":"t","token":"{long}"}}]"#),
        expect![[r#"auth Some("t") invalid-data: the event is larger than 32768 bytes"#]],
    );
}

#[test]
fn json_that_cannot_be_kept_is_explained_for_what_it_is() {
    check(
        r#"["update-media-state",{"userMediaState":{"x":["\ud800"]}}]"#,
        expect![
            "update-media-state None invalid-data: `userMediaState/x/0` holds a lone surrogate (\\ud800 to \\udfff), which is half a character"
        ],
    );
    check(
        r#"["update-media-state",{"userMediaState":{"x":{"a":1,"a":2}},"transaction":"t"}]"#,
        expect![[
            r#"update-media-state Some("t") invalid-data: `userMediaState/x` holds the key "a" more than once"#
        ]],
    );
    check(
        r#"["update-media-state",{"userMediaState":{"x":1e999}}]"#,
        expect![
            "update-media-state None invalid-data: `userMediaState/x` is a number out of range: its magnitude must be below 1.8e308"
        ],
    );
    check(
        r#"["auth",{"token":"\udc00","workspaceId":"w"}]"#,
        expect![
            "auth None invalid-data: `token` holds a lone surrogate (\\ud800 to \\udfff), which is half a character"
        ],
    );
    check(
        r#"["auth",{"token":"x","token":"y"}]"#,
        expect![[
            r#"auth None invalid-data: the event's object holds the key "token" more than once"#
        ]],
    );
    check(
        r#"["\ud800",{}]"#,
        expect![" None invalid-data: the event's name holds a lone surrogate"],
    );
    check(
        "[5,{}]",
        expect![" None invalid-data: the event has no name"],
    );
}

#[test]
fn binary_is_refused() {
    let text = Bytes::from_static(br#"["auth",{"_placeholder":true,"num":0}]"#);
    let request = Request::read(&Incoming {
        text,
        binary: true,
        ack: Some(1),
    });
    assert_eq!(
        request.content,
        Err(Fault::invalid("binary data is not accepted"))
    );
}

#[test]
fn only_a_handshake_with_credentials_counts_as_auth() {
    assert!(Request::read_handshake(b"{}").is_none());
    assert!(Request::read_handshake(br#"{"theme":"dark"}"#).is_none());
    let request = Request::read_handshake(br#"{"token":"x","workspaceId":"w"}"#).unwrap();
    assert!(matches!(request.content, Ok(ClientEvent::Auth(_))));
    let request = Request::read_handshake(br#"{"token":"x"}"#).unwrap();
    assert_eq!(
        request.content,
        Err(Fault::invalid("`workspaceId` is missing"))
    );
}
