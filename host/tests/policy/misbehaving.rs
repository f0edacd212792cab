//! Each way in which a policy can go wrong, in every hook: the failure is named, the configured end
//! holds, and nothing else suffers.

use std::time::Duration;

use wardroom::policy::{
    CommandQuestion, Hook, OnFailure, Policies, PolicyLimits, PolicySet, PolicyState,
};
use wardroom_domain::{Json, Rendition, Rule, Verdict};

use crate::fixtures::{
    channel, command, event, guest, hasty, here, limits, load_all, plugin, request, source, subject,
};

/// Every hook that can be asked to misbehave.
const EACH: [Hook; 4] = Hook::ALL;

/// Asks a hook about something of this name; true if the answer is that of a policy that fails
/// closed.
fn refuses(set: &PolicySet, hook: Hook, about: &str) -> bool {
    match hook {
        Hook::Admission => match set.admit(here(), &request(about)) {
            Ok(()) => false,
            Err(denial) => {
                assert_eq!(&*denial.code, "policy-failed");
                assert!(denial.message.contains("try again later"), "{denial:?}");
                true
            }
        },
        Hook::Visibility => set.audience(here(), &channel(about, false, &[]))[0] == Rule::Nobody,
        Hook::Commands => match set.authorize(here(), &command_of(about)) {
            Verdict::Allowed(_) => false,
            Verdict::Denied(denial) => &*denial.code == "policy-failed",
        },
        Hook::Events => {
            let nobody = |all: &Vec<Rendition>| all.iter().all(|r| r.payload.is_none());
            set.render(here(), &event(about))
                .is_some_and(|all| nobody(&all))
        }
    }
}

/// A command of somebody of the same name: no more than one way to fail follows anybody.
fn command_of(about: &str) -> CommandQuestion {
    CommandQuestion {
        subject: subject(about, None),
        ..command(about)
    }
}

fn misbehaving(limits: PolicyLimits) -> Policies {
    load_all(vec![source("p", &guest("misbehaves"))], limits).unwrap()
}

/// Asks a misbehaving policy about something that it fails on, then about something else. Returns
/// the report of the failure.
#[track_caller]
fn fails_closed(policies: &Policies, hook: Hook, about: &str) -> String {
    let (set, before) = (policies.current(), policies.status().remove(0).failures);
    assert!(refuses(&set, hook, about), "{hook:?} {about}");
    // Nothing else is disturbed, and the policy itself goes on.
    for other in EACH {
        let disturbed = refuses(&set, other, "fine");
        assert!(!disturbed, "{other:?} after {hook:?} {about}");
    }
    let status = policies.status().remove(0);
    assert_eq!(status.state, PolicyState::Failing);
    // Once on a warm instance, once on a fresh one.
    assert_eq!(status.failures - before, 2, "{hook:?} {about}");
    status.last_error.unwrap()
}

#[track_caller]
fn assert_kind(report: &str, kind: &str) {
    assert!(report.starts_with(&format!("{kind}:")), "{report}");
}

#[test]
fn a_trap() {
    let policies = misbehaving(limits());
    for hook in EACH {
        assert_kind(&fails_closed(&policies, hook, "trap"), "trap");
    }
}

#[test]
fn a_panic_is_reported_with_what_it_said() {
    let policies = misbehaving(limits());
    for hook in EACH {
        let report = fails_closed(&policies, hook, "panic");
        assert_kind(&report, "trap");
        assert!(report.contains("told to panic"), "{report}");
    }
}

#[test]
fn an_exit() {
    let policies = misbehaving(limits());
    for hook in EACH {
        let report = fails_closed(&policies, hook, "exit");
        assert_kind(&report, "trap");
        assert!(report.contains("tried to exit"), "{report}");
    }
}

#[test]
fn a_loop_ends_at_its_deadline() {
    let policies = misbehaving(hasty());
    for hook in EACH {
        assert_kind(&fails_closed(&policies, hook, "loop"), "deadline");
    }
}

#[test]
fn a_loop_of_calls_to_the_host_ends_at_its_deadline() {
    let policies = misbehaving(hasty());
    for hook in EACH {
        let report = fails_closed(&policies, hook, "call the host in a loop");
        assert_kind(&report, "deadline");
    }
}

#[test]
fn a_memory_bomb() {
    let policies = misbehaving(limits());
    for hook in EACH {
        assert_kind(&fails_closed(&policies, hook, "memory"), "memory");
    }
}

#[test]
fn a_deep_recursion() {
    let policies = misbehaving(limits());
    for hook in EACH {
        // A Rust guest's own stack may end first, which is a trap like any other.
        let report = fails_closed(&policies, hook, "recurse");
        let named = report.starts_with("stack:") || report.starts_with("trap:");
        assert!(named, "{report}");
    }
}

#[test]
fn a_giant_output() {
    let policies = misbehaving(limits());
    for hook in EACH {
        assert_kind(&fails_closed(&policies, hook, "output"), "output");
    }
}

#[test]
fn a_hoard_of_handles() {
    let report = fails_closed(&misbehaving(limits()), Hook::Admission, "handles");
    assert_kind(&report, "trap");
}

#[test]
fn a_grant_that_is_no_object() {
    let policies = misbehaving(limits());
    for (about, word) in [
        ("no object", "must be an object"),
        ("no json", "not valid JSON"),
        ("large", "larger than"),
    ] {
        let report = fails_closed(&policies, Hook::Commands, about);
        assert_kind(&report, "answer");
        assert!(report.contains(word), "{report}");
    }
}

