//! Policies that are part of the binary: loaded, swapped and cached as those in files are, and never
//! looked for on a disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wardroom::builtin;
use wardroom::policy::{
    Also, Digest, Looked, Policies, PolicyLimits, PolicySource, PolicyState, PolicyStatus, Shadow,
    Surroundings,
};
use wardroom_domain::{Json, PrivateChannels, Rule, Test};

use crate::fixtures::{channel, eventually, guest, here, limits, load, load_all, refusal, source};
use crate::log::Log;

const NAME: &str = "builtin:private-channels";

fn shipped() -> PolicySource {
    source("p", Path::new(NAME))
}

fn digest() -> Digest {
    Digest::of(builtin::named(Path::new(NAME)).unwrap().unwrap().bytes)
}

fn status(policies: &Policies) -> PolicyStatus {
    policies.status().remove(0)
}

fn rule(policies: &Policies, private: bool) -> Rule {
    let facts = channel("c", private, &["ann"]);
    policies.current().audience(here(), &facts)[0].clone()
}

#[test]
fn each_is_taken_under_its_name() {
    for policy in builtin::all() {
        let file = format!("{}{}", builtin::PREFIX, policy.name);
        let mut source = source("p", Path::new(&file));
        source.settings = Json::from_canonical(match policy.name {
            "media-credentials" => r#"{"janus":{"secret":"a secret of this test"}}"#,
            "profile-privacy" => r#"{"fields":{"email":["admin"]}}"#,
            "workspace-guard" => r#"{"rules":[{"roles":["admin"]}]}"#,
            _ => "{}",
        });
        let policies = load_all(vec![source], limits()).unwrap();
        let status = status(&policies);
        assert_eq!(status.file, Path::new(&file));
        assert_eq!(status.digest, Digest::of(policy.bytes));
        assert_eq!(status.state, PolicyState::Active);
    }
}

#[test]
fn an_unknown_one_is_refused_with_the_nearest_and_all() {
    let said = refusal(Path::new("builtin:private-chanels"));
    for words in [
        "did you mean builtin:private-channels?",
        "builtin:workspace-guard",
    ] {
        assert!(said.contains(words), "{words:?} in {said}");
    }
    let policies = load_all(vec![shipped()], limits()).unwrap();
    let unknown = vec![source("p", Path::new("builtin:nonsense"))];
    let refused = policies.reconfigure(unknown, limits(), PrivateChannels::Members);
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("there is no builtin:nonsense"), "{said}");
    assert_eq!(status(&policies).digest, digest(), "it stays in force");
}

#[test]
fn the_bound_on_files_holds_for_it() {
    let small = PolicyLimits {
        file_bytes: 1000,
        ..limits()
    };
    let error = load_all(vec![shipped()], small).err().unwrap();
    let said = error.to_string();
    assert!(said.contains("larger than 1000 bytes"), "{said}");
}

#[test]
fn it_changes_places_with_a_file_and_takes_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nobody.wasm");
    fs::copy(guest("nobody"), &file).unwrap();
    let policies = load(&file).unwrap();
    assert_eq!(rule(&policies, false), Rule::Nobody);
    let configure = |sources| policies.reconfigure(sources, limits(), PrivateChannels::Members);

    assert_eq!(configure(vec![shipped()]), Ok(true));
    assert_eq!(rule(&policies, false), Rule::Everyone);
    let now = status(&policies);
    assert_eq!((now.digest, now.generation.0), (digest(), 2));
    assert_eq!(configure(vec![shipped()]), Ok(false), "nothing has changed");

    let mut settled = shipped();
    settled.settings = Json::from_canonical(r#"{"see_all_roles":["admin"]}"#);
    let roles = |rule| match rule {
        Rule::Only(selector) => selector
            .any
            .iter()
            .flat_map(|clause| &clause.all)
            .any(|test| matches!(test, Test::Roles(_))),
        _ => false,
    };
    assert!(!roles(rule(&policies, true)));
    assert_eq!(configure(vec![settled]), Ok(true));
    assert!(roles(rule(&policies, true)));
    assert_eq!(status(&policies).digest, digest());

    assert_eq!(configure(vec![source("p", &file)]), Ok(true));
    assert_eq!(rule(&policies, false), Rule::Nobody);
}

/// A file that is not there makes a policy stale; what is in the binary is not looked for.
#[test]
fn whoever_follows_files_does_not_look_for_it() {
    let mut source = shipped();
    source.shadow = Shadow::Candidate(NAME.into());
    let policies = load_all(vec![source], limits()).unwrap();
    let looks = Arc::new(AtomicUsize::new(0));
    let also = Also {
        files: vec!["/there/is/no/configuration".into()],
        look: {
            let looks = looks.clone();
            Box::new(move || {
                looks.fetch_add(1, Ordering::Relaxed);
                Looked::default()
            })
        },
    };
    let watching = policies.watch_with(Some(also)).unwrap();
    // A look that has begun has ended when the next one begins.
    for look in 1..=2 {
        watching.nudge().look();
        eventually("a look at everything", || {
            looks.load(Ordering::Relaxed) >= look
        });
    }
    let now = status(&policies);
    assert_eq!((now.state, now.last_error), (PolicyState::Active, None));
    assert_eq!(now.generation.0, 1);
    let shadow = now.shadow.unwrap();
    assert_eq!(shadow.file, Path::new(NAME));
    assert!(shadow.digest.is_some() && shadow.last_error.is_none());
}

#[test]
fn once_compiled_it_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let load = || {
        let log = Log::default();
        let surroundings = Surroundings {
            cache: Some(folder.path().join("compiled")),
            ..Surroundings::default()
        };
        tracing::subscriber::with_default(log.subscriber(), || {
            Policies::load_in(vec![shipped()], limits(), surroundings).unwrap();
        });
        log.text().contains("compiling the policy")
    };
    assert!(load());
    assert!(!load());
}
