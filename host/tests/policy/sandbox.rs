//! What a policy finds of WASI: everything that runtimes need in order to start, nothing of the
//! world, and nothing that waits.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use wardroom::policy::{Asking, Policies, PolicyLimits, PolicySet};
use wardroom_domain::{Json, Verdict};

use crate::fixtures::{command, guest, here, limits, load_all, source};
use crate::log::Log;

fn load() -> Policies {
    load_all(vec![source("p", &guest("looks_around"))], limits()).unwrap()
}

/// What the guest says it saw; nothing if it could not say.
fn try_to_see(set: &PolicySet, asking: Asking<'_>, what: &str) -> Option<String> {
    match set.authorize(asking, &command(what)) {
        Verdict::Allowed(grant) => {
            let grant = grant.as_ref().map_or("null", Json::as_str);
            let grant: serde_json::Value = serde_json::from_str(grant).unwrap();
            Some(grant["saw"].as_str().unwrap().to_owned())
        }
        Verdict::Denied(_) => None,
    }
}

#[track_caller]
fn saw(what: &str) -> String {
    let policies = load();
    let seen = try_to_see(&policies.current(), here(), what);
    seen.unwrap_or_else(|| panic!("{what} failed: {:?}", policies.status()[0].last_error))
}

#[test]
fn there_is_no_environment_and_there_are_no_arguments() {
    assert_eq!(saw("environment"), "0 0 None");
}

#[test]
fn there_are_no_files() {
    for what in ["read-file", "write-file", "list-root", "working-directory"] {
        assert_ne!(saw(what), "done", "{what}");
    }
}

#[test]
fn the_network_is_denied_in_a_way_that_a_guest_can_handle() {
    for what in ["tcp-connect", "tcp-listen", "udp"] {
        assert_eq!(saw(what), "PermissionDenied", "{what}");
    }
    assert_ne!(saw("resolve"), "done");
}

#[test]
fn the_time_is_that_of_the_decision() {
    let at = UNIX_EPOCH + Duration::new(1_793_000_000, 42);
    let asking = Asking {
        now: Some(at),
        ..here()
    };
    let set = load().current();
    for _ in 0..2 {
        let seen = try_to_see(&set, asking, "clock");
        assert_eq!(seen.as_deref(), Some("1793000000 42 true"));
    }
}

#[test]
fn waiting_ends_at_once_and_no_time_has_passed() {
    assert_eq!(saw("sleep"), "0ns");
    assert_eq!(saw("poll"), "true true [0, 1] 0");
}

#[test]
fn equal_calls_see_equal_random_numbers() {
    let set = load().current();
    let first = try_to_see(&set, here(), "random");
    assert!(first.is_some());
    // In the same instance, and in one of another server.
    assert_eq!(try_to_see(&set, here(), "random"), first);
    assert_eq!(try_to_see(&load().current(), here(), "random"), first);
    // Within a call they differ.
    let first = first.unwrap();
    let numbers: std::collections::BTreeSet<&str> = first.split(' ').collect();
    assert!(numbers.len() > 4, "{first}");
}

#[test]
fn more_random_bytes_than_a_call_may_have_are_refused() {
    let policies = load();
    assert_eq!(try_to_see(&policies.current(), here(), "random-much"), None);
    let said = policies.status().remove(0).last_error.unwrap();
    assert!(said.contains("at most 4096 random bytes"), "{said}");
}

#[test]
fn there_is_no_input_and_no_terminal() {
    assert_eq!(saw("input"), "0");
    assert_eq!(saw("terminal"), "[false, false, false]");
}

/// What is logged while something is tried.
fn logged(what: &str) -> String {
    let policies = load();
    let log = Log::default();
    tracing::subscriber::with_default(log.subscriber(), || {
        try_to_see(&policies.current(), here(), what)
    });
    log.text()
}

