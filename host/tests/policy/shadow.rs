//! A policy in shadow: it is asked, its answers are compared by kind, samples are kept, and nothing
//! changes for anybody.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wardroom::metrics::Metrics;
use wardroom::policy::{
    Asking, DifferenceKind, Hook, Policies, PolicyLimits, PolicySet, PolicySource, PolicyState,
    Shadow, ShadowReport, Surroundings,
};
use wardroom_domain::{Json, Rule, Verdict, Workspace, WorkspaceId};

use crate::fixtures::{
    channel, command, event, eventually, guest, here, limits, load_in, request, source, subject,
};
use crate::look_ups::directory;

/// As many samples are kept.
const SAMPLES: usize = 100;

/// A policy in force with a candidate in shadow, in a workspace that has one member.
struct Scene {
    policies: Policies,
    metrics: Arc<Metrics>,
    workspace: WorkspaceId,
    state: Workspace,
}

impl Scene {
    fn new(live: &Path, candidate: &Path, limits: PolicyLimits) -> Self {
        let metrics = Arc::new(Metrics::default());
        let source = PolicySource {
            shadow: Shadow::Candidate(candidate.to_owned()),
            settings: Json::from_canonical(r#"{"tag":"t"}"#),
            ..source("p", live)
        };
        let surroundings = Surroundings {
            metrics: Some(metrics.clone()),
            ..Surroundings::default()
        };
        Self {
            policies: load_in(vec![source], limits, surroundings).unwrap(),
            metrics,
            workspace: WorkspaceId::new("w").unwrap(),
            state: directory(),
        }
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            workspace: &self.workspace,
            state: &self.state,
            now: None,
        }
    }

    fn set(&self) -> Arc<PolicySet> {
        self.policies.current()
    }

    /// The report, once the shadow was asked as often.
    fn report(&self, asked: u64) -> ShadowReport {
        let report = || self.policies.shadow("p").unwrap();
        eventually("the shadow was asked", || report().asked >= asked);
        // It is counted as asked before the answers are compared.
        eventually("the answers are compared", || {
            let compared = report();
            let counted = compared.differences.iter().map(|d| d.count);
            counted.sum::<u64>() >= asked
        });
        let report = report();
        assert_eq!((report.asked, report.dropped), (asked, 0));
        report
    }

    /// Asks everything that the speaking and the lenient fixture answer differently.
    fn ask_all(&self) {
        let (set, asking) = (self.set(), self.asking());
        let _admitted = set.admit(asking, &request("banned"));
        let _asked = set.audience(asking, &channel("hidden", false, &[]));
        for name in ["denied", "granted"] {
            let _asked = set.authorize(asking, &command(name));
        }
        for name in ["replaced", "suppressed"] {
            let _asked = set.render(asking, &event(name));
        }
    }
}

/// Differences by hook and kind.
fn counts(report: &ShadowReport) -> Vec<(Hook, DifferenceKind, u64)> {
    let counts = report.differences.iter();
    counts.map(|d| (d.hook, d.kind, d.count)).collect()
}

#[track_caller]
fn assert_counted(metrics: &Metrics, hook: &str, kind: &str, count: u64) {
    let line = format!(
        "wardroom_policy_shadow_differences_total{{policy=\"p\",hook=\"{hook}\",kind=\"{kind}\"}} \
         {count}"
    );
    let text = metrics.render().unwrap();
    assert!(
        text.lines().any(|it| it == line),
        "{line} is not in:\n{text}"
    );
}

