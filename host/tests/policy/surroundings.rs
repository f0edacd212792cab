//! What a server sees of its policies while they run: metrics, quarantine, and when to ask again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wardroom::metrics::Metrics;
use wardroom::policy::{Policies, PolicyLimits, PolicySet, Surroundings};
use wardroom_domain::Rule;

use crate::fixtures::{
    channel, command, event, eventually, guest, here, limits, load, load_all, load_in, patient,
    plugin, request, source,
};

/// Fails this often in a row before a version is left alone.
const FAILURES: usize = 8;

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
    let policies = counted(&metrics, &["speaks", "misbehaves"], patient());
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
    let limits = PolicyLimits {
        instances: 1,
        call_deadline: Duration::from_millis(300),
        ..limits()
    };
    let policies = load_all(vec![source("p", &guest("misbehaves"))], limits).unwrap();
    let set = policies.current();
    std::thread::scope(|scope| {
        scope.spawn(|| rule(&set, "loop"));
        eventually("somebody is turned away", || {
            let closed = rule(&set, "fine") == Rule::Nobody;
            let report = policies.status().remove(0).last_error;
            closed && report.is_some_and(|report| report.starts_with("busy:"))
        });
    });
    assert_eq!(rule(&set, "fine"), Rule::Everyone);
}

#[test]
fn a_version_that_keeps_failing_is_left_alone_and_comes_back() {
    let metrics = Arc::new(Metrics::default());
    let policies = counted(&metrics, &["misbehaves"], patient());
    let set = policies.current();
    for _ in 0..FAILURES {
        assert_eq!(rule(&set, "trap"), Rule::Nobody);
    }
    let status = policies.status().remove(0);
    assert_eq!(status.quarantined, ["channel-visibility"]);
    let gauge = r#"wardroom_policy_quarantined{policy="misbehaves",hook="channel-visibility"}"#;
    assert_counted(&metrics, &[&format!("{gauge} 1")]);
    // It is not entered, so that it costs nothing; and other hooks go on.
    assert_eq!(rule(&set, "fine"), Rule::Nobody);
    assert_eq!(policies.status()[0].failures, status.failures);
    assert_eq!(set.admit(here(), &request("ann")), Ok(()));

    eventually("a probe finds that it answers again", || {
        rule(&set, "fine") == Rule::Everyone
    });
    assert_eq!(policies.status()[0].quarantined, [""; 0]);
    assert_counted(&metrics, &[&format!("{gauge} 0")]);
}

#[test]
fn a_quarantined_version_leaves_its_questions_to_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.wasm");
    std::fs::copy(plugin("private_channels"), &file).unwrap();
    let policies = load(&file).unwrap();
    let _watching = policies.watch().unwrap();
    let next = folder.path().join("next");
    std::fs::copy(guest("misbehaves"), &next).unwrap();
    std::fs::rename(&next, &file).unwrap();
    eventually("the new version is in force", || {
        policies.status()[0].generation.0 == 2
    });
    let set = policies.current();
    let secret = channel("trap", true, &["ann"]);
    for _ in 0..FAILURES + 3 {
        let rules = set.audience(here(), &secret);
        assert!(matches!(rules[..], [Rule::Only(_)]), "{rules:?}");
    }
    let status = policies.status().remove(0);
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

    assert_eq!(rule(&set, "trap"), Rule::Nobody);
    assert!(!set.wants_another_look(Instant::now()));
    assert!(set.wants_another_look(later()));

    let set = load(&guest("misbehaves")).unwrap().current();
    assert!(set.admit(here(), &request("trap")).is_err());
    assert!(set.wants_another_look(later()));
}