#[test]
fn what_is_printed_goes_to_the_log_as_far_as_the_limit() {
    let text = logged("print");
    let line = text
        .lines()
        .find(|line| line.contains("the policy printed"));
    let line = line.unwrap_or_else(|| panic!("nothing is printed: {text}"));
    assert!(line.contains("policy=\"p\""), "{line}");
    for part in ["to standard output", "to standard error"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!text.contains("more than one call may"), "{text}");

    let text = logged("print-much");
    let kept = text.matches('x').count();
    // Words of the log itself have an x or two.
    assert!((4096..4200).contains(&kept), "{kept} of 2,000,000 are kept");
    let dropped = text
        .lines()
        .find(|line| line.contains("more than one call may"));
    let dropped = dropped.unwrap_or_else(|| panic!("nothing is dropped: {text}"));
    assert!(dropped.contains("bytes=1995904"), "{dropped}");
}

#[test]
fn to_exit_ends_the_call_and_nothing_else() {
    let policies = load();
    let set = policies.current();
    for (what, word) in [("exit", "tried to exit"), ("abort", "unreachable")] {
        assert_eq!(try_to_see(&set, here(), what), None);
        let said = policies.status().remove(0).last_error.unwrap();
        assert!(said.contains(word), "{what}: {said}");
        assert_eq!(
            try_to_see(&set, here(), "nothing").as_deref(),
            Some("nothing")
        );
    }
}

/// A guest in Python, whose library reaches for all of it: files, sockets, clocks, randomness.
mod python {
    use std::sync::LazyLock;

    use super::*;
    use crate::fixtures::python_guest;

    /// Its start is not what these tests are about, and slow where the engine is not optimized.
    fn unhurried() -> PolicyLimits {
        PolicyLimits {
            start_deadline: Duration::from_secs(60),
            call_deadline: Duration::from_secs(60),
            ..limits()
        }
    }

    /// Loaded once: it is large.
    fn loaded() -> Arc<PolicySet> {
        static LOADED: LazyLock<Policies> = LazyLock::new(|| {
            load_all(
                vec![source("py", &python_guest("looks_around"))],
                unhurried(),
            )
            .unwrap()
        });
        LOADED.current()
    }

    #[track_caller]
    fn saw(what: &str) -> String {
        let seen = try_to_see(&loaded(), here(), what);
        seen.unwrap_or_else(|| panic!("{what} failed"))
    }

    #[test]
    fn it_sees_no_files_no_environment_and_no_input() {
        for what in ["read-file", "write-file", "list-root", "run"] {
            let seen = saw(what);
            assert!(seen.ends_with("Error"), "{what}: {seen}");
        }
        assert_eq!(saw("environment"), "[] None None");
        assert_eq!(saw("input"), "''");
    }

    #[test]
    fn it_reaches_no_network_and_is_told_so() {
        for what in ["connect", "listen", "resolve", "fetch"] {
            let seen = saw(what);
            assert!(
                seen.ends_with("Error") || seen == "gaierror",
                "{what}: {seen}"
            );
        }
    }

    #[test]
    fn its_clock_is_that_of_the_decision_and_its_sleep_takes_no_time() {
        let at = UNIX_EPOCH + Duration::new(1_793_000_000, 42);
        let asking = Asking {
            now: Some(at),
            ..here()
        };
        let seen = try_to_see(&loaded(), asking, "clock");
        assert_eq!(seen.as_deref(), Some("1793000000000000042 True"));
        assert_eq!(saw("sleep"), "0");
    }

    #[test]
    fn its_randomness_is_the_same_in_equal_calls() {
        let first = saw("random");
        assert_eq!(saw("random"), first);
        let numbers: std::collections::BTreeSet<&str> = first.split(' ').collect();
        assert_eq!(numbers.len(), 4, "{first}");
    }

    #[test]
    fn what_it_prints_goes_to_the_log_as_far_as_the_limit() {
        let set = loaded();
        let logged = |what: &str| {
            let log = Log::default();
            tracing::subscriber::with_default(log.subscriber(), || try_to_see(&set, here(), what));
            log.text()
        };
        let text = logged("print");
        for part in ["to standard output", "to standard error"] {
            assert!(text.contains(part), "{text}");
        }
        let kept = logged("print-much").matches('x').count();
        assert!((4000..4200).contains(&kept), "{kept} of 100,000 are kept");
    }

    #[test]
    fn to_exit_ends_its_call_and_nothing_else() {
        let set = loaded();
        assert_eq!(try_to_see(&set, here(), "exit"), None);
        assert_eq!(
            try_to_see(&set, here(), "nothing").as_deref(),
            Some("nothing")
        );
    }
}
