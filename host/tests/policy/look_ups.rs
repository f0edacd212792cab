//! What policies find when they look up channels and people of the workspace.

use wardroom::policy::{Asking, Policies};
use wardroom_domain::{
    Attributes, ChannelId, ChannelSpec, Command, Context, MemberSpec, Role, Rule, SocketId,
    Timestamp, UserId, Verdict, Workspace, WorkspaceId, decide,
};

use crate::fixtures::{
    attributes, channel, command, guest, here, limits, load_all, request, source,
};
use crate::hooks::{denied, json};

/// A workspace with the member `ann`, a host, and the channel `door`, which lists her.
pub(crate) fn directory() -> Workspace {
    let ann = UserId::new("ann").unwrap();
    let member = Command::PutMember {
        user: ann.clone(),
        spec: MemberSpec {
            role: Some(Some(Role::new("host").unwrap())),
            attributes: Some(Attributes::default()),
            profile: None,
        },
        default_profile: json(r#"{"id":"ann"}"#),
    };
    let door = Command::PutChannel {
        channel: ChannelId::new("door").unwrap(),
        spec: ChannelSpec {
            private: Some(true),
            members: Some([ann].into_iter().collect()),
            attributes: None,
        },
    };
    let context = Context {
        now: Timestamp(0),
        policies: None,
    };
    [member, door]
        .iter()
        .fold(Workspace::default(), |state, command| {
            decide(&state, command, &context).unwrap().next
        })
}

/// A policy that looks up, and what it is asked in.
struct LookUps {
    policies: Policies,
    workspace: WorkspaceId,
    state: Workspace,
}

impl LookUps {
    fn new() -> Self {
        Self {
            policies: load_all(vec![source("p", &guest("looks_up"))], limits()).unwrap(),
            workspace: WorkspaceId::new("w").unwrap(),
            state: directory(),
        }
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            workspace: &self.workspace,
            state: &self.state,
            now: None,
        }
    }

    fn order(&self, name: &str) -> Verdict {
        let set = self.policies.current();
        set.authorize(self.asking(), &command(name))
    }

    /// Gives an order on which the policy fails, and returns how.
    fn fails(&self, name: &str) -> String {
        assert_eq!(&*denied(self.order(name)).code, "policy-failed");
        self.policies.status()[0].last_error.clone().unwrap()
    }
}

#[test]
fn an_import_of_the_directory_is_reported() {
    let scene = LookUps::new();
    let hooks = scene.policies.current().hooks();
    assert!(hooks.admission_looks_up && hooks.visibility_looks_up);
    let status = scene.policies.status().remove(0);
    assert_eq!(status.capabilities, ["wardroom:policy/directory"]);
}

#[test]
fn channels_and_people_of_the_workspace_are_found() {
    let scene = LookUps::new();
    let set = scene.policies.current();
    assert_eq!(set.admit(scene.asking(), &request("ann")), Ok(()));
    let denial = set.admit(scene.asking(), &request("bob")).unwrap_err();
    assert_eq!(&*denial.code, "not-listed");
    let denial = set.admit(here(), &request("ann")).unwrap_err();
    assert_eq!(&*denial.code, "no-door");

    let mut tied = channel("c", false, &[]);
    for (other, rule) in [("door", Rule::Everyone), ("none", Rule::Nobody)] {
        tied.attributes = attributes("with", other);
        assert_eq!(set.audience(scene.asking(), &tied), [rule]);
    }
    let found = json(r#"{"found":"Some(('ann', Some('host'))) None"}"#);
    assert_eq!(scene.order("look up"), Verdict::Allowed(Some(found)));
    // Handles that are dropped make room.
    assert_eq!(scene.order("look up much"), Verdict::Allowed(None));
    assert_eq!(scene.policies.status()[0].failures, 0);
}

/// Who a policy finds must not depend on who is connected: answers are kept until the directory
/// changes.
#[test]
fn a_role_that_a_token_brings_is_not_found() {
    let mut scene = LookUps::new();
    let connect = Command::Connect {
        socket: SocketId::new("s").unwrap(),
        user: UserId::new("nobody").unwrap(),
        status: None,
        role: Some(Role::new("host").unwrap()),
        named_by_token: true,
        replaces: None,
        claims: json("{}"),
        remote_address: None,
    };
    let member = Command::PutMember {
        user: UserId::new("nobody").unwrap(),
        spec: MemberSpec::default(),
        default_profile: json(r#"{"id":"nobody"}"#),
    };
    let context = Context {
        now: Timestamp(0),
        policies: None,
    };
    for command in [member, connect] {
        scene.state = decide(&scene.state, &command, &context).unwrap().next;
    }
    let found = json(r#"{"found":"Some(('ann', Some('host'))) Some(('nobody', None))"}"#);
    assert_eq!(scene.order("look up"), Verdict::Allowed(Some(found)));
}

#[test]
fn handles_that_pile_up_end_the_instance() {
    let report = LookUps::new().fails("keep all");
    assert!(report.starts_with("trap:"), "{report}");
}

#[test]
fn a_handle_kept_over_a_call_finds_nothing() {
    for how in [
        "use what was kept",
        "use the asker that was kept",
        "use the channel that was kept",
    ] {
        let scene = LookUps::new();
        assert_eq!(scene.order("keep"), Verdict::Allowed(None));
        // A fresh instance has kept nothing, so that the second attempt answers.
        assert_eq!(scene.order(how), Verdict::Allowed(None), "{how}");
        let status = scene.policies.status().remove(0);
        let report = status.last_error.unwrap();
        assert!(report.contains("after its call had ended"), "{report}");
        assert_eq!(status.failures, 1);
    }
    let scene = LookUps::new();
    for order in ["keep", "look up", "drop what was kept", "look up much"] {
        assert!(matches!(scene.order(order), Verdict::Allowed(_)), "{order}");
    }
    assert_eq!(scene.policies.status()[0].failures, 0);
}
