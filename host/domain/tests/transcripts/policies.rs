//! Views that follow: what changes of facts and of policies show and hide.

use expect_test::expect;

use crate::check;

#[test]
fn a_newcomer_is_asked_about_alone_and_told_nothing() {
    check(&expect![[r#"
        policy 1 c1: each(role=editor)
        policy 1 c2: only(role=editor)
        put-channel c1
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          ? policy 0 on c1: u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 g1 by-token role=editor
          ? policy 0 on c1: g1
          -> opened s2 of g1
          -> online-status-updated g1 online to everyone
          = created
        show channel c1
          | c1 seen by g1,u1, generation 1
        show channel c2
          | c2 seen by g1,u1, generation 1
        disconnect s2
          -> closed s2: left
          -> online-status-updated g1 offline to everyone
        show channel c1
          | c1 seen by u1, generation 1
        remove-member u1
          -> online-status-updated u1 offline to everyone
          -> user-leaved-workspace u1 to everyone
          -> closed s1: membership ended
        show channel c1
          | c1 seen by nobody, generation 1
        show channel c2
          | c2 seen by nobody, generation 1
    "#]]);
}

#[test]
fn a_role_or_attribute_that_changes_shows_and_hides_channels() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        policy 1 c2: except(role=editor)
        policy 1 c3: only(attr.team=red)
        policy 1 c4: each(role=editor)
        put-channel c1
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        put-channel c3
          ? audience of c3
          = created
        put-channel c4
          ? audience of c4
          = created
        put-channel open
          ? audience of open
          -> channel-created open to everyone
          = created
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=editor
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s1 u1
          ? policy 0 on c4: u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? policy 0 on c4: u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        put-member u1 role=editor
          ? policy 0 on c4: u1
          -> channel-created c1 to u1
          -> channel-deleted c2 to u1
          -> channel-created c4 to u1
        put-member u1 attr.team=red
          ? policy 0 on c4: u1
          -> channel-created c3 to u1
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        # Out of the channel, before those who saw it, and then it is gone.
        put-member u1 role=guest
          ? policy 0 on c4: u1
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1
          -> channel-created c2 to u1
          -> channel-deleted c4 to u1
        select s1 c3
          -> user-selected-channel u1 c3 [speakers] to u1
        put-member u1 role=editor attr.team=blue
          ? policy 0 on c4: u1
          -> channel-created c1 to u1
          -> channel-deleted c2 to u1
          -> user-unselected-channel u1 c3 to u1
          -> channel-deleted c3 to u1
          -> channel-created c4 to u1
        show u1
          | u1 online, sockets s1, in no channel
        # A profile is nobody's business.
        put-member u1 name=Ann
          -> user-updated {"id":"u1","name":"Ann"} to everyone
    "#]]);
}

#[test]
fn the_directorys_role_goes_before_the_tokens() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        put-channel c1
          ? audience of c1
          = created
        put-member u1 role=guest
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1 role=editor
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        show channel c1
          | c1 seen by nobody, generation 1
        put-member u1 role=-
          -> channel-created c1 to u1
        put-member u1 role=guest
          -> channel-deleted c1 to u1
    "#]]);
}

#[test]
fn the_latest_connections_role_counts() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1 by-token role=editor
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u1 by-token role=guest
          -> opened s2 of u1
          -> channel-deleted c1 to u1
          = created
        disconnect s2
          -> closed s2: left
          -> channel-created c1 to u1
        show channel c1
          | c1 seen by u1, generation 1
    "#]]);
}

