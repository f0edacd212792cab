//! What is made once for many, what waits for room, and what is refused.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use wardroom_domain::{ChannelId, ChannelSpec, Command, Json, MemberSpec, SocketId};

use super::*;
use crate::commit::NoPolicies;
use crate::store::embedded::Embedded;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

struct House {
    states: Arc<States>,
    committer: Arc<Committer>,
    workspace: WorkspaceId,
}

impl House {
    /// A workspace with a public channel, and a private one of `u0`.
    async fn within(bytes: u32, patience: Duration) -> Self {
        let metrics = Arc::<Metrics>::default();
        let store = Arc::new(Embedded::in_memory());
        let policies = Arc::new(NoPolicies);
        let committer = Arc::new(Committer::new(store, policies, Arc::clone(&metrics)));
        let states = States::within(bytes, patience, Arc::clone(&committer), metrics);
        let house = Self {
            states: Arc::new(states),
            committer,
            workspace: WorkspaceId::new("w").unwrap(),
        };
        for number in 0..3 {
            house.put(number).await;
            house.connect(number).await;
        }
        for (name, private) in [("open", false), ("closed", true)] {
            let command = Command::PutChannel {
                channel: ChannelId::new(name).unwrap(),
                spec: ChannelSpec {
                    private: Some(private),
                    members: Some([user(0)].into_iter().collect()),
                    attributes: None,
                },
            };
            house.run(command).await;
        }
        house
    }

    async fn run(&self, command: Command) {
        let done = self.committer.run(&self.workspace, command, None);
        done.await.unwrap();
    }

