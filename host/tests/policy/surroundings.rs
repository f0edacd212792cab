//! What a server sees of its policies while they run: metrics, quarantine, and when to ask again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wardroom::metrics::Metrics;
use wardroom::policy::{CommandQuestion, Policies, PolicyLimits, PolicySet, Surroundings};
use wardroom_domain::{Rule, Verdict};

use crate::fixtures::{
    FAILURES, PAUSE, channel, command, elsewhere, event, eventually, guest, here, limits, load,
    load_in, plugin, request, source, subject, within_the_pause,
};

fn rule(set: &PolicySet, id: &str) -> Rule {
    set.audience(here(), &channel(id, false, &[]))[0].clone()
}

fn counted(metrics: &Arc<Metrics>, names: &[&str], limits: PolicyLimits) -> Policies {
    let surroundings = Surroundings {
        metrics: Some(metrics.clone()),
        ..Surroundings::default()
    };
    let sources = names.iter().map(|name| source(name, &guest(name)));
    load_in(sources.collect(), limits, surroundings).unwrap()
}

#[track_caller]
fn assert_counted(metrics: &Metrics, lines: &[&str]) {
    let text = metrics.render().unwrap();
    for line in lines {
        let found = text.lines().any(|counted| counted == *line);
        assert!(found, "{line} is not in:\n{text}");
    }
}

#[test]
fn calls_verdicts_and_failures_are_counted_by_policy_and_hook() {
    let metrics = Arc::new(Metrics::default());
    let policies = counted(&metrics, &["speaks", "misbehaves"], limits());
    let set = policies.current();
    let _admitted = set.admit(here(), &request("ann"));
    let _denied = set.admit(here(), &request("banned"));
    let _hidden = set.audience(here(), &channel("hidden", false, &[]));
    let _allowed = set.authorize(here(), &command("anything"));
    let _split = set.render(here(), &event("split"));
    let _suppressed = set.render(here(), &event("trap"));
    assert_counted(
        &metrics,
        &[
            r#"wardroom_policy_calls_total{policy="speaks",hook="admission"} 2"#,
            r#"wardroom_policy_calls_total{policy="misbehaves",hook="admission"} 1"#,
            r#"wardroom_policy_calls_total{policy="misbehaves",hook="events"} 3"#,
            r#"wardroom_policy_call_seconds_count{policy="misbehaves",hook="events"} 3"#,
            r#"wardroom_policy_verdicts_total{policy="speaks",hook="admission",verdict="denied"} 1"#,
            r#"wardroom_policy_verdicts_total{policy="speaks",hook="channel-visibility",verdict="nobody"} 1"#,
            r#"wardroom_policy_verdicts_total{policy="speaks",hook="commands",verdict="allowed"} 1"#,
            r#"wardroom_policy_verdicts_total{policy="speaks",hook="events",verdict="split"} 1"#,
            r#"wardroom_policy_verdicts_total{policy="misbehaves",hook="events",verdict="failed"} 1"#,
            r#"wardroom_policy_failures_total{policy="misbehaves",hook="events",kind="trap"} 2"#,
            "wardroom_policy_generation 1",
            r#"wardroom_policy_instances{policy="speaks"} 1"#,
        ],
    );
    // One has an instance, which has memory; the other has lost its instances to the trap.
    let text = metrics.render().unwrap();
    let statuses = policies.status();
    assert!(statuses[0].memory_bytes >= 65_536, "{statuses:?}");
    assert_eq!((statuses[1].instances, statuses[1].memory_bytes), (0, 0));
    for status in statuses {
        let name = &status.name;
        let memory = status.memory_bytes;
        let line = format!(r#"wardroom_policy_memory_bytes{{policy="{name}"}} {memory}"#);
        assert!(text.contains(&line), "{line} is not in:\n{text}");
    }
    drop((set, policies));
    assert_counted(
        &metrics,
        &[
            r#"wardroom_policy_instances{policy="speaks"} 0"#,
            r#"wardroom_policy_instances{policy="misbehaves"} 0"#,
            r#"wardroom_policy_memory_bytes{policy="speaks"} 0"#,
        ],
    );
}

#[test]
fn more_instances_than_there_may_be_are_refused() {
    let metrics = Arc::new(Metrics::default());
    let limits = PolicyLimits {
        instances: 1,
        call_deadline: Duration::from_millis(300),
        ..limits()
    };
    let policies = counted(&metrics, &["misbehaves"], limits);
    let set = policies.current();
    let seen = AtomicBool::new(false);
    let patience = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // In another hook, so that its failures are not taken for those that are awaited, and
            // again and again, so that it does not matter who is first.
            let mut number = 0;
            while !seen.load(Ordering::Relaxed) && Instant::now() < patience {
                let _stays_out = set.admit(elsewhere(number), &request("loop"));
                // And each time elsewhere, so that nobody in particular is left alone.
                let _admitted = set.admit(here(), &request("fine"));
                number += 1;
            }
        });
        let busy = r#"{policy="misbehaves",hook="channel-visibility",kind="busy"}"#;
        let busy = format!("wardroom_policy_failures_total{busy}");
        eventually("somebody is turned away", || {
            let _turned_away = rule(&set, "fine");
            let text = metrics.render().unwrap();
            let mut counted = text.lines().filter_map(|line| line.strip_prefix(&busy));
            counted.any(|times| times != " 0")
        });
        seen.store(true, Ordering::Relaxed);
    });
    // At once, or after a pause if it was turned away too often.
    eventually("it answers again", || rule(&set, "fine") == Rule::Everyone);
}

