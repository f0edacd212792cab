//! Media state: defaults, partial changes, other keys, the limit, and where it is kept.

use expect_test::expect;

use crate::check;

#[test]
fn the_default_is_to_hear_and_not_be_heard() {
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
    "#]]);
}

#[test]
fn what_is_sent_on_entering_lies_over_the_default() {
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
        select s1 c1 microphone speakers=off hand=raised
          -> user-selected-channel u1 c1 [microphone hand="raised"] to everyone
    "#]]);
}

#[test]
fn a_partial_change_leaves_the_rest_as_it_is() {
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
        select s1 c1 microphone hand=raised
          -> user-selected-channel u1 c1 [microphone speakers hand="raised"] to everyone
        media s1 camera
          -> media-state-updated u1 [microphone speakers camera hand="raised"] to everyone
        media s1 screen speaking microphone=off
          -> media-state-updated u1 [speakers screen camera speaking hand="raised"] to everyone
        media s1 hand=down note=hi
          -> media-state-updated u1 [speakers screen camera speaking hand="down" note="hi"] to everyone
        media s1 speakers=off
          -> media-state-updated u1 [screen camera speaking hand="down" note="hi"] to everyone
        # What is so already is not announced.
        media s1 camera hand=down
          = unchanged
        media s1
          = unchanged
        show u1
          | u1 online, sockets s1, in c1 on s1 [screen camera speaking hand="down" note="hi"]
    "#]]);
}

#[test]
fn two_kib_of_other_keys_are_kept_and_not_more() {
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
        # A key of one byte and 2047 bytes of value.
        select s1 c1 k=*2048
          ! media-state-too-large
        select s1 c1 k=*2047
          -> user-selected-channel u1 c1 [speakers k=(2047 bytes)] to everyone
        media s1 more=1
          ! media-state-too-large
        media s1 k=*2048
          ! media-state-too-large
        media s1 camera
          -> media-state-updated u1 [speakers camera k=(2047 bytes)] to everyone
        # A smaller value makes room.
        media s1 k=1
          -> media-state-updated u1 [speakers camera k="1"] to everyone
        media s1 more=1
          -> media-state-updated u1 [speakers camera k="1" more="1"] to everyone
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers camera k="1" more="1"]
    "#]]);
}

#[test]
fn a_refused_media_state_does_not_move_the_selection() {
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
        select s1 c2 k=*2048
          ! media-state-too-large
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn a_device_keeps_its_media_state_when_it_switches_channels() {
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
        select s1 c1 microphone note=hi
          -> user-selected-channel u1 c1 [microphone speakers note="hi"] to everyone
        select s1 c2
          -> user-unselected-channel u1 c1 to everyone
          -> user-selected-channel u1 c2 [microphone speakers note="hi"] to everyone
        select s1 c1 camera
          -> user-unselected-channel u1 c2 to everyone
          -> user-selected-channel u1 c1 [microphone speakers camera note="hi"] to everyone
        # After leaving, it begins from the default.
        unselect s1
          -> user-unselected-channel u1 c1 to everyone
        select s1 c2
          -> user-selected-channel u1 c2 [speakers] to everyone
    "#]]);
}

#[test]
fn another_device_begins_from_the_default() {
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
        select s1 c1 microphone camera note=hi
          -> user-selected-channel u1 c1 [microphone speakers camera note="hi"] to everyone
        select s2 c1 screen
          -> user-selected-channel u1 c1 [speakers screen] to everyone
          -> user-changed-device to u1
    "#]]);
}
