//! A lost transport: how long it is held, who takes its place, and what nobody sees.

use expect_test::expect;

use crate::check;

#[test]
fn a_lost_connection_is_held_for_the_grace() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        t=1000 connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        t=2000 lose s1
          -> closed s1: lost
        show u1
          | u1 online, sockets s1, in no channel
        show deadline
          | deadline at t=7000
        t=6999 expire
          = unchanged
        t=7000 expire
          -> online-status-updated u1 offline to everyone
        show deadline
          | no deadline
        t=7001 expire
          = unchanged
    "#]]);
}

#[test]
fn in_a_channel_the_grace_is_longer() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        t=0 connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        t=1000 lose s1
          -> closed s1: lost
        show deadline
          | deadline at t=61000
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        t=60999 expire
          = unchanged
        t=61000 expire
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
    "#]]);
}

#[test]
fn only_the_socket_that_holds_the_selection_gets_the_longer_grace() {
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
        t=1000 lose s2
          -> closed s2: lost
        show deadline
          | deadline at t=6000
        t=6000 expire
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn a_hold_keeps_the_status_among_other_connections() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1 status=online
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1 status=idle
          -> opened s2 of u1
          = created
        t=1000 lose s1
          -> closed s1: lost
        # The user is still online, and only when the grace is over idle.
        show u1
          | u1 online, sockets s1,s2, in no channel
        t=6000 expire
          -> online-status-updated u1 idle to everyone
    "#]]);
}

#[test]
fn the_returning_socket_takes_the_selection_of_the_one_it_names() {
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
        select s1 c1 microphone note=hi
          -> user-selected-channel u1 c1 [microphone speakers note="hi"] to everyone
        t=1000 lose s1
          -> closed s1: lost
        t=9000 connect s2 u1 replaces=s1
          -> opened s2 of u1
          = created
        show u1
          | u1 online, sockets s2, in c1 on s2 [microphone speakers note="hi"]
        show deadline
          | no deadline
        t=99000 expire
          = unchanged
        media s2 camera
          -> media-state-updated u1 [microphone speakers camera note="hi"] to everyone
    "#]]);
}

#[test]
fn any_new_connection_ends_the_holds_that_hold_no_selection() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1
          -> opened s2 of u1
          = created
        t=1000 lose s1
          -> closed s1: lost
        t=1500 lose s2
          -> closed s2: lost
        t=2000 connect s3 u1
          -> opened s3 of u1
          = created
        show u1
          | u1 online, sockets s3, in no channel
        show deadline
          | no deadline
    "#]]);
}

#[test]
fn a_new_connection_with_a_lower_status_shows_it() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        t=1000 lose s1
          -> closed s1: lost
        t=2000 connect s2 u1 status=idle
          -> opened s2 of u1
          -> online-status-updated u1 idle to everyone
          = created
    "#]]);
}

#[test]
fn a_held_selection_waits_for_the_socket_that_names_it() {
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
        t=1000 lose s1
          -> closed s1: lost
        # Another device comes; the conversation stays with the one that is to return.
        t=2000 connect s2 u1
          -> opened s2 of u1
          = created
        show u1
          | u1 online, sockets s1,s2, in c1 on s1 [speakers]
        unselect s2
          ! selected-on-another-device
        media s2 camera
          ! selected-on-another-device
        t=3000 connect s3 u1 replaces=s1
          -> opened s3 of u1
          = created
        show u1
          | u1 online, sockets s2,s3, in c1 on s3 [speakers]
    "#]]);
}

#[test]
fn a_held_selection_that_nobody_names_ends_with_its_grace() {
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
        t=1000 lose s1
          -> closed s1: lost
        t=2000 connect s2 u1
          -> opened s2 of u1
          = created
        t=61000 expire
          -> user-unselected-channel u1 c1 to everyone
        show u1
          | u1 online, sockets s2, in no channel
    "#]]);
}

#[test]
fn a_held_selection_can_be_taken_by_selecting_on_another_device() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        put-channel c2
          -> channel-created c2 to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        t=1000 lose s1
          -> closed s1: lost
        t=2000 connect s2 u1
          -> opened s2 of u1
          = created
        select s2 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
          -> user-changed-device to u1
        show u1
          | u1 online, sockets s1,s2, in c1 on s2 [speakers]
        # Who returns too late for the conversation does not get it back.
        t=3000 connect s3 u1 replaces=s1
          -> opened s3 of u1
          = created
        show u1
          | u1 online, sockets s2,s3, in c1 on s2 [speakers]
    "#]]);
}

#[test]
fn a_live_socket_that_is_named_gives_way() {
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
        select s1 c1 camera
          -> user-selected-channel u1 c1 [speakers camera] to everyone
        connect s2 u1 replaces=s1
          -> opened s2 of u1
          -> closed s1: superseded
          = created
        show u1
          | u1 online, sockets s2, in c1 on s2 [speakers camera]
        # The server hears of the end of the old transport later.
        lose s1
          = unchanged
        disconnect s1
          = unchanged
    "#]]);
}

#[test]
fn nobody_takes_what_belongs_to_another_user() {
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
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        connect s2 u2 replaces=s1
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        lose s1
          -> closed s1: lost
        connect s3 u2 replaces=s1
          -> opened s3 of u2
          = created
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        show deadline
          | deadline at t=60000
    "#]]);
}

#[test]
fn naming_itself_or_a_stranger_means_nothing() {
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
        connect s1 u1 replaces=s1
        connect s2 u1 replaces=s9
          -> opened s2 of u1
          = created
        show u1
          | u1 online, sockets s1,s2, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn a_held_socket_may_come_back_by_its_own_name() {
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
        select s1 c1 camera
          -> user-selected-channel u1 c1 [speakers camera] to everyone
        t=1000 lose s1
          -> closed s1: lost
        t=2000 connect s1 u1
          -> opened s1 of u1
          = created
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers camera]
        show deadline
          | no deadline
        t=99000 expire
          = unchanged
    "#]]);
}

#[test]
fn several_holds_of_a_user_that_end_together_are_announced_once() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s1 u1 status=online
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1 status=idle
          -> opened s2 of u1
          = created
        connect s3 u2
          -> opened s3 of u2
          -> online-status-updated u2 online to everyone
          = created
        t=1000 lose s1
          -> closed s1: lost
        t=1001 lose s3
          -> closed s3: lost
        t=1002 lose s2
          -> closed s2: lost
        t=9000 expire
          -> online-status-updated u1 offline to everyone
          -> online-status-updated u2 offline to everyone
    "#]]);
}
