//! `profile-privacy`: people of different roles see one profile differently, in events and in the state.

use serde_json::{Value, json};
use wardroom_tests::{Client, Event, Flavour, Server, event};

use super::with_policy;
use crate::admission::enter;

const SETTINGS: &str = r#"
    [fields]
    email = ["admin", "support"]
    phone = ["admin"]
    birthday = []
"#;

fn profile(name: &str) -> Value {
    json!({
        "id": "zoe", "name": name, "email": "zoe@example.com", "phone": "+49 170 1234567",
        "birthday": "1990-01-31",
    })
}

/// A profile as somebody sees it who does not see these fields.
fn without(profile: &Value, hidden: &[&str]) -> Value {
    let mut profile = profile.clone();
    let fields = profile.as_object_mut().expect("a profile is an object");
    fields.retain(|field, _| !hidden.contains(&field.as_str()));
    profile
}

/// What the state says of Zoe.
async fn shown(client: &mut Client) -> Value {
    let state = client.state().await;
    let members = state["members"].as_array().expect("members are a list");
    let zoe = members.iter().find(|it| it["user"]["id"] == "zoe");
    zoe.expect("she is a member")["user"].clone()
}

async fn server() -> Server {
    with_policy("profile-privacy", SETTINGS).start().await
}

fn of_zoe(heard: Vec<Event>) -> Vec<Event> {
    let told = |event: &Event| event.name == "user-joined" || event.name == "user-updated";
    heard.into_iter().filter(told).collect()
}

#[tokio::test]
async fn two_roles_see_one_profile_differently_and_the_state_alike() {
    let server = server().await;
    let backend = server.backend();
    let mut people = Vec::new();
    for (user, role, hidden) in [
        ("root", "admin", &["birthday"][..]),
        ("sue", "support", &["birthday", "phone"]),
        ("ann", "member", &["birthday", "email", "phone"]),
    ] {
        people.push((enter(&server, user, role).await, hidden));
    }
    for (client, _) in &mut people {
        client.heard().await;
    }
    let member = "/v1/workspaces/w/members/zoe";
    backend
        .ok("PUT", member, &json!({"user": profile("Zoe")}))
        .await;
    backend
        .ok("PUT", "/v1/users/zoe", &json!({"user": profile("Zoë")}))
        .await;
    for (client, hidden) in &mut people {
        let joined = json!({"user": without(&profile("Zoe"), hidden)});
        let updated = json!({"user": without(&profile("Zoë"), hidden)});
        assert_eq!(
            client.heard().await,
            [event("user-joined", joined), event("user-updated", updated)],
            "without {hidden:?}"
        );
        assert_eq!(shown(client).await, without(&profile("Zoë"), hidden));
    }
    // Who comes later finds the same, whatever the client.
    for flavour in [Flavour::Js4Polling, Flavour::Js2WebSocket] {
        let mut late = server.join_as(flavour, "late").await;
        let hidden = ["birthday", "email", "phone"];
        assert_eq!(shown(&mut late).await, without(&profile("Zoë"), &hidden));
    }
    // The backend knows all of it.
    let truth = backend.workspace().await;
    assert_eq!(truth["members"]["zoe"]["user"], profile("Zoë"));
}

#[tokio::test]
async fn everybody_sees_all_of_their_own_profile_and_a_changed_role_is_followed() {
    let server = server().await;
    let backend = server.backend();
    let member = "/v1/workspaces/w/members/zoe";
    backend
        .ok("PUT", member, &json!({"user": profile("Zoe")}))
        .await;
    let mut zoe = server.join("zoe").await;
    assert_eq!(shown(&mut zoe).await, profile("Zoe"));
    let ann = "/v1/workspaces/w/members/ann";
    backend.ok("PUT", ann, &json!({"role": "member"})).await;
    let mut ann_here = server.join("ann").await;
    zoe.heard().await;
    let body = json!({"user": profile("Zoë")});
    backend.ok("PUT", "/v1/users/zoe", &body).await;
    assert_eq!(of_zoe(zoe.heard().await), [event("user-updated", body)]);
    let hidden = ["birthday", "email", "phone"];
    let seen = json!({"user": without(&profile("Zoë"), &hidden)});
    assert_eq!(
        of_zoe(ann_here.heard().await),
        [event("user-updated", seen)]
    );
    // From now on she is support.
    backend.ok("PUT", ann, &json!({"role": "support"})).await;
    let hidden = ["birthday", "phone"];
    assert_eq!(
        shown(&mut ann_here).await,
        without(&profile("Zoë"), &hidden)
    );
    ann_here.heard().await;
    let body = json!({"user": profile("Zoe")});
    backend.ok("PUT", "/v1/users/zoe", &body).await;
    let seen = json!({"user": without(&profile("Zoe"), &hidden)});
    assert_eq!(
        of_zoe(ann_here.heard().await),
        [event("user-updated", seen)]
    );
}
