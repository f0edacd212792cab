//! The application's own events: whom each target reaches.

use expect_test::expect;

use crate::check;

#[test]
fn every_target_has_its_audience() {
    check(&expect![[r#"
        put-member u1
          -> user-joined {"id":"u1"} to everyone
          = created
        put-member u2
          -> user-joined {"id":"u2"} to everyone
          = created
        put-channel open
          -> channel-created open to everyone
          = created
        put-channel secret private members=u1,u3
          -> channel-created secret to everyone
          = created
        connect s1 u1
          -> opened s1 of u1
          -> online-status-updated u1 online to everyone
          = created
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 open
          -> user-selected-channel u1 open [speakers] to everyone
        select s2 open
          -> user-selected-channel u2 open [speakers] to everyone
        publish hello workspace
          -> hello 1 to everyone
        publish hello channel:open
          -> hello 1 to everyone
        publish hello channel:secret
          -> hello 1 to u1
        publish hello conversation:open
          -> hello 1 to sockets s1,s2
        publish hello conversation:secret
        publish hello users:u1,u9
          -> hello 1 to u1,u9
        publish hello sockets:s2,s1
          -> hello 1 to sockets s2,s1
    "#]]);
}

#[test]
fn a_channel_must_be_there() {
    check(&expect![[r#"
        sync
          = created
        publish hello channel:c1
          ! channel-not-found
        publish hello conversation:c1
          ! channel-not-found
    "#]]);
}

#[test]
fn only_live_sockets_of_the_workspace_are_reached_and_each_once() {
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
        connect s2 u2
          -> opened s2 of u2
          -> online-status-updated u2 online to everyone
          = created
        select s1 c1
          -> user-selected-channel u1 c1 [speakers] to everyone
        select s2 c1
          -> user-selected-channel u2 c1 [speakers] to everyone
        lose s1
          -> closed s1: lost
        publish hello conversation:c1
          -> hello 1 to sockets s2
        publish hello sockets:s1,s2,s2,of-another-workspace
          -> hello 1 to sockets s2
    "#]]);
}
