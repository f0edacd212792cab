//! Members and channels as the backend describes them, and what repeating it does.

use expect_test::expect;

use crate::check;

#[test]
fn a_member_joins_changes_and_leaves() {
    check(&expect![[r#"
        put-member u1 name=Ann role=editor attr.team=red
          -> user-joined {"id":"u1","name":"Ann"} to everyone
          = created
        put-member u1 name=Anna
          -> user-updated {"id":"u1","name":"Anna"} to everyone
        put-member u1 role=guest
        put-member u1 role=-
        put-member u1 attr.team=blue
        remove-member u1
          -> user-leaved-workspace u1 to everyone
        remove-member u1
          ! member-not-found
    "#]]);
}

#[test]
fn repeating_a_put_announces_nothing() {
    check(&expect![[r#"
        put-member u1 name=Ann role=editor attr.team=red
          -> user-joined {"id":"u1","name":"Ann"} to everyone
          = created
        put-member u1 name=Ann role=editor attr.team=red
          = unchanged
        # What is absent stays as it is.
        put-member u1
          = unchanged
        put-channel c1 private members=u1,u2 attr.kind=voice
          -> channel-created c1 to everyone
          = created
        put-channel c1 private members=u1,u2 attr.kind=voice
          = unchanged
        put-channel c1
          = unchanged
        put-channel-member c1 u3
          = created
        put-channel-member c1 u3
          = unchanged
        remove-channel-member c1 u3
        remove-channel-member c1 u3
          = unchanged
        update-profile u1 name=Ann
          = unchanged
    "#]]);
}

#[test]
fn a_profile_changes_only_for_members() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        update-profile u1 name=Ann
          -> user-updated {"id":"u1","name":"Ann"} to everyone
        update-profile u1 name=Ann
          = unchanged
        update-profile u2 name=Bob
          ! member-not-found
        connect s2 u2 by-token
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        update-profile u2 name=Bob
          ! member-not-found
    "#]]);
}

#[test]
fn a_member_who_leaves_is_seen_off_in_order() {
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
        connect s2 u1
          -> opened s2 of u1
          = created
        connect s3 u2
          -> opened s3 of u2
          -> online-status-updated u2 online to everyone
          = created
        connect s4 u1
          -> opened s4 of u1
          = created
        select s2 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        lose s4
          -> closed s4: lost
        # Out of the channel, offline, gone; the leaver hears it all, then is closed.
        remove-member u1
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
          -> user-leaved-workspace u1 to everyone
          -> closed s1: membership ended
          -> closed s2: membership ended
        show u1
          | u1 offline, sockets nobody, in no channel
        show deadline
          | no deadline
        connect s5 u1
          ! workspace-forbidden
    "#]]);
}

#[test]
fn a_member_who_is_not_there_leaves_quietly() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        remove-member u1
          -> user-leaved-workspace u1 to everyone
    "#]]);
}

#[test]
fn a_member_held_in_a_channel_leaves_at_once() {
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
        remove-member u1
          -> user-unselected-channel u1 c1 to everyone
          -> online-status-updated u1 offline to everyone
          -> user-leaved-workspace u1 to everyone
        show deadline
          | no deadline
        # The way back is a new beginning, even by name.
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s2 u1 replaces=s1
          -> opened s2 of u1
          -> online-status-updated u1 online to everyone
          = created
        show u1
          | u1 online, sockets s2, in no channel
    "#]]);
}

#[test]
fn a_leaver_is_not_told_of_channels_on_the_way_out() {
    check(&expect![[r#"
        policy 1 c1: only(role=editor)
        policy 1 c2: except(role=editor)
        put-channel c1
          ? audience of c1
          = created
        put-channel c2
          ? audience of c2
          = created
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        connect s1 u1 role=editor
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        show channel c1
          | c1 seen by u1, generation 1
        # Without the token's role u1 would see c2 instead of c1 for a moment.
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
fn a_channel_appears_changes_and_goes() {
    check(&expect![[r#"
        put-channel c1
          -> channel-created c1 to everyone
          = created
        put-channel c1 attr.kind=voice
        delete-channel c1
          -> channel-deleted c1 to everyone
        delete-channel c1
          ! channel-not-found
        put-channel-member c1 u1
          ! channel-not-found
        remove-channel-member c1 u1
          ! channel-not-found
    "#]]);
}
