//! The whole gateway over the real commit path: what clients send, and what they then see.

use std::collections::BTreeMap;
use std::time::SystemTime;

use wardroom_domain::{ChannelId, ChannelSpec, Command, Json, MemberSpec, UserId, WorkspaceId};

use super::clients::{Polling, WebSocket};
use super::*;
use crate::commit::{Committer, NoPolicies, Policies};
use crate::gateway::{Authenticator, Gateway, Identity, TokenRefusal};
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;

/// Takes `user@workspace` and `user@workspace@milliseconds` for tokens.
pub(super) struct Trusting;

impl Authenticator for Trusting {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefusal> {
        let mut parts = token.split('@');
        let user = parts.next().and_then(|user| UserId::new(user).ok());
        let (Some(user), Some(workspace)) = (user, parts.next()) else {
            return Err(TokenRefusal::Invalid("unknown"));
        };
        let lasts = parts.next().map_or(60_000, |lasts| lasts.parse().unwrap());
        if lasts == 0 {
            return Err(TokenRefusal::Expired);
        }
        let named = WorkspaceId::new(workspace)
            .ok()
            .map(|workspace| (workspace, None));
        Ok(Identity {
            user,
            expires_at: SystemTime::now() + Duration::from_millis(lasts),
            workspaces: BTreeMap::from_iter(named),
            claims: Json::from_canonical(r#"{"sub":"test"}"#),
        })
    }
}

pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) gateway: Arc<Gateway>,
    pub(super) committer: Arc<Committer>,
    _stop: tokio_util::sync::DropGuard,
}

impl House {
    pub(super) async fn start(settings: Settings) -> Self {
        Self::start_with(settings, Arc::new(NoPolicies)).await
    }

    pub(super) async fn start_with(settings: Settings, policies: Arc<dyn Policies>) -> Self {
        Self::start_under(settings, policies, Arc::new(Trusting)).await
    }

    pub(super) async fn start_as(settings: Settings, tokens: Arc<dyn Authenticator>) -> Self {
        Self::start_under(settings, Arc::new(NoPolicies), tokens).await
    }

    async fn start_under(
        settings: Settings,
        policies: Arc<dyn Policies>,
        tokens: Arc<dyn Authenticator>,
    ) -> Self {
        let metrics = Arc::new(Metrics::default());
        let store = Arc::new(Embedded::in_memory());
        let committer = Arc::new(Committer::new(store, policies, Arc::clone(&metrics)));
        tokio::spawn(Arc::clone(&committer).expire_holds());
        let committed = Arc::clone(&committer);
        let gateway = Arc::new(Gateway::new(settings, tokens, committed, metrics));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (serving, stopping) = (Arc::clone(&gateway), stop.clone());
        tokio::spawn(async move { serving.serve(socket, not_found(), stopping).await });
        let house = Self {
            address,
            gateway,
            committer,
            _stop: stop.drop_guard(),
        };
        house
            .run(Command::PutChannel {
                channel: channel("c1"),
                spec: ChannelSpec::default(),
            })
            .await;
        house
    }

    pub(super) fn states(&self) -> &super::super::states::States {
        &self.gateway.conversations.states
    }

    pub(super) async fn run(&self, command: Command) {
        let workspace = WorkspaceId::new("w").unwrap();
        self.committer.run(&workspace, command, None).await.unwrap();
    }

    /// A client that has authenticated, and has read everything up to that.
    pub(super) async fn client(&self, user: &str) -> WebSocket {
        let mut client = WebSocket::join(self.address).await;
        let seen = client.ask("auth", &auth(user)).await;
        assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
        client.until(&online(user)).await;
        client
    }
}

