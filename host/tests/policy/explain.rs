//! What is told of a policy that fails: what stands in for its answer, kept with the answer; and
//! that asking for an explanation changes nothing that is counted or held against anybody.

use std::sync::Arc;
use std::time::Instant;

use wardroom::metrics::Metrics;
use wardroom::policy::{
    CommandQuestion, Hook, Judged, OnFailure, Opinion, Policies, PolicySet, PolicySource, Shadow,
    Surroundings,
};
use wardroom_domain::{Instead, RequestFacts, Rule, StandIn, Verdict};

use crate::fixtures::{
    FAILURES, Kept, channel, command, elsewhere, event, eventually, guest, here, limits, load_all,
    load_in, plugin, request, source, subject, within_the_pause,
};
use crate::log::Log;

fn guest_request() -> RequestFacts {
    RequestFacts {
        subject: subject("gus", Some("guest")),
        ..request("gus")
    }
}

/// A refusal is found by its id, with the version that refused, or how the policy failed.
#[test]
fn a_refusal_is_found_by_its_id() {
    let strict = source("strict", &guest("strict"));
    let failing = source("failing", &guest("misbehaves"));
    let policies = load_all(vec![strict, failing], limits()).unwrap();
    let set = policies.current();
    assert_eq!(policies.denied("none"), None);
    let told = set.admit(here(), &guest_request()).unwrap_err();
    let known = policies.denied(&told.decision).unwrap();
    assert_eq!((&*known.policy, known.hook), ("strict", Hook::Admission));
    assert_eq!((&*known.code, &known.message), ("no-guests", &told.message));
    assert_eq!(known.user, Some(guest_request().subject.user));
    assert_eq!(known.failure, None);
    assert_eq!(known.digest, policies.status()[0].digest);

    let Verdict::Denied(told) = set.authorize(here(), &command("panic")) else {
        panic!("it fails closed");
    };
    let known = policies.denied(&told.decision).unwrap();
    assert_eq!((&*known.policy, known.hook), ("failing", Hook::Commands));
    assert_eq!(known.name.as_deref(), Some("panic"));
    let failure = known.failure.as_deref().unwrap();
    assert!(failure.contains("told to panic"), "{failure}");
    // A question that is put for an explanation refuses nobody.
    let judged = set.would_admit(here(), &guest_request());
    assert_eq!(judged[0].verdict, "denied");
    assert_eq!(policies.denied(&judged[0].policy), None);
}

/// All policies are asked, though the first denies, and what stands in for one that fails is told.
#[test]
fn admission_commands_and_events_are_asked_about_for_an_explanation() {
    let strict = source("strict", &guest("strict"));
    let failing = source("failing", &guest("misbehaves"));
    let policies = load_all(vec![strict, failing], limits()).unwrap();
    let set = policies.current();
    let verdicts = |all: &[Judged]| all.iter().map(|it| it.verdict).collect::<Vec<_>>();

    let said = set.would_admit(here(), &guest_request());
    assert_eq!(verdicts(&said), ["denied", "allowed"]);
    assert_eq!(said[0].refused.as_ref().unwrap().0.as_ref(), "no-guests");
    let said = set.would_admit(here(), &request("panic"));
    assert_eq!(verdicts(&said), ["allowed", "denied"]);
    let stand_in = said[1].stand_in.as_ref().unwrap();
    assert_eq!(stand_in.instead, Instead::Closed);
    assert!(stand_in.failure.contains("told to panic"), "{stand_in:?}");

    let select = CommandQuestion {
        channel: Some(channel("desk", false, &[])),
        ..command("select-channel")
    };
    let said = set.would_authorize(here(), &select);
    assert_eq!(verdicts(&said), ["allowed", "allowed"]);
    assert_eq!(said[0].grants, [Arc::from("ticket")]);
    let vault = CommandQuestion {
        channel: Some(channel("vault", false, &[])),
        ..select
    };
    assert_eq!(
        verdicts(&set.would_authorize(here(), &vault)),
        ["denied", "allowed"]
    );

    let (said, renditions) = set.would_render(here(), &event("for-staff"));
    assert_eq!(verdicts(&said), ["split", "unchanged"]);
    assert_eq!(renditions, set.render(here(), &event("for-staff")));
    let (said, renditions) = set.would_render(here(), &event("panic"));
    assert_eq!(verdicts(&said), ["unchanged", "suppressed"]);
    assert!(said[1].stand_in.is_some());
    assert_eq!(renditions, set.render(here(), &event("panic")));
    let (said, renditions) = set.would_render(here(), &event("plain"));
    assert_eq!(
        (verdicts(&said), renditions),
        (vec!["unchanged", "unchanged"], None)
    );
}

/// What stands in for the only policy's answer about a channel.
fn stand_in(set: &PolicySet, id: &str) -> Option<StandIn> {
    let rules = set.audience(here(), &channel(id, false, &[]));
    rules.stand_in(0).cloned()
}

