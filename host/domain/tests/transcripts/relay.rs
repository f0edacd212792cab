//! What a backend has a connection do: only for the user whose connection it is.

use expect_test::expect;

use crate::check;

#[test]
fn a_relayed_command_is_carried_out_for_the_user_of_the_connection_alone() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        relay u2 select s1 c1 microphone
          ! another-users-connection
        show u1
          | u1 online, sockets s1, in no channel
        relay u1 select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        relay u2 media s1 microphone
          ! another-users-connection
        relay u2 status s1 idle
          ! another-users-connection
        relay u2 unselect s1
          ! another-users-connection
        relay u2 evict s1
          ! another-users-connection
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        relay u1 media s1 microphone
          -> media-state-updated u1 [microphone speakers] to everyone
        relay u1 status s1 idle
          -> online-status-updated u1 idle to everyone
        relay u1 unselect s1
          -> user-unselected-channel u1 c1 to everyone
        relay u1 select s9 c1
          ! not-connected
        lose s1
          -> closed s1: lost
        relay u1 select s1 c1
          ! not-connected
    "#]]);
}

#[test]
fn only_what_a_connection_does_is_relayed() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        relay u1 get-state s1
          ! not-connected
        relay u1 remove-member u1
          ! not-connected
        relay u1 disconnect s1
          ! not-connected
    "#]]);
}

#[test]
fn one_connection_is_evicted_and_the_others_stay() {
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
        evict s1
          -> user-unselected-channel u1 c1 to everyone
          -> closed s1: kicked
        show u1
          | u1 online, sockets s2, in no channel
        evict s1
          ! not-connected
        relay u1 evict s2
          -> online-status-updated u1 offline to everyone
          -> closed s2: kicked
        show u1
          | u1 offline, sockets nobody, in no channel
    "#]]);
}

#[test]
fn an_event_for_a_users_sockets_reaches_nobody_elses() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        publish news sockets-of:u1/s1,s9
          -> news 1 to sockets s1
        publish news sockets-of:u1/s1,s2
          ! another-users-connection
        publish news sockets-of:u1/s9
    "#]]);
}
