//! Why somebody enters, a command is carried out and an event looks as it does, asked of policies of the
//! test's own; and refusals by their ids.

use std::sync::atomic::{AtomicUsize, Ordering};

use wardroom_domain::{
    Clause, CommandFacts, EventFacts, Generation, Instead, Rendition, RequestFacts, Role, Selector,
    StandIn, Test, Workspace,
};

use super::super::Judged;
use super::*;
use crate::wire::command_name_and_arguments;

/// No policy decides anything.
pub(super) struct Nobody;

impl Judges for Nobody {
    fn generation(&self) -> Option<Generation> {
        None
    }

    fn admit(&self, _: &WorkspaceId, _: &Workspace, _: &RequestFacts) -> Vec<Judged> {
        Vec::new()
    }

    fn authorize(&self, _: &WorkspaceId, _: &Workspace, _: &CommandFacts) -> Vec<Judged> {
        Vec::new()
    }

    fn render(
        &self,
        _: &WorkspaceId,
        _: &Workspace,
        _: &EventFacts,
    ) -> (Vec<Judged>, Option<Vec<Rendition>>) {
        (Vec::new(), None)
    }
}

/// Two refusals: one in the workspace `w`, in which a policy failed, and one elsewhere.
pub(super) fn denied(decision: &str) -> Option<Denied> {
    let (workspace, failure) = match decision {
        "d1" => ("w", Some("deadline: too slow".to_owned())),
        "d2" => ("elsewhere", None),
        _ => return None,
    };
    Some(Denied {
        id: decision.to_owned(),
        at: "2026-11-02T10:00:00.000Z".to_owned(),
        workspace: workspace_id(workspace),
        generation: 4,
        hook: "commands",
        policy: "strict".to_owned(),
        digest: "sha256:strict".to_owned(),
        code: "no".to_owned(),
        message: "Not today.".to_owned(),
        failure,
        user: Some("u1".to_owned()),
        channel: Some("c".to_owned()),
        name: Some("select-channel".to_owned()),
    })
}

fn workspace_id(id: &str) -> WorkspaceId {
    WorkspaceId::new(id).unwrap()
}

fn judged(name: &str, verdict: &'static str) -> Judged {
    Judged {
        name: name.to_owned(),
        digest: format!("sha256:{name}"),
        verdict,
        refused: (verdict == "denied").then(|| (Arc::from("no"), Arc::from("Not today."))),
        grants: Vec::new(),
        stand_in: None,
    }
}

/// Two policies. The first says what the question asks it to, the second gives a key or nothing. What
/// they say of commands waits behind the gate, if there is one.
#[derive(Clone, Default)]
pub(super) struct Told(pub(super) Option<Arc<Gate>>);

/// Something that questions wait behind until it is opened.
#[derive(Default)]
pub(super) struct Gate {
    asked: AtomicUsize,
    open: parking_lot::Mutex<bool>,
    opened: parking_lot::Condvar,
}

impl Gate {
    fn pass(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        let mut open = self.open.lock();
        self.opened.wait_while(&mut open, |open| !*open);
    }

    /// How many questions have come to it.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Acquire)
    }

    pub(super) fn open(&self) {
        *self.open.lock() = true;
        self.opened.notify_all();
    }
}

