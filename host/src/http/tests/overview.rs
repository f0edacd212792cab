//! What there is: workspaces, members, users; and the end of a user.

use super::*;

#[tokio::test]
async fn workspaces_come_in_pages() {
    let server = furnished().await;
    for id in ["b", "a", "ж", "c"] {
        let path = format!("/v1/workspaces/{}", if id == "ж" { "%D0%B6" } else { id });
        let body = json!({"members": {}, "channels": {}});
        server.put(&path, body).await.is(201);
    }
    server.connect("w", "u1", "s1").await;
    for limit in 1..=6 {
        let mut seen = Vec::new();
        let mut path = format!("/v1/workspaces?limit={limit}");
        loop {
            let body = server.get(&path).await.is(200);
            let page = body["workspaces"].as_array().unwrap();
            assert!(page.len() <= limit && !page.is_empty());
            seen.extend(page.iter().cloned());
            let Some(next) = body["next"].as_str() else {
                break;
            };
            path = format!("/v1/workspaces?limit={limit}&cursor={next}");
        }
        let ids: Vec<_> = seen.iter().map(|one| one["workspaceId"].clone()).collect();
        assert_eq!(ids, ["a", "b", "c", "w", "ж"], "in pages of {limit}");
        let full = json!({"workspaceId": "w", "members": 2, "channels": 2, "connections": 1});
        assert_eq!(seen[3], full);
    }
    for wrong in ["?limit=0", "?limit=1001", "?cursor=%21", "?all=1"] {
        let path = format!("/v1/workspaces{wrong}");
        server.get(&path).await.problem("invalid-data");
    }
    let body = Server::new().get("/v1/workspaces").await.is(200);
    assert_eq!(body, json!({"workspaces": [], "next": null}));
}

#[tokio::test]
async fn a_member_and_a_guest_are_read() {
    let server = furnished().await;
    server.connect("w", "u1", "s1").await;
    server.connect("w", "guest", "s2").await;
    let body = json!({"userId": "u1", "channelId": "c"});
    let path = "/v1/connections/s1/select-channel";
    server.post(path, body).await.is(200);
    let member = server.get("/v1/workspaces/w/members/u1").await.is(200);
    let whole = server.get("/v1/workspaces/w").await.is(200);
    for (key, value) in whole["members"]["u1"].as_object().unwrap() {
        assert_eq!(&member[key], value, "{key}");
    }
    let own = ["workspaceId", "userId", "member", "connections"].map(|key| member[key].clone());
    assert_eq!(own, [json!("w"), json!("u1"), json!(true), json!(1)]);
    let guest = server.get("/v1/workspaces/w/members/guest").await.is(200);
    assert_eq!(
        (&guest["member"], &guest["user"]),
        (&json!(false), &json!({"id": "guest"}))
    );
    let nobody = server.get("/v1/workspaces/w/members/nobody").await;
    nobody.problem("member-not-found");
    let nowhere = server.get("/v1/workspaces/none/members/u1").await;
    nowhere.problem("workspace-not-found");
}

/// `u1` in three workspaces, as a member, as a guest, and on a list of a channel alone.
async fn scattered() -> Server {
    let server = furnished().await;
    for (id, members) in [("v", json!([])), ("x", json!(["u1", "u2"]))] {
        let channel = json!({"private": true, "members": members});
        let body = json!({"members": {"u2": {}}, "channels": {"c": channel}});
        let path = format!("/v1/workspaces/{id}");
        server.put(&path, body).await.is(201);
    }
    server.connect("w", "u1", "s1").await;
    server.connect("w", "u1", "s2").await;
    server.connect("v", "u1", "s3").await;
    server
}

#[tokio::test]
async fn a_user_is_read_with_all_their_workspaces() {
    let server = scattered().await;
    let there = |id: &str, member: bool, connections: u64| {
        json!({
            "workspaceId": id, "member": member, "role": null, "onlineStatus": "online",
            "selectedChannelId": null, "connections": connections,
        })
    };
    let body = server.get("/v1/users/u1").await.is(200);
    let expected = json!({
        "userId": "u1", "user": {"id": "u1", "name": "Ann"}, "next": null,
        "workspaces": [there("v", false, 1), there("w", true, 2)],
    });
    assert_eq!(body, expected);
    let first = server.get("/v1/users/u1?limit=1").await.is(200);
    assert_eq!(first["workspaces"], json!([there("v", false, 1)]));
    let path = format!(
        "/v1/users/u1?limit=1&cursor={}",
        first["next"].as_str().unwrap()
    );
    let second = server.get(&path).await.is(200);
    assert_eq!(second["workspaces"], json!([there("w", true, 2)]));
    assert_eq!(second["next"], Value::Null);
    server
        .get("/v1/users/nobody")
        .await
        .problem("member-not-found");
    server
        .get("/v1/users/u1?limit=x")
        .await
        .problem("invalid-data");
}

