//! What policies make of events, acknowledgements and the state, as clients see it.

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wardroom_domain::{
    ChannelFacts, Clause, Command, CommandFacts, Denial, Event, EventFacts, Generation, Hooks,
    Json, MemberSpec, Rendered, Rendition, RequestFacts, Role, Rules, Selector, SubjectFacts, Test,
    UserId, Verdict, WorkspaceId,
};

use super::clients::{Polling, WebSocket};
use super::conversing::{House, auth};
use super::*;
use crate::commit::{Asking, Policies, PolicySet};
use crate::gateway::rendered::Forms;
use crate::gateway::{Network, TrustedProxies};

/// Admins see everything; others see no e-mail, no status but that of admins, and nobody named eve.
pub(super) struct Redacting;

impl Policies for Redacting {
    fn generation(&self) -> Option<Generation> {
        Some(Generation(1))
    }

    fn current(&self) -> Option<Arc<dyn PolicySet>> {
        Some(Arc::new(Self))
    }
}

fn to_admins() -> Selector {
    Selector {
        any: vec![Clause {
            all: vec![Test::Roles([Role::new("admin").unwrap()].into())],
            none: Vec::new(),
        }],
    }
}

fn split(for_admins: Option<Json>, for_others: Option<Json>) -> Vec<Rendition> {
    vec![
        Rendition {
            to: vec![to_admins()],
            payload: for_admins,
        },
        Rendition {
            to: Vec::new(),
            payload: for_others,
        },
    ]
}