impl Judges for Told {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(4))
    }

    fn admit(&self, _: &WorkspaceId, _: &Workspace, request: &RequestFacts) -> Vec<Judged> {
        let role = request.subject.role.as_ref().map_or("none", Role::as_str);
        let address = request.remote_address.as_deref().unwrap_or("none");
        let claims = request.claims.as_str();
        let again = request.reevaluation;
        let said = format!("{role} {address} {claims} {again}");
        let verdict = if claims.contains("banned") {
            "denied"
        } else {
            "allowed"
        };
        vec![judged(&said, verdict), judged("second", "allowed")]
    }

    fn authorize(&self, _: &WorkspaceId, _: &Workspace, facts: &CommandFacts) -> Vec<Judged> {
        if let Some(gate) = &self.0 {
            gate.pass();
        }
        let (name, arguments) = command_name_and_arguments(&facts.command);
        let channel = facts.channel.as_ref().map_or("none", |it| it.id.as_str());
        let said = format!("{name} {} {channel}", arguments.as_str());
        let failed = StandIn {
            instead: Instead::Closed,
            failure: "trap: unreachable".into(),
            asked: true,
        };
        let denies = name == "unselect-channel";
        let first = Judged {
            stand_in: denies.then_some(failed),
            ..judged(&said, if denies { "denied" } else { "allowed" })
        };
        let second = Judged {
            grants: vec![Arc::from("room"), Arc::from("token")],
            ..judged("second", "allowed")
        };
        vec![first, second]
    }

    fn render(
        &self,
        _: &WorkspaceId,
        _: &Workspace,
        facts: &EventFacts,
    ) -> (Vec<Judged>, Option<Vec<Rendition>>) {
        let Event::Application { name, .. } = &facts.event else {
            panic!("the event is told by name");
        };
        let rendition = |role: Option<&str>, payload: &str| Rendition {
            to: role
                .map(|role| Selector {
                    any: vec![Clause {
                        all: vec![Test::Roles([Role::new(role).unwrap()].into())],
                        none: Vec::new(),
                    }],
                })
                .into_iter()
                .collect(),
            payload: Some(wardroom_domain::Json::from_canonical(payload)),
        };
        match &**name {
            "plain" => (vec![judged("first", "unchanged")], None),
            _ => (
                vec![judged("first", "unchanged"), judged("second", "split")],
                Some(vec![rendition(Some("moderator"), "{\"whole\":true}")]),
            ),
        }
    }
}

impl Ops for Told {
    fn ready(&self) -> Readiness {
        Drained(false).ready()
    }

    fn starting(&self) -> Vec<String> {
        Vec::new()
    }

    fn policies(&self) -> Policies {
        Drained(false).policies()
    }

    fn visibility(&self) -> Box<dyn Visibility> {
        Drained(false).visibility()
    }

    fn judges(&self) -> Box<dyn Judges> {
        Box::new(self.clone())
    }

    fn denied(&self, decision: &str) -> Option<Denied> {
        denied(decision)
    }

    fn shadow(&self, policy: &str) -> Result<ShadowReport, Refusal> {
        Drained(false).shadow(policy)
    }

    fn rollback(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        Drained(false).rollback(policy)
    }

    fn promote(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        Drained(false).promote(policy)
    }

    fn dry_run(
        &self,
        policy: &str,
        candidate: Candidate,
        workspaces: Workspaces,
    ) -> Result<DryRun, Refusal> {
        Drained(false).dry_run(policy, candidate, workspaces)
    }
}

/// A workspace with a moderator and somebody without a role.
async fn told() -> Server {
    telling(Told::default()).await
}

/// The same, of these policies.
pub(super) async fn telling(told: Told) -> Server {
    let server = Server::of(told, Arc::new(NoPolicies), BodyLimits::default());
    let body = json!({
        "members": {"ann": {"role": "moderator"}, "bob": {}},
        "channels": {"c": {}},
    });
    server.put("/v1/workspaces/w", body).await.is(201);
    server
}

async fn asked(server: &Server, what: &str, question: Value) -> Answered {
    let mut body = json!({"workspaceId": "w", "userId": "bob"});
    let own = body.as_object_mut().unwrap();
    own.extend(question.as_object().unwrap().clone());
    server.post(&format!("/v1/explain/{what}"), body).await
}

