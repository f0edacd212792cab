//! What somebody has who runs `cargo xtask run` and reads what is printed.

use serde_json::{Value, json};
use wardroom_tests::{Backend, Client, Demo, Flavour};

use crate::exchange;

#[tokio::test]
async fn with_what_is_printed_two_stock_clients_exchange_every_documented_event() {
    let demo = Demo::start();
    let clients = demo.printed("clients").await;
    let workspace = demo.printed("workspace").await;
    let join = async |user: &str| {
        let mut client = Client::start(Flavour::Js4WebSocket, user);
        client.connect_to(&clients, Value::Null, &[]);
        let token = demo.printed(user).await;
        let auth = json!({"token": token, "workspaceId": workspace});
        client.ask_ok("auth", auth).await;
        client.heard().await;
        client
    };
    exchange::every_event_between(&demo.backend().await, join).await;
}

#[tokio::test]
async fn the_printed_page_is_there_and_knows_the_printed_users() {
    let demo = Demo::start();
    let url = demo.printed("demo page").await;
    let page = Backend::fetch(&url).await;
    assert_eq!(
        (page.status, &*page.content_type),
        (200, "text/html; charset=utf-8")
    );
    let users = Backend::fetch(&format!("{url}/users.json")).await;
    assert_eq!(users.body["workspace"], demo.printed("workspace").await);
    let users = users.body["users"].as_array().expect("users are a list");
    assert!(users.len() >= 2, "{users:?}");
    for user in users {
        let id = user["id"].as_str().expect("an id is a string");
        assert_eq!(user["token"], demo.printed(id).await, "{id}");
    }
}