fn opinion(set: &PolicySet, id: &str) -> Opinion {
    set.would_decide(here(), 0, &channel(id, false, &[]), &subject("ann", None))
}

fn failing(on_failure: OnFailure) -> Policies {
    let source = PolicySource {
        on_failure,
        ..source("p", &guest("misbehaves"))
    };
    load_all(vec![source], limits()).unwrap()
}

#[test]
fn an_answer_of_the_version_in_force_has_no_stand_in() {
    let set = failing(OnFailure::Closed).current();
    assert_eq!(stand_in(&set, "fine"), None);
    let nobody = load_all(vec![source("p", &guest("nobody"))], limits());
    // What a policy says itself is told from what stands in for it, though the rule is the same.
    assert_eq!(stand_in(&nobody.unwrap().current(), "c"), None);
}

/// A policy that has just been left alone, and a time before that.
fn quarantined(on_failure: OnFailure) -> (Instant, Policies) {
    let policies = failing(on_failure);
    let set = policies.current();
    let fail = |number| drop(set.audience(elsewhere(number), &channel("trap", false, &[])));
    (1..FAILURES).for_each(fail);
    let began = Instant::now();
    fail(0);
    (began, policies)
}

#[test]
fn the_configured_end_is_kept_with_the_failure_and_then_with_the_quarantine() {
    for (on_failure, instead, rule) in [
        (OnFailure::Closed, Instead::Closed, Rule::Nobody),
        (OnFailure::Open, Instead::Open, Rule::Everyone),
    ] {
        let policies = failing(on_failure);
        let set = policies.current();
        let rules = set.audience(here(), &channel("panic", false, &[]));
        assert_eq!(*rules, *std::slice::from_ref(&rule));
        let told = rules.stand_in(0).unwrap();
        assert_eq!(told.instead, instead);
        assert!(told.asked);
        assert!(told.failure.starts_with("trap: "), "{told:?}");
        assert!(told.failure.contains("told to panic"), "{told:?}");

        let (quarantined, rules) = within_the_pause(|| {
            let (began, policies) = quarantined(on_failure);
            let rules = policies
                .current()
                .audience(here(), &channel("fine", false, &[]));
            (began, (policies.status().remove(0).quarantined, rules))
        });
        assert_eq!(quarantined, ["channel-visibility"]);
        // What it would answer is held back as well, and that is told.
        assert_eq!(rules, [rule]);
        let told = rules.stand_in(0).unwrap();
        assert_eq!((&told.instead, told.asked), (&instead, false));
        assert!(told.failure.starts_with("trap: "), "{told:?}");
    }
}

#[test]
fn a_failure_of_another_hook_is_not_the_one_that_is_told() {
    let (admitted, last, told, viewer) = within_the_pause(|| {
        let (began, policies) = quarantined(OnFailure::Closed);
        let set = policies.current();
        let admitted = set.admit(here(), &request("panic"));
        let last = policies.status()[0].last_error.clone();
        let viewer = set.viewers().remove(0);
        (began, (admitted, last, stand_in(&set, "fine"), viewer))
    });
    assert!(admitted.is_err());
    let last = last.unwrap();
    assert!(last.contains("told to panic"), "{last}");
    let told = told.unwrap();
    assert!(!told.failure.contains("told to panic"), "{told:?}");
    assert_eq!(viewer.last_failure, Some(told.failure));
}

#[test]
fn what_a_policy_prints_before_it_fails_is_kept_in_part_only() {
    let set = failing(OnFailure::Closed).current();
    let told = stand_in(&set, "print and trap").unwrap();
    assert!(told.failure.starts_with("trap: "), "{told:?}");
    assert!(told.failure.contains("noise noise"), "{told:?}");
    assert!(told.failure.len() <= 512, "{} bytes", told.failure.len());
}

#[test]
fn the_version_before_is_named_where_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.wasm");
    std::fs::copy(plugin("private_channels"), &file).unwrap();
    let policies = load_all(vec![source("p", &file)], limits()).unwrap();
    let good = policies.status()[0].digest;
    let _watching = policies.watch().unwrap();
    let next = folder.path().join("next");
    std::fs::copy(guest("misbehaves"), &next).unwrap();
    std::fs::rename(&next, &file).unwrap();
    eventually("the new version is in force", || {
        policies.status()[0].generation.0 == 2
    });
    let set = policies.current();
    let told = stand_in(&set, "trap").unwrap();
    assert_eq!(told.instead, Instead::Former(good.to_string().into()));
    assert!(told.asked);
    assert_eq!(stand_in(&set, "fine"), None);
    // The same for a person who is asked about.
    let said = opinion(&set, "each trap");
    assert!(said.allows, "the version before lets everyone see it");
    let told = said.stand_in.unwrap();
    assert_eq!(told.instead, Instead::Former(good.to_string().into()));
}

