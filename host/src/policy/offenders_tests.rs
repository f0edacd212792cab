//! Tests of [`super`]: a clock that is set by hand, and askers that are numbers.

use super::*;

const TICK: Duration = Duration::from_millis(1);

fn person(asker: u64) -> Suspects {
    Suspects { asker, input: None }
}

fn about(asker: u64, input: u64) -> Suspects {
    Suspects {
        asker,
        input: Some(input),
    }
}

/// Asks in vain, unless it is turned away.
fn fail(offenders: &mut Offenders, suspects: Suspects, now: Instant) -> Option<Isolated> {
    if offenders.closed(suspects, now) {
        return None;
    }
    let probes = offenders.enter(suspects, now);
    offenders.failed(suspects, probes, now)
}

fn isolated(offenders: &mut Offenders, asker: u64, now: Instant) {
    for n in 1..=POLICY_ISOLATION_FAILURES {
        let led = fail(offenders, person(asker), now);
        assert_eq!(led.is_some(), n == POLICY_ISOLATION_FAILURES, "failure {n}");
    }
}

#[test]
fn one_who_keeps_failing_is_left_alone_and_nobody_else() {
    let (mut offenders, now) = (Offenders::default(), Instant::now());
    isolated(&mut offenders, 1, now);
    assert!(offenders.closed(person(1), now));
    assert!(!offenders.closed(person(2), now));
    assert_eq!(offenders.isolated(), 1);
}

#[test]
fn the_pause_doubles_up_to_a_limit_though_good_questions_come_between() {
    let (mut offenders, mut now) = (Offenders::default(), Instant::now());
    isolated(&mut offenders, 1, now);
    let mut pause = POLICY_QUARANTINE_FIRST;
    for _ in 0..5 {
        assert!(offenders.closed(person(1), now + pause - TICK));
        now += pause;
        // It is answered once, and is let in again: its failures are not forgotten for that.
        let probes = offenders.enter(person(1), now);
        assert!(probes.asker);
        assert!(offenders.closed(person(1), now), "one question probes");
        offenders.answered(person(1), now);
        assert!(!offenders.closed(person(1), now));
        assert_eq!(offenders.isolated(), 0);
        let led = fail(&mut offenders, person(1), now);
        pause *= 2;
        assert_eq!(led, Some(Isolated::Asker(pause)));
    }
    for _ in 0..10 {
        now += pause;
        let led = fail(&mut offenders, person(1), now);
        pause = (pause * 2).min(POLICY_QUARANTINE_LONGEST);
        assert_eq!(led, Some(Isolated::Asker(pause)));
    }
    assert_eq!(pause, POLICY_QUARANTINE_LONGEST);
}

#[test]
fn failures_are_forgotten_by_time() {
    let (mut offenders, mut now) = (Offenders::default(), Instant::now());
    // One that fails now and then, and is answered otherwise.
    for _ in 0..100 {
        assert_eq!(fail(&mut offenders, person(1), now), None);
        offenders.answered(person(1), now);
        now += POLICY_ISOLATION_FORGET;
    }
    offenders.answered(person(2), now);
    assert!(offenders.is_empty(), "{offenders:?}");
    // And one that was left alone and does not come back.
    isolated(&mut offenders, 1, now);
    now += POLICY_QUARANTINE_FIRST + POLICY_QUARANTINE_LONGEST;
    offenders.answered(person(2), now);
    assert!(offenders.is_empty(), "{offenders:?}");
    assert_eq!(offenders.isolated(), 0);
}

#[test]
fn an_input_that_several_fail_on_is_left_alone_and_they_are_not() {
    let (mut offenders, now) = (Offenders::default(), Instant::now());
    let askers = POLICY_ISOLATION_INPUT_ASKERS as u64;
    for asker in 1..=askers {
        let led = fail(&mut offenders, about(asker, 100), now);
        let expected = (asker == askers).then_some(Isolated::Input(POLICY_QUARANTINE_FIRST));
        assert_eq!(led, expected, "asker {asker}");
    }
    assert!(offenders.closed(about(77, 100), now), "whoever asks it");
    assert!(
        !offenders.closed(about(1, 101), now),
        "they ask something else"
    );
    // Answered to anybody, it is good again.
    let over = now + POLICY_QUARANTINE_FIRST;
    offenders.enter(about(77, 100), over);
    offenders.answered(about(77, 100), over);
    assert!(!offenders.closed(about(1, 100), over));
}

#[test]
fn one_asker_alone_makes_no_input_suspect() {
    let (mut offenders, now) = (Offenders::default(), Instant::now());
    for _ in 0..100 {
        fail(&mut offenders, about(1, 100), now);
    }
    assert!(offenders.closed(about(1, 100), now));
    assert!(!offenders.closed(about(2, 100), now));
}

#[test]
fn what_was_asked_before_does_not_lengthen_the_pause() {
    let (mut offenders, now) = (Offenders::default(), Instant::now());
    let probes = offenders.enter(person(1), now);
    isolated(&mut offenders, 1, now);
    assert_eq!(offenders.failed(person(1), probes, now), None);
    let over = now + POLICY_QUARANTINE_FIRST;
    assert!(!offenders.closed(person(1), over));
}

#[test]
fn there_are_never_more_than_are_remembered_and_those_left_alone_go_last() {
    let (mut offenders, now) = (Offenders::default(), Instant::now());
    isolated(&mut offenders, 0, now);
    for asker in 1..3 * POLICY_OFFENDERS as u64 {
        fail(&mut offenders, person(asker), now + TICK);
        assert!(offenders.known.len() <= POLICY_OFFENDERS);
    }
    assert!(offenders.closed(person(0), now + TICK));
    assert_eq!(offenders.isolated(), 1);
}

#[test]
fn an_origin_is_known_by_workspace_asker_and_input() {
    let workspaces = ["w", "v"].map(|id| WorkspaceId::new(id).expect("an id"));
    let users = ["ann", "bob"].map(|id| UserId::new(id).expect("an id"));
    let of = |workspace: usize, user: usize, input: (&'static str, &'static str)| {
        Origin {
            workspace: &workspaces[workspace],
            asker: Asker::User(&users[user]),
            input: Some(input),
        }
        .suspects()
    };
    let one = of(0, 0, ("select-channel", "{}"));
    assert_eq!(of(0, 0, ("select-channel", "{}")), one);
    assert_ne!(of(1, 0, ("select-channel", "{}")).asker, one.asker);
    assert_ne!(of(1, 0, ("select-channel", "{}")).input, one.input);
    assert_ne!(of(0, 1, ("select-channel", "{}")).asker, one.asker);
    assert_eq!(of(0, 1, ("select-channel", "{}")).input, one.input);
    assert_ne!(of(0, 0, ("select-channel", "[]")).input, one.input);
    let channel = ChannelId::new("ann").expect("an id");
    let channel = Origin {
        workspace: &workspaces[0],
        asker: Asker::Channel(&channel),
        input: None,
    };
    assert_ne!(channel.suspects().asker, one.asker, "of the same name");
}
