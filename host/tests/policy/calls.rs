//! Questions to policies: right answers, and failures that disturb nobody else.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wardroom::policy::{OnFailure, Policies, PolicyLimits, PolicyState};
use wardroom_domain::{Json, Rule};

use crate::fixtures::{attributes, channel, guest, here, limits, load, plugin, source, subject};

/// Asks a misbehaving policy about a channel that it fails on, then about another one. Returns
/// the report of the failure.
#[track_caller]
fn fails_closed(id: &str, limits: PolicyLimits) -> String {
    let policies = Policies::load(vec![source("p", &guest("misbehaves"))], limits).unwrap();
    let set = policies.current();
    assert_eq!(
        set.audience(here(), &channel(id, false, &[])),
        [Rule::Nobody]
    );
    // Nothing else is disturbed, and the policy itself goes on.
    assert_eq!(
        set.audience(here(), &channel("fine", false, &[])),
        [Rule::Everyone]
    );
    let status = policies.status().remove(0);
    assert_eq!(status.state, PolicyState::Failing);
    // Once on a warm instance, once on a fresh one.
    assert_eq!(status.failures, 2);
    status.last_error.unwrap()
}

#[track_caller]
fn assert_kind(report: &str, kind: &str) {
    assert!(report.starts_with(&format!("{kind}:")), "{report}");
}

#[test]
fn a_trap() {
    assert_kind(&fails_closed("trap", limits()), "trap");
}

#[test]
fn a_panic_is_reported_with_what_it_said() {
    let report = fails_closed("panic", limits());
    assert_kind(&report, "trap");
    assert!(report.contains("told to panic"), "{report}");
}

#[test]
fn an_exit() {
    let report = fails_closed("exit", limits());
    assert_kind(&report, "trap");
    assert!(report.contains("tried to exit"), "{report}");
}