#[test]
fn what_a_candidate_would_deny_and_change_is_counted_by_kind() {
    use DifferenceKind::{NowDenied, PayloadDiffers};
    let scene = Scene::new(&guest("lenient"), &guest("speaks"), limits());
    scene.ask_all();
    let report = scene.report(6);
    assert_eq!(
        counts(&report),
        [
            (Hook::Admission, NowDenied, 1),
            (Hook::Visibility, NowDenied, 1),
            (Hook::Commands, NowDenied, 1),
            (Hook::Commands, PayloadDiffers, 1),
            (Hook::Events, NowDenied, 1),
            (Hook::Events, PayloadDiffers, 1),
        ]
    );
    for (hook, kind) in [
        ("admission", "now_denied"),
        ("channel-visibility", "now_denied"),
        ("commands", "now_denied"),
        ("commands", "payload_differs"),
        ("events", "now_denied"),
        ("events", "payload_differs"),
    ] {
        assert_counted(&scene.metrics, hook, kind, 1);
    }
    // The samples say of whom and what, and which keys, and show no value.
    let samples = &report.samples;
    assert_eq!(samples.len(), 6);
    assert_eq!(samples[0].subject.as_ref().unwrap().as_str(), "banned");
    assert_eq!(&*samples[0].shadow, "denied: banned");
    assert_eq!(samples[1].channel.as_ref().unwrap().as_str(), "hidden");
    assert_eq!(samples[1].subject.as_ref().unwrap().as_str(), "ann");
    assert_eq!(samples[3].name.as_deref(), Some("granted"));
    assert_eq!(samples[3].keys, ["by", "t"]);
    assert_eq!(samples[4].name.as_deref(), Some("replaced"));
    assert_eq!(samples[4].keys, ["by", "was", "x"]);
    assert!(samples.iter().all(|s| s.workspace.as_str() == "w"));
}

#[test]
fn what_a_candidate_would_allow_is_counted() {
    use DifferenceKind::{NowAllowed, PayloadDiffers};
    let scene = Scene::new(&guest("speaks"), &guest("lenient"), limits());
    scene.ask_all();
    let report = scene.report(6);
    assert_eq!(
        counts(&report),
        [
            (Hook::Admission, NowAllowed, 1),
            (Hook::Visibility, NowAllowed, 1),
            (Hook::Commands, NowAllowed, 1),
            (Hook::Commands, PayloadDiffers, 1),
            (Hook::Events, NowAllowed, 1),
            (Hook::Events, PayloadDiffers, 1),
        ]
    );
    assert_counted(&scene.metrics, "admission", "now_allowed", 1);
    assert_counted(&scene.metrics, "commands", "payload_differs", 1);
}

#[test]
fn people_who_are_asked_about_one_by_one_are_compared_too() {
    let scene = Scene::new(&guest("speaks"), &guest("lenient"), limits());
    let (set, each) = (scene.set(), channel("each", false, &[]));
    assert_eq!(set.audience(scene.asking(), &each), [Rule::Each]);
    let people = [subject("ann", None), subject("blind", None)];
    assert_eq!(set.decide(scene.asking(), 0, &each, &people), [true, false]);
    let report = scene.report(1);
    assert_eq!(
        counts(&report),
        [(Hook::Visibility, DifferenceKind::NowAllowed, 1)]
    );
    assert_eq!(
        report.samples[0].subject.as_ref().unwrap().as_str(),
        "blind"
    );
}

#[test]
fn the_last_samples_are_kept_and_all_are_counted() {
    let scene = Scene::new(&guest("lenient"), &guest("speaks"), limits());
    let set = scene.set();
    let more = SAMPLES + 50;
    for number in 0..more {
        let mut asked = command("denied");
        asked.subject = subject(&format!("u{number}"), None);
        let _asked = set.authorize(scene.asking(), &asked);
    }
    let report = scene.report(more as u64);
    let denied = (Hook::Commands, DifferenceKind::NowDenied, more as u64);
    assert_eq!(counts(&report), [denied]);
    assert_eq!(report.samples.len(), SAMPLES);
    let who = |place: usize| report.samples[place].subject.clone().unwrap();
    assert_eq!(who(0).as_str(), "u50");
    assert_eq!(who(SAMPLES - 1).as_str(), "u149");
}

