//! The list of policies is configured anew: all of it comes into force, or nothing, and what is
//! refused says what to do.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use wardroom::policy::{
    Also, Looked, Policies, PolicySource, PolicyState, PolicyStatus, ReconfigureError, Shadow,
};
use wardroom_domain::{Json, PrivateChannels, Rule, Rules};

use crate::fixtures::{channel, eventually, guest, here, limits, load_all, plugin, source};

/// A folder with policies in force, which are private copies.
struct Scene {
    folder: TempDir,
    policies: Policies,
}

impl Scene {
    /// `private-channels` alone.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        fs::copy(plugin("private_channels"), &file).unwrap();
        let policies = load_all(vec![source("a", &file)], limits()).unwrap();
        Self { folder, policies }
    }

    fn source(&self, name: &str) -> PolicySource {
        source(name, &self.folder.path().join(format!("{name}.wasm")))
    }

    fn put(&self, name: &str, component: &Path) -> PolicySource {
        let source = self.source(name);
        fs::copy(component, &source.file).unwrap();
        source
    }

    fn reconfigure(&self, sources: Vec<PolicySource>) -> Result<bool, ReconfigureError> {
        self.policies
            .reconfigure(sources, limits(), PrivateChannels::Members)
    }

    fn status(&self) -> PolicyStatus {
        self.policies.status().remove(0)
    }

    fn rules(&self) -> Rules {
        let facts = channel("c", false, &[]);
        self.policies.current().audience(here(), &facts)
    }

    /// Configures what must be refused, twice, and checks that it changed nothing and said why.
    #[track_caller]
    fn refused(&self, sources: &[PolicySource], words: &[&str]) {
        let (before, rules) = (self.status(), self.rules());
        for _ in 0..2 {
            let said = self.reconfigure(sources.to_vec()).unwrap_err().to_string();
            for word in words {
                assert!(said.contains(word), "{word:?} is not in: {said}");
            }
            let kept = self.policies.refused_configuration().unwrap();
            assert_eq!(kept.reason, said);
        }
        let now = self.status();
        assert_eq!(now.digest, before.digest);
        assert_eq!(now.generation, before.generation);
        assert_eq!(self.policies.status().len(), rules.len());
        assert_eq!(self.rules(), rules);
    }

    /// Configures what is taken.
    #[track_caller]
    fn taken(&self, sources: &[PolicySource]) {
        assert_eq!(self.reconfigure(sources.to_vec()), Ok(true));
        assert_eq!(self.policies.refused_configuration(), None);
    }
}

/// Settings with which `private-channels` shows private channels to these roles.
fn with_settings(mut source: PolicySource, settings: &str) -> PolicySource {
    source.settings = Json::from_canonical(settings);
    source
}

