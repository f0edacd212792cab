//! Questions about channels: right answers, what runtimes find, and what is logged.

use std::path::Path;

use wardroom::policy::Isolation;
use wardroom_domain::{Json, Rule};

use crate::fixtures::{
    attributes, channel, guest, hasty, here, limits, load, load_all, plugin, source, subject,
};
use crate::log::Log;

#[test]
fn a_failure_is_logged_once_and_noise_is_bounded() {
    let log = Log::default();
    let policies = load(&guest("misbehaves")).unwrap();
    tracing::subscriber::with_default(log.subscriber(), || {
        // Fewer than lead to quarantine.
        for _ in 0..5 {
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
    let set = load_all(vec![source], limits()).unwrap().current();
    assert_eq!(
        set.audience(here(), &channel("c", false, &[])),
        [Rule::Everyone]
    );
    let private = channel("c", true, &["ann"]);
    let rule = set.audience(here(), &private)[0].clone();
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
fn what_starting_an_instance_takes_is_not_taken_off_its_call() {
    let mut source = source("p", &guest("dawdles"));
    source.isolation = Isolation::PerCall;
    let policies = load_all(vec![source], hasty()).unwrap();
    let rules = policies
        .current()
        .audience(here(), &channel("c", false, &[]));
    let report = policies.status()[0].last_error.clone();
    assert_eq!(rules, [Rule::Everyone], "{report:?}");
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
