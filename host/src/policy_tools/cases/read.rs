//! From what is written to what is asked: one question for each case, and an expectation that fits
//! it. Every error says what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use wardroom_domain::{
    Attributes, ChannelFacts, Json, RequestFacts, SubjectFacts, UserId, WorkspaceId,
};

use super::values::{Any, Object, Text, either, object};
use super::{
    Asked, Case, ExpectAllowed, ExpectAudience, ExpectConfigured, ExpectDenied, ExpectRendered,
    ExpectVerdict, directory, raw,
};
use crate::json::{self, of_value};
use crate::policy::workbench::{CommandQuestion, EventQuestion};

/// What somebody writes who is to get nothing of an event.
const NOTHING: &str = "nothing";
/// The workspace of a file that names none.
const WORKSPACE: &str = "w1";

/// A case by itself, without what its file says for all.
#[derive(Debug)]
pub(super) struct Spec {
    name: String,
    settings: Option<Json>,
    workspace: Option<WorkspaceId>,
    now: Option<SystemTime>,
    directory: wardroom_domain::Workspace,
    asked: Asked,
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::located::<D, raw::Case, Self>(deserializer)
    }
}

/// Gives each case what the file says for all of them.
pub(super) fn cases(file: raw::File) -> Result<Vec<Case>, String> {
    let settings = settings(file.settings, file.settings_json)?;
    let settings = settings.unwrap_or_else(|| Json::from_canonical("{}"));
    let workspace = match file.workspace {
        Some(raw::Id(id)) => id,
        None => WorkspaceId::new(WORKSPACE).map_err(|e| e.to_string())?,
    };
    let mut names = BTreeSet::new();
    let generated = file.generated.into_iter().map(|it| it.0);
    let all: Vec<Spec> = file.case.into_iter().chain(generated).collect();
    if all.is_empty() {
        return Err("there is no case: each begins with `[[case]]`".into());
    }
    for spec in &all {
        if !names.insert(&spec.name) {
            return Err(format!("two cases are named {:?}", spec.name));
        }
    }
    let now = file.now.map(|raw::Time(time)| time);
    let case = |spec: Spec| Case {
        name: spec.name,
        settings: spec.settings.unwrap_or_else(|| settings.clone()),
        workspace: spec.workspace.unwrap_or_else(|| workspace.clone()),
        now: spec.now.or(now),
        directory: spec.directory,
        asked: spec.asked,
    };
    Ok(all.into_iter().map(case).collect())
}

fn settings(value: Option<Object>, text: Option<Text>) -> Result<Option<Json>, String> {
    let object = object("settings", value, text)?;
    Ok(object.map(|map| of_value(&Value::Object(map))))
}

/// The settings of a case by itself: `configure = { … }` holds them as well as `settings` does.
fn own_settings(case: &mut raw::Case) -> Result<Option<Json>, String> {
    let beside = settings(case.settings.take(), case.settings_json.take())?;
    let inside = case.configure.clone().filter(|inside| !inside.0.is_empty());
    match (beside, inside) {
        (Some(_), Some(_)) => Err("give the settings in `configure` or beside it, not both".into()),
        (beside, inside) => Ok(inside.map(Object::json).or(beside)),
    }
}

impl TryFrom<raw::Case> for Spec {
    type Error = String;

    fn try_from(mut case: raw::Case) -> Result<Self, String> {
        let name = std::mem::take(&mut case.name);
        if name.trim().is_empty() {
            return Err("a case needs a name".into());
        }
        let settings = own_settings(&mut case).map_err(|e| in_case(&name, &e))?;
        let members = case.directory.members.drain(..).map(subject);
        let channels = case.directory.channels.drain(..).map(channel);
        let directory =
            directory::workspace(&members.collect::<Vec<_>>(), &channels.collect::<Vec<_>>())
                .map_err(|e| in_case(&name, &e))?;
        Ok(Self {
            settings,
            workspace: case.workspace.take().map(|raw::Id(id)| id),
            now: case.now.take().map(|raw::Time(time)| time),
            directory,
            asked: asked(case).map_err(|e| in_case(&name, &e))?,
            name,
        })
    }
}

fn in_case(name: &str, error: &str) -> String {
    format!("the case {name:?}: {error}")
}

