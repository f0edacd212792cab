//! Who gets in, and what a socket's own comings and goings look like.

use expect_test::expect;

use crate::check;

#[test]
fn a_member_or_a_user_named_by_the_token_gets_in() {
    check(&expect![[r#"
        connect s1 u1
          ! workspace-forbidden
        connect s1 u1 by-token
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        connect s3 u3
          ! workspace-forbidden
        show u3
          | u3 offline, sockets nobody, in no channel
    "#]]);
}

#[test]
fn a_second_auth_on_a_socket_renews_it() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        connect s1 u1 status=idle
          -> opened s1 of u1
          -> online-status-updated u1 idle to everyone
          = created
        select s1 c1 microphone
          -> user-selected-channel u1 c1 [microphone speakers] to everyone
        # Nobody sees anything of a renewal; the status stays where none is sent.
        connect s1 u1
        show u1
          | u1 idle, sockets s1, in c1 on s1 [microphone speakers]
        # A status that is sent counts.
        connect s1 u1 status=online
          -> online-status-updated u1 online to everyone
    "#]]);
}

#[test]
fn a_renewal_may_bring_another_role() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1 by-token
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s1 u1 by-token role=editor
          -> channel-created c1 to u1
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1
        connect s1 u1 by-token
          -> user-unselected-channel u1 c1 to u1
          -> channel-deleted c1 to u1
        show channel c1
          | c1 seen by nobody, generation 1
    "#]]);
}

#[test]
fn a_socket_that_changes_its_user_leaves_first() {
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
        connect s1 u2
          -> closed s1: left
          -> user-unselected-channel u1 c1 to everyone
          -> opened s1 of u2
          -> online-status-updated u1 offline to everyone
          -> online-status-updated u2 online to everyone
          = created
        show u1
          | u1 offline, sockets nobody, in no channel
        show u2
          | u2 online, sockets s1, in no channel
    "#]]);
}

#[test]
fn a_held_socket_that_changes_its_user_ends_the_hold() {
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
        lose s1
          -> closed s1: lost
        connect s1 u2
          -> opened s1 of u2
          -> online-status-updated u1 offline to everyone
          -> online-status-updated u2 online to everyone
          = created
        show u1
          | u1 offline, sockets nobody, in no channel
        show deadline
          | no deadline
    "#]]);
}

#[test]
fn a_socket_that_is_not_connected_can_do_nothing() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        select s1 c1
          ! not-connected
        unselect s1
          ! not-connected
        media s1 camera
          ! not-connected
        status s1 idle
          ! not-connected
        get-state s1
          ! not-connected
        disconnect s1
          = unchanged
        lose s1
          = unchanged
        # A held socket is no live one.
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        get-state s1
          = unchanged
        lose s1
          -> closed s1: lost
        select s1 c1
          ! not-connected
        unselect s1
          ! not-connected
        media s1 camera
          ! not-connected
        status s1 idle
          ! not-connected
        get-state s1
          ! not-connected
        lose s1
          = unchanged
        disconnect s1
          = unchanged
    "#]]);
}

#[test]
fn a_guest_comes_and_goes_by_token() {
    check(&expect![[r#"
        put-channel open
          -> channel-created open to everyone
          = created
        put-channel secret private members=g1
          -> channel-created secret to everyone
          = created
        connect s1 g1 by-token
          -> opened s1 of g1
          -> online-status-updated g1 online to everyone
          = created
        show channel secret
          | secret seen by g1, built in
        select s1 secret
          -> user-selected-channel g1 secret [speakers] to g1
        disconnect s1
          -> closed s1: left
          -> user-unselected-channel g1 secret to g1
          -> online-status-updated g1 offline to everyone
        show channel secret
          | secret seen by nobody, built in
        show g1
          | g1 offline, sockets nobody, in no channel
        # Where the guest becomes a member, presence goes on.
        connect s2 g1 by-token
          -> opened s2 of g1
          -> online-status-updated g1 online to everyone
          = created
        put-member g1
          -> user-joined {"id":"g1"} to everyone
          = created
        show channel secret
          | secret seen by g1, built in
    "#]]);
}

#[test]
fn a_workspace_exists_from_the_first_word_or_guest() {
    check(&expect![[r#"
        kick u1
          ! workspace-not-found
        close
          ! workspace-not-found
        publish hello workspace
          ! workspace-not-found
        connect s1 u1 by-token
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        publish hello workspace
          -> hello 1 to everyone
        disconnect s1
          -> closed s1: left
          -> online-status-updated u1 offline to everyone
        publish hello workspace
          ! workspace-not-found
        sync
          = created
        publish hello workspace
          -> hello 1 to everyone
    "#]]);
}

#[test]
fn a_kick_ends_every_connection_at_once() {
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
        connect s3 u1
          -> opened s3 of u1
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        lose s3
          -> closed s3: lost
        kick u1
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
          -> closed s1: kicked
          -> closed s2: kicked
        show u1
          | u1 offline, sockets nobody, in no channel
        show deadline
          | no deadline
        kick u1
          = unchanged
        kick nobody-known
          = unchanged
        # The user may come back.
        connect s4 u1
          -> opened s4 of u1
          -> online-status-updated u1 online to everyone
          = created
    "#]]);
}

#[test]
fn a_kick_ends_a_held_selection_too() {
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
        lose s1
          -> closed s1: lost
        kick u1
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
        show deadline
          | no deadline
    "#]]);
}

#[test]
fn a_closed_workspace_puts_everybody_out_and_is_forgotten() {
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
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s4 u1
          -> opened s4 of u1
          = created
        connect s3 g1 by-token
          -> opened s3 of g1
          -> online-status-updated g1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        lose s2
          -> closed s2: lost
        close
          -> closed s3: workspace closed
          -> closed s1: workspace closed
          -> closed s4: workspace closed
        show u1
          | u1 offline, sockets nobody, in no channel
        show deadline
          | no deadline
        close
          ! workspace-not-found
        connect s5 u1
          ! workspace-forbidden
    "#]]);
}