#[test]
fn a_version_that_keeps_failing_is_left_alone_and_comes_back() {
    let gauge = r#"wardroom_policy_quarantined{policy="misbehaves",hook="channel-visibility"}"#;
    let (metrics, policies) = within_the_pause(|| {
        let metrics = Arc::new(Metrics::default());
        let policies = counted(&metrics, &["misbehaves"], limits());
        let set = policies.current();
        let trap = |number| {
            let rules = set.audience(elsewhere(number), &channel("trap", false, &[]));
            assert_eq!(rules, [Rule::Nobody]);
        };
        (1..FAILURES).for_each(trap);
        let began = Instant::now();
        trap(0);
        let status = policies.status().remove(0);
        // It is not entered, so that it costs nothing; and other hooks go on.
        let fine = rule(&set, "fine");
        let later = policies.status().remove(0);
        assert_eq!(set.admit(here(), &request("ann")), Ok(()));
        let counted = metrics.render().unwrap().contains(&format!("{gauge} 1"));
        if began.elapsed() < PAUSE {
            assert_eq!(status.quarantined, ["channel-visibility"]);
            assert_eq!(fine, Rule::Nobody);
            assert_eq!(later.failures, status.failures);
            assert!(counted);
        }
        (began, (metrics, policies))
    });
    let set = policies.current();
    eventually("a probe finds that it answers again", || {
        rule(&set, "fine") == Rule::Everyone
    });
    assert_eq!(policies.status()[0].quarantined, [""; 0]);
    assert_counted(&metrics, &[&format!("{gauge} 0")]);
}

#[test]
fn a_quarantined_version_leaves_its_questions_to_the_last_good_one() {
    let (set, status) = within_the_pause(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.wasm");
        std::fs::copy(plugin("private_channels"), &file).unwrap();
        let policies = load(&file).unwrap();
        let watching = policies.watch().unwrap();
        let next = folder.path().join("next");
        std::fs::copy(guest("misbehaves"), &next).unwrap();
        std::fs::rename(&next, &file).unwrap();
        eventually("the new version is in force", || {
            policies.status()[0].generation.0 == 2
        });
        drop(watching);
        let set = policies.current();
        let secret = channel("trap", true, &["ann"]);
        let mut began = Instant::now();
        for question in 0..FAILURES + 3 {
            if question < FAILURES {
                began = Instant::now();
            }
            let rules = set.audience(elsewhere(question), &secret);
            assert!(matches!(rules[..], [Rule::Only(_)]), "{rules:?}");
        }
        (began, (set, policies.status().remove(0)))
    });
    assert_eq!(status.quarantined, ["channel-visibility"]);
    assert_eq!(status.failures as usize, 2 * FAILURES);
    // The last good version's answer is remembered, and does not hold for ever.
    assert!(set.wants_another_look(Instant::now() + Duration::from_secs(2)));
}

