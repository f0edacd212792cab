//! What policies are told of a user who would enter, of a command and of an event, from what a call says
//! and what the workspace has. It must not know what policies answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use wardroom_domain::{
    ChannelFacts, ChannelId, Command, Event, EventFacts, Json as Text, Rejection, RequestFacts,
    Role, SocketId, SubjectFacts, UserId, Workspace, WorkspaceId,
};

use super::super::Api;
use super::super::auth::Reach;
use super::super::event_form::named_well;
use super::super::problem::{Problem, no_such_user};
use super::super::wire::invalid_id;
use super::judged::{AdmissionBody, CommandBody, EventBody};
use crate::commit::Failure;
use crate::json::{self, JsonText};
use crate::limits::MAX_EVENT_DATA_BYTES;
use crate::wire::{Malformed, media_patch, status};

/// A user in a workspace, at one moment.
pub(super) struct Place {
    pub(super) workspace: WorkspaceId,
    pub(super) state: Workspace,
    pub(super) user: UserId,
}

impl Place {
    pub(super) fn of(
        api: &Api,
        reach: &Reach,
        workspace: &str,
        user: &str,
    ) -> Result<Self, Problem> {
        let id = |name| move |error| Problem::from(invalid_id(error, name));
        let workspace = WorkspaceId::new(workspace).map_err(id("workspaceId"))?;
        let user = UserId::new(user).map_err(id("userId"))?;
        reach.must_cover(&workspace)?;
        reach.touched(&workspace);
        let state = api.committer.store().snapshot(&workspace);
        let state = state.ok_or(Failure::Rejected(Rejection::WorkspaceNotFound))?;
        Ok(Self {
            workspace,
            state,
            user,
        })
    }

    pub(super) fn subject(&self) -> Result<SubjectFacts, Problem> {
        let subject = self.state.subject(&self.user);
        subject.ok_or_else(|| no_such_user(&self.workspace, &self.user))
    }

    /// Whether the user is known not to see a channel. What somebody sees is decided when they come; until
    /// then it is what the rules say now, but for policies that are asked about each person.
    pub(super) fn hides(&self, channel: &ChannelId, subject: &SubjectFacts) -> bool {
        if !self.state.sockets_of(&self.user).is_empty() {
            return !self.state.may_see(&self.user, channel);
        }
        let channel = self.state.channels().get(channel);
        channel.is_some_and(|channel| channel.allows(subject) == Some(false))
    }

    /// What policies are told of somebody who wants in, and where the claims come from.
    pub(super) fn request(
        &self,
        body: &AdmissionBody,
    ) -> Result<(RequestFacts, &'static str), Problem> {
        let sockets = self.state.sockets_of(&self.user);
        let latest = sockets
            .last()
            .and_then(|socket| self.state.connections().get(socket));
        let role = body.role.as_deref().map(Role::new).transpose();
        let role = role.map_err(|error| invalid_id(error, "role"))?;
        let (claims, remote_address, role, from) = match (&body.claims, latest) {
            (Some(claims), _) => {
                let claims = object(claims).map_err(|malformed| malformed.under("claims"))?;
                let address = body.remote_address.as_deref().map(Arc::from);
                (claims, address, role, "call")
            }
            (None, Some(connection)) => {
                let address = connection.remote_address.clone();
                let claims = connection.claims.clone();
                (claims, address, connection.role.clone(), "connection")
            }
            (None, None) => (Text::from_canonical("{}"), None, role, "nothing"),
        };
        let member = self.state.members().get(&self.user);
        let request = RequestFacts {
            subject: SubjectFacts {
                user: self.user.clone(),
                role: member.and_then(|member| member.role.clone()).or(role),
                attributes: member
                    .map(|member| member.attributes.clone())
                    .unwrap_or_default(),
            },
            claims,
            remote_address,
            reevaluation: from == "connection",
        };
        Ok((request, from))
    }

