//! The embedded store: refusals leave nothing, the log keeps its order and its bound, what the
//! backend was told is there again after the file was opened anew.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use wardroom_domain::{
    ChannelSpec, Command, Context, Decision, Json, Leave, MemberSpec, Millis, SocketId, Timestamp,
    Undecided, UserId, Workspace, WorkspaceId, decide,
};

use super::Embedded;
use crate::limits::{MAX_BATCH_ENTRIES, MAX_UNDELIVERED_ENTRIES};
use crate::store::{Attempt, Entry, Pass, Store, StoreError};

fn workspace() -> WorkspaceId {
    WorkspaceId::new("w").unwrap()
}

fn put_member(user: &str) -> Command {
    Command::PutMember {
        user: UserId::new(user).unwrap(),
        spec: MemberSpec::default(),
        default_profile: Json::from_canonical(&format!("{{\"id\":\"{user}\"}}")),
    }
}

fn put_channel(channel: &str) -> Command {
    Command::PutChannel {
        channel: wardroom_domain::ChannelId::new(channel).unwrap(),
        spec: ChannelSpec {
            private: Some(true),
            ..ChannelSpec::default()
        },
    }
}

fn decided(state: &Workspace, command: &Command) -> Result<Decision, Pass> {
    let context = Context {
        now: Timestamp(0),
        policies: None,
    };
    decide(state, command, &context).map_err(|undecided| match undecided {
        Undecided::Rejected(rejection) => Pass::Rejected(rejection),
        Undecided::Ask(_) | Undecided::Unsettled => Pass::Again,
    })
}

async fn run(store: &Embedded, command: &Command) -> Result<Arc<Entry>, StoreError<Pass>> {
    store
        .transact(
            &workspace(),
            &mut |state| decided(state, command),
            &mut Attempt::default(),
        )
        .await
}

#[tokio::test]
async fn a_refusal_leaves_no_workspace_behind() {
    let store = Embedded::in_memory();
    let result = run(&store, &Command::Close).await;
    assert!(matches!(
        result,
        Err(StoreError::Undecided(Pass::Rejected(_)))
    ));
    assert!(store.workspaces().is_empty());
    assert_eq!(store.slots.len(), 0);
}

#[tokio::test]
async fn a_follower_takes_every_entry_in_order() {
    let store = Arc::new(Embedded::in_memory());
    let mut tail = store.follow(&workspace());
    let total = 3 * MAX_BATCH_ENTRIES + 1;
    let writers: Vec<_> = (0..total)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { run(&store, &put_member(&format!("u{n}"))).await.unwrap() })
        })
        .collect();
    let mut offsets = Vec::new();
    while offsets.len() < total {
        let batch = tail.next().await;
        assert!(!batch.is_empty() && batch.len() <= MAX_BATCH_ENTRIES);
        offsets.extend(batch.iter().map(|entry| entry.offset.0));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let expected: Vec<u64> = (1..=total as u64).collect();
    assert_eq!(offsets, expected);
}

#[tokio::test]
async fn a_full_log_makes_writers_wait_and_then_fail() {
    let mut store = Embedded::in_memory();
    store.patience = Duration::from_millis(1);
    let mut tail = store.follow(&workspace());
    for n in 0..MAX_UNDELIVERED_ENTRIES {
        run(&store, &put_member(&format!("u{n}"))).await.unwrap();
    }
    let result = run(&store, &put_member("one too many")).await;
    assert!(matches!(result, Err(StoreError::Full)));
    assert_eq!(tail.next().await.len(), MAX_BATCH_ENTRIES);
    run(&store, &put_member("one more")).await.unwrap();
}

#[tokio::test]
async fn an_empty_workspace_goes_with_its_last_follower() {
    let store = Embedded::in_memory();
    let tail = store.follow(&workspace());
    run(&store, &put_member("u")).await.unwrap();
    run(&store, &Command::Close).await.unwrap();
    assert!(store.snapshot(&workspace()).is_none());
    assert_eq!(store.slots.len(), 1);
    drop(tail);
    assert_eq!(store.slots.len(), 0);
}

#[tokio::test]
async fn a_waiter_without_a_follower_runs_at_once() {
    let store = Embedded::in_memory();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let mut attempt = Attempt::new(Some(Box::new(|entry: &Entry| {
        sender.send(entry.offset.0).unwrap();
    })));
    let command = put_member("u");
    store
        .transact(
            &workspace(),
            &mut |state| decided(state, &command),
            &mut attempt,
        )
        .await
        .unwrap();
    assert!(attempt.waiter.is_none());
    assert_eq!(receiver.await.unwrap(), 1);
}

fn connect(socket: &str, user: &str) -> Command {
    Command::Connect {
        socket: socket_id(socket),
        user: UserId::new(user).unwrap(),
        status: None,
        role: None,
        named_by_token: true,
        replaces: None,
        claims: Json::from_canonical("{}"),
        remote_address: None,
    }
}