#[test]
fn what_a_failing_policy_did_not_answer_is_to_be_asked_again() {
    let later = || Instant::now() + Duration::from_secs(3600);
    let set = load(&guest("misbehaves")).unwrap().current();
    assert_eq!(rule(&set, "fine"), Rule::Everyone);
    // What is not remembered needs no other look.
    let _denied = set.authorize(here(), &command("trap"));
    let _suppressed = set.render(here(), &event("trap"));
    assert!(!set.wants_another_look(later()));

    let before = Instant::now();
    assert_eq!(rule(&set, "trap"), Rule::Nobody);
    assert!(!set.wants_another_look(before));
    assert!(set.wants_another_look(later()));

    let set = load(&guest("misbehaves")).unwrap().current();
    assert!(set.admit(here(), &request("trap")).is_err());
    assert!(set.wants_another_look(later()));
}

/// One client that repeats a command which traps: it is refused alone, and does not cost a call each
/// time.
#[test]
fn one_for_whom_a_version_fails_is_refused_and_everybody_else_answered() {
    let metrics = Arc::new(Metrics::default());
    let policies = counted(&metrics, &["misbehaves"], limits());
    let set = policies.current();
    let by = |user: &str, name: &str| {
        let command = CommandQuestion {
            subject: subject(user, None),
            ..command(name)
        };
        matches!(set.authorize(here(), &command), Verdict::Allowed(_))
    };
    for _ in 0..100 {
        assert!(!by("eve", "trap"));
        assert!(by("ann", "fine"), "somebody else");
    }
    let status = policies.status().remove(0);
    assert_eq!(status.quarantined, [""; 0]);
    assert_eq!(status.isolated, [("commands", 1)]);
    // Three questions on two instances each, and one for each pause that ended meanwhile.
    assert!(status.failures <= 2 * (3 + 4), "{}", status.failures);
    let gauge = r#"wardroom_policy_isolated{policy="misbehaves",hook="commands"}"#;
    assert_counted(&metrics, &[&format!("{gauge} 1")]);
    // In other hooks, and elsewhere, the same person is answered.
    assert_eq!(set.admit(here(), &request("eve")), Ok(()));
    let eve = CommandQuestion {
        subject: subject("eve", None),
        ..command("fine")
    };
    assert!(matches!(
        set.authorize(elsewhere(1), &eve),
        Verdict::Allowed(_)
    ));
    // When the pause is over, a question that is answered ends it.
    eventually("eve is answered", || by("eve", "fine"));
    assert_eq!(policies.status()[0].isolated, []);
    assert_counted(&metrics, &[&format!("{gauge} 0")]);
    drop((set, policies));
    assert_counted(&metrics, &[&format!("{gauge} 0")]);
}

/// A command that traps whoever sends it: it alone is refused, and those who sent it are answered.
#[test]
fn an_input_on_which_a_version_fails_is_refused_alone() {
    let policies = load(&guest("misbehaves")).unwrap();
    let set = policies.current();
    let by = |user: &str, name: &str| {
        let command = CommandQuestion {
            subject: subject(user, None),
            ..command(name)
        };
        matches!(set.authorize(here(), &command), Verdict::Allowed(_))
    };
    for user in 0..20 {
        let user = format!("u{user}");
        assert!(!by(&user, "trap"));
        assert!(by(&user, "fine"));
    }
    let status = policies.status().remove(0);
    assert_eq!(status.quarantined, [""; 0]);
    assert_eq!(status.isolated, [("commands", 1)]);
    assert!(status.failures <= 2 * (3 + 4), "{}", status.failures);
}
