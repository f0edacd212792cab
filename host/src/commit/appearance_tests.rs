//! How members appear: what is asked of the policies, how often, and what is kept.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicU64;

use wardroom_domain::{
    ChannelFacts, Command, CommandFacts, Denial, Hooks, Json, MemberSpec, Rendition, RequestFacts,
    Rules, SubjectFacts, Verdict,
};

use super::*;
use crate::commit::Policies;
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;

/// Policies that keep every `user-joined` to themselves, and count what they are asked of members.
#[derive(Default)]
struct Discreet {
    generation: AtomicU64,
    asked: AtomicUsize,
    looks_up: bool,
}

impl Policies for Arc<Discreet> {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(self.generation.load(Ordering::Relaxed)))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        Some(Arc::new(Set {
            generation: Policies::generation(self).unwrap(),
            of: Arc::clone(self),
        }))
    }
}

struct Set {
    generation: Generation,
    of: Arc<Discreet>,
}

impl PolicySet for Set {
    fn generation(&self) -> Generation {
        self.generation
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            events: true,
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
        if !matches!(facts.event, Event::UserJoined { .. }) {
            return None;
        }
        self.of.asked.fetch_add(1, Ordering::Relaxed);
        Some(vec![Rendition {
            to: Vec::new(),
            payload: None,
        }])
    }

    fn rendering_looks_up(&self) -> bool {
        self.of.looks_up
    }
}

struct House {
    policies: Arc<Discreet>,
    committer: Committer,
    workspace: WorkspaceId,
}

impl House {
    async fn with(members: usize, policies: Discreet) -> Self {
        let policies = Arc::new(policies);
        let house = Self {
            committer: Committer::new(
                Arc::new(Embedded::in_memory()),
                Arc::new(Arc::clone(&policies)),
                Arc::new(Metrics::default()),
            ),
            policies,
            workspace: WorkspaceId::new("w").unwrap(),
        };
        for number in 0..members {
            house.put(number, "old").await;
        }
        house.policies.asked.store(0, Ordering::Relaxed);
        house
    }

    async fn put(&self, number: usize, name: &str) {
        let user = UserId::new(&format!("u{number}")).unwrap();
        let profile = Json::from_canonical(&format!(r#"{{"id":"{user}","name":"{name}"}}"#));
        let command = Command::PutMember {
            user,
            spec: MemberSpec::default(),
            default_profile: profile.clone(),
        };
        self.committer
            .run(&self.workspace, command, None)
            .await
            .unwrap();
        let command = Command::UpdateProfile {
            user: UserId::new(&format!("u{number}")).unwrap(),
            profile,
        };
        self.committer
            .run(&self.workspace, command, None)
            .await
            .unwrap();
    }

    /// How often the policies were asked since the last time.
    fn asked(&self) -> usize {
        self.policies.asked.swap(0, Ordering::Relaxed)
    }

    async fn prepare(&self) -> usize {
        self.asked();
        self.committer.prepare_appearances(&self.workspace).await;
        self.asked()
    }

    async fn appearances(&self) -> Appearances {
        let state = self.committer.store().snapshot(&self.workspace).unwrap();
        self.committer.appearances(&self.workspace, &state).await
    }
}

#[tokio::test]
async fn members_are_asked_about_once_and_again_when_they_change() {
    let house = House::with(200, Discreet::default()).await;
    assert_eq!(house.prepare().await, 200);
    assert_eq!(house.prepare().await, 0);
    house.put(7, "new").await;
    assert_eq!(house.prepare().await, 1);
    let Appearances::Rendered(all) = house.appearances().await else {
        panic!("policies render events");
    };
    assert_eq!(all.len(), 200);
    let hidden = |it: &Appearance| it.joined != Rendering::Unchanged;
    assert!(all.values().all(hidden));
    assert_eq!(house.asked(), 0, "what is known is not asked");
}

#[tokio::test]
async fn new_policies_are_asked_about_everybody() {
    let house = House::with(10, Discreet::default()).await;
    house.prepare().await;
    house.policies.generation.store(1, Ordering::Relaxed);
    assert_eq!(house.prepare().await, 10);
}

#[tokio::test]
async fn answers_that_depend_on_the_directory_hold_for_it_alone() {
    let policies = Discreet {
        looks_up: true,
        ..Discreet::default()
    };
    let house = House::with(10, policies).await;
    assert_eq!(house.prepare().await, 10);
    assert_eq!(house.prepare().await, 0);
    house.put(7, "new").await;
    assert_eq!(house.prepare().await, 10);
}

#[tokio::test]
async fn what_changed_since_is_asked_when_the_state_is_written() {
    let house = House::with(100, Discreet::default()).await;
    house.prepare().await;
    house.put(0, "new").await;
    house.asked();
    assert!(matches!(house.appearances().await, Appearances::Rendered(all) if all.len() == 100));
    assert_eq!(house.asked(), 1);
}

#[tokio::test]
async fn what_is_kept_of_those_who_are_gone_is_bounded() {
    let house = House::with(30, Discreet::default()).await;
    house.prepare().await;
    for number in 0..29 {
        let user = UserId::new(&format!("u{number}")).unwrap();
        let command = Command::RemoveMember { user };
        house
            .committer
            .run(&house.workspace, command, None)
            .await
            .unwrap();
    }
    house.prepare().await;
    let room = house.committer.gallery.room(&house.workspace);
    assert_eq!(room.known.lock().users.len(), 1);
}

#[tokio::test]
async fn other_work_runs_while_the_members_of_a_large_workspace_are_looked_at() {
    const TURNS: usize = 3;
    let house = House::with(TURNS * MEMBERS_PER_TURN, Discreet::default()).await;
    house.prepare().await;
    let mut asking = std::pin::pin!(house.appearances());
    let mut turns = 0;
    while futures_util::poll!(&mut asking).is_pending() {
        turns += 1;
    }
    assert_eq!(house.asked(), 0, "all is known");
    assert!(turns >= TURNS, "{turns}");
}

#[tokio::test]
async fn members_and_guests_are_in_one_order_and_each_is_there_once() {
    let house = House::with(3, Discreet::default()).await;
    for user in ["u0", "guest", "u15"] {
        let command = Command::Connect {
            socket: wardroom_domain::SocketId::new(user).unwrap(),
            user: UserId::new(user).unwrap(),
            status: None,
            role: None,
            named_by_token: true,
            replaces: None,
            claims: Json::from_canonical("{}"),
            remote_address: None,
        };
        let done = house.committer.run(&house.workspace, command, None);
        done.await.unwrap();
    }
    let state = house.committer.store().snapshot(&house.workspace).unwrap();
    let after = |id: Option<&str>| -> Vec<String> {
        let id = id.map(|id| UserId::new(id).unwrap());
        let users = users_after(&state, id.as_ref());
        users.map(ToString::to_string).collect()
    };
    assert_eq!(after(None), ["guest", "u0", "u1", "u15", "u2"]);
    assert_eq!(after(Some("u0")), ["u1", "u15", "u2"]);
    assert_eq!(after(Some("u1")), ["u15", "u2"]);
    assert_eq!(after(Some("u10")), ["u15", "u2"]);
    assert!(after(Some("u2")).is_empty());
}