fn socket_id(socket: &str) -> SocketId {
    SocketId::new(socket).unwrap()
}

/// Runs a command in a workspace of this name.
async fn run_in(store: &Embedded, name: &str, command: Command) {
    let workspace = WorkspaceId::new(name).unwrap();
    let mut attempt = Attempt::default();
    let decide = &mut |state: &Workspace| decided(state, &command);
    store
        .transact(&workspace, decide, &mut attempt)
        .await
        .unwrap();
}

/// What the store says of a user: the workspaces of which they are a member, and those where they are
/// connected.
fn places(store: &Embedded, user: &str) -> (String, String) {
    let user = UserId::new(user).unwrap();
    let names = |all: Vec<WorkspaceId>| {
        let names: Vec<_> = all.iter().map(WorkspaceId::as_str).collect();
        names.join(" ")
    };
    let members = store.workspaces_of(&user);
    let first = store.workspace_of(&user);
    assert_eq!(first.as_ref(), members.first());
    (names(members), names(store.presences_of(&user)))
}

#[tokio::test]
async fn it_is_known_where_everybody_is() {
    let store = Embedded::in_memory();
    let is = |members: &str, connected: &str| (members.to_owned(), connected.to_owned());
    for name in ["b", "a", "c"] {
        run_in(&store, name, put_member("u")).await;
    }
    assert_eq!(places(&store, "u"), is("a b c", ""));
    run_in(&store, "a", connect("s1", "u")).await;
    run_in(&store, "a", connect("s2", "u")).await;
    run_in(&store, "b", connect("s3", "u")).await;
    run_in(&store, "b", connect("s4", "guest")).await;
    assert_eq!(places(&store, "u"), is("a b c", "a b"));
    assert_eq!(places(&store, "guest"), is("", "b"));
    let leave = |socket: &str, leave: Leave| Command::Disconnect {
        socket: socket_id(socket),
        leave,
    };
    run_in(&store, "a", leave("s1", Leave::OnPurpose)).await;
    assert_eq!(places(&store, "u"), is("a b c", "a b"), "s2 is still there");
    // A held connection is not live, and its user is still there.
    let lost = Leave::Lost {
        grace: Millis(1000),
        grace_in_channel: Millis(1000),
    };
    run_in(&store, "a", leave("s2", lost)).await;
    assert_eq!(store.locate(&socket_id("s2")), None);
    assert_eq!(places(&store, "u"), is("a b c", "a b"));
    let kick = Command::Kick {
        user: UserId::new("u").unwrap(),
    };
    run_in(&store, "a", kick).await;
    assert_eq!(places(&store, "u"), is("a b c", "b"));
    // Another user takes a socket over; it moves on to another workspace before this one ends.
    run_in(&store, "b", connect("s3", "other")).await;
    assert_eq!(places(&store, "u"), is("a b c", ""));
    assert_eq!(places(&store, "other"), is("", "b"));
    run_in(&store, "c", connect("s3", "other")).await;
    run_in(&store, "b", Command::Close).await;
    assert_eq!(places(&store, "other"), is("", "c"));
    assert_eq!(places(&store, "u"), is("a c", ""));
    let c = WorkspaceId::new("c").unwrap();
    assert_eq!(store.locate(&socket_id("s3")), Some(c));
    run_in(&store, "a", Command::Close).await;
    run_in(&store, "c", Command::Close).await;
    assert_eq!(store.whereabouts.kept(), (0, 0, 0));
}

/// One worker, and a decision that ends only when somebody has read the state beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_decision_holds_up_commands_and_nobody_who_reads() {
    let store = Arc::new(Embedded::in_memory());
    run(&store, &put_member("before")).await.unwrap();
    let (begun, begins) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel();
    let deciding = tokio::spawn({
        let store = store.clone();
        async move {
            let command = put_member("long");
            let decide = &mut move |state: &Workspace| {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                decided(state, &command)
            };
            let mut attempt = Attempt::default().taking_long(true);
            let committed = store.transact(&workspace(), decide, &mut attempt).await;
            committed.unwrap().offset.0
        }
    });
    begins.recv().unwrap();
    assert_eq!(store.snapshot(&workspace()).unwrap().members().len(), 1);
    let command = put_member("after");
    let mut after = std::pin::pin!(run(&store, &command));
    assert!(futures_util::poll!(after.as_mut()).is_pending());
    go_on.send(()).unwrap();
    assert_eq!(deciding.await.unwrap(), 2);
    assert_eq!(after.await.unwrap().offset.0, 3);
    assert_eq!(store.snapshot(&workspace()).unwrap().members().len(), 3);
}

#[tokio::test]
async fn what_is_remembered_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    let (store, _) = Embedded::open(&path, Arc::default()).unwrap();
    let command = put_member("u");
    let decide = &mut |state: &Workspace| decided(state, &command);
    store
        .transact(&workspace(), decide, &mut Attempt::remembered())
        .await
        .unwrap();
    assert_eq!(store.snapshot(&workspace()).unwrap().members().len(), 1);
    drop(store);
    let (_, on_disk) = open_again(&path).await;
    assert!(on_disk.is_empty());
}