#[tokio::test]
async fn a_user_is_forgotten_everywhere() {
    let server = scattered().await;
    let (mut w, mut v) = (server.follow("w"), server.follow("v"));
    let done = server.delete("/v1/users/u1").await.is(200);
    let there = |id: &str| json!({"workspaceId": id, "outcome": "changed"});
    assert_eq!(
        done["workspaces"],
        json!([there("v"), there("w"), there("x")])
    );
    let heard = w.next().await;
    assert_eq!(
        heard[..4],
        [
            "u1 Offline",
            "left u1",
            "closed s1 MembershipEnded",
            "closed s2 MembershipEnded"
        ]
    );
    assert_eq!(v.next().await, ["u1 Offline", "closed s3 Kicked"]);
    for id in ["v", "w", "x"] {
        let body = server.get(&format!("/v1/workspaces/{id}")).await.is(200);
        let listed = body["channels"].to_string() + &body["members"].to_string();
        assert!(!listed.contains("u1"), "{id}: {body}");
    }
    server.get("/v1/users/u1").await.problem("member-not-found");
    server
        .delete("/v1/users/u1")
        .await
        .problem("member-not-found");
    server.get("/v1/workspaces/x/members/u2").await.is(200);
}

#[tokio::test]
async fn an_event_reaches_a_user_wherever_they_are() {
    let server = scattered().await;
    let (mut w, mut v) = (server.follow("w"), server.follow("v"));
    let path = "/v1/users/u1/events";
    let body = json!({"event": "news", "data": {"n": 1}});
    let done = server.post(path, body.clone()).await.is(200);
    let there = done["workspaces"].as_array().unwrap();
    let told: Vec<_> = there
        .iter()
        .map(|one| (one["workspaceId"].clone(), one["connections"].clone()))
        .collect();
    assert_eq!(told, [(json!("v"), json!(1)), (json!("w"), json!(2))]);
    let heard = r#"news {"n":1} Users({"u1"})"#;
    assert_eq!(
        (w.next().await, v.next().await),
        (vec![heard.into()], vec![heard.into()])
    );
    let mut one = body.clone();
    one["workspaceId"] = json!("v");
    let done = server.post(path, one).await.is(200);
    assert_eq!(done["workspaces"].as_array().unwrap().len(), 1);
    let done = server
        .post("/v1/users/nobody/events", body.clone())
        .await
        .is(200);
    assert_eq!(done["workspaces"], json!([]));
    for (key, wrong) in [
        ("event", json!("connect")),
        ("event", json!("channel-created")),
        ("workspaceId", json!("")),
        ("to", json!({"workspace": true})),
    ] {
        let mut body = body.clone();
        body[key] = wrong;
        server.post(path, body).await.problem("invalid-data");
    }
    let mut body = body;
    body["workspaceId"] = json!("none");
    server.post(path, body).await.problem("workspace-not-found");
}

#[tokio::test]
async fn publishing_tells_the_place_and_how_many_it_reaches() {
    let server = furnished().await;
    for (user, socket) in [("u1", "s1"), ("u1", "s2"), ("u2", "s3"), ("u2", "held")] {
        server.connect("w", user, socket).await;
    }
    let lost = Command::Disconnect {
        socket: SocketId::new("held").unwrap(),
        leave: Leave::Lost {
            grace: wardroom_domain::Millis(60_000),
            grace_in_channel: wardroom_domain::Millis(60_000),
        },
    };
    server
        .committer
        .run(&workspace("w"), lost, None)
        .await
        .unwrap();
    let body = json!({"userId": "u1", "channelId": "p"});
    let path = "/v1/connections/s1/select-channel";
    server.post(path, body).await.is(200);
    let mut last = 0;
    for (to, connections) in [
        (json!({"workspace": true}), 3),
        (json!({"channel": "p"}), 2),
        (json!({"conversation": "p"}), 1),
        (json!({"users": ["u2", "nobody"]}), 1),
        (json!({"sockets": ["s1", "s3", "gone"]}), 2),
        (json!({"users": []}), 0),
    ] {
        let body = json!({"event": "e", "to": to});
        let told = server.post("/v1/workspaces/w/events", body).await.is(200);
        assert_eq!(told["connections"], connections, "{to}");
        assert_eq!(told["outcome"], "changed");
        let offset = told["offset"].as_u64().unwrap();
        assert!(offset > last, "{offset} after {last}");
        last = offset;
    }
}

#[tokio::test]
async fn a_drain_does_not_wait_for_half_a_request() {
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::default());
    let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
    let committer = Arc::new(Committer::new(store, Arc::new(NoPolicies), metrics.clone()));
    let ops = Arc::new(Drained(false));
    let api = Api::new(
        committer,
        Arc::new(Keys),
        ops,
        metrics,
        BodyLimits::default(),
    );
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(super::super::serve(listener, Arc::new(api), stop.clone()));
    let open = async |text: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    };
    let mut whole = open("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".into()).await;
    let mut answer = [0; 12];
    whole.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let head = "PUT /v1/workspaces/w HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n";
    let key = format!("Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n\r\n{{");
    let half = [open(head.into()).await, open(format!("{head}{key}")).await];
    // Both are there before the end begins: a call behind them on the same thread is answered.
    let mut behind = open("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".into()).await;
    behind.read_exact(&mut answer).await.unwrap();
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(9), serving).await;
    assert!(ended.is_ok(), "it waits for {half:?}");
}
