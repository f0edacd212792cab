//! Tests of `profile-privacy` on this machine; `cases.toml` asks the component.

use serde_json::{Value, json};
use wardroom_policy::{Subject, read_settings};

use super::*;

const SETTINGS: &str =
    r#"{"fields": {"email": ["admin", "support"], "phone": ["admin"], "birthday": []}}"#;

fn policy(settings: &str) -> Result<ProfilePrivacy, String> {
    ProfilePrivacy::configure(read_settings(settings)?)
}

fn render(event: &Event) -> Rendering {
    policy(SETTINGS).expect("good settings").render(event)
}

/// What a person gets of a rendering, as the server picks it.
fn gets(rendering: &Rendering, who: &Subject) -> Value {
    let Rendering::Split(renditions) = rendering else {
        panic!("{rendering:?} has no forms");
    };
    let mine = renditions.iter().find(|form| form.to.matches(who, None));
    let mine = mine.expect("everybody gets a form");
    serde_json::from_str(&mine.payload).expect("a payload is JSON")
}

fn updated(user: Value) -> Event {
    Event::new("user-updated", json!({"user": user})).about(Subject::new("ann"))
}

#[test]
fn each_role_gets_the_fields_it_sees_and_the_person_all() {
    let ann = json!({"id": "ann", "name": "Ann", "email": "a@b.c", "phone": "1"});
    let rendering = render(&updated(ann.clone()));
    for (who, profile) in [
        (Subject::new("ann"), ann.clone()),
        (Subject::new("ann").with_role("guest"), ann.clone()),
        (Subject::new("root").with_role("admin"), ann.clone()),
        (
            Subject::new("sue").with_role("support"),
            json!({"id": "ann", "name": "Ann", "email": "a@b.c"}),
        ),
        (
            Subject::new("bob").with_role("guest"),
            json!({"id": "ann", "name": "Ann"}),
        ),
        (Subject::new("bob"), json!({"id": "ann", "name": "Ann"})),
    ] {
        assert_eq!(gets(&rendering, &who), json!({"user": profile}), "{who:?}");
    }
}

#[test]
fn what_no_role_sees_only_the_person_does() {
    let ann = json!({"id": "ann", "birthday": "today"});
    let rendering = render(&updated(ann.clone()));
    assert_eq!(gets(&rendering, &Subject::new("ann")), json!({"user": ann}));
    let admin = Subject::new("root").with_role("admin");
    assert_eq!(gets(&rendering, &admin), json!({"user": {"id": "ann"}}));
}

#[test]
fn a_profile_that_is_the_payload_itself_is_treated_alike() {
    for whole in [
        json!({"id": "ann", "phone": "1"}),
        json!({"id": "ann", "phone": "1", "user": "a name"}),
    ] {
        let event = Event::new("user-joined", whole.clone()).about(Subject::new("ann"));
        let rendering = render(&event);
        assert_eq!(gets(&rendering, &Subject::new("ann")), whole);
        let mut hidden = whole;
        hidden.as_object_mut().expect("an object").remove("phone");
        assert_eq!(gets(&rendering, &Subject::new("bob")), hidden);
    }
}

#[test]
fn an_event_about_nobody_is_whole_for_nobody_but_the_roles() {
    let event = Event::new("user-updated", json!({"user": {"id": "ann", "phone": "1"}}));
    let rendering = render(&event);
    let hidden = json!({"user": {"id": "ann"}});
    assert_eq!(gets(&rendering, &Subject::new("ann")), hidden);
}

#[test]
fn roles_that_see_the_same_share_one_form() {
    let ann = json!({"id": "ann", "email": "a@b.c"});
    let Rendering::Split(renditions) = render(&updated(ann)) else {
        panic!("an e-mail address is private");
    };
    assert_eq!(renditions.len(), 2, "whole, and without the address");
}

#[test]
fn everything_else_goes_on_unchanged() {
    for event in [
        updated(json!({"id": "ann", "name": "Ann"})),
        Event::new("user-updated", json!(null)),
        Event::new("user-updated", json!({"user": "ann"})),
        Event::new("channel-created", json!({"email": "a@b.c"})),
    ] {
        assert_eq!(render(&event), Rendering::Unchanged, "{event:?}");
    }
}

#[test]
fn bad_settings_are_refused_in_words() {
    let many: BTreeSet<_> = (0..=MAX_ROLES).map(|n| n.to_string()).collect();
    let many = json!({"fields": {"email": many}}).to_string();
    for (settings, refusal) in [
        ("{}", "`fields` is missing"),
        (r#"{"fields": {}}"#, "fields: name at least one"),
        (r#"{"fields": {"id": []}}"#, "fields.id: clients must know"),
        (
            r#"{"fields": {"email": [""]}}"#,
            "fields.email: a role must not be empty",
        ),
        (
            r#"{"fields": {"email": "admin"}}"#,
            "fields.email: expected a list",
        ),
        (r#"{"field": {}}"#, "unknown key `field`"),
        (many.as_str(), "at most 16 roles"),
    ] {
        let said = policy(settings).err().expect(settings);
        assert!(said.contains(refusal), "{settings}: {said}");
    }
}