#[tokio::test]
async fn admission_is_asked_with_the_claims_of_the_call_or_of_the_connection() {
    let server = told().await;
    let body = asked(&server, "admission", json!({})).await.is(200);
    assert_eq!(body["allowed"], true);
    assert_eq!(
        body["because"],
        "bob would enter w: all 2 policies have nothing against it"
    );
    assert_eq!(
        (&body["claimsFrom"], &body["generation"]),
        (&json!("nothing"), &json!(4))
    );
    assert_eq!(body["policies"][0]["name"], "none none {} false");

    // Somebody whom nobody knows may ask to enter.
    let claims = json!({
        "userId": "eve", "claims": {"banned": 1.0}, "remoteAddress": "192.0.2.7", "role": "guest",
    });
    let body = asked(&server, "admission", claims).await.is(200);
    assert_eq!(body["allowed"], false);
    assert_eq!(body["claimsFrom"], "call");
    let said = r#"guest 192.0.2.7 {"banned":1.0} false"#;
    let first = &body["policies"][0];
    assert_eq!(first["name"], said);
    assert_eq!(first["verdict"], "denied");
    assert_eq!(
        (&first["code"], &first["message"]),
        (&json!("no"), &json!("Not today."))
    );
    let because = format!(
        "eve would not enter w: the policy {said} decides it; it denies with the code no: Not today."
    );
    assert_eq!(body["because"], because);
    assert_eq!(
        body["user"],
        json!({"id": "eve", "role": "guest", "member": false})
    );

    server.connect("w", "bob", "s").await;
    let body = asked(&server, "admission", json!({})).await.is(200);
    assert_eq!(body["claimsFrom"], "connection");
    assert_eq!(body["policies"][0]["name"], "none none {} true");
}

#[tokio::test]
async fn a_command_is_asked_about_in_the_form_that_policies_are_told_of() {
    let server = told().await;
    let select = json!({
        "command": "select-channel",
        "arguments": {"channelId": "c", "userMediaState": {"camera": true}},
    });
    let body = asked(&server, "command", select).await.is(200);
    assert_eq!(body["allowed"], true);
    assert_eq!(
        body["policies"][0]["name"],
        r#"select-channel {"channelId":"c","userMediaState":{"camera":true}} c"#
    );
    // Of what goes along, the keys: the values are for the person alone.
    assert_eq!(body["policies"][1]["grants"], json!(["room", "token"]));
    assert_eq!(
        body["policies"][1]["because"],
        "it allows and gives room and token"
    );

    let body = asked(&server, "command", json!({"command": "unselect-channel"}))
        .await
        .is(200);
    assert_eq!(body["allowed"], false);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.ends_with(
            "the version in force failed to answer (trap: unreachable); it is configured to fail closed \
             (on_failure = \"closed\"), so that nothing is carried out"
        ),
        "{because}"
    );
    assert_eq!(body["policies"][0]["standIn"]["by"], "closed");
    // Policies are not asked who sees what.
    let body = json!({"private": true});
    let channel = "/v1/workspaces/w/channels/hidden";
    server.put(channel, body).await.is(201);
    let hidden = json!({"command": "select-channel", "arguments": {"channelId": "hidden"}});
    for connected in [false, true] {
        if connected {
            server.connect("w", "bob", "s").await;
        }
        let body = asked(&server, "command", hidden.clone()).await.is(200);
        assert_eq!(body["allowed"], true);
        assert_eq!(
            body["because"],
            "no policy forbids bob to select-channel, but bob does not see hidden, so that the server \
             refuses it as if there were no such channel: all 2 policies have nothing against it"
        );
    }
    for (command, pointer) in [
        (json!({"command": "auth"}), "/command"),
        (json!({"command": "select-channel"}), "/arguments/channelId"),
        (
            json!({"command": "get-state", "arguments": {"x": 1}}),
            "/arguments/x",
        ),
        (
            json!({"command": "get-state", "arguments": []}),
            "/arguments",
        ),
        (
            json!({"command": "update-online-status", "arguments": {"onlineStatus": "away"}}),
            "/arguments/onlineStatus",
        ),
    ] {
        asked(&server, "command", command).await.wrong_at(pointer);
    }
    let none = json!({"command": "select-channel", "arguments": {"channelId": "none"}});
    asked(&server, "command", none)
        .await
        .problem("channel-not-found");
    let nobody = json!({"userId": "eve", "command": "get-state"});
    let problem = asked(&server, "command", nobody)
        .await
        .problem("member-not-found");
    assert_eq!(
        problem["detail"],
        "eve is neither a member of the workspace w nor connected to it"
    );
    let problem = server
        .delete("/v1/workspaces/w/members/eve")
        .await
        .problem("member-not-found");
    assert_eq!(problem["detail"], "eve is no member of the workspace w");
}

