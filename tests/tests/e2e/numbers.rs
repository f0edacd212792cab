//! What is kept as sent keeps the text of its numbers, on every way through the server.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use wardroom_tests::server::WORKSPACE;
use wardroom_tests::settings::API_KEY;
use wardroom_tests::{Backend, Raw, Server, paths};

use crate::admission::entry;

/// Numbers as backends and clients write them, always the same ones: coordinates, long integers,
/// exponents, zeros.
fn numbers() -> Vec<String> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = |below: u64| {
        // xorshift64, which needs no library.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut numbers: Vec<String> = [
        "117.63333139400017",
        "12345678901234567890123",
        "-0",
        "-0.0",
        "1E+2",
        "1.50",
        "5e-324",
        "1e-400",
    ]
    .map(str::to_owned)
    .into();
    while numbers.len() < 1_000 {
        let sign = if next(2) == 0 { "-" } else { "" };
        let digits = format!("{:014}{:03}", next(100_000_000_000_000), next(1_000));
        numbers.push(match next(4) {
            0 => format!("{sign}{}{digits}{digits}", 1 + next(9)),
            1 => format!("{sign}{}.{digits}e{}", next(10), next(250)),
            _ => format!("{sign}{}.{digits}", next(180)),
        });
    }
    numbers
}

/// Calls with a body that is a text of one's own, which must succeed.
async fn send(backend: &Backend, method: &str, path: &str, body: String) {
    let request = backend.request(method, path).bearer_auth(API_KEY);
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    let answer = backend.send(request).await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
}

/// A client that has entered by token.
async fn enter(server: &Server) -> Raw {
    let mut raw = Raw::connect(server).await;
    raw.emit("auth", &entry("ann", WORKSPACE, "member")).await;
    packet(&mut raw, "42[\"auth-success\"").await;
    raw
}

/// The text of the workspace, as the server writes it.
async fn workspace(backend: &Backend) -> String {
    let request = backend.request("GET", "/v1/workspaces/w");
    let answer = request.bearer_auth(API_KEY).send().await;
    let answer = answer.expect("the listener answers");
    answer.text().await.expect("the answer is whole")
}

/// The next packet that begins so.
async fn packet(raw: &mut Raw, begins: &str) -> String {
    loop {
        let packet = raw.packet().await.expect("the connection is open");
        if packet.starts_with(begins) {
            return packet;
        }
    }
}

/// The text of one list of numbers.
fn list(numbers: &[String]) -> String {
    format!("[{}]", numbers.join(","))
}

#[tokio::test]
async fn numbers_arrive_as_they_were_sent_on_every_way() {
    let secret: toml::Table = "[fields]\nsecret = [\"admin\"]".parse().expect("TOML");
    let settings = Server::with()
        .durable()
        .policy("profile-privacy", &paths::plugin("profile-privacy"))
        .policy_set("settings", secret);
    let mut server = settings.start().await;
    let backend = server.backend();
    let numbers = numbers();
    send(&backend, "PUT", "/v1/workspaces/w/channels/c", "{}".into()).await;
    let mut ann = enter(&server).await;

    // A profile, in a form that a policy made for some; attributes beside it.
    let parts: Vec<&[String]> = numbers.chunks(200).collect();
    for (place, part) in parts.iter().enumerate() {
        let at = list(part);
        let body = format!(r#"{{"user":{{"at":{at},"secret":1}},"attributes":{{"at":{at}}}}}"#);
        send(
            &backend,
            "PUT",
            &format!("/v1/workspaces/w/members/m{place}"),
            body,
        )
        .await;
        let told = packet(&mut ann, "42[\"user-joined\"").await;
        let user = format!(r#"{{"user":{{"at":{at},"id":"m{place}"}}}}"#);
        assert_eq!(told, format!(r#"42["user-joined",{user}]"#));
    }
    // An event of the application.
    let data = format!(r#"{{"at":{}}}"#, list(&numbers));
    let body = format!(r#"{{"event":"news","data":{data},"to":{{"workspace":true}}}}"#);
    send(&backend, "POST", "/v1/workspaces/w/events", body).await;
    let told = packet(&mut ann, "42[\"news\"").await;
    assert_eq!(told, format!(r#"42["news",{data}]"#));
    // A media state, from a socket.
    ann.emit("select-channel", &json!({"channelId": "c"})).await;
    packet(&mut ann, "42[\"user-selected-channel\"").await;
    for part in numbers.chunks(40) {
        let at = list(part);
        ann.text(&format!(
            r#"42["update-media-state",{{"userMediaState":{{"at":{at}}}}}]"#
        ))
        .await;
        let told = packet(&mut ann, "42[\"media-state-updated\"").await;
        assert!(told.contains(&format!(r#""at":{at}}}"#)), "{told}");
        let known = workspace(&backend).await;
        assert!(known.contains(&format!(r#""at":{at}}}"#)), "{known}");
    }
    // The state, to a client and to a backend, before a restart and after it.
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.start_again().await;
            ann = enter(&server).await;
        }
        ann.text(r#"427["get-state",{}]"#).await;
        let state = packet(&mut ann, "437[").await;
        let known = workspace(&server.backend()).await;
        for part in &parts {
            let at = list(part);
            assert!(state.contains(&format!(r#"{{"at":{at},"id""#)), "{state}");
            assert!(
                known.contains(&format!(r#""attributes":{{"at":{at}}}"#)),
                "{known}"
            );
            assert!(
                known.contains(&format!(r#""user":{{"at":{at},"id""#)),
                "{known}"
            );
        }
    }
}

#[tokio::test]
async fn another_spelling_of_the_same_numbers_is_no_change() {
    let server = Server::start().await;
    let backend = server.backend();
    let path = "/v1/workspaces/w/members/ann";
    for (numbers, outcome) in [
        ("[1.50,1e2,-0]", "created"),
        ("[1.5,100,0.0]", "unchanged"),
        ("[1.5,100,1]", "changed"),
    ] {
        let body = format!(r#"{{"user":{{"at":{numbers}}},"attributes":{{"at":{numbers}}}}}"#);
        let request = backend.request("PUT", path).bearer_auth(API_KEY);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answer = backend.send(request).await;
        assert_eq!(answer.body["outcome"], Value::from(outcome), "{numbers}");
    }
}