#[test]
fn settings_that_a_policy_refuses_change_nothing() {
    let scene = Scene::new();
    let bad = with_settings(scene.source("a"), r#"{"see_all":true}"#);
    scene.refused(
        &[bad],
        &[
            "policy \"a\"",
            "refused its settings",
            "unknown key `see_all`",
            "change `settings` in the configuration",
        ],
    );
    // It stands with the policy too, until the configuration is mended.
    assert_eq!(scene.status().state, PolicyState::Stale);
    assert!(scene.status().last_error.unwrap().contains("`see_all`"));
    assert_eq!(scene.reconfigure(vec![scene.source("a")]), Ok(false));
    assert_eq!(scene.status().state, PolicyState::Active);
    assert_eq!(scene.policies.refused_configuration(), None);
}

#[test]
fn one_refused_policy_keeps_the_others_as_they_are() {
    let scene = Scene::new();
    let nobody = scene.put("b", &guest("nobody"));
    let future = scene.put("c", &guest("future"));
    let words = [
        "policy \"c\"",
        "@1.7.0",
        "upgrade the server, or build against 1.0.0",
    ];
    scene.refused(&[scene.source("a"), nobody.clone(), future], &words);
    assert_eq!(scene.rules(), [Rule::Everyone]);
    scene.taken(&[scene.source("a"), nobody]);
    assert_eq!(scene.rules(), [Rule::Everyone, Rule::Nobody]);
}

#[test]
fn a_version_from_the_future_in_another_file_of_a_policy_is_refused() {
    let scene = Scene::new();
    let mut other = scene.put("b", &guest("future"));
    other.name = "a".into();
    scene.refused(&[other], &["@1.7.0", "upgrade the server"]);
}

#[test]
fn two_policies_of_one_name_change_nothing() {
    let scene = Scene::new();
    let mut twin = scene.put("b", &guest("nobody"));
    twin.name = "a".into();
    let words = [
        "two policies are named \"a\"",
        "give each a name of its own",
    ];
    scene.refused(&[scene.source("a"), twin.clone()], &words);
    twin.name = "b".into();
    scene.taken(&[scene.source("a"), twin]);
}

#[test]
fn a_file_that_is_not_there_changes_nothing_until_it_is() {
    let scene = Scene::new();
    let sources = [scene.source("a"), scene.source("later/b")];
    let words = [
        "policy \"later/b\"",
        "cannot be read",
        "Put it there, or name another in the configuration",
    ];
    scene.refused(&sources, &words);
    fs::create_dir(scene.folder.path().join("later")).unwrap();
    scene.refused(&sources, &words);
    scene.put("later/b", &guest("nobody"));
    scene.taken(&sources);
    assert_eq!(scene.rules(), [Rule::Everyone, Rule::Nobody]);
}

#[test]
fn a_running_policy_whose_file_is_gone_takes_new_settings() {
    let scene = Scene::new();
    fs::remove_file(scene.source("a").file).unwrap();
    let digest = scene.status().digest;
    let bad = with_settings(scene.source("a"), r#"{"see_all":true}"#);
    scene.refused(&[bad], &["cannot be read", "Put it there"]);
    let good = with_settings(scene.source("a"), r#"{"see_all_roles":["admin"]}"#);
    scene.taken(&[good]);
    let status = scene.status();
    assert_eq!((status.digest, status.generation.0), (digest, 2));
    assert_eq!(status.state, PolicyState::Stale, "the file is still gone");
    let said = status.last_error.unwrap();
    assert!(said.contains("Put it there"), "{said}");
}

/// What is shown is why the configuration of now is refused, not one that was tried in between.
#[test]
fn a_reason_from_in_between_gives_way_to_the_one_that_holds() {
    let scene = Scene::new();
    let bad = with_settings(scene.source("a"), r#"{"see_all":true}"#);
    scene.refused(std::slice::from_ref(&bad), &["see_all"]);
    let between = "line 3: expected `=`";
    scene.policies.refuse_configuration(between);
    assert_eq!(
        scene.policies.refused_configuration().unwrap().reason,
        between
    );
    scene.refused(&[bad], &["see_all"]);
}

/// Whoever follows the files tries a refused configuration again by itself.
#[test]
fn a_directory_that_appears_later_brings_the_configuration_into_force() {
    let scene = Scene::new();
    let sources = vec![scene.source("a"), scene.source("later/b")];
    let policies = scene.policies.clone();
    let configured = sources.clone();
    let also = Also {
        files: vec![scene.folder.path().join("configuration")],
        look: Box::new(move || {
            let _refused =
                policies.reconfigure(configured.clone(), limits(), PrivateChannels::Members);
            Looked::default()
        }),
    };
    let watching = scene.policies.watch_with(Some(also)).unwrap();
    watching.nudge().look();
    eventually("the refusal", || {
        let refused = scene.policies.refused_configuration();
        refused.is_some_and(|it| it.reason.contains("Put it there"))
    });
    assert_eq!(scene.rules(), [Rule::Everyone]);

    fs::create_dir(scene.folder.path().join("later")).unwrap();
    scene.put("later/b", &guest("nobody"));
    eventually("the configuration is tried again", || {
        scene.policies.refused_configuration().is_none()
    });
    assert_eq!(scene.rules(), [Rule::Everyone, Rule::Nobody]);
}

/// A candidate in shadow may be named before there is a directory for it.
#[test]
fn a_candidate_whose_directory_appears_later_is_taken_into_shadow() {
    let scene = Scene::new();
    let file = scene.folder.path().join("later/next.wasm");
    let mut source = scene.source("a");
    source.shadow = Shadow::Candidate(file.clone());
    scene.taken(&[source]);
    let said = scene.status().shadow.unwrap().last_error.unwrap();
    assert!(said.contains("Put it there"), "{said}");

    let _watching = scene.policies.watch().unwrap();
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::copy(guest("nobody"), &file).unwrap();
    eventually("the candidate is in shadow", || {
        let shadow = scene.status().shadow.unwrap();
        shadow.digest.is_some() && shadow.last_error.is_none()
    });
    assert_eq!(scene.rules(), [Rule::Everyone], "it decides nothing");
}

#[test]
fn who_has_the_last_word_on_private_channels_is_a_generation_of_its_own() {
    let scene = Scene::new();
    let sources = vec![scene.source("a")];
    let before = scene.policies.generation();
    let told = |private_channels| {
        let done = scene
            .policies
            .reconfigure(sources.clone(), limits(), private_channels);
        let set = scene.policies.current();
        assert_eq!(set.hooks().private_channels, private_channels);
        assert_eq!(set.private_channels(), private_channels);
        done
    };
    let given = PrivateChannels::Policies;
    assert_eq!(
        scene.policies.current().private_channels(),
        PrivateChannels::Members
    );
    assert_eq!(told(given), Ok(true));
    assert!(
        scene.policies.generation() > before,
        "what is open is looked at again"
    );
    assert_eq!(told(given), Ok(false));
    assert_eq!(told(PrivateChannels::Members), Ok(true));
    // Where no policy decides who sees channels, they are for their members whatever is configured.
    let done = scene.policies.reconfigure(Vec::new(), limits(), given);
    assert_eq!(done, Ok(true));
    assert_eq!(
        scene.policies.current().private_channels(),
        PrivateChannels::Members
    );
}