    async fn put(&self, number: usize) {
        let user = user(number);
        let default_profile = Json::from_canonical(&format!(r#"{{"id":"{user}"}}"#));
        let spec = MemberSpec::default();
        self.run(Command::PutMember {
            user,
            spec,
            default_profile,
        })
        .await;
    }

    async fn connect(&self, number: usize) {
        self.run(Command::Connect {
            socket: SocketId::new(&format!("s{number}")).unwrap(),
            user: user(number),
            status: None,
            role: None,
            named_by_token: true,
            replaces: None,
            claims: Json::from_canonical("{}"),
            remote_address: None,
        })
        .await;
    }

    fn state(&self) -> Workspace {
        self.committer.store().snapshot(&self.workspace).unwrap()
    }

    async fn text(&self, number: usize) -> Result<Bytes, Failure> {
        self.page(number, None).await
    }

    async fn page(&self, number: usize, page: Option<&Page>) -> Result<Bytes, Failure> {
        let state = self.state();
        let user = &user(number);
        let asked = Asked { user, page };
        self.states.text(&self.workspace, &state, asked).await
    }

    /// How often something came of asking.
    fn counted(&self, result: &str) -> u64 {
        let text = self.states.metrics.render().unwrap();
        let prefix = format!("wardroom_state_answers_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&*prefix));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn user(number: usize) -> UserId {
    UserId::new(&format!("u{number}")).unwrap()
}

#[tokio::test]
async fn those_who_may_know_the_same_share_one_text_until_something_changes() {
    let house = House::within(1 << 20, LONG).await;
    let first = house.text(1).await.unwrap();
    let second = house.text(2).await.unwrap();
    assert_eq!(first.as_ptr(), second.as_ptr());
    // Whoever sees more gets another one.
    let other = house.text(0).await.unwrap();
    assert!(
        String::from_utf8(other.to_vec())
            .unwrap()
            .contains("closed")
    );
    assert!(
        !String::from_utf8(first.to_vec())
            .unwrap()
            .contains("closed")
    );
    assert_eq!(house.states.budget.taken(), first.len() + other.len());
    assert_eq!((house.counted("made"), house.counted("shared")), (2, 1));

    house.put(3).await;
    let later = house.text(1).await.unwrap();
    assert!(String::from_utf8(later.to_vec()).unwrap().contains("u3"));
    drop((first, second, other, later));
    assert_eq!(house.states.budget.taken(), 0);
    house.text(1).await.unwrap();
    assert_eq!(
        house.states.rooms.lock().len(),
        1,
        "rooms nobody is in are forgotten"
    );
}

#[tokio::test]
async fn what_finds_no_room_in_time_is_refused() {
    let house = House::within(1_000, Duration::from_millis(20)).await;
    let first = house.text(1).await.unwrap();
    // Another class of people, and so another text.
    assert_eq!(house.text(0).await.unwrap_err(), Failure::Overloaded);
    assert_eq!(house.counted("refused"), 1);
    // What is there already is had all the same.
    assert_eq!(house.text(2).await.unwrap().as_ptr(), first.as_ptr());
}

#[tokio::test]
async fn who_waits_for_room_keeps_nobody_from_what_is_there() {
    let house = House::within(1_000, LONG).await;
    let first = house.text(1).await.unwrap();
    let waiting = house.text(0);
    tokio::pin!(waiting);
    let early = timeout(Duration::ZERO, &mut waiting).await;
    assert!(early.is_err(), "there was room");
    assert_eq!(house.text(2).await.unwrap().as_ptr(), first.as_ptr());
    drop(first);
    waiting.await.unwrap();
}

#[tokio::test]
async fn pages_together_are_the_whole_and_are_shared_like_it() {
    let house = House::within(1 << 20, LONG).await;
    let (mut after, mut ids, mut channels) = (None, Vec::new(), 0);
    loop {
        let page = Page { after, limit: 2 };
        let text = house.page(1, Some(&page)).await.unwrap();
        let shared = house.page(2, Some(&page)).await.unwrap();
        assert_eq!(text.as_ptr(), shared.as_ptr());
        let text = format!("{}}}", std::str::from_utf8(&text).unwrap());
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        let members = told["members"].as_array().unwrap();
        ids.extend(members.iter().map(|it| it["user"]["id"].to_string()));
        channels += told["channels"].as_array().unwrap().len();
        match told["next"].as_str() {
            Some(next) => after = Some(UserId::new(next).unwrap()),
            None => break assert!(told["next"].is_null(), "{told}"),
        }
    }
    assert_eq!(ids, [r#""u0""#, r#""u1""#, r#""u2""#]);
    assert_eq!(channels, 1, "they are told with the first page");
    let whole = house.text(1).await.unwrap();
    assert!(!String::from_utf8(whole.to_vec()).unwrap().contains("next"));
}

/// Channels are told with the first page alone, and who sits where with every page.
#[tokio::test]
async fn a_later_page_is_shared_by_those_alone_who_see_the_same_of_who_sits_where() {
    let house = House::within(1 << 20, LONG).await;
    house
        .run(Command::Select {
            socket: SocketId::new("s0").unwrap(),
            channel: ChannelId::new("closed").unwrap(),
            media: None,
        })
        .await;
    let page = Page {
        after: Some(UserId::new("a").unwrap()),
        limit: 10,
    };
    let own = house.page(0, Some(&page)).await.unwrap();
    let others = house.page(1, Some(&page)).await.unwrap();
    let shared = house.page(2, Some(&page)).await.unwrap();
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text(&own).contains("closed"), "{}", text(&own));
    assert!(!text(&others).contains("closed"), "{}", text(&others));
    assert_eq!(others.as_ptr(), shared.as_ptr());
}

/// Somebody whose text is there already looks at all members all the same.
#[tokio::test]
async fn other_work_runs_while_the_members_of_a_large_workspace_are_looked_at() {
    const TURNS: usize = 2;
    let house = House::within(1 << 30, LONG).await;
    for number in 3..TURNS * SURVEYED_PER_TURN {
        house.put(number).await;
    }
    let _kept = house.text(1).await.unwrap();
    let mut asking = std::pin::pin!(house.text(2));
    let mut turns = 0;
    while futures_util::poll!(&mut asking).is_pending() {
        turns += 1;
    }
    assert_eq!(house.counted("shared"), 1);
    assert!(turns >= TURNS, "{turns}");
    // A page looks at no more than is on it.
    let page = Page {
        after: None,
        limit: 2,
    };
    let _kept = house.page(1, Some(&page)).await.unwrap();
    let asked = house.page(2, Some(&page));
    assert!(futures_util::poll!(std::pin::pin!(asked)).is_ready());
}
