//! Input without the documented form. Each gets the documented error and disturbs nobody.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use wardroom_tests::backend::member;
use wardroom_tests::raw::Heard;
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::{Flavour, Raw, Server, event, token};

use crate::exchange::{closing_code, status};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// Events that are refused with `invalid-data`, whoever sends them.
fn malformed_events() -> Vec<(&'static str, Value)> {
    let token = token::token("eve", WORKSPACE);
    let auth = |change: Value| {
        let mut data = json!({"token": token, "workspaceId": WORKSPACE});
        let change = change.as_object().expect("changes are an object").clone();
        data.as_object_mut().expect("an object").extend(change);
        ("auth", data)
    };
    let media = |state: Value| ("update-media-state", json!({"userMediaState": state}));
    vec![
        ("auth", Value::Null),
        ("auth", json!("token")),
        ("auth", json!([])),
        ("auth", json!({})),
        ("auth", json!({"token": token})),
        auth(json!({"token": 5})),
        auth(json!({"token": "x".repeat(40_000)})),
        auth(json!({"workspaceId": 5})),
        auth(json!({"workspaceId": ""})),
        auth(json!({"workspaceId": "x".repeat(129)})),
        auth(json!({"onlineStatus": "away"})),
        auth(json!({"onlineStatus": true})),
        auth(json!({"prevSocketId": 5})),
        auth(json!({"transaction": 5})),
        auth(json!({"transaction": ""})),
        auth(json!({"transaction": "x".repeat(129)})),
        ("select-channel", json!({})),
        ("select-channel", json!({"channelId": null})),
        ("select-channel", json!({"channelId": "x".repeat(129)})),
        (
            "select-channel",
            json!({"channelId": "c", "userMediaState": []}),
        ),
        (
            "select-channel",
            json!({"channelId": "c", "userMediaState": {"camera": "on"}}),
        ),
        ("update-online-status", json!({})),
        ("update-online-status", json!({"onlineStatus": "ONLINE"})),
        ("update-media-state", json!({})),
        media(json!(true)),
        media(json!({"microphone": 1})),
        media(json!({"deep": nested(300)})),
        ("no-such-event", json!({})),
        ("channel-created", json!({"channelId": "c"})),
        ("", json!({})),
    ]
}

/// A media state of the documented form, but larger than a workspace keeps.
fn too_large_a_state() -> (&'static str, Value) {
    let note = json!({"note": "x".repeat(3_000)});
    ("update-media-state", json!({"userMediaState": note}))
}

#[tokio::test]
async fn malformed_events_are_refused_before_and_after_auth() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut bob = server.join("bob").await;
    let mut stranger = server.connect(Flavour::Js4WebSocket, "stranger").await;
    // An event is read before it is asked who sent it.
    for (name, data) in malformed_events() {
        let what = data.to_string();
        let what = &what[..what.len().min(80)];
        assert_eq!(
            stranger.ask_refused(name, data.clone()).await,
            "invalid-data",
            "{name} {what}"
        );
    }
    // What only the workspace can judge is not looked at for a stranger.
    let (name, data) = too_large_a_state();
    assert_eq!(stranger.ask_refused(name, data).await, "unauthenticated");
    let mut ann = server.join("ann").await;
    // So that a media state is not refused for want of a channel.
    ann.ask_ok("select-channel", json!({"channelId": "c"}))
        .await;
    bob.heard().await;
    for (name, data) in malformed_events().into_iter().chain([too_large_a_state()]) {
        let what = data.to_string();
        let what = &what[..what.len().min(80)];
        assert_eq!(
            ann.ask_refused(name, data.clone()).await,
            "invalid-data",
            "{name} {what}"
        );
    }
    assert_eq!(bob.heard().await, [], "nobody else is disturbed");
}