#[test]
fn a_change_of_the_channel_asks_again() {
    check(&expect![[r#"
        policy 1 c1: only(member) & each(role=editor)
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=editor
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        put-channel c1 members=u1,u3
          ? audience of c1
          ? policy 1 on c1: u1
          -> channel-created c1 to u1
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1
        put-channel-member c1 u2
          ? audience of c1
          ? policy 1 on c1: u1,u2
          -> channel-created c1 to u2
          = created
        put-channel c1 attr.kind=voice
          ? audience of c1
          ? policy 1 on c1: u1,u2
        remove-channel-member c1 u1
          ? audience of c1
          ? policy 1 on c1: u2
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1
        show channel c1
          | c1 seen by u2, generation 1
    "#]]);
}

#[test]
fn a_new_generation_tells_exactly_those_whose_view_changed() {
    check(&expect![[r#"
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
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
        put-channel c1
          -> channel-created c1 to everyone
          = created
        put-channel c2 private members=u1,u2
          -> channel-created c2 to everyone
          = created
        put-channel c3
          -> channel-created c3 to everyone
          = created
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        select s1 c2
          -> user-selected-channel u1 c2 [speakers] to u1,u2
        policy 1 has private channels
        policy 1 c1: only(role=editor)
        policy 1 c2: only(user=u2,u3)
        settle
          ? audience of c1
          ? audience of c2
          ? audience of c3
          -> user-unselected-channel u2 c1 to everyone
          -> channel-deleted c1 to g1,u2
          -> user-unselected-channel u1 c2 to u1,u2
          -> channel-deleted c2 to u1
        show channel c3
          | c3 seen by everyone, generation 1
        settle
          = unchanged
        policy 2 has private channels
        policy 2 c1: only(role=editor)
        policy 2 c2: only(user=u2,u3)
        settle
          ? audience of c1
          ? audience of c2
          ? audience of c3
        show channel c1
          | c1 seen by u1, generation 2
    "#]]);
}

#[test]
fn policies_that_go_leave_the_built_in_rule() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        policy 1 has private channels
        policy 1 c1: only(user=u1)
        policy 1 c2: only(user=u2)
        put-channel c1
          ? audience of c1
          = created
        put-channel c2 private members=u1
          ? audience of c2
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s2 c2
          -> user-selected-channel u2 c2 [speakers] to u2
        policy off
        settle
          -> channel-created c1 to u2
          -> user-unselected-channel u2 c2 to u2
          -> channel-deleted c2 to u2
          -> channel-created c2 to u1
        show channel c1
          | c1 seen by everyone, built in
        show channel c2
          | c2 seen by u1, built in
    "#]]);
}

#[test]
fn between_generations_the_rules_in_force_stay() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        put-channel c1
          ? audience of c1
          = created
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        # The new policies have not been asked about c1 yet, and need not be.
        policy 2 c1: nobody
        settle
          ? audience of c1
        put-member u1 role=editor
        show channel c1
          | c1 seen by nobody, generation 2
        settle
          = unchanged
        show channel c1
          | c1 seen by nobody, generation 2
    "#]]);
}

#[test]
fn between_generations_each_is_asked_of_those_who_are_there() {
    check(&expect![[r#"
        policy 1 c1: each(user=u1,u2,g1)
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          ? policy 0 on c1: u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? policy 0 on c1: u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        policy 2 c1: each(user=u2,u3,g1,g2)
        # Whoever asked `each` is gone: the whole channel is looked at anew, and the newcomer,
        # who never saw it, is told nothing.
        settle
          ? audience of c1
          ? policy 0 on c1: u1,u2
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1
        connect s8 g2 by-token
          ? policy 0 on c1: g2
          -> opened s8 of g2
          -> online-status-updated g2 online to everyone
          = created
        show channel c1
          | c1 seen by g2,u2, generation 2
        policy 3 c1: each(user=u2,u3)
        settle
          ? audience of c1
          ? policy 0 on c1: g2,u1,u2
          -> channel-deleted c1 to g2
        disconnect s8
          -> closed s8: left
          -> online-status-updated g2 offline to everyone
        show channel c1
          | c1 seen by u2, generation 3
        policy off
        settle
          -> channel-created c1 to u1
        connect s9 g1 by-token
          -> opened s9 of g1
          -> online-status-updated g1 online to everyone
          = created
        show channel c1
          | c1 seen by everyone, built in
    "#]]);
}

#[test]
fn a_leaver_is_not_told_of_a_channel_looked_at_anew() {
    check(&expect![[r#"
        policy 1 c1: each(user=u1,u2)
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          ? policy 0 on c1: u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? policy 0 on c1: u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1,u2
        policy 2 c1: nobody
        settle
          ? audience of c1
          -> user-unselected-channel u1 c1 to u1,u2
          -> channel-deleted c1 to u1,u2
        remove-member u1
          -> online-status-updated u1 offline to everyone
          -> user-leaved-workspace u1 to everyone
          -> closed s1: membership ended
        show channel c1
          | c1 seen by nobody, generation 2
    "#]]);
}
