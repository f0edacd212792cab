//! Answers to `get-state` that take their time: who waits for them, and who does not.

use wardroom_domain::{Command, Json, MemberSpec, UserId};

use super::clients::{Polling, WebSocket};
use super::conversing::{House, auth, online};
use super::*;

/// Waits until an answer is being made.
async fn being_made(house: &House) {
    let made = async {
        while !house.states().is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, made).await.expect("in time");
}

/// A client that has asked for the state and waits, after which somebody came; and who else saw that.
async fn waiting(house: &House) -> (WebSocket, WebSocket) {
    let mut asker = house.client("asker").await;
    let mut other = house.client("other").await;
    asker.until(&online("other")).await;
    asker.send(r#"427["get-state",{}]"#).await;
    being_made(house).await;
    house.client("third").await;
    assert_eq!(other.until(&online("third")).await.len(), 1);
    (asker, other)
}

#[tokio::test]
async fn an_answer_that_waits_for_room_holds_up_nobody_else_and_keeps_its_place() {
    let house = House::start(Settings::default()).await;
    let room = house.states().all_room().await;
    let (mut asker, _other) = waiting(&house).await;
    drop(room);
    let seen = asker.until(&online("third")).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(
        seen[0].starts_with(r#"437[{"ok":true,"members":["#),
        "{seen:?}"
    );
    assert!(
        seen[0].contains("other") && !seen[0].contains("third"),
        "{seen:?}"
    );
    assert!(asker.ask("get-state", "{}").await[0].contains("third"));
}

#[tokio::test]
async fn who_is_closed_while_an_answer_is_made_reads_what_came_after_it_and_why() {
    let house = House::start(Settings::default()).await;
    let _room = house.states().all_room().await;
    let (mut asker, _other) = waiting(&house).await;
    let user = UserId::new("asker").unwrap();
    house.run(Command::Kick { user }).await;
    let seen = asker.rest().await;
    assert_eq!(seen[0], online("third"), "{seen:?}");
    assert!(seen.concat().contains("kicked"), "{seen:?}");
    assert!(!seen.concat().contains("members"), "{seen:?}");
}

#[tokio::test]
async fn a_client_is_not_slow_for_a_large_answer_as_long_as_it_takes_of_it() {
    const MEMBERS: usize = 800;
    let house = House::start(Settings {
        max_output_bytes: 16 * 1024,
        ..Settings::default()
    })
    .await;
    let mut asker = house.client("asker").await;
    let mut other = house.client("other").await;
    asker.until(&online("other")).await;
    let filler = "x".repeat(16_000);
    for number in 0..MEMBERS {
        let profile = Json::from_canonical(&format!(r#"{{"id":"m{number}","about":"{filler}"}}"#));
        let put = Command::PutMember {
            user: UserId::new(&format!("m{number}")).unwrap(),
            spec: MemberSpec::default(),
            default_profile: profile,
        };
        house.run(put).await;
        let joined = format!(r#""id":"m{number}""#);
        asker.until_containing(&joined).await;
        other.until_containing(&joined).await;
    }
    // It takes nothing of its answer while things happen.
    asker.send(r#"427["get-state",{}]"#).await;
    asker.send(r#"428["get-state",{}]"#).await;
    for number in 0..20 {
        let name = format!("late{number}");
        let _late = house.client(&name).await;
        other.until(&online(&name)).await;
    }
    let seen = asker.until(&online("late19")).await;
    let answer = seen.iter().position(|packet| packet.starts_with("437["));
    let before = seen[..answer.unwrap()].iter();
    assert!(
        before.clone().all(|packet| packet.contains("late")),
        "{}",
        before.len()
    );
    assert!(seen[answer.unwrap()].len() > MEMBERS * filler.len());
    // The next one has no place before the first has left.
    assert!(!seen.iter().any(|packet| packet.starts_with("438[")));
    asker.until_containing("438[").await;
}

#[tokio::test]
async fn who_leaves_while_an_answer_is_made_is_not_waited_for() {
    let house = House::start(Settings::default()).await;
    let _room = house.states().all_room().await;
    let (mut asker, mut other) = waiting(&house).await;
    let begun = std::time::Instant::now();
    asker.send("41").await;
    let gone = online("asker").replace(r#""online"}"#, r#""offline"}"#);
    other.until(&gone).await;
    assert!(begun.elapsed() < crate::limits::STATE_PATIENCE / 2);
}

#[tokio::test]
async fn who_polls_is_not_slow_for_a_large_answer() {
    let house = House::start(Settings {
        max_output_bytes: 16 * 1024,
        ..Settings::default()
    })
    .await;
    let filler = "x".repeat(15_000);
    for number in 0..10 {
        let profile = Json::from_canonical(&format!(r#"{{"id":"m{number}","about":"{filler}"}}"#));
        let put = Command::PutMember {
            user: UserId::new(&format!("m{number}")).unwrap(),
            spec: MemberSpec::default(),
            default_profile: profile,
        };
        house.run(put).await;
    }
    let client = Polling::join(house.address).await;
    client.post(&format!("42[\"auth\",{}]", auth("ann"))).await;
    while !client.poll().await.concat().contains("auth-success") {}
    client.post(r#"427["get-state",{}]"#).await;
    let waits = async {
        while house.states().taken() == 0 || house.states().is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits)
        .await
        .expect("it waits");
    for name in ["bob", "eve"] {
        house.client(name).await;
    }
    let mut seen = Vec::new();
    while !seen.contains(&online("eve")) {
        seen.extend(client.poll().await);
    }
    assert!(seen.iter().any(|packet| packet.starts_with("437[")));
}

#[tokio::test]
async fn a_copy_for_who_polls_takes_room_until_it_is_fetched() {
    let house = House::start(Settings::default()).await;
    let client = Polling::join(house.address).await;
    client.post(&format!("42[\"auth\",{}]", auth("ann"))).await;
    while !client.poll().await.concat().contains("auth-success") {}
    client.post(r#"427["get-state",{}]"#).await;
    let waits = async {
        while house.states().taken() == 0 || house.states().is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waits)
        .await
        .expect("it waits");
    let answer = client.poll().await.concat();
    assert!(answer.contains("437["), "{answer}");
    let leaves = async {
        while house.states().taken() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, leaves)
        .await
        .expect("it left");
}
