//! What no policy exports is not asked, whatever happens.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use parking_lot::Mutex;
use wardroom_domain::{
    ChannelId, ChannelSpec, Json, MediaPatch, MemberSpec, OnlineStatus, Publication, Rule,
    SocketId, Target,
};

use super::*;
use crate::store::embedded::Embedded;

/// Policies that let everything through, and take down which hooks they were asked at.
#[derive(Clone)]
struct Open {
    hooks: Hooks,
    asked: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Open {
    fn at(&self, hook: &'static str) {
        self.asked.lock().insert(hook);
    }
}

impl Policies for Open {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(1))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        Some(Arc::new(self.clone()))
    }
}

impl PolicySet for Open {
    fn generation(&self) -> Generation {
        Generation(1)
    }

    fn hooks(&self) -> Hooks {
        self.hooks
    }

    fn audience(&self, _: Asking<'_>, _: &ChannelFacts) -> Rules {
        self.at("visibility");
        vec![Rule::Each].into()
    }

    fn decide(
        &self,
        _: Asking<'_>,
        _: usize,
        _: &ChannelFacts,
        subjects: &[SubjectFacts],
    ) -> Vec<bool> {
        self.at("visibility");
        vec![true; subjects.len()]
    }

    fn admit(&self, _: Asking<'_>, _: &RequestFacts) -> Result<(), Denial> {
        self.at("admission");
        Ok(())
    }

    fn authorize(&self, _: Asking<'_>, _: &CommandFacts) -> Verdict {
        self.at("commands");
        Verdict::Allowed(None)
    }

    fn render(&self, _: Asking<'_>, _: &EventFacts) -> Option<Vec<Rendition>> {
        self.at("events");
        None
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Everything that clients and backends do in a workspace.
fn day() -> Vec<Command> {
    let (socket, channel) = (SocketId::new("s").unwrap(), ChannelId::new("c").unwrap());
    let member = |name: &str| Command::PutMember {
        user: user(name),
        spec: MemberSpec::default(),
        default_profile: Json::from_canonical(&format!(r#"{{"id":"{name}"}}"#)),
    };
    vec![
        member("ann"),
        Command::PutChannel {
            channel: channel.clone(),
            spec: ChannelSpec::default(),
        },
        Command::Connect {
            socket: socket.clone(),
            user: user("ann"),
            status: None,
            role: None,
            named_by_token: true,
            replaces: None,
            claims: Json::from_canonical("{}"),
            remote_address: None,
        },
        Command::GetState {
            socket: socket.clone(),
        },
        Command::Select {
            socket: socket.clone(),
            channel: channel.clone(),
            media: None,
        },
        Command::UpdateMedia {
            socket: socket.clone(),
            patch: MediaPatch::default(),
        },
        Command::UpdateStatus {
            socket: socket.clone(),
            status: OnlineStatus::Idle,
        },
        member("bob"),
        Command::UpdateProfile {
            user: user("bob"),
            profile: Json::from_canonical(r#"{"id":"bob","name":"Bob"}"#),
        },
        Command::PutChannelMember {
            channel: channel.clone(),
            user: user("bob"),
        },
        Command::Publish(Publication {
            name: "note".into(),
            data: Json::from_canonical("1"),
            to: Target::Workspace,
        }),
        Command::Unselect { socket },
        Command::DeleteChannel { channel },
        Command::RemoveMember { user: user("bob") },
    ]
}

/// The hooks that are asked in the course of a day, if these are exported.
async fn asked(hooks: Hooks) -> Vec<&'static str> {
    let policies = Open {
        hooks,
        asked: Arc::default(),
    };
    let committer = Committer::new(
        Arc::new(Embedded::in_memory()),
        Arc::new(policies.clone()),
        Arc::new(Metrics::default()),
    );
    let workspace = WorkspaceId::new("w").unwrap();
    for command in day() {
        committer.run(&workspace, command, None).await.unwrap();
    }
    committer.prepare_appearances(&workspace).await;
    let asked = policies.asked.lock();
    asked.iter().copied().collect()
}

#[tokio::test]
async fn each_hook_is_asked_if_it_is_exported_and_no_other() {
    let none = Hooks::default();
    assert_eq!(asked(none).await, [""; 0]);
    for (hook, exported) in [
        (
            "admission",
            Hooks {
                admission: true,
                ..none
            },
        ),
        (
            "visibility",
            Hooks {
                visibility: true,
                ..none
            },
        ),
        (
            "commands",
            Hooks {
                commands: true,
                ..none
            },
        ),
        (
            "events",
            Hooks {
                events: true,
                ..none
            },
        ),
    ] {
        assert_eq!(asked(exported).await, [hook]);
    }
}
