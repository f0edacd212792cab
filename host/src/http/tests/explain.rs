//! Why somebody sees a channel, by the built-in rule and by policies.

use wardroom_domain::{
    ChannelFacts, Clause, CommandFacts, Denial, EventFacts, Generation, Hooks, Instead, Rendition,
    RequestFacts, Role, Rule, Rules, Selector, StandIn, SubjectFacts, Test, Verdict, Workspace,
};

use super::super::{Opinion, Viewer};
use super::*;
use crate::commit::{self, Asking};

/// No policy decides who sees channels.
pub(super) struct BuiltIn;

impl Visibility for BuiltIn {
    fn generation(&self) -> Option<Generation> {
        None
    }

    fn policies(&self) -> Vec<Viewer> {
        Vec::new()
    }

    fn decide(
        &self,
        _: &WorkspaceId,
        _: &Workspace,
        _: usize,
        _: &ChannelFacts,
        _: &SubjectFacts,
    ) -> Opinion {
        panic!("nobody is to be asked")
    }
}

/// A rule that is not the policy's own.
fn failed(rule: Rule, instead: Instead, asked: bool) -> (Rule, Option<StandIn>) {
    let stand_in = StandIn {
        instead,
        failure: "trap: unreachable".into(),
        asked,
    };
    (rule, Some(stand_in))
}

/// Three policies: one hides `hidden` from all but moderators, one hides nothing, and one asks about
/// each and knows only Ann.
#[derive(Clone, Copy)]
struct Three {
    /// The generation that the committer is told.
    committed: u64,
    /// The one that operators are told.
    reported: u64,
}

fn moderators() -> Selector {
    let role = Role::new("moderator").unwrap();
    Selector {
        any: vec![Clause {
            all: vec![Test::Roles([role].into())],
            none: Vec::new(),
        }],
    }
}

impl commit::PolicySet for Three {
    fn generation(&self) -> Generation {
        Generation(self.committed)
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            visibility: true,
            ..Hooks::default()
        }
    }

    fn audience(&self, _: Asking<'_>, channel: &ChannelFacts) -> Rules {
        let everyone = || (Rule::Everyone, None);
        let former = Instead::Former("sha256:before".into());
        let rules = match channel.id.as_str() {
            "hidden" => [
                (Rule::Only(moderators()), None),
                everyone(),
                (Rule::Each, None),
            ],
            "broken" => [
                everyone(),
                failed(Rule::Nobody, Instead::Closed, true),
                everyone(),
            ],
            "leaky" => [
                everyone(),
                failed(Rule::Everyone, Instead::Open, false),
                everyone(),
            ],
            "held" => [
                failed(Rule::Only(moderators()), former, true),
                everyone(),
                everyone(),
            ],
            "asked" | "changed" => [everyone(), everyone(), (Rule::Each, None)],
            _ => [everyone(), everyone(), everyone()],
        };
        let mut all = Rules::default();
        rules
            .into_iter()
            .for_each(|(rule, stand_in)| all.push(rule, stand_in));
        all
    }

    fn decide(
        &self,
        _: Asking<'_>,
        policy: usize,
        _: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        assert_eq!(policy, 2);
        subjects.iter().map(|s| s.user.as_str() == "ann").collect()
    }

    fn admit(&self, _: Asking<'_>, _: &RequestFacts) -> Result<(), Denial> {
        Ok(())
    }

    fn authorize(&self, _: Asking<'_>, _: &CommandFacts) -> Verdict {
        Verdict::Allowed(None)
    }

    fn render(&self, _: Asking<'_>, _: &EventFacts) -> Option<Vec<Rendition>> {
        None
    }
}

impl commit::Policies for Three {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(self.committed))
    }

    fn current(&self) -> Option<Arc<dyn commit::PolicySet>> {
        Some(Arc::new(*self))
    }
}

impl Visibility for Three {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(self.reported))
    }

    fn policies(&self) -> Vec<Viewer> {
        let viewer = |name: &str| Viewer {
            name: name.into(),
            digest: format!("sha256:{name}"),
            last_failure: (name == "by-hand").then(|| "deadline: too slow".to_owned()),
        };
        ["moderated", "open", "by-hand"].map(viewer).into()
    }

    fn decide(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        place: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> Opinion {
        if channel.id.as_str() == "asked" {
            return Opinion {
                allows: false,
                stand_in: failed(Rule::Each, Instead::Closed, true).1,
            };
        }
        let asking = Asking { workspace, state };
        let subjects = std::slice::from_ref(subject);
        let allows = commit::PolicySet::decide(self, asking, place, channel, subjects)[0];
        Opinion {
            // Of this channel it says something else than when it was asked for good.
            allows: allows != (channel.id.as_str() == "changed"),
            stand_in: None,
        }
    }
}

impl Ops for Three {
    fn ready(&self) -> Readiness {
        Drained(false).ready()
    }

    fn starting(&self) -> Vec<String> {
        Drained(false).starting()
    }

    fn policies(&self) -> Policies {
        Drained(false).policies()
    }

    fn visibility(&self) -> Box<dyn Visibility> {
        Box::new(*self)
    }

