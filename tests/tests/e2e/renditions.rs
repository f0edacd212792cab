//! Policies of events: each person gets the form for them, in one order, and the state tells the
//! same story.

use serde_json::{Value, json};
use wardroom_tests::event;

use crate::admission::{enter, strict};

fn profile(name: &str) -> Value {
    json!({"id": "zoe", "name": name, "email": "zoe@example.com"})
}

#[tokio::test]
async fn each_role_gets_its_form_and_the_state_agrees() {
    let server = strict().await;
    let backend = server.backend();
    let mut boss = enter(&server, "boss", "staff").await;
    let mut ann = enter(&server, "ann", "member").await;
    boss.heard().await;
    let member = "/v1/workspaces/w/members/zoe";
    let body = json!({"user": profile("Zoe")});
    backend.ok("PUT", member, &body).await;
    let body = json!({"user": profile("Zoë")});
    backend.ok("PUT", "/v1/users/zoe", &body).await;
    let bare = json!({"user": {"id": "zoe"}});
    assert_eq!(
        boss.heard().await,
        [
            event("user-joined", json!({"user": profile("Zoe")})),
            event("user-updated", json!({"user": profile("Zoë")})),
        ]
    );
    assert_eq!(
        ann.heard().await,
        [
            event("user-joined", bare.clone()),
            event("user-updated", bare)
        ]
    );

    let shown = |state: Value| {
        let members = state["members"].as_array().cloned().unwrap_or_default();
        let zoe = members.into_iter().find(|it| it["user"]["id"] == "zoe");
        zoe.expect("zoe is a member")["user"].clone()
    };
    assert_eq!(shown(boss.state().await), profile("Zoë"));
    assert_eq!(shown(ann.state().await), json!({"id": "zoe"}));
    let truth = backend.ok("GET", "/v1/workspaces/w", &Value::Null).await;
    assert_eq!(truth.body["members"]["zoe"]["user"], profile("Zoë"));
}

#[tokio::test]
async fn what_is_withheld_leaves_no_gap_in_the_order() {
    let server = strict().await;
    let backend = server.backend();
    let mut boss = enter(&server, "boss", "staff").await;
    let mut ann = enter(&server, "ann", "member").await;
    boss.heard().await;
    for number in 0..50 {
        for name in ["for-all", "for-staff", "withheld"] {
            let body = json!({"event": name, "data": number, "to": {"workspace": true}});
            backend.ok("POST", "/v1/workspaces/w/events", &body).await;
        }
    }
    let of = |names: &[&str]| -> Vec<_> {
        let numbers = 0..50;
        let each = |number| names.iter().map(move |name| event(name, json!(number)));
        numbers.flat_map(each).collect()
    };
    assert_eq!(boss.heard().await, of(&["for-all", "for-staff"]));
    assert_eq!(ann.heard().await, of(&["for-all"]));
}
