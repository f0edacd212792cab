//! Every limit of the domain at its edge.

use expect_test::expect;

use crate::check;

#[test]
fn sixty_four_connections_of_a_user() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        repeat 65 connect s% u1
          ! connect s65 u1: limit-reached: 64 connections of a user
        # A renewal is no new connection; another user has room.
        connect s64 u1
        connect other u2
          -> opened other of u2
          -> online-status-updated u2 online to everyone
          = created
        # A connection that takes the place of another is none more.
        connect s65 u1 replaces=s64
          -> opened s65 of u1
          -> closed s64: superseded
          = created
        disconnect s1
          -> closed s1: left
        connect s66 u1
          -> opened s66 of u1
          = created
        connect s67 u1
          ! limit-reached: 64 connections of a user
    "#]]);
}

#[test]
fn holds_that_a_new_connection_ends_do_not_count() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-channel c1
          -> channel-created c1 to everyone
          = created
        repeat 64 connect s% u1
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        repeat 64 lose s%
        t=1000 connect t1 u1
          -> opened t1 of u1
          = created
        show u1
          | u1 online, sockets s1,t1, in c1 on s1 [speakers]
        # Held with the conversation, s1 still counts.
        repeat 63 connect u% u1
          ! connect u63 u1: limit-reached: 64 connections of a user
        t=2000 connect s1 u1
          -> opened s1 of u1
          = created
    "#]]);
}

#[test]
fn ten_thousand_channels() {
    check(&expect![[r#"
        repeat 10001 put-channel c%
          ! put-channel c10001: limit-reached: 10000 channels of a workspace
        put-channel c1 private
        delete-channel c1
          -> channel-deleted c1 to everyone
        put-channel d1
          -> channel-created d1 to everyone
          = created
    "#]]);
}

#[test]
fn a_hundred_thousand_members_of_a_channel() {
    check(&expect![[r#"
        put-channel c1 members=x*100001
          ! limit-reached: 100000 members of a channel
        put-channel c1 members=x*100000
          -> channel-created c1 to everyone
          = created
        put-channel-member c1 y
          ! limit-reached: 100000 members of a channel
        remove-channel-member c1 x1
        put-channel-member c1 y
          = created
    "#]]);
}

#[test]
fn ten_thousand_recipients_by_name() {
    check(&expect![[r#"
        sync
          = created
        publish hello users:x*10001
          ! limit-reached: 10000 named recipients of an event
        publish hello sockets:x*10001
          ! limit-reached: 10000 named recipients of an event
        publish hello sockets:x*10000
    "#]]);
}