#[test]
fn a_loop_ends_at_its_deadline() {
    let started = Instant::now();
    let report = fails_closed("loop", limits());
    assert_kind(&report, "deadline");
    // Two attempts of 50 ms each, compiling, and a machine that may be busy.
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_loop_of_calls_to_the_host_ends_at_its_deadline() {
    let report = fails_closed("call the host in a loop", limits());
    assert_kind(&report, "deadline");
}

#[test]
fn a_memory_bomb() {
    // Time enough to reach the limit on a slow machine: memory is what is tested.
    let limits = PolicyLimits {
        call_deadline: Duration::from_secs(5),
        ..limits()
    };
    assert_kind(&fails_closed("memory", limits), "memory");
}

#[test]
fn a_deep_recursion() {
    let limits = PolicyLimits {
        call_deadline: Duration::from_secs(5),
        ..limits()
    };
    // A Rust guest's own stack may end first, which is a trap like any other.
    let report = fails_closed("recurse", limits);
    assert!(
        report.starts_with("stack:") || report.starts_with("trap:"),
        "{report}"
    );
}

#[test]
fn a_giant_output() {
    let limits = PolicyLimits {
        call_deadline: Duration::from_secs(5),
        ..limits()
    };
    assert_kind(&fails_closed("output", limits), "output");
}

#[test]
fn an_answer_of_the_wrong_length() {
    let policies = load(&guest("misbehaves")).unwrap();
    let set = policies.current();
    let each = channel("each", false, &[]);
    assert_eq!(set.audience(here(), &each), [Rule::Each]);
    let subjects = [subject("a", None), subject("b", None)];
    assert_eq!(set.decide(here(), 0, &each, &subjects), [false, false]);
    assert_kind(&policies.status()[0].last_error.clone().unwrap(), "answer");
}

#[test]
fn an_operator_may_choose_to_fail_open() {
    let mut open = source("p", &guest("misbehaves"));
    open.on_failure = OnFailure::Open;
    let set = Policies::load(vec![open], limits()).unwrap().current();
    assert_eq!(
        set.audience(here(), &channel("trap", false, &[])),
        [Rule::Everyone]
    );
}

#[test]
fn a_failing_policy_takes_no_other_down() {
    let sources = vec![
        source("bad", &guest("misbehaves")),
        source("good", &plugin("private_channels")),
    ];
    let set = Policies::load(sources, limits()).unwrap().current();
    let rules = set.audience(here(), &channel("trap", false, &[]));
    assert_eq!(rules, [Rule::Nobody, Rule::Everyone]);
}

#[test]
fn a_failure_is_logged_once_and_noise_is_bounded() {
    let log = Log::default();
    let policies = load(&guest("misbehaves")).unwrap();
    tracing::subscriber::with_default(log.subscriber(), || {
        for _ in 0..10 {
            let _closed = policies
                .current()
                .audience(here(), &channel("trap", false, &[]));
        }
    });
    let text = log.text();
    assert_eq!(text.matches("failed to answer").count(), 1, "{text}");
    for word in ["policy=\"p\"", "sha256:", "generation=1", "kind=\"trap\""] {
        assert!(text.contains(word), "{word} is not in {text}");
    }

    let log = Log::default();
    let noisy = tracing::subscriber::with_default(log.subscriber(), || {
        policies
            .current()
            .audience(here(), &channel("log", false, &[]))
    });
    assert_eq!(noisy, [Rule::Everyone]);
    let text = log.text();
    assert!(text.len() < 10_000, "{} bytes were logged", text.len());
    assert!(text.contains("more than one call may"), "{text}");
}

#[test]
fn runtimes_find_what_they_need_and_nothing_else() {
    let policies = load(&guest("runtime")).unwrap();
    for id in ["random", "time", "print", "read", "environment", "files"] {
        let rules = policies
            .current()
            .audience(here(), &channel(id, false, &[]));
        let report = policies.status()[0].last_error.clone();
        assert_eq!(rules, [Rule::Everyone], "{id}: {report:?}");
    }
}

#[test]
fn private_channels_are_for_members_and_the_roles_that_settings_name() {
    let mut source = source("p", &plugin("private_channels"));
    source.settings = Json::from_canonical(r#"{"see_all_roles":["admin"]}"#);
    let set = Policies::load(vec![source], limits()).unwrap().current();
    assert_eq!(
        set.audience(here(), &channel("c", false, &[])),
        [Rule::Everyone]
    );
    let private = channel("c", true, &["ann"]);
    let rule = set.audience(here(), &private).remove(0);
    for (who, sees) in [
        (subject("ann", None), true),
        (subject("bob", None), false),
        (subject("bob", Some("admin")), true),
        (subject("bob", Some("guest")), false),
    ] {
        assert_eq!(rule.allows(&private, &who), Some(sees), "{who:?}");
    }
}

#[test]
fn each_person_is_asked_about_in_batches() {
    let set = load(&guest("each")).unwrap().current();
    let mut team = channel("c", true, &["u7"]);
    team.attributes = attributes("team", "red");
    assert_eq!(set.audience(here(), &team), [Rule::Each]);
    let subjects: Vec<_> = (0..1000)
        .map(|n| {
            let mut who = subject(&format!("u{n}"), None);
            let colour = if n % 3 == 0 { "red" } else { "blue" };
            who.attributes = attributes("team", colour);
            who
        })
        .collect();
    let answers = set.decide(here(), 0, &team, &subjects);
    for (n, sees) in answers.into_iter().enumerate() {
        assert_eq!(sees, n % 3 == 0 || n == 7, "u{n}");
    }
    // A place where no policy stands allows nobody.
    assert_eq!(set.decide(here(), 5, &team, &subjects[..1]), [false]);
}

#[test]
fn instances_serve_many_threads_at_once() {
    let set = load(Path::new(&plugin("private_channels")))
        .unwrap()
        .current();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..2000 {
                    let rules = set.audience(here(), &channel("c", n % 2 == 0, &[]));
                    assert_eq!(rules[0] == Rule::Everyone, n % 2 == 1);
                }
            });
        }
    });
}

/// A log that is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