#[test]
fn a_person_is_asked_about_for_an_explanation_and_a_failure_is_told() {
    for (on_failure, instead, allows) in [
        (OnFailure::Closed, Instead::Closed, false),
        (OnFailure::Open, Instead::Open, true),
    ] {
        let set = failing(on_failure).current();
        let said = opinion(&set, "each trap");
        assert_eq!(said.allows, allows);
        let told = said.stand_in.unwrap();
        assert_eq!((&told.instead, told.asked), (&instead, true));
        assert!(told.failure.starts_with("trap: "), "{told:?}");
        let answered = Opinion {
            allows: true,
            stand_in: None,
        };
        assert_eq!(opinion(&set, "each"), answered);
        // Nobody is at this place.
        let ann = subject("ann", None);
        let nobody = set.would_decide(here(), 7, &channel("each", false, &[]), &ann);
        assert_eq!((nobody.allows, nobody.stand_in), (false, None));
    }
}

/// Everything there is to see of an explanation's questions, but for the instances, which the next
/// question may need anew.
fn traces(policies: &Policies, metrics: &Metrics, kept: &Kept) -> String {
    let text = metrics.render().unwrap();
    let counted = text.lines().filter(|line| {
        !line.starts_with("wardroom_policy_instances")
            && !line.starts_with("wardroom_policy_memory_bytes")
            // Time passes for the process, whatever is explained.
            && !line.starts_with("process_")
    });
    // The order of a metric's lines is nobody's business.
    let mut counted: Vec<_> = counted.collect();
    counted.sort_unstable();
    let status = policies.status().remove(0);
    let shadow = status.shadow.unwrap();
    format!(
        "{} failures, {:?}, {:?}, {} decisions, {} shadowed, {} dropped, {} differ\n{}",
        status.failures,
        status.last_error,
        status.quarantined,
        kept.decisions.lock().unwrap().len(),
        shadow.asked,
        shadow.dropped,
        shadow.samples.len(),
        counted.join("\n")
    )
}

#[test]
fn an_explanation_is_counted_nowhere_and_held_against_nobody() {
    let (metrics, kept) = (Arc::new(Metrics::default()), Arc::new(Kept::default()));
    let source = PolicySource {
        shadow: Shadow::Candidate(guest("nobody")),
        ..source("p", &guest("misbehaves"))
    };
    let surroundings = Surroundings {
        metrics: Some(metrics.clone()),
        decisions: Some(kept.clone()),
        ..Surroundings::default()
    };
    let policies = load_in(vec![source], limits(), surroundings).unwrap();
    let set = policies.current();
    // An ordinary question leaves its traces.
    let before = traces(&policies, &metrics, &kept);
    let _asked = set.decide(
        here(),
        0,
        &channel("each", false, &[]),
        &[subject("ann", None)],
    );
    eventually("the shadow has heard of it", || {
        policies.shadow("p").unwrap().asked == 1
    });
    let after = traces(&policies, &metrics, &kept);
    assert_ne!(before, after);

    let log = Log::default();
    tracing::subscriber::with_default(log.subscriber(), || {
        assert!(opinion(&set, "each").allows);
        for _ in 0..3 * FAILURES {
            let said = opinion(&set, "each trap");
            // It is asked each time: no explanation pushes it into quarantine.
            assert!(said.stand_in.unwrap().asked);
            assert!(!said.allows);
            let admitted = set.would_admit(here(), &request("trap"));
            let allowed = set.would_authorize(here(), &command("trap"));
            let (rendered, _) = set.would_render(here(), &event("trap"));
            for judged in [&admitted[0], &allowed[0], &rendered[0]] {
                assert!(judged.stand_in.as_ref().unwrap().asked, "{judged:?}");
            }
        }
    });
    assert_eq!(traces(&policies, &metrics, &kept), after);
    assert_eq!(log.text(), "");
    assert_eq!(policies.shadow("p").unwrap().asked, 1);
    // Whoever comes with a question that counts is answered as ever.
    assert_eq!(
        set.audience(here(), &channel("fine", false, &[])),
        [Rule::Everyone]
    );
}

#[test]
fn an_explanation_does_not_ask_who_is_in_quarantine_and_frees_nobody() {
    let (policies, said) = within_the_pause(|| {
        let (began, policies) = quarantined(OnFailure::Closed);
        let said = opinion(&policies.current(), "each");
        (began, (policies, said))
    });
    let set = policies.current();
    assert!(!said.allows);
    assert!(!said.stand_in.unwrap().asked);
    // When the pause is over it is asked, and nothing follows from its answer.
    eventually("the pause is over", || opinion(&set, "each").allows);
    let ann = [subject("ann", None)];
    let probed = set.decide(here(), 0, &channel("each trap", false, &[]), &ann);
    assert_eq!(probed, [false]);
    assert_eq!(policies.status()[0].quarantined, ["channel-visibility"]);
}
