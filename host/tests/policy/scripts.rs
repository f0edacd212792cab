//! What a policy in JavaScript sees of the world, and what becomes of its mistakes; see
//! `tests/guests/javascript`.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use wardroom::policy::{Asking, Policies};
use wardroom_domain::{Rule, Test};

use crate::fixtures::{channel, guest, here, limits, load_all, source};
use crate::log::Log;

fn script() -> Policies {
    load_all(vec![source("p", &guest("sees"))], limits()).unwrap()
}

/// What the script says that it sees.
fn seen(policies: &Policies, what: &str, asking: Asking<'_>) -> Value {
    let rules = policies
        .current()
        .audience(asking, &channel(what, false, &[]));
    let rule = &rules[0];
    let Rule::Only(selector) = rule else {
        panic!("{rule:?}: {:?}", policies.status()[0].last_error);
    };
    let [Test::Attribute { value, .. }] = &selector.any[0].all[..] else {
        panic!("{rule:?}");
    };
    serde_json::from_str(value).unwrap()
}

/// Why the script could not answer.
fn failure(what: &str) -> String {
    let policies = script();
    let rules = policies
        .current()
        .audience(here(), &channel(what, false, &[]));
    assert_eq!(rules, [Rule::Nobody]);
    policies.status()[0].last_error.clone().unwrap()
}

#[test]
fn a_script_sees_the_time_of_the_decision_which_stands_still() {
    let policies = script();
    for (seconds, text) in [
        (1_790_000_000, "2026-09-21T14:13:20.000Z"),
        (946_684_799, "1999-12-31T23:59:59.000Z"),
    ] {
        let asking = Asking {
            now: Some(UNIX_EPOCH + Duration::from_secs(seconds)),
            ..here()
        };
        assert_eq!(seen(&policies, "time", asking), json!([text, 0, true]));
    }
}

#[test]
fn a_script_sees_the_same_random_numbers_in_each_call() {
    let policies = script();
    let first = seen(&policies, "random", here());
    assert_ne!(first[0], first[1]);
    assert_eq!(first.as_array().unwrap().len(), 10);
    assert_eq!(seen(&policies, "random", here()), first);
    assert_eq!(seen(&script(), "random", here()), first);
}

#[test]
fn a_script_sees_no_environment_no_files_no_network_and_nothing_of_other_engines() {
    let policies = script();
    assert_eq!(
        seen(&policies, "environment", here()),
        json!([[], [], null])
    );
    assert_eq!(seen(&policies, "files", here()), json!([]));
    assert_eq!(seen(&policies, "foreign", here()), json!([]));
    assert_eq!(seen(&policies, "network", here()), "access-denied");
}

#[test]
fn what_a_script_writes_to_its_console_is_logged_up_to_a_limit() {
    let log = Log::default();
    let policies = script();
    tracing::subscriber::with_default(log.subscriber(), || {
        assert_eq!(seen(&policies, "print", here()), json!([]));
    });
    let text = log.text();
    assert!(text.contains("WARN"), "{text}");
    assert!(text.contains("a line of the script 0"), "{text}");
    assert!(!text.contains("a line of the script 999"), "{text}");
    assert!(text.contains("more than one call may"), "{text}");
}

#[test]
fn what_a_script_keeps_of_a_question_is_of_no_use_to_the_next() {
    let policies = script();
    // Another instance may answer, which has kept nothing yet.
    let kept = (0..100)
        .map(|_| seen(&policies, "keep", here()))
        .find(|kept| *kept != json!([null]));
    assert_eq!(kept, Some(json!(["resource has been disposed"])));
}

#[test]
fn mistakes_of_a_script_are_reported_with_its_own_lines() {
    let said = failure("error");
    assert!(said.contains("thrown by the script"), "{said}");
    assert!(said.contains("guest.js:"), "{said}");
    let said = failure("promise");
    assert!(said.contains("cannot be async"), "{said}");
}
