//! What a step of settling shows, and how many people and channels one looks at in a workspace too
//! large for one. With five thousand people, seven channels come to [`PEOPLE_PER_SETTLING`].
//!
//! [`PEOPLE_PER_SETTLING`]: wardroom_domain::limits::PEOPLE_PER_SETTLING

use expect_test::expect;

use crate::check;

#[test]
fn a_step_ends_with_the_people_it_may_look_at_and_asks_no_more() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        repeat 5000 connect m% m%
        put-member e1 role=editor
          -> user-joined {"id":"e1"} to everyone
          = created
        connect e1 e1
          -> opened e1 of e1
          -> online-status-updated e1 online to everyone
          = created
        repeat 16 put-channel c%
        # Each channel is asked about once: a step asks of none that it leaves to the next.
        policy 1 c1: only(role=editor)
        policy 1 c10: only(role=editor) & each(user=e1)
        policy 1 c11: only(role=editor)
        policy 1 c12: only(role=editor)
        policy 1 c13: only(role=editor)
        policy 1 c14: only(role=editor)
        policy 1 c15: only(role=editor)
        policy 1 c16: only(role=editor) & each(user=m1)
        policy 1 c2: only(role=editor)
        settle
          ? audience of c1
          ? audience of c10
          ? audience of c11
          ? audience of c12
          ? audience of c13
          ? audience of c14
          ? audience of c15
          ? policy 1 on c10: e1
          -> channel-deleted c1 to 5000 people
          -> channel-deleted c10 to 5000 people
          -> channel-deleted c11 to 5000 people
          -> channel-deleted c12 to 5000 people
          -> channel-deleted c13 to 5000 people
          -> channel-deleted c14 to 5000 people
          -> channel-deleted c15 to 5000 people
        show channel c15
          | c15 seen by e1, generation 1
        settle
          ? audience of c16
          ? audience of c2
          ? audience of c3
          ? audience of c4
          ? audience of c5
          ? audience of c6
          ? audience of c7
          ? audience of c8
          ? audience of c9
          ? policy 1 on c16: e1
          -> channel-deleted c16 to 5001 people
          -> channel-deleted c2 to 5000 people
        show channel c9
          | c9 seen by everyone, generation 1
        settle
          = unchanged
    "#]]);
}

#[test]
fn a_step_goes_on_where_rules_speak_of_few() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        repeat 5000 connect m% m%
        repeat 10 put-channel c%
        policy 1 c1: only(user=m1,m2)
        policy 1 c10: nobody
        settle
          ? audience of c1
          ? audience of c10
          ? audience of c2
          ? audience of c3
          ? audience of c4
          ? audience of c5
          ? audience of c6
          ? audience of c7
          ? audience of c8
          ? audience of c9
          -> channel-deleted c1 to 4998 people
          -> channel-deleted c10 to 5000 people
        show channel c9
          | c9 seen by everyone, generation 1
        settle
          = unchanged
    "#]]);
}

#[test]
fn a_rule_that_names_more_people_than_there_are_counts_for_all_of_them() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        repeat 5000 connect m% m%
        repeat 8 put-channel c%
        policy 1 c1: only(user=x*9000)
        policy 1 c2: only(user=x*9000)
        policy 1 c3: only(user=x*9000)
        policy 1 c4: only(user=x*9000)
        policy 1 c5: only(user=x*9000)
        policy 1 c6: only(user=x*9000)
        policy 1 c7: only(user=x*9000)
        settle
          ? audience of c1
          ? audience of c2
          ? audience of c3
          ? audience of c4
          ? audience of c5
          ? audience of c6
          ? audience of c7
          -> channel-deleted c1 to 5000 people
          -> channel-deleted c2 to 5000 people
          -> channel-deleted c3 to 5000 people
          -> channel-deleted c4 to 5000 people
          -> channel-deleted c5 to 5000 people
          -> channel-deleted c6 to 5000 people
          -> channel-deleted c7 to 5000 people
        show channel c7
          | c7 seen by nobody, generation 1
        settle
          ? audience of c8
        settle
          = unchanged
    "#]]);
}