#[test]
fn nothing_changes_for_anybody_whatever_a_candidate_does() {
    let scene = Scene::new(&guest("lenient"), &guest("misbehaves"), limits());
    let set = scene.set();
    assert_eq!(set.admit(scene.asking(), &request("trap")), Ok(()));
    let rules = set.audience(scene.asking(), &channel("trap", false, &[]));
    assert_eq!(rules, [Rule::Everyone]);
    assert_eq!(rules.stand_in(0), None);
    let verdict = set.authorize(scene.asking(), &command("trap"));
    assert_eq!(verdict, Verdict::Allowed(None));
    assert_eq!(set.render(scene.asking(), &event("trap")), None);
    let report = scene.report(4);
    let failed = |hook| (hook, DifferenceKind::Failed, 1);
    assert_eq!(counts(&report), Hook::ALL.map(failed));
    assert!(report.samples[0].shadow.starts_with("trap: "));
    let status = scene.policies.status().remove(0);
    assert_eq!((status.state, status.failures), (PolicyState::Active, 0));
}

#[test]
fn what_a_candidate_cannot_keep_up_with_is_dropped_and_counted() {
    let limits = PolicyLimits {
        call_deadline: Duration::from_millis(20),
        ..limits()
    };
    let scene = Scene::new(&guest("lenient"), &guest("misbehaves"), limits);
    let set = scene.set();
    let mut asked = 0_u64;
    eventually("something is dropped", || {
        for _ in 0..500 {
            let _asked = set.authorize(scene.asking(), &command("loop"));
            asked += 1;
        }
        scene.policies.shadow("p").unwrap().dropped > 0
    });
    let report = scene.policies.shadow("p").unwrap();
    assert!(report.asked + report.dropped <= asked, "{report:?}");
}

fn speaking(name: &str, shadow: Shadow) -> PolicySource {
    PolicySource {
        shadow,
        settings: Json::from_canonical(&format!(r#"{{"tag":"{name}"}}"#)),
        ..source(name, &guest("speaks"))
    }
}

#[test]
fn a_whole_policy_in_shadow_is_asked_where_nobody_else_is_and_decides_nothing() {
    let policies = load_in(
        vec![speaking("p", Shadow::Whole)],
        limits(),
        Surroundings::default(),
    )
    .unwrap();
    let set = policies.current();
    assert_eq!(set.admit(here(), &request("banned")), Ok(()));
    // Nobody decides who sees a channel, so that the built-in rule holds.
    assert!(!set.hooks().visibility);
    assert!(!policies.status()[0].in_force);
    let report = || policies.shadow("p").unwrap();
    eventually("the difference", || !report().samples.is_empty());
    let denied = (Hook::Admission, DifferenceKind::NowDenied, 1);
    assert_eq!((report().whole, counts(&report())), (true, vec![denied]));

    policies.promote("p").unwrap();
    let set = policies.current();
    assert!(set.admit(here(), &request("banned")).is_err());
    assert!(set.hooks().visibility);
    assert!(policies.status()[0].in_force);
    assert!(policies.shadow("p").is_err());
}

#[test]
fn a_whole_policy_that_is_promoted_takes_its_place_in_the_order() {
    let sources = vec![
        source("first", &guest("lenient")),
        speaking("between", Shadow::Whole),
        speaking("last", Shadow::Off),
    ];
    let policies = load_in(sources, limits(), Surroundings::default()).unwrap();
    let who = |policies: &Policies| match policies.current().authorize(here(), &command("denied")) {
        Verdict::Denied(denial) => denial.policy.to_string(),
        Verdict::Allowed(_) => panic!("it was allowed"),
    };
    assert_eq!(who(&policies), "last");
    policies.promote("between").unwrap();
    assert_eq!(who(&policies), "between");
    let granted = policies.current().authorize(here(), &command("granted"));
    let grant = r#"{"between":[1,2],"by":"last","last":[1,2]}"#;
    assert_eq!(granted, Verdict::Allowed(Some(Json::from_canonical(grant))));
}