impl PolicySet for Redacting {
    fn generation(&self) -> Generation {
        Generation(1)
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
        let payload = |text: String| Some(Json::from_canonical(&text));
        match &facts.event {
            Event::UserJoined { user, profile } => {
                let whole = payload(format!(r#"{{"user":{}}}"#, profile.as_str()));
                let bare = payload(format!(r#"{{"user":{{"id":"{user}","name":"{user}"}}}}"#));
                let bare = bare.filter(|_| user.as_str() != "eve");
                Some(split(whole, bare))
            }
            Event::OnlineStatusUpdated { user, .. } if user.as_str() != "admin" => {
                let whole = format!(r#"{{"userId":"{user}","onlineStatus":"online"}}"#);
                Some(split(payload(whole), None))
            }
            Event::UserSelectedChannel { user, .. } => {
                let whole = format!(
                    r#"{{"userId":"{user}","channelId":"c1","userMediaState":{{"camera":true}}}}"#
                );
                Some(split(payload(whole), None))
            }
            _ => None,
        }
    }
}

async fn furnished() -> House {
    let house = House::start_with(Settings::default(), Arc::new(Redacting)).await;
    for (user, role) in [("admin", Some("admin")), ("ann", None), ("eve", None)] {
        let profile = format!(r#"{{"email":"{user}@example.com","id":"{user}"}}"#);
        let spec = MemberSpec {
            profile: Some(Json::from_canonical(&profile)),
            role: Some(role.map(|role| Role::new(role).unwrap())),
            ..MemberSpec::default()
        };
        let command = Command::PutMember {
            user: UserId::new(user).unwrap(),
            spec,
            default_profile: Json::from_canonical("{}"),
        };
        house.run(command).await;
    }
    house
}

/// A client that has authenticated, whatever it is told of that.
async fn enter(house: &House, user: &str) -> WebSocket {
    let mut client = WebSocket::join(house.address).await;
    let seen = client.ask("auth", &auth(user)).await;
    assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
    client
}

#[tokio::test]
async fn the_state_shows_of_members_what_events_would_tell() {
    let house = furnished().await;
    let mut admin = enter(&house, "admin").await;
    let mut ann = enter(&house, "ann").await;
    let mut eve = enter(&house, "eve").await;
    eve.ask("select-channel", r#"{"channelId":"c1"}"#).await;
    ann.ask("select-channel", r#"{"channelId":"c1"}"#).await;
    let state = |seen: Vec<String>| {
        let ack = seen.last().unwrap().clone();
        let start = ack.find('[').unwrap();
        let [state] = serde_json::from_str::<[serde_json::Value; 1]>(&ack[start..]).unwrap();
        state
    };
    let seen = state(admin.ask("get-state", "{}").await);
    let members = seen["members"].as_array().unwrap();
    assert_eq!(members.len(), 3);
    assert_eq!(members[1]["user"]["email"], "ann@example.com");
    assert_eq!(members[1]["onlineStatus"], "online");
    assert_eq!(members[1]["selectedChannelId"], "c1");
    assert_eq!(members[1]["userMediaState"]["camera"], true);

    let seen = state(ann.ask("get-state", "{}").await);
    assert!(!seen.to_string().contains("example.com"), "{seen}");
    assert!(!seen.to_string().contains("eve"), "{seen}");
    let members = seen["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    assert_eq!(members[0]["user"]["name"], "admin");
    assert_eq!(members[0]["onlineStatus"], "online");
    assert_eq!(members[1]["onlineStatus"], "offline");
    assert_eq!(members[1]["selectedChannelId"], serde_json::Value::Null);
}

#[tokio::test]
async fn each_person_gets_the_form_for_them_and_strangers_none() {
    let house = furnished().await;
    let state = house
        .committer
        .store()
        .snapshot(&WorkspaceId::new("w").unwrap());
    let state = state.unwrap();
    let user = |id: &str| UserId::new(id).unwrap();
    let event = Event::UserUpdated {
        user: user("ann"),
        profile: Json::from_canonical("{}"),
    };
    let json = |text: &str| Some(Json::from_canonical(text));
    let mut rendered = Rendered {
        renditions: split(json("1"), json("2")),
        channel: None,
        departed: vec![SubjectFacts {
            user: user("gone"),
            role: Some(Role::new("admin").unwrap()),
            attributes: wardroom_domain::Attributes::default(),
        }],
    };
    let form = |data: &str| Some(frame::text(&format!(r#"42["user-updated",{data}]"#)));
    let mut forms = Forms::new(&event, &rendered, &state);
    assert_eq!(forms.one_for_all(), None);
    assert_eq!(forms.for_user(&user("admin")), form("1"));
    assert_eq!(forms.for_user(&user("ann")), form("2"));
    assert_eq!(forms.for_user(&user("gone")), form("1"), "as they were");
    assert_eq!(forms.for_user(&user("stranger")), None);

    rendered.renditions = split(None, json("2"));
    let mut forms = Forms::new(&event, &rendered, &state);
    assert_eq!(forms.for_user(&user("admin")), None, "withheld from them");
    assert_eq!(forms.for_user(&user("ann")), form("2"));

    rendered.renditions.remove(0);
    let mut forms = Forms::new(&event, &rendered, &state);
    assert_eq!(forms.one_for_all(), Some(form("2")));
    rendered.renditions[0].payload = None;
    let mut forms = Forms::new(&event, &rendered, &state);
    assert_eq!(forms.one_for_all(), Some(None), "suppressed");
}

#[tokio::test]
async fn claims_and_the_address_of_a_client_reach_the_state() {
    let proxies = |networks| Settings {
        trusted_proxies: TrustedProxies::new(networks),
        ..Settings::default()
    };
    let here = Network::new("127.0.0.0".parse().unwrap(), 8);
    for (networks, address) in [(vec![], "127.0.0.1"), (vec![here], "203.0.113.9")] {
        let house = House::start(proxies(networks)).await;
        let url = format!(
            "ws://{}/socket.io/?EIO=4&transport=websocket",
            house.address
        );
        let mut request = url.into_client_request().unwrap();
        let said = "6.6.6.6, 203.0.113.9".parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", said);
        let mut client = WebSocket::join_with(request).await;
        client.ask("auth", &auth("u1")).await;

        let polling = Polling::join(house.address).await;
        polling.post(&format!("42[\"auth\",{}]", auth("u2"))).await;
        while !polling.poll().await.concat().contains("auth-success") {}

        let state = house
            .committer
            .store()
            .snapshot(&WorkspaceId::new("w").unwrap());
        let state = state.unwrap();
        let addresses: Vec<_> = ["u1", "u2"]
            .into_iter()
            .map(|user| {
                let socket = &state.sockets_of(&UserId::new(user).unwrap())[0];
                let connection = &state.connections()[socket];
                assert_eq!(connection.claims.as_str(), r#"{"sub":"test"}"#);
                connection.remote_address.clone().unwrap()
            })
            .collect();
        assert_eq!(&*addresses[0], address);
        assert_eq!(&*addresses[1], "127.0.0.1");
    }
}