#[tokio::test]
async fn an_event_without_its_object_is_refused() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    for name in [
        "auth",
        "select-channel",
        "update-media-state",
        "update-online-status",
    ] {
        let answer = ann.ask_all(name, vec![]).await;
        assert_eq!(
            wardroom_tests::client::refusal(&answer),
            "invalid-data",
            "{name}"
        );
    }
}

#[tokio::test]
async fn binary_is_refused_by_every_protocol() {
    let server = Server::start().await;
    for flavour in [
        Flavour::Js4WebSocket,
        Flavour::Js4Polling,
        Flavour::Js2WebSocket,
    ] {
        let mut ann = server.join_as(flavour, "ann").await;
        let bytes = json!({"$bytes": "00ff"});
        let answer = ann.ask_all("select-channel", vec![bytes]).await;
        assert_eq!(
            wardroom_tests::client::refusal(&answer),
            "invalid-data",
            "{flavour:?}"
        );
        // The socket goes on as if nothing had been.
        ann.heard().await;
        assert_eq!(ann.heard().await, []);
    }
}

#[tokio::test]
async fn events_before_auth_are_refused() {
    let server = Server::start().await;
    let mut client = server.connect(Flavour::Js4WebSocket, "client").await;
    let events = [
        ("select-channel", json!({"channelId": "c"})),
        ("unselect-channel", json!({})),
        ("update-media-state", json!({"userMediaState": {}})),
        ("update-online-status", json!({"onlineStatus": "idle"})),
        ("get-state", json!({})),
    ];
    for (name, data) in events {
        assert_eq!(
            client.ask_refused(name, data).await,
            "unauthenticated",
            "{name}"
        );
    }
}

#[tokio::test]
async fn unknown_workspaces_and_channels_are_refused() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    let channel = json!({"channelId": "nowhere"});
    assert_eq!(
        ann.ask_refused("select-channel", channel).await,
        "channel-not-found"
    );
    let token = token::token("ann", WORKSPACE);
    let auth = json!({"token": token, "workspaceId": "nowhere"});
    assert_eq!(ann.ask_refused("auth", auth).await, "workspace-forbidden");
    ann.heard().await;
    assert_eq!(ann.heard().await, [], "and stays where it was");
}

/// What a packet is answered with.
#[derive(Debug, PartialEq)]
enum Answered {
    /// `socket-api-error` with `invalid-data`; the connection goes on.
    Refused,
    /// The same, and then the end of the connection: nothing after it could be understood.
    Told,
    /// The end of the connection.
    Closed,
    /// Nothing, as the protocols want it for what is not for the server.
    Ignored,
}

async fn answer_to(server: &Server, packet: &str, expected: &Answered) -> Answered {
    let mut raw = Raw::join(server, "eve").await;
    raw.text(packet).await;
    if matches!(expected, Answered::Refused | Answered::Ignored) {
        // Its refusal marks the end of what the packet caused.
        raw.emit("marker", &json!({})).await;
    }
    let mut answered = Answered::Ignored;
    loop {
        match raw.packet().await {
            None if answered == Answered::Refused => return Answered::Told,
            None => return Answered::Closed,
            Some(told) if told.contains("\"event\":\"marker\"") => return answered,
            Some(told) if told.contains("\"code\":\"invalid-data\"") => {
                answered = Answered::Refused;
            }
            Some(_) => {}
        }
    }
}

