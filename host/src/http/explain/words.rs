//! Rules in plain words, for one channel and one person. Pure. It must not know who gave a rule.

use std::collections::BTreeSet;
use std::fmt::Display;

use wardroom_domain::{ChannelFacts, Clause, Instead, Rule, Selector, StandIn, SubjectFacts, Test};

use super::{Denied, Judged, MatchedClause};
use crate::limits::MAX_EXPLAINED_PARTS;

/// What kind of rule it is.
pub(super) fn kind(rule: &Rule) -> &'static str {
    match rule {
        Rule::Everyone => "everyone",
        Rule::Nobody => "nobody",
        Rule::Only(_) => "only",
        Rule::Except(_) => "except",
        Rule::Each => "each",
    }
}

/// The clause that matches, and what the rule says of this person, who is allowed by it or not.
pub(super) fn rule(
    rule: &Rule,
    channel: &ChannelFacts,
    subject: &SubjectFacts,
    allows: bool,
) -> (Option<MatchedClause>, String) {
    let (selector, whom) = match rule {
        Rule::Everyone => return (None, "it lets everyone see the channel".to_owned()),
        Rule::Nobody => return (None, "it lets nobody see the channel".to_owned()),
        Rule::Each => {
            let said = if allows { "lets" } else { "does not let" };
            let said = format!(
                "it is asked about each person, and says of this one just now that it {said} them \
                 see the channel"
            );
            return (None, said);
        }
        Rule::Only(selector) => (selector, "lets only those see the channel"),
        Rule::Except(selector) => (selector, "hides the channel from those"),
    };
    match matched(selector, channel, subject) {
        Some(clause) => {
            let because = format!(
                "it {whom} whom a clause matches, and clause {} does: {}",
                clause.number,
                listed(&clause.conditions, "and")
            );
            (Some(clause), because)
        }
        None => (
            None,
            format!(
                "it {whom} whom a clause matches, and none does: {}",
                missing(selector, channel, subject)
            ),
        ),
    }
}

/// What a version did not say itself; `rule` is what is said in its stead, and `end` what comes of
/// failing closed.
pub(super) fn stand_in(stand_in: &StandIn, end: &str, rule: &str) -> String {
    let failure = &stand_in.failure;
    let failed = if stand_in.asked {
        format!("the version in force failed to answer ({failure})")
    } else {
        format!(
            "the version in force keeps failing (last: {failure}) and is in quarantine, where it is \
             not asked"
        )
    };
    match &stand_in.instead {
        Instead::Former(version) => {
            format!("{failed}; the version before it, {version}, answers in its stead: {rule}")
        }
        Instead::Closed => format!(
            "{failed}; it is configured to fail closed (on_failure = \"closed\"), so that {end}"
        ),
        Instead::Open => format!(
            "{failed}; it is configured to fail open (on_failure = \"open\"), as if the policy \
             were not there"
        ),
    }
}

/// What one policy says of somebody who enters, of a command or of an event.
pub(super) fn judgement(judged: &Judged, end: &str) -> String {
    let said = match (&judged.refused, judged.verdict) {
        (Some((code, message)), _) => format!("it denies with the code {code}: {message}"),
        (None, "allowed") if judged.grants.is_empty() => "it allows".to_owned(),
        (None, "allowed") => format!("it allows and gives {}", listed(&judged.grants, "and")),
        (None, "replaced") => "it replaces the event's data for all".to_owned(),
        (None, "suppressed") => "it suppresses the event for all".to_owned(),
        (None, "split") => "it gives the event to different people in different forms".to_owned(),
        (None, _) => "it leaves the event as it is".to_owned(),
    };
    match &judged.stand_in {
        Some(missed) => stand_in(missed, end, &said),
        None => said,
    }
}

/// What all policies together say, beginning with the verdict; `what` is what they decide.
pub(super) fn judged(verdict: &str, what: &str, end: &str, all: &[Judged]) -> String {
    let quiet =
        |it: &&Judged| matches!(it.verdict, "allowed" | "unchanged") && it.stand_in.is_none();
    let denials = all.iter().filter(|it| it.verdict == "denied").count();
    let decides = all
        .iter()
        .find(|it| matches!(it.verdict, "denied" | "suppressed"));
    match decides.or_else(|| all.iter().find(|it| !quiet(it))) {
        None if all.is_empty() => format!("{verdict}: no policy decides {what}"),
        None => {
            let (who, has) = match all {
                [only] => (format!("the policy {}", only.name), "has"),
                all => (format!("all {} policies", all.len()), "have"),
            };
            format!("{verdict}: {who} {has} nothing against it")
        }
        Some(first) => {
            let others = match denials {
                0 | 1 => String::new(),
                2 => ", and one more denies".to_owned(),
                more => format!(", and {} more deny", more - 1),
            };
            let said = judgement(first, end);
            format!(
                "{verdict}: the policy {} decides it; {said}{others}",
                first.name
            )
        }
    }
}

