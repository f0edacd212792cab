//! What policies are asked here, and the people and channels it is about. Knows nothing of how the
//! questions are put.

use std::sync::Arc;

use anyhow::ensure;
use wardroom::policy::{Asking, CommandQuestion, EventQuestion};
use wardroom_domain::{
    Attributes, ChannelFacts, ChannelId, Json, RequestFacts, Role, SubjectFacts, UserId, Workspace,
    WorkspaceId,
};

use super::webhook;

/// Settings of `workspace-guard` under which members are admitted.
pub(super) const BY_ROLE: &str = r#"{"rules":[{"roles":["admin","member"]}]}"#;
/// The same, and more is looked at than a webhook could be told for free.
pub(super) const BY_EVERYTHING: &str = r#"{"rules":[{"roles":["admin","member"],
    "claims":{"email_verified":[true],"/org/id":["o1","o2"]},"addresses":["192.0.2.0/24"]}]}"#;
/// Settings of `private-channels` as it comes: members alone see a private channel.
pub(super) const MEMBERS: &str = "{}";
/// The same with roles that see all, which makes the rule one about everybody.
pub(super) const MEMBERS_AND_ROLES: &str = r#"{"see_all_roles":["admin"]}"#;
/// Settings of `media-credentials` for both media servers.
pub(super) const CREDENTIALS: &str = r#"{
    "janus":{"url":"wss://janus.example.com","secret":"not a secret"},
    "livekit":{"url":"wss://livekit.example.com","api_key":"key",
        "api_secret":"a text of more than 32 characters"}}"#;
/// Settings of `profile-privacy` under which there are three forms of a profile.
pub(super) const THREE_FORMS: &str =
    r#"{"fields":{"email":["admin","support"],"phone":["admin"]}}"#;

/// The data of the event that is rendered, in bytes.
const EVENT_BYTES: usize = 300;
/// Members of the private channel.
const CHANNEL_MEMBERS: usize = 100;

/// A workspace in which questions arise.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) workspace: WorkspaceId,
    pub(super) state: Workspace,
}

impl Place {
    /// One without members and channels.
    pub(super) fn empty() -> anyhow::Result<Self> {
        Ok(Self {
            workspace: WorkspaceId::new("w1")?,
            state: Workspace::default(),
        })
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            workspace: &self.workspace,
            state: &self.state,
            now: None,
        }
    }
}

/// The settings of a policy.
pub(super) fn settings(text: &str) -> anyhow::Result<Json> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    Ok(Json::from_canonical(&value.to_string()))
}

/// A person of a workspace; one of ten is of the team `red`.
pub(super) fn subject(number: usize) -> anyhow::Result<SubjectFacts> {
    let team = if number.is_multiple_of(10) {
        "red"
    } else {
        "blue"
    };
    Ok(SubjectFacts {
        user: UserId::new(&format!("user-{number}"))?,
        role: Some(Role::new("member")?),
        attributes: team_of(team),
    })
}

pub(super) fn team_of(team: &str) -> Attributes {
    Attributes {
        text: Json::from_canonical(&format!(r#"{{"team":"{team}"}}"#)),
        scalars: Arc::new([(Arc::from("team"), Arc::from(team))].into()),
    }
}

/// Somebody who wants to enter, with the claims of an ordinary token.
pub(super) fn request() -> anyhow::Result<RequestFacts> {
    let claims = r#"{"email":"ann@example.com","email_verified":true,"exp":1793617200,"iat":1793613600,"org":{"id":"o1"},"role":"member","sub":"user-1"}"#;
    Ok(RequestFacts {
        subject: subject(1)?,
        claims: Json::from_canonical(claims),
        remote_address: Some(Arc::from("192.0.2.7")),
        reevaluation: false,
    })
}

/// The same as a webhook is asked it.
pub(super) fn for_webhook(request: &RequestFacts) -> anyhow::Result<webhook::Question> {
    Ok(webhook::Question {
        user: request.subject.user.as_str().to_owned(),
        role: request
            .subject
            .role
            .as_ref()
            .map(|role| role.as_str().to_owned()),
        claims: serde_json::from_str(request.claims.as_str())?,
        remote_address: request
            .remote_address
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// A private channel with members.
pub(super) fn channel() -> anyhow::Result<ChannelFacts> {
    let members = (0..CHANNEL_MEMBERS).map(|number| Ok(subject(number)?.user));
    Ok(ChannelFacts {
        id: ChannelId::new("c1")?,
        private: true,
        members: members.collect::<anyhow::Result<_>>()?,
        attributes: team_of("red"),
    })
}

/// A member selects the channel.
pub(super) fn command() -> anyhow::Result<CommandQuestion> {
    Ok(CommandQuestion {
        name: Arc::from("select-channel"),
        arguments: Json::from_canonical(r#"{"channelId":"c1"}"#),
        subject: subject(1)?,
        channel: Some(channel()?),
    })
}

/// A profile changed.
pub(super) fn event() -> anyhow::Result<EventQuestion> {
    let profile = |about: &str| {
        format!(
            r#"{{"user":{{"about":"{about}","avatar":"https://example.com/avatars/user-1.png","email":"ann@example.com","id":"user-1","name":"Ann Example","phone":"+49 30 901820"}}}}"#
        )
    };
    let missing = EVENT_BYTES.checked_sub(profile("").len());
    let payload = profile(&"x".repeat(missing.unwrap_or_default()));
    ensure!(
        payload.len() == EVENT_BYTES,
        "the event has {} bytes",
        payload.len()
    );
    Ok(EventQuestion {
        name: Arc::from("user-updated"),
        payload: Json::from_canonical(&payload),
        subject: Some(subject(1)?),
        channel: None,
    })
}

/// The same data in an event that has no profile, so that it is left alone.
pub(super) fn other_event() -> anyhow::Result<EventQuestion> {
    Ok(EventQuestion {
        name: Arc::from("board-moved"),
        ..event()?
    })
}
