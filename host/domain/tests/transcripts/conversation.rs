//! One active conversation per user: selecting, switching, moving between devices, leaving.

use expect_test::expect;

use crate::check;

#[test]
fn a_user_enters_and_leaves_a_channel() {
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
        select s1 c9
          ! channel-not-found
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        unselect s1
          -> user-unselected-channel u1 c1 to everyone
        show u1
          | u1 online, sockets s1, in no channel
        unselect s1
          ! channel-not-selected
    "#]]);
}

#[test]
fn entering_another_channel_leaves_the_old_one_first() {
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
        select s1 c2
          -> user-unselected-channel u1 c1 to everyone
          -> user-selected-channel u1 c2 [speakers] to everyone
    "#]]);
}

#[test]
fn a_refused_switch_changes_nothing() {
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
        select s1 c9
          ! channel-not-found
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn the_same_channel_on_the_same_socket_is_nothing_new() {
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
        select s1 c1
          = unchanged
        # Not even with another media state: that is what update-media-state is for.
        select s1 c1 camera
          = unchanged
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn the_same_channel_on_another_socket_moves_the_conversation() {
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
        connect s2 u1
          -> opened s2 of u1
          = created
        connect s3 u2
          -> opened s3 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 c1 microphone
          -> user-selected-channel u1 c1 [microphone speakers] to everyone
        select s2 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
          -> user-changed-device to u1
        show u1
          | u1 online, sockets s1,s2, in c1 on s2 [speakers]
    "#]]);
}

#[test]
fn another_channel_on_another_socket_is_all_three() {
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
        connect s2 u1
          -> opened s2 of u1
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s2 c2
          -> user-unselected-channel u1 c1 to everyone
          -> user-selected-channel u1 c2 [speakers] to everyone
          -> user-changed-device to u1
        # And after the conversation has ended, another device is nothing special.
        unselect s2
          -> user-unselected-channel u1 c2 to everyone
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
    "#]]);
}

#[test]
fn only_the_socket_that_holds_the_conversation_may_touch_it() {
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
        unselect s1
          ! channel-not-selected
        media s1 camera
          ! channel-not-selected
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        unselect s2
          ! selected-on-another-device
        media s2 camera
          ! selected-on-another-device
        # The former device has lost it.
        select s2 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
          -> user-changed-device to u1
        unselect s1
          ! selected-on-another-device
        media s1 camera
          ! selected-on-another-device
        unselect s2
          -> user-unselected-channel u1 c1 to everyone
    "#]]);
}

#[test]
fn a_channel_deleted_while_selected_is_left_first() {
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
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        delete-channel c1
          -> user-unselected-channel u1 c1 to everyone
          -> user-unselected-channel u2 c1 to everyone
          -> channel-deleted c1 to everyone
        show u1
          | u1 online, sockets s1, in no channel
        delete-channel c1
          ! channel-not-found
    "#]]);
}

#[test]
fn a_channel_deleted_in_the_grace_is_left_too() {
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
        t=2000 delete-channel c1
          -> user-unselected-channel u1 c1 to everyone
          -> channel-deleted c1 to everyone
        t=3000 connect s2 u1 replaces=s1
          -> opened s2 of u1
          = created
        show u1
          | u1 online, sockets s2, in no channel
    "#]]);
}

#[test]
fn several_users_in_one_channel() {
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
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        media s2 speaking
          -> media-state-updated u2 [speakers speaking] to everyone
        unselect s1
          -> user-unselected-channel u1 c1 to everyone
        show u2
          | u2 online, sockets s2, in c1 on s2 [speakers speaking]
    "#]]);
}