pub(super) fn auth(user: &str) -> String {
    format!(r#"{{"token":"{user}@w","workspaceId":"w"}}"#)
}

fn channel(id: &str) -> ChannelId {
    ChannelId::new(id).unwrap()
}

pub(super) fn error(event: &str, code: &str) -> impl Fn(&String) -> bool {
    let event = format!("[\"socket-api-error\",{{\"event\":\"{event}\",");
    let code = format!("\"code\":\"{code}\"}}]");
    move |packet| packet.contains(&event) && packet.ends_with(&code)
}

pub(super) fn online(user: &str) -> String {
    format!(r#"42["online-status-updated",{{"userId":"{user}","onlineStatus":"online"}}]"#)
}

#[tokio::test]
async fn auth_is_answered_by_the_event_and_the_acknowledgement() {
    let house = House::start(Settings::default()).await;
    let mut client = WebSocket::join(house.address).await;
    let data = r#"{"token":"u1@w","workspaceId":"w","transaction":"t"}"#;
    let seen = client.ask("auth", data).await;
    assert_eq!(
        seen[0],
        r#"42["auth-success",{"transaction":"t","userId":"u1"}]"#
    );
    let sid = client.sid();
    let ack = format!(r#"[{{"ok":true,"userId":"u1","workspaceId":"w","socketId":"{sid}"}}]"#);
    assert!(seen[1].ends_with(&ack), "{seen:?}");
    assert_eq!(client.next().await.unwrap(), online("u1"));
}

#[tokio::test]
async fn events_may_be_sent_without_waiting_for_auth() {
    let house = House::start(Settings::default()).await;
    let mut client = WebSocket::join(house.address).await;
    client.send(&format!("42[\"auth\",{}]", auth("u1"))).await;
    client
        .send(r#"42["select-channel",{"channelId":"nowhere"}]"#)
        .await;
    let seen = client.ask("select-channel", r#"{"channelId":"c1"}"#).await;
    assert_eq!(seen[0], r#"42["auth-success",{"userId":"u1"}]"#);
    assert_eq!(seen[1], online("u1"));
    assert!(
        error("select-channel", "channel-not-found")(&seen[2]),
        "{seen:?}"
    );
    assert!(seen[3].starts_with(r#"42["user-selected-channel",{"userId":"u1","channelId":"c1","#));
    assert!(seen[4].ends_with(r#"[{"ok":true}]"#), "{seen:?}");
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn refusals_come_as_events_and_as_acknowledgement() {
    let house = House::start(Settings::default()).await;
    let mut client = WebSocket::join(house.address).await;
    let seen = client.ask("get-state", r#"{"transaction":"t"}"#).await;
    assert_eq!(
        seen[0],
        r#"42["socket-api-error-t",{"message":"send `auth` first","code":"unauthenticated"}]"#
    );
    assert!(error("get-state", "unauthenticated")(&seen[1]));
    assert!(seen[2].contains(r#"[{"ok":false,"error":{"#));
    for (data, code) in [
        (r#"{"token":"forged","workspaceId":"w"}"#, "invalid-token"),
        (r#"{"token":"u1@w@0","workspaceId":"w"}"#, "token-expired"),
        (
            r#"{"token":"u1@other","workspaceId":"w"}"#,
            "workspace-forbidden",
        ),
        (r#"{"workspaceId":"w"}"#, "invalid-data"),
        (r#""text""#, "invalid-data"),
    ] {
        let seen = client.ask("auth", data).await;
        assert!(error("auth", code)(&seen[0]), "{data}: {seen:?}");
        assert!(seen[1].contains("\"ok\":false"), "{data}: {seen:?}");
    }
    let seen = client.ask("nonsense", "{}").await;
    assert!(error("nonsense", "invalid-data")(&seen[0]));
    let seen = client.ask("auth", &auth("u1")).await;
    assert!(
        seen.last().unwrap().contains("\"ok\":true"),
        "the socket is still good: {seen:?}"
    );
}

#[tokio::test]
async fn a_handshake_with_credentials_is_an_auth_event() {
    let house = House::start(Settings::default()).await;
    let mut client = WebSocket::open(house.address, "EIO=4").await;
    client.next().await.unwrap();
    client.send(&format!("40{}", auth("u1"))).await;
    assert!(client.next().await.unwrap().starts_with("40{"));
    assert_eq!(
        client.next().await.unwrap(),
        r#"42["auth-success",{"userId":"u1"}]"#
    );
    assert_eq!(client.next().await.unwrap(), online("u1"));
}

#[tokio::test]
async fn clients_of_every_kind_see_the_same_events_in_the_same_order() {
    let house = House::start(Settings::default()).await;
    let mut old = WebSocket::open(house.address, "EIO=3").await;
    old.next().await.unwrap();
    old.next().await.unwrap();
    old.ask("auth", &auth("old")).await;
    let mut new = house.client("new").await;
    let polling = Polling::join(house.address).await;
    polling
        .post(&format!("42[\"auth\",{}]", auth("polling")))
        .await;
    let mut polled = Vec::<String>::new();
    while !polled.concat().contains("auth-success") {
        polled = polling.poll().await;
    }
    let mut actor = house.client("actor").await;
    for _ in 0..20 {
        actor
            .send(r#"42["select-channel",{"channelId":"c1"}]"#)
            .await;
        actor
            .send(r#"42["update-media-state",{"userMediaState":{"camera":true}}]"#)
            .await;
        actor.send(r#"42["unselect-channel"]"#).await;
    }
    actor
        .ask("update-online-status", r#"{"onlineStatus":"idle"}"#)
        .await;
    let last = r#"42["online-status-updated",{"userId":"actor","onlineStatus":"idle"}]"#;
    let by_old = old.until(last).await;
    let by_new = new.until(last).await;
    let mut by_polling = Vec::new();
    while by_polling.last().map(String::as_str) != Some(last) {
        by_polling.extend(polling.poll().await);
    }
    // Each saw others come before the actor did; from there on all saw the same.
    let from_actor = |packets: Vec<String>| {
        packets
            .into_iter()
            .filter(|packet| packet.contains("actor"))
            .collect::<Vec<_>>()
    };
    let by_old = from_actor(by_old);
    assert_eq!(by_old.len(), 62);
    assert_eq!(by_old, from_actor(by_new));
    assert_eq!(by_old, from_actor(by_polling));
}

#[tokio::test]
async fn a_second_auth_moves_the_socket_or_leaves_it_where_it_was() {
    let house = House::start(Settings::default()).await;
    let mut watcher = house.client("u2").await;
    let mut client = house.client("u1").await;
    watcher.until(&online("u1")).await;
    let seen = client
        .ask("auth", r#"{"token":"u1@other","workspaceId":"third"}"#)
        .await;
    assert!(error("auth", "workspace-forbidden")(&seen[0]));
    let seen = client.ask("get-state", "{}").await;
    assert!(
        seen[0].contains(r#""user":{"id":"u1"},"onlineStatus":"online""#),
        "{seen:?}"
    );
    let seen = client
        .ask("auth", r#"{"token":"u1@other","workspaceId":"other"}"#)
        .await;
    assert!(
        seen.last().unwrap().contains(r#""workspaceId":"other""#),
        "{seen:?}"
    );
    let offline = r#"42["online-status-updated",{"userId":"u1","onlineStatus":"offline"}]"#;
    assert_eq!(watcher.until(offline).await, [offline]);
}

#[tokio::test]
async fn a_socket_that_does_not_authenticate_is_closed() {
    let auth_deadline = Duration::from_millis(200);
    let house = House::start(Settings {
        auth_deadline,
        ..Settings::default()
    })
    .await;
    let mut client = WebSocket::join(house.address).await;
    let seen = client.rest().await;
    assert!(error("auth", "auth-timeout")(&seen[0]), "{seen:?}");
    assert_eq!(seen.len(), 1, "the transport is closed: {seen:?}");
    let mut client = house.client("u1").await;
    tokio::time::sleep(auth_deadline * 2).await;
    let seen = client.ask("get-state", "{}").await;
    assert!(
        seen[0].contains("\"ok\":true"),
        "one that did is not: {seen:?}"
    );
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_ends_unless_it_brings_another() {
    let house = House::start(Settings::default()).await;
    let mut renewing = WebSocket::join(house.address).await;
    renewing
        .ask("auth", r#"{"token":"u2@w@300","workspaceId":"w"}"#)
        .await;
    renewing.until(&online("u2")).await;
    let seen = renewing.ask("auth", &auth("u2")).await;
    assert_eq!(seen.len(), 2, "nobody sees a renewal: {seen:?}");
    let mut client = WebSocket::join(house.address).await;
    client
        .ask("auth", r#"{"token":"u1@w@300","workspaceId":"w"}"#)
        .await;
    client.until(&online("u1")).await;
    let seen = client.rest().await;
    assert!(error("auth", "token-expiring")(&seen[0]), "{seen:?}");
    assert!(error("auth", "token-expired")(&seen[1]), "{seen:?}");
    assert_eq!(seen.len(), 2, "the transport is closed: {seen:?}");
    let seen = renewing.ask("get-state", "{}").await;
    assert!(seen.last().unwrap().contains("\"ok\":true"), "{seen:?}");
}

/// When each of two clients is told, and closed, after it was let in with a token.
async fn told_and_closed(notice: Duration, lasts: u64) -> (Option<Duration>, Duration) {
    let house = House::start(Settings {
        expiry_notice: notice,
        ..Settings::default()
    })
    .await;
    let mut client = WebSocket::join(house.address).await;
    let data = format!(r#"{{"token":"u1@w@{lasts}","workspaceId":"w"}}"#);
    let since = std::time::Instant::now();
    client.ask("auth", &data).await;
    let (mut told, mut closed) = (None, None);
    while let Some(packet) = client.next().await {
        if error("auth", "token-expiring")(&packet) {
            assert_eq!(told.replace(since.elapsed()), None, "once");
        } else if error("auth", "token-expired")(&packet) {
            closed = Some(since.elapsed());
        }
    }
    (told, closed.expect("it was told why"))
}

#[tokio::test]
async fn a_client_is_told_some_time_before_its_token_ends() {
    let (short, long) = (Duration::from_millis(500), Duration::from_secs(60));
    let (soon, late, never) = tokio::join!(
        told_and_closed(long, 2_000),
        told_and_closed(short, 2_000),
        told_and_closed(Duration::ZERO, 2_000),
    );
    let lasts = Duration::from_secs(2);
    for (told, from) in [(soon.0, lasts / 2), (late.0, lasts - short)] {
        let told = told.expect("it was told");
        // Tokens end by the wall clock.
        assert!(
            told + Duration::from_millis(10) >= from,
            "{told:?} of {from:?}"
        );
    }
    assert!(soon.0 < late.0, "{soon:?} {late:?}");
    assert_eq!(never.0, None);
    assert!(soon.1 - soon.0.unwrap() > short);
}

#[tokio::test]
async fn a_member_who_is_removed_hears_of_it_and_is_closed() {
    let house = House::start(Settings::default()).await;
    let user = UserId::new("u1").unwrap();
    house
        .run(Command::PutMember {
            user: user.clone(),
            spec: MemberSpec::default(),
            default_profile: Json::from_canonical(r#"{"id":"u1"}"#),
        })
        .await;
    let mut client = house.client("u1").await;
    house.run(Command::RemoveMember { user }).await;
    let seen = client.rest().await;
    let leaved = r#"42["user-leaved-workspace",{"userId":"u1"}]"#;
    assert_eq!(seen[1], leaved, "{seen:?}");
    assert!(error("auth", "membership-ended")(&seen[2]), "{seen:?}");
    assert_eq!(seen[3..], ["41"]);
}

#[tokio::test]
async fn a_lost_client_that_comes_back_is_not_seen_to_have_been_away() {
    let house = House::start(Settings::default()).await;
    let mut watcher = house.client("u2").await;
    let mut client = house.client("u1").await;
    client.ask("select-channel", r#"{"channelId":"c1"}"#).await;
    let sid = client.sid();
    client.close().await;
    let mut client = WebSocket::join(house.address).await;
    let data = format!(r#"{{"token":"u1@w","workspaceId":"w","prevSocketId":"{sid}"}}"#);
    client.ask("auth", &data).await;
    client
        .ask(
            "update-media-state",
            r#"{"userMediaState":{"screen":true}}"#,
        )
        .await;
    let seen = watcher.until_containing("media-state-updated").await;
    let names: Vec<_> = seen
        .iter()
        .map(|packet| packet.split('"').nth(1).unwrap())
        .collect();
    let expected = [
        "online-status-updated",
        "user-selected-channel",
        "media-state-updated",
    ];
    assert_eq!(names, expected, "{seen:?}");

    client.send("41").await;
    let seen = watcher.until_containing("online-status-updated").await;
    assert!(
        seen[0].contains("user-unselected-channel"),
        "on purpose is at once: {seen:?}"
    );
}

#[tokio::test]
async fn a_drain_tells_everybody_and_announces_nobody() {
    let house = House::start(Settings::default()).await;
    let mut first = house.client("u1").await;
    let mut second = house.client("u2").await;
    let _unauthenticated = WebSocket::join(house.address).await;
    first.until_containing(r#""u2""#).await;
    tokio::time::timeout(PATIENCE, house.gateway.drain())
        .await
        .expect("everybody goes");
    for client in [&mut first, &mut second] {
        let seen = client.rest().await;
        assert!(error("auth", "shutting-down")(&seen[0]), "{seen:?}");
        assert_eq!(seen.len(), 1, "the transport is closed: {seen:?}");
    }
}

/// Every client sends its first event as soon as it may, and some in the handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_first_event_is_lost() {
    let house = &House::start(Settings::default()).await;
    for round in 0..10 {
        let clients = (0..40).map(|number| async move {
            let mut client = WebSocket::open(house.address, "EIO=4").await;
            client.next().await.unwrap();
            let auth = auth(&format!("u{round}-{}", number / 2));
            if number % 2 == 0 {
                client.send(&format!("40{auth}")).await;
            } else {
                client.send("40").await;
                client.until_containing("40{").await;
                client.send(&format!("42[\"auth\",{auth}]")).await;
            }
            client.until_containing("auth-success").await;
        });
        futures_util::future::join_all(clients).await;
    }
}