/// Who refused whom what, and why.
pub(super) fn denied(denied: &Denied) -> String {
    let user = denied.user.as_deref().unwrap_or("somebody");
    let workspace = &denied.workspace;
    let what = match (&denied.name, &denied.channel) {
        (Some(name), Some(channel)) => format!("{name} in {channel}, workspace {workspace}"),
        (Some(name), None) => format!("{name}, workspace {workspace}"),
        (None, _) => format!("workspace {workspace}"),
    };
    let (policy, code, message) = (&denied.policy, &denied.code, &denied.message);
    match &denied.failure {
        Some(failure) => format!(
            "{user} was refused {what}: the policy {policy} failed to answer ({failure}), and is \
             configured to fail closed (on_failure = \"closed\")"
        ),
        None => format!(
            "{user} was refused {what}: the policy {policy} denied with the code {code}: {message}"
        ),
    }
}

/// The first clause that matches.
fn matched(
    selector: &Selector,
    channel: &ChannelFacts,
    subject: &SubjectFacts,
) -> Option<MatchedClause> {
    let matches = |clause: &&Clause| alone(clause).matches(channel, subject);
    let place = selector.any.iter().position(|clause| matches(&clause))?;
    Some(MatchedClause {
        number: place + 1,
        conditions: conditions(&selector.any[place]),
    })
}

/// A selector of one clause, to put that clause alone to the test.
fn alone(clause: &Clause) -> Selector {
    Selector {
        any: vec![clause.clone()],
    }
}

/// Whether one condition holds.
fn holds(test: &Test, channel: &ChannelFacts, subject: &SubjectFacts) -> bool {
    let clause = Clause {
        all: vec![test.clone()],
        none: Vec::new(),
    };
    alone(&clause).matches(channel, subject)
}

/// All that a clause asks for.
fn conditions(clause: &Clause) -> Vec<String> {
    if clause.all.is_empty() && clause.none.is_empty() {
        return vec!["it asks for nothing".to_owned()];
    }
    let all = clause.all.iter().map(|test| condition(test, true));
    let none = clause.none.iter().map(|test| condition(test, false));
    all.chain(none).collect()
}

/// What each clause asks for in vain.
fn missing(selector: &Selector, channel: &ChannelFacts, subject: &SubjectFacts) -> String {
    let clauses = &selector.any;
    if clauses.is_empty() {
        return "it has no clause".to_owned();
    }
    let unmet = |clause: &Clause| {
        let all = clause.all.iter();
        let all = all.filter(|test| !holds(test, channel, subject));
        let none = clause.none.iter();
        let none = none.filter(|test| holds(test, channel, subject));
        let unmet = all.map(|test| condition(test, true));
        unmet
            .chain(none.map(|test| condition(test, false)))
            .collect::<Vec<_>>()
    };
    let shown = clauses.iter().take(MAX_EXPLAINED_PARTS);
    let mut sentences: Vec<String> = shown
        .enumerate()
        .map(|(place, clause)| {
            let unmet = listed(&unmet(clause), "and");
            format!("clause {} asks in vain that {unmet}", place + 1)
        })
        .collect();
    let more = clauses.len().saturating_sub(MAX_EXPLAINED_PARTS);
    if more > 0 {
        sentences.push(format!("and {more} more clauses do not match"));
    }
    sentences.join(", ")
}

/// A condition, or its opposite.
fn condition(test: &Test, positive: bool) -> String {
    let is = if positive { "is" } else { "is not" };
    match test {
        // Whom else a rule names is nobody's business here.
        Test::Users(users) if users.len() == 1 => format!("the user {is} the one that it names"),
        Test::Users(users) => format!("the user {is} among the {} that it names", users.len()),
        Test::Roles(roles) => format!("the role {is} {}", names(roles)),
        Test::ChannelMember if positive => "the channel lists the user".to_owned(),
        Test::ChannelMember => "the channel does not list the user".to_owned(),
        Test::Attribute { name, value } => format!("the attribute {name} {is} {value}"),
    }
}

/// Names with "or" between the last two, as many as are spelt out.
fn names(all: &BTreeSet<impl Display>) -> String {
    let mut shown: Vec<String> = all
        .iter()
        .take(MAX_EXPLAINED_PARTS)
        .map(ToString::to_string)
        .collect();
    let more = all.len().saturating_sub(MAX_EXPLAINED_PARTS);
    if more > 0 {
        shown.push(format!("one of {more} more"));
    }
    listed(&shown, "or")
}