#[tokio::test]
async fn packets_that_are_none_are_refused_or_end_the_connection() {
    use Answered::{Ignored, Refused, Told};
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    let long = format!("42[\"auth\",\"{}\"]", "x".repeat(200_000));
    let deep = format!("42[\"auth\",{}1{}]", "[".repeat(60_000), "]".repeat(60_000));
    let packets = [
        // No Engine.IO.
        ("hello", Told),
        ("", Told),
        ("9", Told),
        ("\u{0}", Told),
        (&long, Told),
        // Engine.IO that a client does not send at this time.
        ("0", Told),
        ("5", Told),
        ("6", Told),
        // No Socket.IO.
        ("4", Told),
        ("42", Told),
        ("42[", Told),
        ("42{}", Told),
        ("42[\"auth\",", Told),
        ("42[5,{}]", Refused),
        ("42[null]", Refused),
        ("42[]", Refused),
        ("49", Told),
        ("45-[\"auth\"]", Refused),
        ("45999999-[\"auth\",{}]", Refused),
        ("44{\"message\":\"x\"}", Told),
        // Socket.IO without sense.
        ("42[\"auth\",{\"token\":\"\\ud800\"}]", Refused),
        ("42999999999999999999999[\"auth\",{}]", Refused),
        (&deep, Refused),
        ("4399[{}]", Ignored),
        ("42/other,[\"auth\",{}]", Ignored),
        ("40/other,", Ignored),
    ];
    let mut wrong = Vec::new();
    for (packet, expected) in packets {
        let answered = answer_to(&server, packet, &expected).await;
        if answered != expected {
            let shown: String = packet.chars().take(40).collect();
            wrong.push(format!("{shown:?}: {answered:?}, not {expected:?}"));
        }
        server.backend().kick("eve").await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_only_statuses(&bob.heard().await);
    assert_eq!(server.log().count("panicked"), 0);
}

#[tokio::test]
async fn text_in_the_place_of_an_attachment_ends_the_connection() {
    let server = Server::start().await;
    let mut raw = Raw::join(&server, "eve").await;
    raw.text("451-[\"auth\",{\"_placeholder\":true,\"num\":0}]")
        .await;
    raw.emit("get-state", &json!({})).await;
    raw.events_until_closed().await;
}

#[tokio::test]
async fn binary_messages_without_a_packet_disturb_nobody() {
    let server = Server::start().await;
    let mut bob = server.join("bob").await;
    for bytes in [&[][..], &[4][..], &[0xff; 1000][..]] {
        let mut raw = Raw::join(&server, "eve").await;
        raw.binary(bytes).await;
        raw.emit("marker", &json!({})).await;
        while let Some(packet) = raw.packet().await {
            if packet.contains("marker") {
                break;
            }
        }
        server.backend().kick("eve").await;
    }
    assert_only_statuses(&bob.heard().await);
}

/// The only thing that others may hear of a misbehaving client is that it comes and goes.
fn assert_only_statuses(heard: &[wardroom_tests::Event]) {
    for event in heard {
        assert_eq!(event.name, "online-status-updated", "{heard:?}");
        assert_eq!(event.data["userId"], "eve", "{heard:?}");
    }
}

#[tokio::test]
async fn a_client_that_floods_is_bounded_and_disturbs_nobody() {
    let server = Server::with().set("presence.grace", "0s").start().await;
    let mut bob = server.join("bob").await;
    let eve = Raw::join(&server, "eve").await;
    bob.heard().await;
    let undisturbed = async {
        for status in ["idle", "online"] {
            let data = json!({"onlineStatus": status});
            bob.ask_ok("update-online-status", data).await;
        }
    };
    // What comes at once is answered, further events are refused for their rate, and in the end the
    // client that goes on is closed.
    let data = json!({});
    let (heard, ()) = tokio::join!(eve.flood("unselect-channel", &data), undisturbed);
    assert_eq!(closing_code(&heard), "rate-limited");
    let errors = heard
        .iter()
        .filter(|event| event.name == "socket-api-error");
    let codes: Vec<_> = errors.map(|event| event.data["code"].as_str()).collect();
    let (answered, refused) = codes.split_at(500);
    let is = |code| move |found: &Option<&str>| *found == Some(code);
    assert!(answered.iter().all(is("channel-not-selected")));
    assert!(refused.iter().filter(|it| is("rate-limited")(it)).count() > 1000);
    let mut bob_heard = vec![bob.next().await, bob.next().await, bob.next().await];
    // Eve's end may come anywhere between Bob's own events.
    bob_heard.sort_by_key(|event| event.data["userId"] == "eve");
    let expected = [
        status("bob", "idle"),
        status("bob", "online"),
        status("eve", "offline"),
    ];
    assert_eq!(bob_heard, expected);
    assert_eq!(bob.heard().await, []);
}

#[tokio::test]
async fn what_was_kept_while_offline_gets_through_at_once() {
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut raw = Raw::join(&server, "eve").await;
    for number in 0..300 {
        let data = json!({"channelId": "c", "userMediaState": {"number": number}});
        raw.ask(number, "select-channel", &data).await;
    }
    let mut answered = Vec::new();
    while answered.len() < 300 {
        match raw.heard().await.expect("it stays") {
            Heard::Ack(number, answer) => {
                assert_eq!(answer["ok"], true, "{answer}");
                answered.push(number);
            }
            Heard::Event(event) => assert_ne!(event.name, "socket-api-error"),
        }
    }
    assert!(answered.into_iter().eq(0..300));
}

#[tokio::test]
async fn the_log_says_each_refusal_once() {
    let server = Server::start().await;
    let mut ann = server.join("ann").await;
    let nowhere = json!({"channelId": "nowhere"});
    ann.ask_refused("select-channel", nowhere).await;
    ann.ask_refused("no-such-event", json!({})).await;
    let forged = token::signed_with(Algorithm::HS256, &"x".repeat(64), &json!({"sub": "eve"}));
    let auth = json!({"token": forged, "workspaceId": WORKSPACE});
    ann.ask_refused("auth", auth).await;
    let backend = server.backend();
    backend.refused("PUT", &member("m"), &json!([])).await;
    backend
        .refused("DELETE", &member("nobody"), &Value::Null)
        .await;
    // An answer may be sent before its line is written, and the line is read by a thread.
    let last = server
        .log()
        .entry("of the last refusal", |entry| entry["method"] == "DELETE");
    last.await;

    let entries = server.log().entries();
    let ready = entries.iter().position(|entry| entry["message"] == "ready");
    let said = &entries[ready.expect("it was waited for") + 1..];
    let fields = ["message", "event", "method", "path", "code"];
    let said: Vec<_> = said
        .iter()
        // The server settles beside its start, and may be done with it after it is ready.
        .filter(|entry| entry["message"] != "settled under the present policies")
        // Who called is said of every call, refused or not.
        .filter(|entry| entry["target"] != "wardroom::audit")
        .map(|entry| fields.map(|field| entry[field].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ["refused", "select-channel", "", "", "channel-not-found"],
        ["refused", "no-such-event", "", "", "invalid-data"],
        ["refused", "auth", "", "", "invalid-token"],
        ["refused", "", "PUT", &member("m"), "invalid-data"],
        [
            "refused",
            "",
            "DELETE",
            &member("nobody"),
            "member-not-found",
        ],
    ];
    assert_eq!(said, expected);
    let of_token = |entry: &&Value| entry["code"] == "invalid-token";
    let of_token = entries.iter().find(of_token).expect("found above");
    let reason = of_token["reason"].as_str().unwrap_or_default();
    assert!(!reason.is_empty(), "no reason: {of_token}");
    assert_eq!(server.log().count(&forged), 0);
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    // A newer client may send more than this server knows.
    let server = Server::start().await;
    server.backend().put_channel("c", &json!({})).await;
    let mut ann = server.join("ann").await;
    ann.ask_ok(
        "select-channel",
        json!({"channelId": "c", "later": {"a": [1]}}),
    )
    .await;
    let more = vec![json!({"onlineStatus": "idle"}), json!("one more argument")];
    let answer = ann.ask_all("update-online-status", more).await;
    assert_eq!(answer, json!({"ok": true}));
    let heard = ann.heard().await;
    let idle = event(
        "online-status-updated",
        json!({"userId": "ann", "onlineStatus": "idle"}),
    );
    assert_eq!(heard.last(), Some(&idle));
}