#[test]
fn a_rendering_that_cannot_be_sent() {
    let policies = misbehaving(limits());
    for (about, word) in [
        ("no json", "not valid JSON"),
        ("deep json", "not valid JSON"),
        ("no json in one of two", "not valid JSON"),
        ("large", "larger than"),
        ("too many", "too many renditions"),
    ] {
        let report = fails_closed(&policies, Hook::Events, about);
        assert_kind(&report, "answer");
        assert!(report.contains(word), "{report}");
    }
}

#[test]
fn a_flood_of_log_lines_is_bounded_and_harms_nobody() {
    let policies = misbehaving(limits());
    let log = crate::log::Log::default();
    tracing::subscriber::with_default(log.subscriber(), || {
        for hook in EACH {
            assert!(!refuses(&policies.current(), hook, "log"), "{hook:?}");
        }
    });
    let text = log.text();
    assert!(text.len() < 40_000, "{} bytes were logged", text.len());
    let dropped = text.matches("more than one call may").count();
    assert_eq!(dropped, EACH.len(), "{text}");
}

#[test]
fn trouble_while_people_are_asked_about_one_by_one() {
    for (about, kind, limits) in [
        ("each", "answer", limits()),
        ("each trap", "trap", limits()),
        ("each loop", "deadline", hasty()),
    ] {
        let policies = misbehaving(limits);
        let set = policies.current();
        let each = channel(about, false, &[]);
        assert_eq!(set.audience(here(), &each), [Rule::Each]);
        let subjects = [subject("a", None), subject("b", None)];
        assert_eq!(set.decide(here(), 0, &each, &subjects), [false, false]);
        assert_kind(&policies.status()[0].last_error.clone().unwrap(), kind);
    }
}

#[test]
fn trouble_at_the_start_refuses_the_version() {
    for (how, words) in [
        ("trap", "failed to start: trap"),
        ("panic", "told to panic"),
        ("loop", "failed to start: deadline"),
        ("memory", "failed to start: memory"),
    ] {
        let mut source = source("p", &guest("misbehaves"));
        source.settings = Json::from_canonical(&format!(r#"{{"at_start":"{how}"}}"#));
        let limits = PolicyLimits {
            start_deadline: Duration::from_secs(if how == "loop" { 2 } else { 20 }),
            ..limits()
        };
        let error = load_all(vec![source], limits).err().unwrap();
        let said = error.to_string();
        assert!(said.contains(words), "{how}: {said}");
    }
}

#[test]
fn an_operator_may_choose_to_fail_open() {
    let mut open = source("p", &guest("misbehaves"));
    open.on_failure = OnFailure::Open;
    let policies = load_all(vec![open], limits()).unwrap();
    for hook in EACH {
        assert!(!refuses(&policies.current(), hook, "trap"), "{hook:?}");
    }
    assert_eq!(policies.status()[0].failures, 8);
    assert_eq!(policies.current().render(here(), &event("trap")), None);
}

#[test]
fn a_failing_policy_takes_no_other_down() {
    let sources = vec![
        source("bad", &guest("misbehaves")),
        source("good", &plugin("private_channels")),
    ];
    let set = load_all(sources, limits()).unwrap().current();
    let rules = set.audience(here(), &channel("trap", false, &[]));
    assert_eq!(rules, [Rule::Nobody, Rule::Everyone]);
}

/// Each way to go wrong that every hook of the fixture has.
const WAYS: [&str; 9] = [
    "trap",
    "panic",
    "exit",
    "loop",
    "call the host in a loop",
    "memory",
    "recurse",
    "output",
    "log",
];

/// Asks about one way in every hook at once, while others are served by the same policy and by the
/// next one.
fn others_are_served(set: &PolicySet, way: &str) {
    std::thread::scope(|scope| {
        let asking = EACH.map(|hook| {
            scope.spawn(move || {
                // Fewer in a row than lead to quarantine.
                for _ in 0..2 {
                    assert_eq!(refuses(set, hook, way), way != "log", "{hook:?} {way}");
                }
            })
        });
        let mut served = 0_u32;
        while served < 100 || asking.iter().any(|thread| !thread.is_finished()) {
            let rules = set.audience(here(), &channel("fine", true, &["ann"]));
            assert_eq!(rules[0], Rule::Everyone, "{way}");
            assert!(matches!(rules[1], Rule::Only(_)), "{way}");
            // The other hooks are asked as well, which also keeps what fails from adding up to a
            // quarantine.
            for hook in EACH {
                assert!(!refuses(set, hook, "fine"), "{hook:?} while {way}");
            }
            served += 1;
        }
    });
}

#[test]
fn others_are_served_while_a_policy_misbehaves_in_any_way() {
    let limits = PolicyLimits {
        call_deadline: Duration::from_secs(1),
        ..limits()
    };
    let sources = vec![
        source("bad", &guest("misbehaves")),
        source("good", &plugin("private_channels")),
    ];
    let policies = load_all(sources, limits).unwrap();
    let set = policies.current();
    for way in WAYS {
        others_are_served(&set, way);
    }
    let status = policies.status();
    // Everything but what is only noise fails on two instances, twice in each hook.
    assert_eq!(status[0].failures, 2 * 2 * 4 * (WAYS.len() as u64 - 1));
    assert_eq!(
        (status[1].state, status[1].failures),
        (PolicyState::Active, 0)
    );
}

#[test]
fn more_table_elements_than_there_may_be_are_refused() {
    let limits = PolicyLimits {
        table_elements: 1,
        ..limits()
    };
    let refused = load_all(vec![source("p", &plugin("private_channels"))], limits);
    let said = refused.err().unwrap().to_string();
    assert!(
        said.contains("failed to start: memory: more table elements"),
        "{said}"
    );
}
