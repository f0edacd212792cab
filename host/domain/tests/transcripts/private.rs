//! Private channels: the built-in rule, alone and beside policies.

use expect_test::expect;

use crate::check;

#[test]
fn a_private_channels_activity_is_for_its_members() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        put-channel c1 private members=u1,u2
          -> channel-created c1 to everyone
          = created
        show channel c1
          | c1 seen by nobody, built in
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s3 u3
          -> opened s3 of u3
          -> online-status-updated u3 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s3 c1
          ! channel-not-found
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        media s1 camera
          -> media-state-updated u1 [speakers camera] to u1,u2
        unselect s1
          -> user-unselected-channel u1 c1 to u1,u2
        # Its beginning and end are told to all, as the Socket API document says.
        delete-channel c1
          -> channel-deleted c1 to everyone
    "#]]);
}

#[test]
fn membership_of_a_private_channel_shows_and_hides_it() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1 private members=u1
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
        put-channel-member c1 u2
          -> channel-created c1 to u2
          = created
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to u1,u2
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        remove-channel-member c1 u2
          -> user-unselected-channel u2 c1 to u1,u2
          -> channel-deleted c1 to u2
        show u2
          | u2 online, sockets s2, in no channel
        select s2 c1
          ! channel-not-found
        # The whole list at once.
        put-channel c1 members=u2
          -> user-unselected-channel u1 c1 to u1
          -> channel-deleted c1 to u1
          -> channel-created c1 to u2
        show channel c1
          | c1 seen by u2, built in
    "#]]);
}

#[test]
fn a_channel_that_becomes_private_is_lost_by_the_others() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        put-channel c1 members=u1
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
        connect s9 g1 by-token
          -> opened s9 of g1
          -> online-status-updated g1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        put-channel c1 private
          -> user-unselected-channel u2 c1 to everyone
          -> channel-deleted c1 to g1,u2
        show channel c1
          | c1 seen by u1, built in
        show u2
          | u2 online, sockets s2, in no channel
        put-channel c1 public
          -> channel-created c1 to g1,u2
        show channel c1
          | c1 seen by everyone, built in
    "#]]);
}

#[test]
fn members_of_a_public_channel_change_nothing() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        put-channel-member c1 u1
          = created
        remove-channel-member c1 u1
        # A change that does not speak of privacy leaves it.
        put-channel c1 private members=u1
        put-channel c1 attr.kind=voice
        show channel c1
          | c1 seen by u1, built in
    "#]]);
}

#[test]
fn a_private_channel_waits_for_members_who_come_later() {
    check(&expect![[r#"
        put-channel c1 private members=u1,g1
          -> channel-created c1 to everyone
          = created
        show channel c1
          | c1 seen by nobody, built in
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 g1 by-token
          -> opened s2 of g1
          -> online-status-updated g1 online to everyone
          = created
        show channel c1
          | c1 seen by g1,u1, built in
        disconnect s2
          -> closed s2: left
          -> online-status-updated g1 offline to everyone
        remove-member u1
          -> online-status-updated u1 offline to everyone
          -> user-leaved-workspace u1 to everyone
          -> closed s1: membership ended
        show channel c1
          | c1 seen by nobody, built in
    "#]]);
}

#[test]
fn a_held_user_loses_the_channel_like_any_other() {
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
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        lose s1
          -> closed s1: lost
        remove-channel-member c1 u1
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1
        show u1
          | u1 online, sockets s1, in no channel
    "#]]);
}

#[test]
fn a_lost_channel_on_one_device_is_lost_on_all() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1 private members=u1
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
          -> user-selected-channel u1 c1 [speakers] to u1
        remove-channel-member c1 u1
          -> user-unselected-channel u1 c1 to u1
          -> channel-deleted c1 to u1
        select s2 c1
          ! channel-not-found
    "#]]);
}

#[test]
fn beside_policies_a_private_channel_is_for_its_listed_members() {
    check(&expect![[r#"
        policy 1 c1: everyone
        policy 1 c2: except(user=u1)
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
        # Unlike where no policy decides, nobody else hears even of its beginning.
        put-channel c1 private members=u1
          ? audience of c1
          -> channel-created c1 to u1
          = created
        select s2 c1
          ! channel-not-found
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1
        # All must allow: a policy takes away from the members as well.
        put-channel c2 private members=u1,u2
          ? audience of c2
          -> channel-created c2 to u2
          = created
        put-channel-member c1 u2
          ? audience of c1
          -> channel-created c1 to u2
          = created
        remove-channel-member c1 u1
          ? audience of c1
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1
        put-channel c1 public
          ? audience of c1
          -> channel-created c1 to u1
        show channel c1
          | c1 seen by everyone, generation 1
        delete-channel c2
          -> channel-deleted c2 to u2
    "#]]);
}

#[test]
fn a_policy_that_asks_about_each_is_asked_about_the_listed_members_alone() {
    check(&expect![[r#"
        policy 1 c1: each(role=editor)
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3 role=editor
          -> user-joined {"id":"u3"} to everyone
          = created
        repeat 3 connect s% u%
        put-channel c1 private members=u1,u2
          ? audience of c1
          ? policy 0 on c1: u1,u2
          -> channel-created c1 to u1
          = created
        # A role that others would see it by changes nothing for somebody it does not list.
        put-member u3 role=guest
        put-member u3 role=editor
        show channel c1
          | c1 seen by u1, generation 1
        put-member u2 role=editor
          ? policy 0 on c1: u2
          -> channel-created c1 to u2
    "#]]);
}

#[test]
fn private_channels_are_given_to_the_policies_and_taken_back() {
    check(&expect![[r#"
        policy 1 c1: everyone
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        repeat 1 connect s% u%
        put-channel c1 private members=u1
          ? audience of c1
          -> channel-created c1 to u1
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        policy 2 has private channels
        settle
          ? audience of c1
          -> channel-created c1 to u2
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        policy 3 c1: everyone
        settle
          ? audience of c1
          -> user-unselected-channel u2 c1 to everyone
          -> channel-deleted c1 to u2
        show channel c1
          | c1 seen by u1, generation 3
    "#]]);
}