    fn judges(&self) -> Box<dyn Judges> {
        Drained(false).judges()
    }

    fn denied(&self, decision: &str) -> Option<Denied> {
        Drained(false).denied(decision)
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

async fn governed(policies: Three) -> Server {
    let server = Server::of(policies, Arc::new(policies), BodyLimits::default());
    let body = json!({
        "members": {"ann": {"role": "moderator"}, "bob": {"role": "moderator"}, "eve": {}},
        "channels": {
            "hidden": {}, "open": {}, "broken": {}, "leaky": {}, "held": {}, "asked": {}, "changed": {},
        },
    });
    server.put("/v1/workspaces/w", body).await.is(201);
    server
}

fn path(user: &str, channel: &str) -> String {
    format!("/v1/explain?workspace=w&user={user}&channel={channel}")
}

#[tokio::test]
async fn without_policies_the_built_in_rule_is_explained() {
    let server = furnished().await;
    let body = server.get(&path("u1", "p")).await.is(200);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.starts_with("u1 sees p: no policy decides"),
        "{because}"
    );
    assert!(
        because.ends_with("clause 1 does: the channel lists the user"),
        "{because}"
    );
    assert_eq!(body["visible"], true);
    assert_eq!(body["generation"], Value::Null);
    assert_eq!(body["policies"], json!([]));
    assert_eq!(body["builtInRule"]["allows"], true);
    assert_eq!(
        body["channel"],
        json!({"id": "p", "private": true, "listsUser": true})
    );
    assert_eq!(
        body["user"],
        json!({"id": "u1", "role": null, "member": true})
    );
    let body = server.get(&path("u2", "p")).await.is(200);
    assert_eq!(body["visible"], false);
    assert_eq!(body["channel"]["listsUser"], false);
    // Who is only connected is explained as well.
    server.connect("w", "guest", "s").await;
    let body = server.get(&path("guest", "c")).await.is(200);
    assert_eq!(
        (&body["visible"], &body["user"]["member"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn each_policy_and_its_rule_are_named() {
    let policies = Three {
        committed: 4,
        reported: 4,
    };
    let server = governed(policies).await;
    let body = server.get(&path("ann", "hidden")).await.is(200);
    assert_eq!(
        (&body["visible"], &body["generation"]),
        (&json!(true), &json!(4))
    );
    assert_eq!(body["because"], "ann sees hidden: all 3 policies allow it");
    let rulings = body["policies"].as_array().unwrap();
    let rules: Vec<_> = rulings
        .iter()
        .map(|r| r["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["only", "everyone", "each"]);
    assert_eq!(rulings[0]["name"], "moderated");
    assert_eq!(rulings[0]["digest"], "sha256:moderated");
    let clause = json!({"number": 1, "conditions": ["the role is moderator"]});
    assert_eq!(rulings[0]["clause"], clause);
    assert!(rulings.iter().all(|ruling| ruling["standIn"].is_null()));

    // Asked about Bob then and there, the third says no.
    let body = server.get(&path("bob", "hidden")).await.is(200);
    assert_eq!(body["visible"], false);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.starts_with("bob does not see hidden: the policy by-hand hides it; "),
        "{because}"
    );
    let allows: Vec<_> = body["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["allows"])
        .collect();
    assert_eq!(allows, [true, true, false]);

    let body = server.get(&path("eve", "hidden")).await.is(200);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.contains("the policy moderated hides it, and so does one more; "),
        "{because}"
    );
    assert!(
        because.ends_with("clause 1 asks in vain that the role is moderator"),
        "{because}"
    );
    let body = server.get(&path("eve", "open")).await.is(200);
    assert_eq!(body["visible"], true);
}

const FAILED: &str = "the version in force failed to answer (trap: unreachable); ";

#[tokio::test]
async fn what_stands_in_for_a_policy_that_failed_is_told() {
    let policies = Three {
        committed: 4,
        reported: 4,
    };
    let server = governed(policies).await;
    let closed = "it is configured to fail closed (on_failure = \"closed\"), so that nobody sees the \
                  channel";

    let body = server.get(&path("ann", "broken")).await.is(200);
    assert_eq!(body["visible"], false);
    let expected = format!(
        "ann does not see broken: the policy open failed, which hides it; {FAILED}{closed}"
    );
    assert_eq!(body["because"], expected);
    let ruling = &body["policies"][1];
    let stand_in = json!({
        "by": "closed", "formerDigest": null, "failure": "trap: unreachable", "quarantined": false,
    });
    assert_eq!(ruling["standIn"], stand_in);
    assert_eq!(
        (&ruling["rule"], &ruling["allows"]),
        (&json!("nobody"), &json!(false))
    );
    assert_eq!(ruling["digest"], "sha256:open");
    assert!(body["policies"][0]["standIn"].is_null());

    // A channel that is seen because a policy is not asked any more.
    let body = server.get(&path("eve", "leaky")).await.is(200);
    assert_eq!(body["visible"], true);
    let because = body["because"].as_str().unwrap();
    assert_eq!(
        because,
        "eve sees leaky: none of the 3 policies hides it, 1 of them because it failed; of open: the \
         version in force keeps failing (last: trap: unreachable) and is in quarantine, where it is \
         not asked; it is configured to fail open (on_failure = \"open\"), as if the policy were not \
         there"
    );
    let stand_in = &body["policies"][1]["standIn"];
    assert_eq!(
        (&stand_in["by"], &stand_in["quarantined"]),
        (&json!("open"), &json!(true))
    );

    // The version before answers, in either way.
    for (user, visible) in [("ann", true), ("eve", false)] {
        let body = server.get(&path(user, "held")).await.is(200);
        assert_eq!(body["visible"], visible);
        let ruling = &body["policies"][0];
        assert_eq!(ruling["standIn"]["by"], "former");
        assert_eq!(ruling["standIn"]["formerDigest"], "sha256:before");
        let because = ruling["because"].as_str().unwrap();
        let beginning = format!(
            "{FAILED}the version before it, sha256:before, answers in its stead: it lets only those"
        );
        assert!(because.starts_with(&beginning), "{because}");
    }
}

#[tokio::test]
async fn a_failure_while_a_person_is_asked_about_is_told() {
    let policies = Three {
        committed: 4,
        reported: 4,
    };
    let server = governed(policies).await;
    // It fails at the explanation itself, as it did before.
    let body = server.get(&path("bob", "asked")).await.is(200);
    assert_eq!(body["visible"], false);
    let because = body["because"].as_str().unwrap();
    let beginning =
        format!("bob does not see asked: the policy by-hand failed, which hides it; {FAILED}");
    assert!(because.starts_with(&beginning), "{because}");
    assert_eq!(body["policies"][2]["standIn"]["by"], "closed");
    // Who is not connected has not been asked about for good: what it answers now is what holds.
    let body = server.get(&path("bob", "changed")).await.is(200);
    assert_eq!(body["visible"], true);
    // It failed before, when he came, and answers now.
    server.connect("w", "bob", "s").await;
    let body = server.get(&path("bob", "changed")).await.is(200);
    assert_eq!(body["visible"], false);
    let because = body["because"].as_str().unwrap();
    assert!(because.contains("so it was decided, though"), "{because}");
    let ending = "the policy by-hand failed to answer before (last: deadline: too slow), and what its \
                  configuration says of that (on_failure) holds until it is asked again";
    assert!(because.ends_with(ending), "{because}");
}

#[tokio::test]
async fn whoever_or_whatever_is_not_there_is_a_problem() {
    let server = furnished().await;
    let path = |workspace: &str, user: &str, channel: &str| {
        format!("/v1/explain?workspace={workspace}&user={user}&channel={channel}")
    };
    for (path, code) in [
        (path("none", "u1", "c"), "workspace-not-found"),
        (path("w", "none", "c"), "member-not-found"),
        (path("w", "u1", "none"), "channel-not-found"),
        (path("w", "u1", ""), "invalid-data"),
        ("/v1/explain?workspace=w&user=u1".into(), "invalid-data"),
        (path("w", "u1", "c&more=1"), "invalid-data"),
    ] {
        server.get(&path).await.problem(code);
    }
}

/// Policies that let everyone see a channel do not open a private one.
#[tokio::test]
async fn the_built_in_rule_hides_what_all_policies_show() {
    let policies = Three {
        committed: 4,
        reported: 4,
    };
    let server = governed(policies).await;
    let body = json!({"private": true, "members": ["ann"]});
    let channel = "/v1/workspaces/w/channels/table";
    server.put(channel, body).await.is(201);
    let body = server.get(&path("bob", "table")).await.is(200);
    assert_eq!(body["visible"], false);
    assert_eq!(
        body["because"],
        "bob does not see table: the built-in rule hides it, which is in force beside all policies \
         (visibility.private_channels = \"members\"); the channel is private and does not list the user"
    );
    let rule =
        json!({"allows": false, "because": "the channel is private and does not list the user"});
    assert_eq!(body["builtInRule"], rule);
    let allows = |body: &Value| {
        let rulings = body["policies"].as_array().unwrap().iter();
        rulings.map(|r| r["allows"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(allows(&body), [true, true, true]);
    let body = server.get(&path("ann", "table")).await.is(200);
    assert_eq!(body["visible"], true);
    assert_eq!(body["builtInRule"]["allows"], true);
    let body = server.get(&path("bob", "open")).await.is(200);
    assert_eq!(body["builtInRule"]["because"], "the channel is not private");
    // A policy that hides it as well is named beside it.
    let body = json!({"private": true, "members": []});
    server
        .put("/v1/workspaces/w/channels/broken", body)
        .await
        .is(200);
    let body = server.get(&path("bob", "broken")).await.is(200);
    let because = body["because"].as_str().unwrap();
    assert!(
        because.contains("\"members\"), and so does one policy; "),
        "{because}"
    );
}

#[tokio::test]
async fn policies_that_never_stand_still_are_not_explained() {
    let policies = Three {
        committed: 4,
        reported: 5,
    };
    let server = governed(policies).await;
    let answered = server.get(&path("ann", "hidden")).await;
    assert_eq!(answered.headers["retry-after"], "1");
    answered.problem("overloaded");
}
