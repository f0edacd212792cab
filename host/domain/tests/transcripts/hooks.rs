//! Admission, commands and events as policies decide them, and how a workspace comes under others.

use expect_test::expect;

use crate::check;

#[test]
fn who_is_not_admitted_does_not_get_in() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        policy 1 admits all but u2
        connect s1 u1
          ? admit u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? admit u2
          ! denied by p1: not-admitted
        show u2
          | u2 offline, sockets nobody, in no channel
    "#]]);
}

#[test]
fn a_swap_puts_out_whom_the_new_policies_do_not_admit_before_anything_else() {
    check(&expect![[r#"
        put-channel c1
          -> channel-created c1 to everyone
          = created
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
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        policy 1 admits all but u2
        status s1 idle
          ! settle first
        settle
          ? admit u1 again
          ? admit u2 again
          ? audience of c1
          -> closed s2: not admitted
          -> user-unselected-channel u2 c1 to everyone
          -> online-status-updated u2 offline to everyone
        settle
          = unchanged
        status s1 idle
          -> online-status-updated u1 idle to everyone
        connect s3 u2
          ? admit u2
          ! denied by p1: not-admitted
    "#]]);
}

#[test]
fn a_member_who_changes_is_asked_about_again_before_the_change_is_told() {
    check(&expect![[r#"
        policy 1 admits all but u9
        put-member u1 role=member
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          ? admit u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1
          ? admit u1
          -> opened s2 of u1
          = created
        policy 1 admits all but u1
        put-member u1 role=guest
          ? admit u1 again
          -> closed s1: not admitted
          -> closed s2: not admitted
          -> online-status-updated u1 offline to everyone
        show u1
          | u1 offline, sockets nobody, in no channel
    "#]]);
}

#[test]
fn a_denied_command_changes_nothing_and_a_granted_one_says_what_is_granted() {
    check(&expect![[r#"
        policy 1 allows all but u2
        policy 1 grants {"room":"r1"}
        put-channel c1
          ? audience of c1
          -> channel-created c1 to everyone
          = created
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
        select s1 c9
          ! channel-not-found
        select s1 c1
          ? allow u1 in c1
          -> user-selected-channel u1 c1 [speakers] to everyone
          + {"room":"r1"}
        select s1 c1
          ? allow u1 in c1
          + {"room":"r1"}
          = unchanged
        select s2 c1
          ? allow u2 in c1
          ! denied by p1: not-allowed
        media s1 microphone
          ? allow u1 in c1
          -> media-state-updated u1 [microphone speakers] to everyone
          + {"room":"r1"}
        get-state s2
          ? allow u2
          ! denied by p1: not-allowed
        show u2
          | u2 online, sockets s2, in no channel
    "#]]);
}

#[test]
fn an_event_has_the_form_that_policies_give_it() {
    check(&expect![[r#"
        policy 1 renders user-updated: split guest="short" ="long"
        policy 1 renders online-status-updated: suppressed
        policy 1 renders user-leaved-workspace: replaced "gone"
        put-member u1 role=guest
          ? render user-joined {"id":"u1"}
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          ? render online-status-updated u1 online
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone, as nothing for nobody (departed: nobody)
          = created
        update-profile u1 name=new
          ? render user-updated {"id":"u1","name":"new"}
          -> user-updated {"id":"u1","name":"new"} to everyone, as "short" for guest,"long" for nobody (departed: nobody)
        remove-member u1
          ? render online-status-updated u1 offline
          ? render user-leaved-workspace u1
          -> online-status-updated u1 offline to everyone, as nothing for nobody (departed: u1)
          -> user-leaved-workspace u1 to everyone, as "gone" for nobody (departed: u1)
          -> closed s1: membership ended
    "#]]);
}

#[test]
fn a_large_workspace_settles_in_batches() {
    check(&expect![[r#"
        repeat 40 put-channel c%
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        policy 1 admits all but u9
        connect s1 u1
          ! settle first
        settle
          ? audience of c1
          ? audience of c10
          ? audience of c11
          ? audience of c12
          ? audience of c13
          ? audience of c14
          ? audience of c15
          ? audience of c16
          ? audience of c17
          ? audience of c18
          ? audience of c19
          ? audience of c2
          ? audience of c20
          ? audience of c21
          ? audience of c22
          ? audience of c23
          ? audience of c24
          ? audience of c25
          ? audience of c26
          ? audience of c27
          ? audience of c28
          ? audience of c29
          ? audience of c3
          ? audience of c30
          ? audience of c31
          ? audience of c32
          ? audience of c33
          ? audience of c34
          ? audience of c35
          ? audience of c36
          ? audience of c37
          ? audience of c38
        settle
          ? audience of c39
          ? audience of c4
          ? audience of c40
          ? audience of c5
          ? audience of c6
          ? audience of c7
          ? audience of c8
          ? audience of c9
        settle
          = unchanged
        connect s1 u1
          ? admit u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        policy off
        settle
        settle
        settle
          = unchanged
    "#]]);
}

#[test]
fn those_put_out_together_hear_nothing_of_each_other() {
    check(&expect![[r#"
        put-channel c1
          -> channel-created c1 to everyone
          = created
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
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        policy 1 admits all but u1 u2
        settle
          ? admit u1 again
          ? admit u2 again
          ? audience of c1
          -> closed s1: not admitted
          -> closed s2: not admitted
          -> user-unselected-channel u2 c1 to everyone
          -> online-status-updated u1 offline to everyone
          -> online-status-updated u2 offline to everyone
    "#]]);
}

#[test]
fn a_user_who_is_put_out_changes_status_once() {
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
        connect s2 u1 status=idle
          -> opened s2 of u1
          = created
        connect s3 u2
          -> opened s3 of u2
          -> online-status-updated u2 online to everyone
          = created
        policy 1 admits all but u1
        settle
          ? admit u1 again
          ? admit u2 again
          -> closed s1: not admitted
          -> closed s2: not admitted
          -> online-status-updated u1 offline to everyone
    "#]]);
}

#[test]
fn an_event_is_rendered_when_it_is_known_that_there_is_one() {
    check(&expect![[r#"
        policy 1 allows all but u2
        policy 1 renders user-selected-channel: replaced "in"
        policy 1 c1: each(user=u1,u2)
        put-member u1
          ? render user-joined {"id":"u1"}
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          ? render user-joined {"id":"u2"}
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          ? policy 0 on c1: u1
          ? render online-status-updated u1 online
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? policy 0 on c1: u2
          ? render online-status-updated u2 online
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 c1
          ? allow u1 in c1
          ? render user-selected-channel u1 c1 [speakers]
          -> user-selected-channel u1 c1 [speakers] to u1,u2, as "in" for nobody (departed: nobody)
        select s2 c1
          ? allow u2 in c1
          ! denied by p1: not-allowed
    "#]]);
}
