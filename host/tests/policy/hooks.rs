//! Every hook: the facts that reach a policy, what becomes of its answers, and how the answers of
//! several policies combine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wardroom::policy::{Asking, Hook, Isolation, Policies, PolicySource, Surroundings};
use wardroom_domain::{Json, Rendition, Role, Rule, Verdict};

use crate::fixtures::{
    Kept, attributes, channel, command, event, guest, here, limits, load, load_all, load_in,
    request, source, subject,
};
use crate::log::Log;

/// Policies that answer by what they are asked about, each marked with a tag of its own.
fn speakers(tags: &[&str]) -> Policies {
    let sources = tags.iter().map(|tag| speaker(tag));
    load_all(sources.collect(), limits()).unwrap()
}

fn speaker(tag: &str) -> PolicySource {
    PolicySource {
        settings: Json::from_canonical(&format!(r#"{{"tag":"{tag}"}}"#)),
        ..source(tag, &guest("speaks"))
    }
}

pub(crate) fn json(text: &str) -> Json {
    Json::from_canonical(text)
}

#[track_caller]
pub(crate) fn denied(verdict: Verdict) -> wardroom_domain::Denial {
    match verdict {
        Verdict::Denied(denial) => denial,
        Verdict::Allowed(grant) => panic!("it was allowed with {grant:?}"),
    }
}

#[test]
fn every_hook_is_reported_and_asked_for() {
    let policies = speakers(&["a"]);
    assert_eq!(
        policies.status()[0].hooks,
        [
            "lifecycle",
            "admission",
            "channel-visibility",
            "commands",
            "events"
        ]
    );
    let hooks = policies.current().hooks();
    assert!(hooks.admission && hooks.visibility && hooks.commands && hooks.events);
    assert!(!hooks.admission_looks_up && !hooks.visibility_looks_up);

    let hooks = load(&guest("nobody")).unwrap().current().hooks();
    assert!(hooks.visibility && !hooks.admission && !hooks.commands && !hooks.events);
}

#[test]
fn a_policy_without_visibility_has_a_generation_too() {
    let set = load(&guest("broken_elsewhere")).unwrap().current();
    assert_eq!(set.generation().map(|g| g.0), Some(1));
    let rules = set.audience(here(), &channel("c", false, &[]));
    assert_eq!(rules, []);
}

#[test]
fn admission_is_told_who_asks_and_with_what() {
    let set = speakers(&["a"]).current();
    assert_eq!(set.admit(here(), &request("ann")), Ok(()));
    let mut asked = request("echo");
    asked.subject.role = Some(Role::new("admin").unwrap());
    asked.subject.attributes = attributes("team", "red");
    asked.claims = json(r#"{"sub":"echo"}"#);
    asked.remote_address = Some(Arc::from("10.0.0.7"));
    asked.reevaluation = true;
    let denial = set.admit(here(), &asked).unwrap_err();
    assert_eq!(
        &*denial.message,
        r#"w | echo Some("admin") Some("red") {"team":"red"} | {"sub":"echo"} | Some("10.0.0.7") | true"#
    );
    let denial = set.admit(here(), &request("echo")).unwrap_err();
    assert_eq!(
        &*denial.message,
        "w | echo None None {} | {} | None | false"
    );
}

#[test]
fn all_must_admit_and_the_first_denial_is_shown() {
    let set = speakers(&["first", "second"]).current();
    let denial = set.admit(here(), &request("banned")).unwrap_err();
    assert_eq!(&*denial.policy, "first");
    assert_eq!(&*denial.code, "banned");
    assert_eq!(&*denial.message, "you are banned, says first");
    let sources = vec![
        source("elsewhere", &guest("broken_elsewhere")),
        speaker("last"),
    ];
    let set = load_all(sources, limits()).unwrap().current();
    let denial = set.admit(here(), &request("banned")).unwrap_err();
    assert_eq!(&*denial.policy, "last");
}

#[test]
fn what_a_denial_says_is_cut_to_what_can_be_borne() {
    let denial = speakers(&["a"]).current().admit(here(), &request("long"));
    let denial = denial.unwrap_err();
    assert_eq!((denial.code.len(), denial.message.len()), (64, 1024));
}

#[test]
fn commands_are_told_who_wants_what_where() {
    let set = speakers(&["a"]).current();
    let mut asked = command("echo");
    asked.arguments = json(r#"{"channelId":"c"}"#);
    asked.channel = Some(channel("c", true, &["ann", "bob"]));
    let denial = denied(set.authorize(here(), &asked));
    assert_eq!(
        &*denial.message,
        r#"w | ann None None {} | Some("c true [\"ann\", \"bob\"] true") | {"channelId":"c"}"#
    );
    let denial = denied(set.authorize(here(), &command("echo")));
    assert_eq!(&*denial.message, "w | ann None None {} | None | {}");
}

#[test]
fn grants_are_merged_and_the_later_policy_wins() {
    let set = speakers(&["a", "b"]).current();
    let plain = set.authorize(here(), &command("anything"));
    assert_eq!(plain, Verdict::Allowed(None));
    let granted = set.authorize(here(), &command("granted"));
    let merged = json(r#"{"a":[1,2],"b":[1,2],"by":"b"}"#);
    assert_eq!(granted, Verdict::Allowed(Some(merged)));
    let denial = denied(set.authorize(here(), &command("denied")));
    assert_eq!(&*denial.message, "not now, says a");
}

#[test]
fn events_are_told_whom_and_what_they_are_about() {
    let set = speakers(&["a"]).current();
    let mut asked = event("echo");
    asked.subject = Some(subject("bob", Some("guest")));
    asked.channel = Some(channel("c", false, &[]));
    asked.payload = json("[1]");
    let all = set.render(here(), &asked).unwrap();
    let said = r#""w | Some('bob Some('guest') None {}') | Some('c') | [1]""#;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].payload, Some(json(said)));
    asked.subject = None;
    asked.channel = None;
    let all = set.render(here(), &asked).unwrap();
    assert_eq!(all[0].payload, Some(json(r#""w | None | None | [1]""#)));
}

/// What a person with this role gets of an event.
fn got(renditions: &[Rendition], role: Option<&str>) -> Option<String> {
    let rendered = wardroom_domain::Rendered {
        renditions: renditions.to_vec(),
        channel: None,
        departed: Vec::new(),
    };
    let place = rendered.place_for(&subject("ann", role))?;
    renditions[place]
        .payload
        .as_ref()
        .map(|p| p.as_str().to_owned())
}

#[test]
fn an_event_goes_on_is_replaced_suppressed_or_split() {
    let set = speakers(&["a"]).current();
    let render = |name: &str| set.render(here(), &event(name));
    assert_eq!(render("unchanged"), None);
    let replaced = render("replaced").unwrap();
    // White space is gone and the keys are sorted.
    let payload = r#"{"by":"a","was":{"x":1}}"#;
    assert_eq!(got(&replaced, None).as_deref(), Some(payload));
    assert_eq!(got(&render("suppressed").unwrap(), None), None);
    let split = render("split").unwrap();
    assert_eq!(got(&split, Some("a")).as_deref(), Some(r#"["a",{"x":1}]"#));
    assert_eq!(got(&split, Some("guest")).as_deref(), Some(r#"{"x":1}"#));
    assert_eq!(got(&split, None), None);
}

#[test]
fn each_policy_renders_what_the_former_one_left() {
    let set = speakers(&["a", "b"]).current();
    let replaced = set.render(here(), &event("replaced")).unwrap();
    let payload = r#"{"by":"b","was":{"by":"a","was":{"x":1}}}"#;
    assert_eq!(got(&replaced, None).as_deref(), Some(payload));
    let split = set.render(here(), &event("split")).unwrap();
    // Who is `a` for the first policy is nobody for the second; guests pass through both.
    assert_eq!(got(&split, Some("a")), None);
    assert_eq!(got(&split, Some("guest")).as_deref(), Some(r#"{"x":1}"#));
}

#[test]
fn two_policies_that_make_too_many_forms_together_are_stopped() {
    let set = speakers(&["a", "b"]).current();
    let all = set.render(here(), &event("shattered")).unwrap();
    // Nine forms of nine each are more than an event may have: the second policy is at fault, and
    // fails closed.
    assert!(all.iter().all(|rendition| rendition.payload.is_none()));
}

#[test]
fn each_person_is_asked_about_where_a_rule_says_so() {
    let set = speakers(&["a", "b"]).current();
    let each = channel("each", false, &[]);
    assert_eq!(set.audience(here(), &each), [Rule::Each, Rule::Each]);
    let people = [subject("ann", None), subject("blind", None)];
    assert_eq!(set.decide(here(), 1, &each, &people), [true, false]);
    let hidden = set.audience(here(), &channel("hidden", false, &[]));
    assert_eq!(hidden, [Rule::Nobody, Rule::Nobody]);
}

// ---- decisions ----

fn recorded(kept: &Arc<Kept>, sources: Vec<PolicySource>) -> Policies {
    let surroundings = Surroundings {
        decisions: Some(kept.clone()),
        ..Surroundings::default()
    };
    load_in(sources, limits(), surroundings).unwrap()
}

#[test]
fn a_denial_has_one_id_in_answer_log_and_record() {
    let kept = Arc::new(Kept::default());
    let policies = recorded(&kept, vec![speaker("a"), speaker("b")]);
    let log = Log::default();
    let denial = tracing::subscriber::with_default(log.subscriber(), || {
        let mut asked = command("denied");
        asked.channel = Some(channel("c", false, &[]));
        let set = policies.current();
        denied(set.authorize(here(), &asked))
    });
    assert_eq!(denial.decision.len(), 16);
    let text = log.text();
    assert_eq!(text.matches("a policy refused").count(), 1, "{text}");
    for word in [
        "policy=\"a\"",
        "sha256:",
        "generation=1",
        "hook=\"commands\"",
        "code=\"not-now\"",
        &*denial.decision,
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let decided = kept.decisions.lock().unwrap().remove(0);
    assert_eq!(decided.id, Some(denial.decision));
    assert_eq!(decided.hook, Hook::Commands);
    assert!(decided.denied);
    assert_eq!(decided.code.as_deref(), Some("not-now"));
    assert_eq!(decided.name.as_deref(), Some("denied"));
    assert_eq!(decided.channel.unwrap().as_str(), "c");
    assert_eq!(decided.subject.unwrap().user.as_str(), "ann");
    assert_eq!(decided.input, Some(json("{}")));
    // The second policy was not asked any more.
    let said: Vec<_> = decided
        .said
        .iter()
        .map(|s| (&*s.policy, s.verdict))
        .collect();
    assert_eq!(said, [("a", "denied")]);
    assert_eq!(decided.said[0].digest, Some(policies.status()[0].digest));
}

#[test]
fn what_each_policy_said_is_recorded_in_order() {
    let kept = Arc::new(Kept::default());
    let policies = recorded(&kept, vec![speaker("a"), source("m", &guest("misbehaves"))]);
    let set = policies.current();
    let _admitted = set.admit(here(), &request("ann"));
    let _rules = set.audience(here(), &channel("hidden", false, &[]));
    let _split = set.render(here(), &event("split"));
    let _suppressed = set.render(here(), &event("trap"));
    let decisions = std::mem::take(&mut *kept.decisions.lock().unwrap());
    let told: Vec<_> = decisions
        .iter()
        .map(|d| {
            let said: Vec<_> = d.said.iter().map(|s| s.verdict).collect();
            (d.hook, d.denied, said)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Hook::Admission, false, vec!["allowed", "allowed"]),
            (Hook::Visibility, true, vec!["nobody", "everyone"]),
            (Hook::Events, false, vec!["split", "unchanged"]),
            (Hook::Events, true, vec!["unchanged", "failed"]),
        ]
    );
    assert!(decisions.iter().all(|d| d.id.is_none()));
    assert_eq!(decisions[3].said[1].digest, None);
}

#[test]
fn what_is_not_wanted_is_not_recorded() {
    let kept = Arc::new(Kept {
        denied_only: true,
        ..Kept::default()
    });
    let set = recorded(&kept, vec![speaker("a")]).current();
    let _admitted = set.admit(here(), &request("ann"));
    assert_eq!(kept.decisions.lock().unwrap().len(), 0);
    let _denied = set.admit(here(), &request("banned"));
    assert_eq!(kept.decisions.lock().unwrap().len(), 1);
}

#[test]
fn the_time_of_a_decision_may_be_given() {
    let kept = Arc::new(Kept::default());
    let set = recorded(&kept, vec![speaker("a")]).current();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let asking = Asking {
        now: Some(then),
        ..here()
    };
    let _admitted = set.admit(asking, &request("ann"));
    assert_eq!(kept.decisions.lock().unwrap()[0].at, then);
}

// ---- isolation ----

#[test]
fn state_survives_calls_unless_each_has_an_instance_of_its_own() {
    let ask = |isolation| {
        let source = PolicySource {
            isolation,
            ..source("p", &guest("remembers"))
        };
        let set = load_all(vec![source], limits()).unwrap().current();
        let asked = (0..3).map(|_| set.audience(here(), &channel("c", false, &[]))[0].clone());
        asked.collect::<Vec<_>>()
    };
    // The warm-up was the first call of the instance that is kept.
    assert_eq!(ask(Isolation::Reuse), vec![Rule::Nobody; 3]);
    assert_eq!(ask(Isolation::PerCall), vec![Rule::Everyone; 3]);
}