fn listed(parts: &[impl AsRef<str>], word: &str) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match &*parts {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use wardroom_domain::{Attributes, ChannelId, Role, UserId};

    use super::*;

    fn user(id: &str) -> UserId {
        UserId::new(id).unwrap()
    }

    fn roles(names: &[&str]) -> Test {
        Test::Roles(names.iter().map(|name| Role::new(name).unwrap()).collect())
    }

    fn attribute(name: &str, value: &str) -> Test {
        Test::Attribute {
            name: Arc::from(name),
            value: Arc::from(value),
        }
    }

    fn channel(members: &[&str]) -> ChannelFacts {
        ChannelFacts {
            id: ChannelId::new("board").unwrap(),
            private: true,
            members: members.iter().map(|id| user(id)).collect(),
            attributes: Attributes::default(),
        }
    }

    fn subject(id: &str, role: Option<&str>) -> SubjectFacts {
        SubjectFacts {
            user: user(id),
            role: role.map(|name| Role::new(name).unwrap()),
            attributes: crate::json::attributes(r#"{"region":"eu"}"#).unwrap(),
        }
    }

    /// What is said of Ann, a guest, whom the channel does not list.
    #[track_caller]
    fn check(given: &Rule, number: Option<usize>, expected: &str) {
        let (channel, ann) = (channel(&["bob"]), subject("ann", Some("guest")));
        let allows = given.allows(&channel, &ann).unwrap_or(true);
        let (clause, because) = rule(given, &channel, &ann, allows);
        assert_eq!(clause.map(|clause| clause.number), number);
        assert_eq!(because, expected);
    }

    fn selector(clauses: Vec<(Vec<Test>, Vec<Test>)>) -> Selector {
        let clause = |(all, none)| Clause { all, none };
        Selector {
            any: clauses.into_iter().map(clause).collect(),
        }
    }

    #[test]
    fn rules_without_clauses_say_all_there_is_to_say() {
        check(&Rule::Everyone, None, "it lets everyone see the channel");
        check(&Rule::Nobody, None, "it lets nobody see the channel");
        check(
            &Rule::Each,
            None,
            "it is asked about each person, and says of this one just now that it lets them see the \
             channel",
        );
        check(
            &Rule::Only(Selector::default()),
            None,
            "it lets only those see the channel whom a clause matches, and none does: it has no clause",
        );
    }

    #[test]
    fn a_clause_that_matches_is_named_with_all_it_asks_for() {
        let clauses = vec![
            (vec![Test::ChannelMember], Vec::new()),
            (
                vec![roles(&["guest", "visitor"]), attribute("region", "eu")],
                vec![Test::Users([user("bob")].into())],
            ),
        ];
        check(
            &Rule::Only(selector(clauses.clone())),
            Some(2),
            "it lets only those see the channel whom a clause matches, and clause 2 does: the role is \
             guest or visitor, the attribute region is eu and the user is not the one that it names",
        );
        check(
            &Rule::Except(selector(clauses)),
            Some(2),
            "it hides the channel from those whom a clause matches, and clause 2 does: the role is \
             guest or visitor, the attribute region is eu and the user is not the one that it names",
        );
        let anybody = Rule::Only(selector(vec![(Vec::new(), Vec::new())]));
        check(
            &anybody,
            Some(1),
            "it lets only those see the channel whom a clause matches, and clause 1 does: it asks for \
             nothing",
        );
    }

    #[test]
    fn without_a_match_it_is_said_what_each_clause_lacks_and_nothing_else() {
        let clauses = vec![
            (
                vec![Test::ChannelMember, attribute("region", "eu")],
                Vec::new(),
            ),
            (
                vec![Test::Users([user("bob"), user("cleo")].into())],
                vec![roles(&["guest"])],
            ),
        ];
        check(
            &Rule::Only(selector(clauses)),
            None,
            "it lets only those see the channel whom a clause matches, and none does: clause 1 asks in \
             vain that the channel lists the user, clause 2 asks in vain that the user is among the 2 \
             that it names and the role is not guest",
        );
    }

    #[test]
    fn what_is_spelt_out_is_bounded() {
        let many: Vec<String> = (0..100).map(|n| format!("r{n:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let clauses = vec![(vec![roles(&many)], Vec::new()); 100];
        let (channel, ann) = (channel(&[]), subject("ann", None));
        let (_, because) = rule(&Rule::Only(selector(clauses)), &channel, &ann, false);
        assert!(because.contains("r07 or one of 92 more"), "{because}");
        assert!(
            because.ends_with("and 92 more clauses do not match"),
            "{because}"
        );
        assert!(because.len() < 2_000, "{because}");
    }
}
