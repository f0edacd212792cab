//! How the forms of several policies combine.

use std::convert::Infallible;

use super::*;
use crate::{Attributes, Clause, Role, Test, UserId};

fn roles(names: &[&str]) -> Selector {
    let all = names.iter().map(|name| Role::new(name).expect("a role"));
    Selector {
        any: vec![Clause {
            all: vec![Test::Roles(all.collect())],
            none: Vec::new(),
        }],
    }
}

fn everybody() -> Selector {
    Selector {
        any: vec![Clause::default()],
    }
}

fn json(text: &str) -> Json {
    Json::from_canonical(text)
}

fn subject(role: &str) -> SubjectFacts {
    SubjectFacts {
        user: UserId::new("ann").expect("a user"),
        role: Some(Role::new(role).expect("a role")),
        attributes: Attributes::default(),
    }
}

/// Takes an event through policies, each of which hides something from all but one role.
fn hidden_from_all_but(roles_in_turn: &[&str]) -> Vec<Rendition> {
    let mut pipeline = Pipeline::new(json("\"\""));
    for role in roles_in_turn {
        let split = |payload: &Json| {
            let text = payload.as_str().trim_matches('"').to_owned();
            let whole = json(&format!("\"{text}{role}\""));
            let forms = vec![(roles(&[role]), whole), (everybody(), payload.clone())];
            Ok::<_, Infallible>(Form::Split(forms))
        };
        let through = pipeline.through(split, |_| panic!("too many renditions"));
        assert_eq!(through, Ok(()));
    }
    pipeline.end().expect("it was changed")
}

fn shown(renditions: Vec<Rendition>, role: &str) -> Option<String> {
    let rendered = Rendered {
        renditions,
        channel: None,
        departed: Vec::new(),
    };
    let place = rendered.place_for(&subject(role))?;
    let payload = rendered.renditions[place].payload.as_ref();
    payload.map(|payload| payload.as_str().to_owned())
}

#[test]
fn nothing_stands_behind_a_form_for_everybody() {
    let forms = vec![
        (roles(&["a"]), json("1")),
        (everybody(), json("2")),
        (roles(&["b"]), json("3")),
    ];
    let mut pipeline = Pipeline::new(json("0"));
    let through = pipeline.through(
        |_| Ok::<_, Infallible>(Form::Split(forms.clone())),
        |_| panic!("too many renditions"),
    );
    assert_eq!(through, Ok(()));
    let renditions = pipeline.end().expect("it was changed");
    assert_eq!(renditions.len(), 2);
    assert_eq!(renditions[1].to, Vec::new());
    for (role, payload) in [("a", "1"), ("b", "2"), ("c", "2")] {
        assert_eq!(shown(renditions.clone(), role).as_deref(), Some(payload));
    }
}

#[test]
fn whom_no_form_is_for_gets_nothing() {
    let mut pipeline = Pipeline::new(json("0"));
    let forms = vec![(roles(&["a"]), json("1"))];
    let through = pipeline.through(
        |_| Ok::<_, Infallible>(Form::Split(forms.clone())),
        |_| panic!("too many renditions"),
    );
    assert_eq!(through, Ok(()));
    let renditions = pipeline.end().expect("it was changed");
    assert_eq!(shown(renditions.clone(), "a").as_deref(), Some("1"));
    assert_eq!(shown(renditions, "b"), None);
}

#[test]
fn five_policies_that_split_in_two_fit() {
    let in_turn = ["a", "b", "c", "d", "e"];
    let renditions = hidden_from_all_but(&in_turn);
    assert_eq!(renditions.len(), MAX_RENDITIONS_PER_EVENT);
    for role in in_turn {
        let expected = format!("\"{role}\"");
        assert_eq!(shown(renditions.clone(), role), Some(expected));
    }
    assert_eq!(shown(renditions, "f").as_deref(), Some("\"\""));
}

#[test]
fn that_nobody_is_left_out_is_known_without_a_look_at_anybody() {
    let rendered = |renditions| Rendered {
        renditions,
        channel: None,
        departed: Vec::new(),
    };
    let to = |to: Vec<Selector>, payload: Option<&str>| Rendition {
        to,
        payload: payload.map(json),
    };
    let admins = || vec![roles(&["admin"])];
    let all = rendered(hidden_from_all_but(&["admin", "staff"]));
    assert!(all.leaves_nobody_out());
    let rest_hidden = vec![to(admins(), Some("1")), to(Vec::new(), None)];
    assert!(!rendered(rest_hidden).leaves_nobody_out());
    let some_hidden = vec![to(admins(), None), to(Vec::new(), Some("1"))];
    assert!(!rendered(some_hidden).leaves_nobody_out());
    assert!(!rendered(vec![to(admins(), Some("1"))]).leaves_nobody_out());
}
