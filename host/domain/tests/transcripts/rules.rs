//! The rules a policy answers with, their intersections, and the questions asked for them.

use expect_test::expect;

use crate::check;

#[test]
fn everyone_and_nobody() {
    check(&expect![[r#"
        policy 1 c1: everyone
        policy 1 c2: nobody
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        put-channel c1
          ? audience of c1
          -> channel-created c1 to everyone
          = created
        put-channel c2
          ? audience of c2
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s1 c2
          ! channel-not-found
        delete-channel c1
          -> user-unselected-channel u1 c1 to everyone
          -> channel-deleted c1 to everyone
        delete-channel c2
    "#]]);
}

#[test]
fn policies_that_have_private_channels_overrule_their_privacy() {
    check(&expect![[r#"
        policy 1 has private channels
        policy 1 c1: everyone
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        put-channel c1 private members=u2
          ? audience of c1
          -> channel-created c1 to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
    "#]]);
}

#[test]
fn only_and_except_select_by_role_user_membership_and_attribute() {
    check(&expect![[r#"
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=guest attr.team=red
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3 attr.team=blue
          -> user-joined {"id":"u3"} to everyone
          = created
        policy 1 roles: only(role=editor,guest)
        policy 1 users: only(user=u1,u9)
        policy 1 members: only(member)
        policy 1 attributes: only(attr.team=red)
        policy 1 either: only(role=editor; attr.team=blue)
        policy 1 both: only(role=guest attr.team=red)
        policy 1 not: only(!role=guest)
        policy 1 neither: only(!role=guest !attr.team=blue)
        policy 1 but: except(role=editor; user=u2)
        policy 1 all: only()
        policy 1 none: except()
        repeat 3 connect s% u%
        put-channel roles
          ? audience of roles
          -> channel-created roles to u1,u2
          = created
        put-channel users
          ? audience of users
          -> channel-created users to u1
          = created
        put-channel members members=u2,u7
          ? audience of members
          -> channel-created members to u2
          = created
        put-channel attributes
          ? audience of attributes
          -> channel-created attributes to u2
          = created
        put-channel either
          ? audience of either
          -> channel-created either to u1,u3
          = created
        put-channel both
          ? audience of both
          -> channel-created both to u2
          = created
        put-channel not
          ? audience of not
          -> channel-created not to u1,u3
          = created
        put-channel neither
          ? audience of neither
          -> channel-created neither to u1
          = created
        put-channel but
          ? audience of but
          -> channel-created but to u3
          = created
        put-channel all
          ? audience of all
          = created
        put-channel none
          ? audience of none
          -> channel-created none to u1,u2,u3
          = created
    "#]]);
}

#[test]
fn every_policy_must_allow() {
    check(&expect![[r#"
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=editor
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        policy 1 c1: everyone & only(role=editor)
        policy 1 c2: only(role=editor) & except(user=u1)
        policy 1 c3: only(user=u1,u3) & each(user=u3,u2)
        policy 1 c4: everyone & nobody
        policy 1 c5: everyone & everyone
        repeat 3 connect s% u%
        put-channel c1
          ? audience of c1
          -> channel-created c1 to u1,u2
          = created
        put-channel c2
          ? audience of c2
          -> channel-created c2 to u2
          = created
        put-channel c3
          ? audience of c3
          ? policy 1 on c3: u1,u3
          -> channel-created c3 to u3
          = created
        put-channel c4
          ? audience of c4
          = created
        put-channel c5
          ? audience of c5
          -> channel-created c5 to everyone
          = created
        show channel c5
          | c5 seen by everyone, generation 1
    "#]]);
}

#[test]
fn each_is_asked_about_those_whom_the_rules_before_it_allow() {
    check(&expect![[r#"
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=editor
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        policy 1 c1: each(user=u1,u3) & except(user=u3) & each(role=editor)
        policy 1 c2: only(role=editor) & each(user=u2)
        policy 1 c3: nobody & each(role=editor)
        repeat 3 connect s% u%
        put-channel c1
          ? audience of c1
          ? policy 0 on c1: u1,u2,u3
          ? policy 2 on c1: u1
          -> channel-created c1 to u1
          = created
        put-channel c2
          ? audience of c2
          ? policy 1 on c2: u1,u2
          -> channel-created c2 to u2
          = created
        put-channel c3
          ? audience of c3
          = created
    "#]]);
}

#[test]
fn a_channel_by_nobodys_leave_is_announced_to_nobody() {
    check(&expect![[r#"
        policy 1 c1: only(user=u9)
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        repeat 1 connect s% u%
        put-channel c1
          ? audience of c1
          = created
        put-member u9
          -> user-joined {"id":"u9"} to everyone
          = created
        connect s9 u9
          -> opened s9 of u9
          -> online-status-updated u9 online to everyone
          = created
        delete-channel c1
          -> channel-deleted c1 to u9
    "#]]);
}
