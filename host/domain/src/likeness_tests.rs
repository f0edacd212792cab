//! Who counts as like whom, and who changed between two states.

use super::*;
use crate::{
    Change, ChannelFacts, ChannelId, Clause, Connection, Json, OnlineStatus, Rendition, Selector,
};

fn user(id: &str) -> UserId {
    UserId::new(id).expect("a user")
}

fn role(name: &str) -> Role {
    Role::new(name).expect("a role")
}

fn subject(id: &str, role_name: &str, scalars: &[(&str, &str)]) -> SubjectFacts {
    let scalars = scalars.iter().map(|(n, v)| (Arc::from(*n), Arc::from(*v)));
    SubjectFacts {
        user: user(id),
        role: Some(role(role_name)),
        attributes: Attributes {
            scalars: Arc::new(scalars.collect()),
            ..Attributes::default()
        },
    }
}

fn rendered(tests: Vec<Test>) -> Rendered {
    let rendition = |(place, test): (usize, Test)| Rendition {
        to: vec![Selector {
            any: vec![Clause {
                all: vec![test],
                none: Vec::new(),
            }],
        }],
        payload: Some(Json::from_canonical(&place.to_string())),
    };
    Rendered {
        renditions: tests.into_iter().enumerate().map(rendition).collect(),
        channel: Some(ChannelFacts {
            id: ChannelId::new("c").expect("a channel"),
            private: true,
            members: [user("bob")].into_iter().collect(),
            attributes: Attributes::default(),
        }),
        departed: vec![subject("gone", "x", &[])],
    }
}

fn attribute(name: &str, value: &str) -> Test {
    Test::Attribute {
        name: name.into(),
        value: value.into(),
    }
}

#[test]
fn only_role_and_compared_attributes_tell_people_apart() {
    let mut compared = Compared::default();
    let rendered = rendered(vec![
        Test::Users([user("ann")].into()),
        attribute("team", "red"),
        Test::ChannelMember,
        Test::Roles([role("lead")].into()),
    ]);
    assert!(compared.widen(&rendered));
    assert!(!compared.widen(&rendered));
    assert_eq!(compared.count(), 1);
    let like = |id, role, scalars: &[_]| compared.likeness(subject(id, role, scalars));
    let red = like("eve", "x", &[("team", "red"), ("age", "3")]);
    assert_eq!(red, like("ann", "x", &[("team", "red"), ("age", "4")]));
    assert_ne!(red, like("eve", "x", &[("team", "blue")]));
    assert_ne!(red, like("eve", "lead", &[("team", "red")]));

    assert_eq!(rendered.place_for_likeness(&red), Some(1));
    assert_eq!(rendered.place_for_user(&user("ann"), &red), Some(0));
    let lead = like("eve", "lead", &[]);
    assert_eq!(rendered.place_for_likeness(&lead), Some(3));
    assert_eq!(rendered.place_for_user(&user("bob"), &lead), Some(2));
    assert_eq!(rendered.place_for_likeness(&like("eve", "x", &[])), None);
}

#[test]
fn whom_selectors_name_stands_apart() {
    let ann = || Test::Users([user("ann")].into());
    let named = rendered(vec![ann(), Test::ChannelMember, ann()]);
    let named = named.named();
    let mut all: Vec<_> = named.users().map(UserId::as_str).collect();
    all.sort_unstable();
    assert_eq!(all, ["ann", "bob", "gone"]);
    assert!(all.iter().all(|id| named.includes(&user(id))));
    assert!(!named.includes(&user("eve")));
    let unnamed = rendered(vec![attribute("team", "red")]);
    let unnamed = unnamed.named();
    let all: Vec<_> = unnamed.users().map(UserId::as_str).collect();
    assert_eq!(all, ["gone"], "members where nothing asks for them");
}

#[test]
fn whoever_policies_know_something_else_of_has_changed() {
    let member = |profile: &str, role_name: Option<&str>| Member {
        profile: Json::from_canonical(profile),
        role: role_name.map(role),
        attributes: Attributes::default(),
    };
    let put = |id: &str, member| Change::MemberPut {
        user: user(id),
        member,
    };
    let socket = |id: &str| SocketId::new(id).expect("a socket");
    let connected = |at: &str, id: &str, role_name: Option<&str>| Change::ConnectionPut {
        socket: socket(at),
        connection: Connection {
            user: user(id),
            status: OnlineStatus::Online,
            role: role_name.map(role),
            claims: Json::from_canonical("{}"),
            remote_address: None,
            held_until: None,
        },
    };
    let gone = |at: &str| Change::ConnectionRemoved { socket: socket(at) };
    let removed = Change::MemberRemoved { user: user("ann") };
    let mut state = Workspace::default();
    for (change, whom) in [
        (put("ann", member("{}", None)), "ann"),
        (put("ann", member("1", None)), ""),
        (put("ann", member("1", Some("a"))), "ann"),
        (connected("s1", "bob", None), "bob"),
        (connected("s2", "bob", Some("b")), "bob"),
        (connected("s2", "bob", Some("b")), ""),
        (connected("s2", "bob", Some("c")), "bob"),
        (connected("s3", "bob", Some("c")), ""),
        (connected("s1", "bob", Some("a")), ""),
        (gone("s3"), ""),
        (gone("s2"), "bob"),
        (gone("s1"), "bob"),
        (removed, "ann"),
    ] {
        let before = state.clone();
        state.apply(&change);
        let people = before.people();
        let found: BTreeSet<_> = people.changed(&state).map(UserId::as_str).collect();
        let expected: BTreeSet<_> = [whom].into_iter().filter(|id| !id.is_empty()).collect();
        assert_eq!(found, expected, "{change:?}");
        for id in ["ann", "bob"] {
            let same = before.subject(&user(id)) == state.subject(&user(id));
            assert!(same || found.contains(id), "{id}: {change:?}");
        }
        assert_eq!(state.check_indexes(), Ok(()));
    }
}