    /// A command as policies are told of it, and the channel it is about.
    pub(super) fn command(
        &self,
        body: &CommandBody,
    ) -> Result<(Command, Option<ChannelFacts>), Problem> {
        let arguments = body.arguments.as_deref();
        let malformed = |malformed: Malformed| malformed.under("arguments");
        let mut members = match arguments {
            Some(arguments) => JsonText::from(arguments)
                .members()
                .map_err(|unfit| malformed(unfit.into()))?,
            None => BTreeMap::new(),
        };
        let socket = SocketId::new("explained").map_err(|_| Failure::Internal)?;
        let mut take = |name: &str| members.remove(name);
        let missing = |name| malformed(Malformed::here("is missing").under(name));
        let of = |name| move |wrong: Malformed| malformed(wrong.under(name));
        let media = |text: Option<Text>| text.as_ref().map(|it| media_patch(it.into())).transpose();
        let selected = self.state.selections().get(&self.user);
        let selected = selected.map(|selection| selection.channel.clone());
        let (command, channel) = match &*body.command {
            "select-channel" => {
                let id = take("channelId").ok_or_else(|| missing("channelId"))?;
                let wrong = |detail: String| malformed(Malformed::here(detail).under("channelId"));
                let id = JsonText::from(&id).string();
                let id = id.map_err(|unfit| wrong(unfit.to_string()))?;
                let channel = ChannelId::new(&id).map_err(|error| wrong(error.to_string()))?;
                let media = media(take("userMediaState")).map_err(of("userMediaState"))?;
                let about = Some(channel.clone());
                let command = Command::Select {
                    socket,
                    channel,
                    media,
                };
                (command, about)
            }
            "unselect-channel" => (Command::Unselect { socket }, selected),
            "update-media-state" => {
                let patch = media(take("userMediaState")).map_err(of("userMediaState"))?;
                let patch = patch.ok_or_else(|| missing("userMediaState"))?;
                (Command::UpdateMedia { socket, patch }, selected)
            }
            "update-online-status" => {
                let text = take("onlineStatus").ok_or_else(|| missing("onlineStatus"))?;
                let status = status((&text).into()).map_err(of("onlineStatus"))?;
                (Command::UpdateStatus { socket, status }, None)
            }
            "get-state" => (Command::GetState { socket }, None),
            _ => {
                let detail = "must be select-channel, unselect-channel, update-media-state, \
                              update-online-status or get-state";
                return Err(Malformed::here(detail).under("command").into());
            }
        };
        if let Some(name) = members.keys().next() {
            return Err(
                malformed(Malformed::here("does not belong to the command").under(name)).into(),
            );
        }
        let channel = channel.map(|channel| self.channel(&channel)).transpose()?;
        Ok((command, channel))
    }

    pub(super) fn event(&self, body: &EventBody) -> Result<EventFacts, Problem> {
        named_well(&body.event).map_err(|malformed| malformed.under("event"))?;
        let data = match body.data.as_deref() {
            Some(data) => JsonText::from(data).keep(),
            None => Ok(Text::from_canonical("null")),
        };
        let data = data.map_err(|unfit| Malformed::from(unfit).under("data"))?;
        if data.as_str().len() > MAX_EVENT_DATA_BYTES {
            let detail = format!("must not be larger than {MAX_EVENT_DATA_BYTES} bytes");
            return Err(Malformed::here(detail).under("data").into());
        }
        let subject = match &body.about_user_id {
            None => None,
            Some(id) => {
                let user = UserId::new(id).map_err(|error| invalid_id(error, "aboutUserId"))?;
                let subject = self.state.subject(&user);
                Some(subject.ok_or_else(|| no_such_user(&self.workspace, &user))?)
            }
        };
        let channel = match &body.channel_id {
            None => None,
            Some(id) => {
                let id = ChannelId::new(id).map_err(|error| invalid_id(error, "channelId"))?;
                Some(self.channel(&id)?)
            }
        };
        Ok(EventFacts {
            event: Event::Application {
                name: Arc::from(&*body.event),
                data,
            },
            subject,
            channel,
        })
    }

    fn channel(&self, id: &ChannelId) -> Result<ChannelFacts, Problem> {
        let channel = self.state.channels().get(id);
        let channel = channel.ok_or(Failure::Rejected(Rejection::ChannelNotFound))?;
        Ok(channel.facts.clone())
    }
}

/// A JSON object, as it was sent.
fn object(text: &RawValue) -> Result<Text, Malformed> {
    let members = JsonText::from(text).members()?;
    Ok(json::of_members(&members))
}
