//! Combined online status: the highest of a user's connections, announced when it changes.

use expect_test::expect;

use crate::check;

#[test]
fn status_starts_offline_and_is_online_by_default() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        show u1
          | u1 offline, sockets nobody, in no channel
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        disconnect s1
          -> closed s1: left
          -> online-status-updated u1 offline to everyone
    "#]]);
}

#[test]
fn a_connection_may_come_unseen() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1 status=offline
          -> opened s1 of u1
          = created
        status s1 idle
          -> online-status-updated u1 idle to everyone
        status s1 offline
          -> online-status-updated u1 offline to everyone
        disconnect s1
          -> closed s1: left
    "#]]);
}

#[test]
fn the_highest_of_several_connections_counts() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1 status=idle
          -> opened s1 of u1
          -> online-status-updated u1 idle to everyone
          = created
        connect s2 u1 status=offline
          -> opened s2 of u1
          = created
        connect s3 u1 status=online
          -> opened s3 of u1
          -> online-status-updated u1 online to everyone
          = created
        status s3 offline
          -> online-status-updated u1 idle to everyone
        status s2 online
          -> online-status-updated u1 online to everyone
        status s2 online
          = unchanged
        status s1 offline
        status s3 idle
        disconnect s2
          -> closed s2: left
          -> online-status-updated u1 idle to everyone
        disconnect s1
          -> closed s1: left
        disconnect s3
          -> closed s3: left
          -> online-status-updated u1 offline to everyone
    "#]]);
}

#[test]
fn statuses_of_users_are_apart() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s1 u1 status=idle
          -> opened s1 of u1
          -> online-status-updated u1 idle to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        disconnect s1
          -> closed s1: left
          -> online-status-updated u1 offline to everyone
    "#]]);
}

#[test]
fn leaving_on_purpose_ends_the_selection_first_and_takes_effect_at_once() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        disconnect s1
          -> closed s1: left
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
        show deadline
          | no deadline
    "#]]);
}

#[test]
fn a_connection_without_the_selection_leaves_it_alone() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1
          -> opened s2 of u1
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        disconnect s2
          -> closed s2: left
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}