fn asked(case: raw::Case) -> Result<Asked, String> {
    let expect = case.expect;
    let asks = [
        case.configure.is_some(),
        case.request.is_some(),
        case.channel.is_some(),
        case.command.is_some(),
        case.event.is_some(),
    ];
    if asks.iter().filter(|asks| **asks).count() != 1 {
        return Err(
            "it asks exactly one of `configure`, `request`, `channel`, `command` and `event`"
                .into(),
        );
    }
    if case.subjects.is_some() && case.channel.is_none() {
        return Err("`subjects` belongs to a `channel`".into());
    }
    if case.audience.is_some() && case.event.is_none() {
        return Err("`audience` belongs to an `event`".into());
    }
    if let Some(asked) = case.request {
        return Ok(Asked::Request(request(asked)?, expect.verdict()?));
    }
    if let Some(asked) = case.channel {
        let subjects = subjects(case.subjects)?;
        let expect = expect.audience(&subjects)?;
        return Ok(Asked::Channel(channel(asked), subjects, expect));
    }
    if let Some(asked) = case.command {
        return Ok(Asked::Command(command(asked)?, expect.allowed()?));
    }
    if let Some(asked) = case.event {
        let audience = subjects(case.audience)?;
        let expect = expect.rendered(&audience)?;
        return Ok(Asked::Event(event(asked)?, audience, expect));
    }
    Ok(Asked::Configure(expect.configured()?))
}

fn subjects(list: Option<Vec<raw::Subject>>) -> Result<Vec<SubjectFacts>, String> {
    let subjects: Vec<_> = list.unwrap_or_default().into_iter().map(subject).collect();
    let mut seen = BTreeSet::new();
    match subjects.iter().find(|subject| !seen.insert(&subject.user)) {
        Some(twice) => Err(format!("`{}` is listed twice", twice.user)),
        None => Ok(subjects),
    }
}

fn subject(raw: raw::Subject) -> SubjectFacts {
    SubjectFacts {
        user: raw.id.0,
        role: raw.role.map(|raw::Id(role)| role),
        attributes: attributes(raw.attributes),
    }
}

fn attributes(object: Object) -> Attributes {
    json::attributes(object.json().as_str()).expect("an object of a case is a JSON object")
}

fn channel(raw: raw::Channel) -> ChannelFacts {
    ChannelFacts {
        id: raw.id.0,
        private: raw.private,
        members: raw.members.into_iter().map(|raw::Id(id)| id).collect(),
        attributes: attributes(raw.attributes),
    }
}

fn request(raw: raw::Request) -> Result<RequestFacts, String> {
    let claims = object("claims", raw.claims, raw.claims_json)?.unwrap_or_default();
    Ok(RequestFacts {
        subject: subject(raw.subject),
        claims: of_value(&Value::Object(claims)),
        remote_address: raw.remote_address.map(Arc::from),
        reevaluation: raw.reevaluation,
    })
}

fn command(raw: raw::Command) -> Result<CommandQuestion, String> {
    let arguments = object("arguments", raw.arguments, raw.arguments_json)?.unwrap_or_default();
    Ok(CommandQuestion {
        name: Arc::from(raw.name),
        arguments: of_value(&Value::Object(arguments)),
        subject: subject(raw.subject),
        channel: raw.channel.map(channel),
    })
}

fn event(raw: raw::Event) -> Result<EventQuestion, String> {
    let payload = either("payload", raw.payload, raw.payload_json)?;
    let payload = payload.ok_or("the event needs a `payload`, or `payload_json`")?;
    Ok(EventQuestion {
        name: Arc::from(raw.name),
        payload: of_value(&payload),
        subject: raw.subject.map(subject),
        channel: raw.channel.map(channel),
    })
}

impl raw::Expect {
    /// What is expected, by name; for each kind of case only some of it fits.
    fn fits(&self, kind: &str, words: &[&str], form: &str) -> Result<(), String> {
        let given = [
            ("accepted", self.accepted.is_some()),
            ("refused", self.refused.is_some()),
            ("admitted", self.admitted.is_some()),
            ("denied", self.denied.is_some()),
            ("sees", self.sees.is_some()),
            ("rule", self.rule.is_some()),
            ("allowed", self.allowed.is_some()),
            ("grant", self.grant.is_some()),
            ("grant_json", self.grant_json.is_some()),
            ("unchanged", self.unchanged.is_some()),
            ("suppressed", self.suppressed.is_some()),
            ("gets", self.gets.is_some()),
            ("gets_json", self.gets_json.is_some()),
        ];
        for (word, _) in given.iter().filter(|(_, given)| *given) {
            if !words.contains(word) {
                return Err(format!("`{kind}` is expected to be {form}, not `{word}`"));
            }
        }
        Ok(())
    }