#[tokio::test]
async fn of_an_event_it_is_told_what_the_user_would_get() {
    let server = told().await;
    let plain = json!({"event": "plain", "data": {"x": 1.0}});
    let body = asked(&server, "event", plain).await.is(200);
    assert_eq!(
        (&body["allowed"], &body["because"]),
        (
            &json!(true),
            &json!("bob gets plain: the policy first has nothing against it")
        )
    );
    assert_eq!(body["data"], json!({"x": 1.0}));
    let split = json!({"event": "user-updated", "aboutUserId": "ann", "channelId": "c"});
    let body = asked(&server, "event", split.clone()).await.is(200);
    assert_eq!(body["allowed"], false);
    assert!(body.get("data").is_none(), "{body}");
    assert_eq!(
        body["because"],
        "bob does not get user-updated: the policy second decides it; it gives the event to different \
         people in different forms"
    );
    let mut for_ann = split;
    for_ann["userId"] = json!("ann");
    let body = asked(&server, "event", for_ann).await.is(200);
    assert_eq!(body["data"], json!({"whole": true}));
    let because = body["because"].as_str().unwrap();
    assert!(
        because.starts_with("ann gets a changed user-updated: "),
        "{because}"
    );
    asked(&server, "event", json!({"event": "auth-success"}))
        .await
        .wrong_at("/event");
    let none = json!({"event": "plain", "aboutUserId": "none"});
    asked(&server, "event", none)
        .await
        .problem("member-not-found");
}

#[tokio::test]
async fn where_no_policy_decides_that_is_said() {
    let server = furnished().await;
    let body = json!({"workspaceId": "w", "userId": "u1", "command": "get-state"});
    let body = server.post("/v1/explain/command", body).await.is(200);
    assert_eq!(
        body["because"],
        "u1 may get-state: no policy decides about commands"
    );
    assert_eq!(
        (&body["generation"], &body["policies"]),
        (&Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn a_refusal_is_explained_by_its_id_to_those_whose_workspace_it_was_in() {
    let server = told().await;
    let body = server.get("/v1/explain/decisions/d1").await.is(200);
    assert_eq!(
        body["because"],
        "u1 was refused select-channel in c, workspace w: the policy strict failed to answer (deadline: \
         too slow), and is configured to fail closed (on_failure = \"closed\")"
    );
    assert_eq!(
        (&body["decisionId"], &body["command"]),
        (&json!("d1"), &json!("select-channel"))
    );
    let body = server.get("/v1/explain/decisions/d2").await.is(200);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.ends_with("the policy strict denied with the code no: Not today."),
        "{because}"
    );
    server
        .get("/v1/explain/decisions/d3")
        .await
        .problem("not-found");
    let bound = |id: &str| {
        let key = format!("Bearer {BOUND_KEY}");
        let path = format!("/v1/explain/decisions/{id}");
        request_with("GET", &path, &[("authorization", &key)], "")
    };
    server.send(bound("d1")).await.is(200);
    let key = [("authorization", &*format!("Bearer {BOUND_KEY}"))];
    for (what, more) in [
        ("admission", json!({})),
        ("command", json!({"command": "get-state"})),
        ("event", json!({"event": "plain"})),
    ] {
        // Whether it is there or not.
        for workspace in ["other", "nowhere"] {
            let mut body = json!({"workspaceId": workspace, "userId": "ann"});
            let own = body.as_object_mut().unwrap();
            own.extend(more.as_object().unwrap().clone());
            let path = format!("/v1/explain/{what}");
            let answered = server.send(request_with("POST", &path, &key, body.to_string()));
            answered.await.problem("workspace-forbidden");
        }
    }
    server.send(bound("d2")).await.problem("not-found");
}