#[test]
fn where_nobody_is_asked_the_step_ends_as_well() {
    check(&expect![[r#"
        repeat 5000 put-member m%
        policy 1 has private channels
        repeat 5000 connect m% m%
        repeat 8 put-channel c% private members=m*5000
        policy off
        settle
        show channel c7
          | c7 seen by 5000 people, built in
        show channel c8
          | c8 seen by everyone, generation 1
        settle
        settle
          = unchanged
    "#]]);
}

#[test]
fn whoever_loses_a_role_by_new_policies_is_shown_only_what_those_let_them_see() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        policy 1 c1: only(role=editor)
        policy 1 c2: only(role=guest)
        put-channel c1
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        connect s1 u1 role=guest
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1 role=editor
          -> opened s2 of u1
          -> channel-created c1 to u1
          -> channel-deleted c2 to u1
          = created
        connect s9 g1 by-token role=editor
          -> opened s9 of g1
          -> online-status-updated g1 online to everyone
          = created
        policy 2 admits no editor
        policy 2 c2: nobody
        settle
          ? admit g1 again
          ? admit u1 again
          ? admit u1 again
          ? audience of c1
          ? audience of c2
          -> closed s9: not admitted
          -> closed s2: not admitted
          -> online-status-updated g1 offline to everyone
        show channel c1
          | c1 seen by everyone, generation 2
        show channel c2
          | c2 seen by nobody, generation 2
    "#]]);
}

/// With six thousand channels that not everyone sees, five people come to the most that one step may do.
#[test]
fn a_step_puts_out_no_more_people_than_it_may_look_at_channels_for() {
    check(&expect![[r#"
        repeat 6000 put-channel c% private
        repeat 7 connect s% g% by-token role=guest
        repeat 2 connect t% m% by-token role=member
        policy 1 has private channels
        policy 1 admits no guest
        settle
          ? admit g1 again
          ? admit g2 again
          ? admit g3 again
          ? admit g4 again
          ? admit g5 again
          ? admit g6 again
          ? admit g7 again
          ? admit m1 again
          ? admit m2 again
          -> closed s1: not admitted
          -> closed s2: not admitted
          -> closed s3: not admitted
          -> closed s4: not admitted
          -> closed s5: not admitted
          -> online-status-updated g1 offline to everyone
          -> online-status-updated g2 offline to everyone
          -> online-status-updated g3 offline to everyone
          -> online-status-updated g4 offline to everyone
          -> online-status-updated g5 offline to everyone
        settle
          ? admit g6 again
          ? admit g7 again
          ? admit m1 again
          ? admit m2 again
          ? audience of c1
          ? audience of c10
          ? audience of c100
          ? audience of c1000
          ? audience of c1001
          ? audience of c1002
          ? audience of c1003
          ? audience of c1004
          ? audience of c1005
          ? audience of c1006
          ? audience of c1007
          ? audience of c1008
          ? audience of c1009
          ? audience of c101
          ? audience of c1010
          ? audience of c1011
          ? audience of c1012
          ? audience of c1013
          ? audience of c1014
          ? audience of c1015
          ? audience of c1016
          ? audience of c1017
          ? audience of c1018
          ? audience of c1019
          ? audience of c102
          ? audience of c1020
          ? audience of c1021
          ? audience of c1022
          ? audience of c1023
          ? audience of c1024
          ? audience of c1025
          ? audience of c1026
          -> closed s6: not admitted
          -> closed s7: not admitted
          -> online-status-updated g6 offline to everyone
          -> online-status-updated g7 offline to everyone
          -> channel-created c1 to m1,m2
          -> channel-created c10 to m1,m2
          -> channel-created c100 to m1,m2
          -> channel-created c1000 to m1,m2
          -> channel-created c1001 to m1,m2
          -> channel-created c1002 to m1,m2
          -> channel-created c1003 to m1,m2
          -> channel-created c1004 to m1,m2
          -> channel-created c1005 to m1,m2
          -> channel-created c1006 to m1,m2
          -> channel-created c1007 to m1,m2
          -> channel-created c1008 to m1,m2
          -> channel-created c1009 to m1,m2
          -> channel-created c101 to m1,m2
          -> channel-created c1010 to m1,m2
          -> channel-created c1011 to m1,m2
          -> channel-created c1012 to m1,m2
          -> channel-created c1013 to m1,m2
          -> channel-created c1014 to m1,m2
          -> channel-created c1015 to m1,m2
          -> channel-created c1016 to m1,m2
          -> channel-created c1017 to m1,m2
          -> channel-created c1018 to m1,m2
          -> channel-created c1019 to m1,m2
          -> channel-created c102 to m1,m2
          -> channel-created c1020 to m1,m2
          -> channel-created c1021 to m1,m2
          -> channel-created c1022 to m1,m2
          -> channel-created c1023 to m1,m2
          -> channel-created c1024 to m1,m2
          -> channel-created c1025 to m1,m2
          -> channel-created c1026 to m1,m2
    "#]]);
}

#[test]
fn policies_that_go_before_a_workspace_settled_leave_nothing_behind() {
    check(&expect![[r#"
        repeat 40 put-channel c%
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        policy 1 c1: nobody
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
          -> channel-deleted c1 to u1
        policy off
        # Half of the channels are under policies that are gone.
        select s1 c1
          ! settle first
        settle
          -> channel-created c1 to u1
        select s1 c1
          ! settle first
        settle
        settle
          = unchanged
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
    "#]]);
}
