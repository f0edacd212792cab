//! What somebody sees is kept, asked and told of those who are connected: a workspace may have a hundred
//! times as many members.

use expect_test::expect;

use crate::check;

#[test]
fn members_who_are_not_connected_are_neither_asked_about_nor_told() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        policy 1 c1: each(user=m1,m2,m3)
        policy 1 c2: only(role=editor)
        connect s1 m1
          -> opened s1 of m1
          -> online-status-updated m1 online to everyone
          = created
        connect s2 m2
          -> opened s2 of m2
          -> online-status-updated m2 online to everyone
          = created
        put-channel c1
          ? audience of c1
          ? policy 0 on c1: m1,m2
          -> channel-created c1 to m1,m2
          = created
        put-channel c2
          ? audience of c2
          = created
        put-channel c3
          ? audience of c3
          -> channel-created c3 to everyone
          = created
        show channel c1
          | c1 seen by m1,m2, generation 1
        put-member m3 role=editor
        put-member m2 role=editor
          ? policy 0 on c1: m2
          -> channel-created c2 to m2
        disconnect s2
          -> closed s2: left
          -> online-status-updated m2 offline to everyone
        show channel c1
          | c1 seen by m1, generation 1
        connect s3 m3
          ? policy 0 on c1: m3
          -> opened s3 of m3
          -> online-status-updated m3 online to everyone
          = created
        show channel c1
          | c1 seen by m1,m3, generation 1
        show channel c2
          | c2 seen by m3, generation 1
    "#]]);
}

#[test]
fn a_step_of_settling_is_as_long_as_those_who_are_connected_make_it() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        repeat 20 put-channel c% private
        policy 1
        connect s1 m1
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
          ? audience of c3
          ? audience of c4
          ? audience of c5
          ? audience of c6
          ? audience of c7
          ? audience of c8
          ? audience of c9
        settle
          = unchanged
    "#]]);
}

#[test]
fn somebody_who_may_not_come_in_is_not_asked_about_for_channels() {
    check(&expect![[r#"
        policy 1 admits no guest
        policy 1 c1: each(user=g1,m1)
        put-channel c1
          ? audience of c1
          = created
        connect s1 g1 by-token role=guest
          ? admit g1
          ! denied by p1: not-admitted
        connect s2 m1 by-token role=member
          ? admit m1
          ? policy 0 on c1: m1
          -> opened s2 of m1
          -> online-status-updated m1 online to everyone
          = created
        show channel c1
          | c1 seen by m1, generation 1
    "#]]);
}

#[test]
fn a_held_member_keeps_what_they_see_and_whoever_is_let_go_does_not() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1 private members=u1,u2
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
        lose s2
          -> closed s2: lost
        show channel c1
          | c1 seen by u1,u2, built in
        connect s3 u2
          -> opened s3 of u2
          = created
        select s3 c1
          -> user-selected-channel u2 c1 [speakers] to u1,u2
        disconnect s3
          -> closed s3: left
          -> user-unselected-channel u2 c1 to u1,u2
          -> online-status-updated u2 offline to everyone
        show channel c1
          | c1 seen by u1, built in
        disconnect s1
          -> closed s1: left
          -> online-status-updated u1 offline to everyone
        show channel c1
          | c1 seen by nobody, built in
    "#]]);
}
