//! Policies that look up the whole directory: what every change of it has asked again, and that
//! nothing between is shown.

use expect_test::expect;

use crate::check;

#[test]
fn a_view_that_stays_is_told_to_nobody_and_ends_nothing() {
    check(&expect![[r#"
        policy 1 looks up
        policy 1 c1: only(role=editor)
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to u1
        # The former answer would let u1 go; what the policies say of the new directory lets u1 stay.
        policy 1 c1: everyone
        put-member u1 role=guest
          ? audience of c1
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
    "#]]);
}

#[test]
fn a_quiet_truth_stays_quiet_where_views_follow_it() {
    check(&expect![[r#"
        policy 1 looks up
        policy 1 admits all but u9
        policy 1 c1: each(role=editor)
        put-member u1 role=editor
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2 role=editor
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          ? admit u1
          ? policy 0 on c1: u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? admit u2
          ? policy 0 on c1: u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to u1,u2
        policy 1 admits all but u2
        sync quiet u1:guest u2:editor #c1
          ? admit u1 again
          ? admit u2 again
          ? audience of c1
          ? policy 0 on c1: u1
          -> closed s2: not admitted
        show channel c1
          | c1 seen by nobody, generation 1
    "#]]);
}

#[test]
fn whoever_is_put_out_by_a_change_does_not_hear_of_it() {
    check(&expect![[r#"
        policy 1 looks up
        policy 1 admits all but u9
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        connect s1 u1
          ? admit u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? admit u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        policy 1 admits all but u2
        update-profile u1 name=Ann
          ? admit u1 again
          ? admit u2 again
          -> closed s2: not admitted
          -> user-updated {"id":"u1","name":"Ann"} to everyone
          -> online-status-updated u2 offline to everyone
    "#]]);
}

#[test]
fn whoever_went_is_not_told_that_a_changed_channel_is_gone() {
    check(&expect![[r#"
        policy 1 has private channels
        policy 1 looks up
        policy 1 admits all but u9
        policy 1 c1: only(user=g1,u1,u2,u3)
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-member u3
          -> user-joined {"id":"u3"} to everyone
          = created
        put-channel c1
          ? audience of c1
          = created
        connect s1 u1
          ? admit u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          ? admit u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        connect s9 g1 by-token
          ? admit g1
          -> opened s9 of g1
          -> online-status-updated g1 online to everyone
          = created
        # A guest who is put out is nobody any more.
        policy 1 admits all but g1
        put-channel c1 attr.kind=voice
          ? admit g1 again
          ? admit u1 again
          ? admit u2 again
          ? audience of c1
          -> closed s9: not admitted
          -> online-status-updated g1 offline to everyone
        show channel c1
          | c1 seen by u1,u2, generation 1
        # The same of a member who is removed, by the same command that changes the channel.
        sync u1 u3 #c1:u1
          ? admit u1 again
          ? audience of c1
          -> online-status-updated u2 offline to everyone
          -> user-leaved-workspace u2 to everyone
          -> closed s2: membership ended
        show channel c1
          | c1 seen by u1, generation 1
        # Somebody who stays hears of it.
        policy 1 c1: only(user=u3)
        put-channel-member c1 u3
          ? admit u1 again
          ? audience of c1
          -> channel-deleted c1 to u1
          = created
    "#]]);
}

// Whoever loses the connection that gave them a role is never shown what only that role and the new
// channel together would have let them see.
#[test]
fn a_channel_that_changes_is_settled_by_the_roles_that_are_left() {
    check(&expect![[r#"
        policy 1 looks up to admit
        policy 1 admits all but u9
        policy 1 has private channels
        policy 1 c1: nobody
        policy 1 c2: only(role=guest)
        put-channel c1 private
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        # The latest connection gives a guest the role.
        connect s1 g1 by-token role=guest
          ? admit g1
          -> opened s1 of g1
          -> online-status-updated g1 online to everyone
          = created
        connect s2 g1 by-token role=editor
          ? admit g1
          -> opened s2 of g1
          -> channel-deleted c2 to g1
          = created
        policy 1 admits no editor
        policy 1 c1: only(role=editor)
        put-channel c1 attr.kind=voice
          ? admit g1 again
          ? admit g1 again
          ? audience of c1
          -> closed s2: not admitted
          -> channel-created c2 to g1
        show channel c1
          | c1 seen by nobody, generation 1
        show channel c2
          | c2 seen by g1, generation 1
    "#]]);
}

#[test]
fn members_of_a_channel_that_change_are_settled_by_the_roles_that_are_left() {
    check(&expect![[r#"
        policy 1 looks up to admit
        policy 1 admits all but u9
        policy 1 has private channels
        policy 1 c1: nobody
        policy 1 c2: only(role=guest)
        put-channel c1 private
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        # The latest connection gives a guest the role.
        connect s1 g1 by-token role=guest
          ? admit g1
          -> opened s1 of g1
          -> online-status-updated g1 online to everyone
          = created
        connect s2 g1 by-token role=editor
          ? admit g1
          -> opened s2 of g1
          -> channel-deleted c2 to g1
          = created
        policy 1 admits no editor
        policy 1 c1: only(role=editor)
        put-channel-member c1 u1
          ? admit g1 again
          ? admit g1 again
          ? audience of c1
          -> closed s2: not admitted
          -> channel-created c2 to g1
          = created
        show channel c1
          | c1 seen by nobody, generation 1
        show channel c2
          | c2 seen by g1, generation 1
    "#]]);
}

#[test]
fn a_truth_is_settled_by_the_roles_that_are_left() {
    check(&expect![[r#"
        policy 1 looks up to admit
        policy 1 admits all but u9
        policy 1 has private channels
        policy 1 c1: nobody
        policy 1 c2: only(role=guest)
        put-channel c1 private
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        # The latest connection gives a guest the role.
        connect s1 g1 by-token role=guest
          ? admit g1
          -> opened s1 of g1
          -> online-status-updated g1 online to everyone
          = created
        connect s2 g1 by-token role=editor
          ? admit g1
          -> opened s2 of g1
          -> channel-deleted c2 to g1
          = created
        policy 1 admits no editor
        policy 1 c1: only(role=editor)
        sync #c1:u1 #c2
          ? admit g1 again
          ? admit g1 again
          ? audience of c1
          -> closed s2: not admitted
          -> channel-created c2 to g1
        show channel c1
          | c1 seen by nobody, generation 1
        show channel c2
          | c2 seen by g1, generation 1
    "#]]);
}
