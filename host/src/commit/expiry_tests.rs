//! Many holds that end while people come and policies render events; and a command whose answers others
//! make useless.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;
use wardroom_domain::limits::OPTIMISTIC_ASKS;
use wardroom_domain::{
    ChannelFacts, ChannelId, ChannelSpec, CommandFacts, Denial, Event, EventFacts, Generation,
    Hooks, Json, Leave, MemberSpec, Millis, Rendition, RequestFacts, Rules, SocketId, SubjectFacts,
    UserId, Verdict, Workspace,
};

use super::*;
use crate::commit::{Asking, Policies, PolicySet};
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;

/// Policies that look at each event for a while, leave it as it is, and count what they were asked.
#[derive(Clone, Default)]
struct Rendering {
    looks_up: bool,
    asked: Arc<AtomicUsize>,
    asked_of_leavers: Arc<AtomicUsize>,
}

impl Policies for Rendering {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(1))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        Some(Arc::new(self.clone()))
    }
}

impl PolicySet for Rendering {
    fn generation(&self) -> Generation {
        Generation(1)
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            events: true,
            events_looks_up: self.looks_up,
            ..Hooks::default()
        }
    }

    fn audience(&self, _: Asking<'_>, _: &ChannelFacts) -> Rules {
        Rules::default()
    }

    fn decide(&self, _: Asking<'_>, _: usize, _: &ChannelFacts, _: &[SubjectFacts]) -> Vec<bool> {
        Vec::new()
    }

    fn admit(&self, _: Asking<'_>, _: &RequestFacts) -> Result<(), Denial> {
        Ok(())
    }

    fn authorize(&self, _: Asking<'_>, _: &CommandFacts) -> Verdict {
        Verdict::Allowed(None)
    }

    fn render(&self, _: Asking<'_>, facts: &EventFacts) -> Option<Vec<Rendition>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if matches!(facts.event, Event::UserUnselectedChannel { .. }) {
            self.asked_of_leavers.fetch_add(1, Ordering::SeqCst);
        }
        for _ in 0..2_000 {
            std::hint::spin_loop();
        }
        None
    }
}

fn committer(policies: &Rendering) -> Arc<Committer> {
    Arc::new(Committer::new(
        Arc::new(Embedded::in_memory()),
        Arc::new(policies.clone()),
        Arc::new(Metrics::default()),
    ))
}

fn socket(number: usize) -> SocketId {
    SocketId::new(&format!("s{number}")).unwrap()
}

fn connect(number: usize) -> Command {
    Command::Connect {
        socket: socket(number),
        user: UserId::new(&format!("u{number}")).unwrap(),
        status: None,
        role: None,
        named_by_token: true,
        replaces: None,
        claims: Json::from_canonical("{}"),
        remote_address: None,
    }
}

fn put_member(number: usize) -> Command {
    Command::PutMember {
        user: UserId::new(&format!("m{number}")).unwrap(),
        spec: MemberSpec::default(),
        default_profile: Json::from_canonical(&format!(r#"{{"id":"m{number}"}}"#)),
    }
}

async fn until(committer: &Committer, workspace: &WorkspaceId, holds: impl Fn(&Workspace) -> bool) {
    let mut tail = committer.store().follow(workspace);
    let reached = async {
        while !committer
            .store()
            .snapshot(workspace)
            .is_some_and(|s| holds(&s))
        {
            tail.next().await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(60), reached);
    reached.await.expect("it comes to that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_of_lost_transports_ask_of_each_event_once() {
    const BURSTS: usize = 12;
    const BURST: usize = 150;
    let policies = Rendering::default();
    let (committer, workspace) = (committer(&policies), WorkspaceId::new("w").unwrap());
    let expiring = tokio::spawn(Arc::clone(&committer).expire_holds());
    for burst in 0..BURSTS {
        let mut joining = JoinSet::new();
        for number in burst * BURST..(burst + 1) * BURST {
            let (committer, workspace) = (Arc::clone(&committer), workspace.clone());
            joining.spawn(async move {
                committer
                    .run(&workspace, connect(number), None)
                    .await
                    .unwrap();
                if number % 2 == 0 {
                    let lost = Command::Disconnect {
                        socket: socket(number),
                        leave: Leave::Lost {
                            grace: Millis(5),
                            grace_in_channel: Millis(5),
                        },
                    };
                    committer.run(&workspace, lost, None).await.unwrap();
                }
            });
        }
        while let Some(joined) = joining.join_next().await {
            joined.unwrap();
        }
    }
    until(&committer, &workspace, |state| {
        state.next_deadline().is_none()
    })
    .await;
    expiring.abort();

    let state = committer.store().snapshot(&workspace).unwrap();
    let came = BURSTS * BURST;
    assert_eq!(state.connections().len(), came / 2, "who left is listed");
    // One event when somebody comes, one when somebody is gone.
    assert_eq!(policies.asked.load(Ordering::SeqCst), came + came / 2);
    assert!(committer.exclusive.is_empty());
}

#[tokio::test]
async fn what_others_commit_meanwhile_makes_a_command_ask_a_few_times_more_and_not_for_ever() {
    const INSIDE: usize = 100;
    // Each change of the directory makes all answers useless.
    let policies = Rendering {
        looks_up: true,
        ..Rendering::default()
    };
    let (committer, workspace) = (committer(&policies), WorkspaceId::new("w").unwrap());
    let channel = ChannelId::new("c").unwrap();
    let put = Command::PutChannel {
        channel: channel.clone(),
        spec: ChannelSpec::default(),
    };
    committer.run(&workspace, put, None).await.unwrap();
    for number in 0..INSIDE {
        committer
            .run(&workspace, connect(number), None)
            .await
            .unwrap();
        let select = Command::Select {
            socket: socket(number),
            channel: channel.clone(),
            media: None,
        };
        committer.run(&workspace, select, None).await.unwrap();
    }

    let stop = Arc::new(AtomicBool::new(false));
    let backend = tokio::spawn({
        let (committer, workspace, stop) =
            (Arc::clone(&committer), workspace.clone(), stop.clone());
        async move {
            for number in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return number;
                }
                committer
                    .run(&workspace, put_member(number), None)
                    .await
                    .unwrap();
                tokio::task::yield_now().await;
            }
            unreachable!("there are numbers enough")
        }
    });
    until(&committer, &workspace, |state| state.members().len() > 3).await;
    let delete = Command::DeleteChannel { channel };
    committer.run(&workspace, delete, None).await.unwrap();
    let members = committer
        .store()
        .snapshot(&workspace)
        .unwrap()
        .members()
        .len();
    // The others go on after it.
    until(&committer, &workspace, |state| {
        state.members().len() > members
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    assert!(backend.await.unwrap() > members);

    let asked = policies.asked_of_leavers.load(Ordering::SeqCst);
    assert!(
        asked <= (OPTIMISTIC_ASKS + 2) * INSIDE,
        "asked {asked} times"
    );
    assert!(committer.exclusive.is_empty());
}
