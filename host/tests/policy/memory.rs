//! Warm instances and the memory that they may have.

use std::sync::atomic::{AtomicBool, Ordering};

use wardroom::policy::{Policies, PolicyLimits, PolicySet};
use wardroom_domain::Rule;

use crate::fixtures::{channel, eventually, guest, here, limits, load_all, plugin, source};

/// Linear memory that two instances do not have.
const PLENTY: u64 = 1 << 40;

fn ask(set: &PolicySet) {
    let rules = set.audience(here(), &channel("fine", false, &[]));
    assert_eq!(rules, [Rule::Everyone]);
}

/// Has a policy asked by two threads at a time, until a condition holds.
fn ask_at_once(policies: &Policies, what: &str, holds: impl FnMut() -> bool) {
    let enough = AtomicBool::new(false);
    let set = policies.current();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    ask(&set);
                }
            });
        }
        eventually(what, holds);
        enough.store(true, Ordering::Relaxed);
    });
}

fn load(warm_memory_bytes: u64) -> Policies {
    let limits = PolicyLimits {
        warm_memory_bytes,
        ..limits()
    };
    load_all(vec![source("p", &guest("misbehaves"))], limits).unwrap()
}

#[test]
fn within_the_budget_as_many_stay_warm_as_were_needed() {
    let policies = load(PLENTY);
    ask_at_once(&policies, "two threads ask at the same time", || {
        policies.status()[0].instances >= 2
    });
    let warm = policies.status()[0].instances;
    assert!(warm >= 2, "{warm}");
    ask(&policies.current());
    assert_eq!(policies.status()[0].instances, warm);
}

#[test]
fn beyond_the_budget_each_policy_keeps_one_warm_instance() {
    let policies = load(1);
    assert_eq!(policies.status()[0].instances, 1);
    ask_at_once(&policies, "two threads ask at the same time", || {
        policies.status()[0].instances >= 2
    });
    // What was more than one went when its call ended.
    let status = &policies.status()[0];
    assert_eq!(status.instances, 1);
    assert!(status.memory_bytes > 1);
    ask(&policies.current());
    assert_eq!(policies.status()[0].instances, 1);
}

#[test]
fn the_budget_is_one_for_all_policies() {
    let alone = load(PLENTY).status()[0].memory_bytes;
    let limits = PolicyLimits {
        // Room for each of the two once, and for no third instance.
        warm_memory_bytes: alone,
        ..limits()
    };
    let sources = vec![
        source("p", &guest("misbehaves")),
        source("q", &plugin("private_channels")),
    ];
    let policies = load_all(sources, limits).unwrap();
    let set = policies.current();
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let _rules = set.audience(here(), &channel("fine", false, &[]));
                }
            });
        }
        eventually("two threads ask at the same time", || {
            policies.status().iter().any(|policy| policy.instances >= 2)
        });
        enough.store(true, Ordering::Relaxed);
    });
    let instances: Vec<usize> = policies.status().iter().map(|p| p.instances).collect();
    assert_eq!(instances, [1, 1]);
}