    fn configured(self) -> Result<ExpectConfigured, String> {
        let form = "`accepted = true` or `refused = \"…\"`";
        self.fits("configure", &["accepted", "refused"], form)?;
        match (self.accepted, self.refused) {
            (Some(_), None) => Ok(ExpectConfigured::Accepted),
            (None, Some(text)) => Ok(ExpectConfigured::Refused(text)),
            _ => Err(format!("expect either {form}")),
        }
    }

    fn verdict(self) -> Result<ExpectVerdict, String> {
        let form = "`admitted = true` or `denied = { … }`";
        self.fits("request", &["admitted", "denied"], form)?;
        match (self.admitted, self.denied) {
            (Some(_), None) => Ok(ExpectVerdict::Admitted),
            (None, Some(denied)) => Ok(ExpectVerdict::Denied(denied.into())),
            _ => Err(format!("expect either {form}")),
        }
    }

    fn audience(self, subjects: &[SubjectFacts]) -> Result<ExpectAudience, String> {
        let form = "`sees = [ … ]` or `rule = \"…\"`";
        self.fits("channel", &["sees", "rule"], form)?;
        if self.sees.is_none() && self.rule.is_none() {
            return Err(format!("expect {form}, or both"));
        }
        let sees: Option<BTreeSet<UserId>> = self
            .sees
            .map(|list| list.into_iter().map(|raw::Id(id)| id).collect());
        let known = |user: &UserId| subjects.iter().any(|s| s.user == *user);
        if let Some(stranger) = sees.iter().flatten().find(|user| !known(user)) {
            return Err(format!(
                "`sees` names `{stranger}`, who is none of `subjects`"
            ));
        }
        Ok(ExpectAudience {
            sees,
            rule: self.rule.map(|rule| rule.name().to_owned()),
        })
    }

    fn allowed(self) -> Result<ExpectAllowed, String> {
        let form = "`allowed = true` or `denied = { … }`";
        let words = ["allowed", "grant", "grant_json", "denied"];
        self.fits("command", &words, form)?;
        let grant = either("grant", self.grant, self.grant_json)?;
        match (self.allowed, self.denied, grant) {
            (Some(_), None, grant) => Ok(ExpectAllowed::Allowed(grant)),
            (None, Some(denied), None) => Ok(ExpectAllowed::Denied(denied.into())),
            _ => Err(format!("expect either {form}; `grant` goes with `allowed`")),
        }
    }

    fn rendered(self, audience: &[SubjectFacts]) -> Result<ExpectRendered, String> {
        let form = "`unchanged = true`, `suppressed = true` or `gets = { … }`";
        let words = ["unchanged", "suppressed", "gets", "gets_json"];
        self.fits("event", &words, form)?;
        let gets = gets(self.gets, self.gets_json)?;
        match (self.unchanged, self.suppressed, gets) {
            (Some(_), None, None) => Ok(ExpectRendered::Unchanged),
            (None, Some(_), None) => Ok(ExpectRendered::Suppressed),
            (None, None, Some(gets)) => {
                let users: BTreeSet<&UserId> = audience.iter().map(|s| &s.user).collect();
                if let Some(stranger) = gets.keys().find(|user| !users.contains(user)) {
                    return Err(format!(
                        "`gets` names `{stranger}`, who is not in `audience`"
                    ));
                }
                if let Some(forgotten) = users.iter().find(|user| !gets.contains_key(**user)) {
                    return Err(format!(
                        "`gets` says nothing of `{forgotten}`, who is in `audience`; who is to \
                         get nothing is written `{forgotten} = \"{NOTHING}\"`"
                    ));
                }
                Ok(ExpectRendered::Gets(gets))
            }
            _ => Err(format!("expect one of {form}")),
        }
    }
}

type Gets = BTreeMap<UserId, Option<Value>>;

fn gets(
    values: Option<BTreeMap<raw::Id<UserId>, Any>>,
    texts: Option<BTreeMap<raw::Id<UserId>, Text>>,
) -> Result<Option<Gets>, String> {
    if values.is_none() && texts.is_none() {
        return Ok(None);
    }
    let values = values.unwrap_or_default().into_iter();
    let mut gets: Gets = values
        .map(|(raw::Id(user), Any(value))| (user, (value != NOTHING).then_some(value)))
        .collect();
    for (raw::Id(user), Text(value)) in texts.unwrap_or_default() {
        if gets.insert(user.clone(), Some(value)).is_some() {
            return Err(format!(
                "give `{user}` in `gets` or in `gets_json`, not in both"
            ));
        }
    }
    Ok(Some(gets))
}

impl From<raw::Denied> for ExpectDenied {
    fn from(denied: raw::Denied) -> Self {
        Self {
            code: denied.code,
            message: denied.message,
        }
    }
}