#[tokio::test]
async fn the_directory_survives_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    let before = {
        let (store, remembered) = Embedded::open(&path, Arc::default()).unwrap();
        assert!(remembered.is_empty());
        run(&store, &put_member("u1")).await.unwrap();
        run(&store, &put_member("u2")).await.unwrap();
        run(&store, &put_channel("c")).await.unwrap();
        let gone = Command::RemoveMember {
            user: UserId::new("u2").unwrap(),
        };
        run(&store, &gone).await.unwrap();
        store.snapshot(&workspace()).unwrap()
    };
    let (store, mut remembered) = open_again(&path).await;
    let (name, truth) = remembered.pop().unwrap();
    assert!(remembered.is_empty() && name == workspace());
    let sync = Command::Sync { truth, quiet: true };
    let entry = run(&store, &sync).await.unwrap();
    assert!(entry.outputs.is_empty());
    let after = store.snapshot(&workspace()).unwrap();
    assert_eq!(after.members(), before.members());
    assert_eq!(after.channels(), before.channels());
    assert_eq!(after.connections(), before.connections());
    run(&store, &Command::Close).await.unwrap();
    drop(store);
    let (_, remembered) = open_again(&path).await;
    assert!(remembered.is_empty());
}

#[tokio::test]
async fn numbers_are_there_again_as_they_were_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    let user = UserId::new("u1").unwrap();
    let profile =
        r#"{"at":[117.63333139400017,-0,1E2,1.50],"id":"u1","n":12345678901234567890123}"#;
    let attributes = r#"{"level":3.0,"n":98765432109876543210987}"#;
    let put = |profile: &str| Command::PutMember {
        user: user.clone(),
        spec: MemberSpec {
            profile: Some(crate::json::keep(profile).unwrap()),
            attributes: Some(crate::json::attributes(attributes).unwrap()),
            ..MemberSpec::default()
        },
        default_profile: Json::from_canonical("{}"),
    };
    let (store, _) = Embedded::open(&path, Arc::default()).unwrap();
    run(&store, &put(profile)).await.unwrap();
    drop(store);
    let (store, mut remembered) = open_again(&path).await;
    let (_, truth) = remembered.pop().unwrap();
    let sync = Command::Sync { truth, quiet: true };
    run(&store, &sync).await.unwrap();
    let state = store.snapshot(&workspace()).unwrap();
    let member = &state.members()[&user];
    assert_eq!(member.profile.as_str(), profile);
    assert_eq!(member.attributes.text.as_str(), attributes);
    // Other spellings of the same numbers change nothing, before a restart and after it.
    let same = profile.replace("1E2,1.50", "100,1.5").replace("-0", "0.0");
    let entry = run(&store, &put(&same)).await.unwrap();
    assert!(entry.outputs.is_empty());
    let other = profile.replace("400017", "400016");
    let entry = run(&store, &put(&other)).await.unwrap();
    assert_eq!(entry.outputs.len(), 1);
}

/// The writer's thread closes the file shortly after the store is dropped.
async fn open_again(
    path: &std::path::Path,
) -> (Embedded, Vec<(WorkspaceId, wardroom_domain::Truth)>) {
    let opened = async {
        loop {
            match Embedded::open(path, Arc::default()) {
                Ok(opened) => return opened,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), opened)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    std::fs::write(&path, "this is not a database").unwrap();
    let error = Embedded::open(&path, Arc::default())
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("directory.redb"), "{error}");
}

#[tokio::test]
async fn what_is_on_disk_is_committed_even_if_policies_are_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Embedded::open(&folder.path().join("directory.redb"), Arc::default()).unwrap();
    let (put, other) = (put_member("u"), put_member("other"));
    // The first decision is what is written; the second, after the write, has to ask anew.
    let mut asked = 0;
    let mut attempt = Attempt::default();
    let result = store
        .transact(
            &workspace(),
            &mut |state| {
                asked += 1;
                if asked > 3 {
                    return Err(Pass::Again);
                }
                decided(state, &put)
            },
            &mut attempt,
        )
        .await;
    assert!(matches!(result, Err(StoreError::Undecided(Pass::Again))));
    assert!(attempt.must_go_on());
    // Nobody else changes the directory in between.
    let mut later = std::pin::pin!(run(&store, &other));
    assert!(futures_util::poll!(later.as_mut()).is_pending());
    store
        .transact(
            &workspace(),
            &mut |state| decided(state, &put),
            &mut attempt,
        )
        .await
        .unwrap();
    drop(attempt);
    later.await.unwrap();
    let state = store.snapshot(&workspace()).unwrap();
    assert_eq!(state.members().len(), 2);
}
