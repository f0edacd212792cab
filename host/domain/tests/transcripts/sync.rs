//! The whole truth at once: the differences, one by one or in silence.

use expect_test::expect;

use crate::check;

#[test]
fn the_first_truth_creates_everything() {
    check(&expect![[r#"
        sync u1:editor u2 #c1 #c2:u1
          -> user-joined {"id":"u1"} to everyone
          -> user-joined {"id":"u2"} to everyone
          -> channel-created c1 to everyone
          -> channel-created c2 to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        show channel c2
          | c2 seen by u1, built in
        sync u1:editor u2 #c1 #c2:u1
          = unchanged
    "#]]);
}

#[test]
fn an_empty_truth_makes_the_workspace_known() {
    check(&expect![[r#"
        sync
          = created
        sync
          = unchanged
    "#]]);
}

#[test]
fn what_the_truth_leaves_out_goes_first() {
    check(&expect![[r#"
        sync u1 u2 u3 #c1 #c2 #c3:u1,u2
          -> user-joined {"id":"u1"} to everyone
          -> user-joined {"id":"u2"} to everyone
          -> user-joined {"id":"u3"} to everyone
          -> channel-created c1 to everyone
          -> channel-created c2 to everyone
          -> channel-created c3 to everyone
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
        select s2 c3
          -> user-selected-channel u2 c3 [speakers] to u1,u2
        sync u1 u4 #c2 #c3:u1 #c4
          -> user-unselected-channel u1 c1 to everyone
          -> channel-deleted c1 to everyone
          -> user-unselected-channel u2 c3 to u1,u2
          -> online-status-updated u2 offline to everyone
          -> user-leaved-workspace u2 to everyone
          -> closed s2: membership ended
          -> user-leaved-workspace u3 to everyone
          -> user-joined {"id":"u4"} to everyone
          -> channel-created c4 to everyone
        show u1
          | u1 online, sockets s1, in no channel
        show u2
          | u2 offline, sockets nobody, in no channel
        show g1
          | g1 online, sockets s9, in no channel
    "#]]);
}

#[test]
fn a_quiet_truth_tells_nobody_but_closes_who_is_gone() {
    check(&expect![[r#"
        sync u1 u2 #c1
          -> user-joined {"id":"u1"} to everyone
          -> user-joined {"id":"u2"} to everyone
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
        sync quiet u1 u3 #c2
          -> closed s2: membership ended
        show u1
          | u1 online, sockets s1, in no channel
        show u2
          | u2 offline, sockets nobody, in no channel
    "#]]);
}

#[test]
fn views_are_compared_before_and_after_the_whole_truth() {
    check(&expect![[r#"
        policy 1 has private channels
        policy 1 c1: each(role=editor member; role=guest !member)
        sync u1:editor u2:guest #c1:u1
          ? audience of c1
          -> user-joined {"id":"u1"} to everyone
          -> user-joined {"id":"u2"} to everyone
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
        # Role and membership both turn round: neither alone is what anybody sees.
        sync u1:guest u2:guest #c1:u2
          ? audience of c1
          ? policy 0 on c1: u1,u2
          -> channel-deleted c1 to u2
        show u1
          | u1 online, sockets s1, in c1 on s1 [speakers]
        show channel c1
          | c1 seen by u1, generation 1
    "#]]);
}

#[test]
fn a_truth_that_breaks_a_limit_changes_nothing() {
    check(&expect![[r#"
        sync u1 #c1
          -> user-joined {"id":"u1"} to everyone
          -> channel-created c1 to everyone
          = created
        sync u2 #x*10001
          ! limit-reached: 10000 channels of a workspace
        show channel c1
          | c1 seen by everyone, built in
        sync quiet u1 #x*10000
        put-channel e
          ! limit-reached: 10000 channels of a workspace
        # What goes makes room for what comes.
        sync quiet u1 #y*10000
    "#]]);
}
