//! The JSON of the directory and of answers, and its conversion to the domain. It must not know
//! how requests arrive.

use std::collections::BTreeMap;

use imbl::OrdSet;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wardroom_domain::{
    Attributes, ChannelSpec, InvalidId, Json, MemberSpec, Reply, Role, UserId, WorkspaceId,
};

use super::input::Object;
use super::openapi::{OnlineStatusSchema, UserMediaStateSchema};
use super::problem::Problem;
use crate::json::{JsonText, attributes_of};
use crate::limits::MAX_ATTRIBUTES_BYTES;
use crate::wire::{Malformed, profile, raw};

/// What a call came to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Something new exists.
    Created,
    /// Something changed, or was told.
    Changed,
    /// Everything was so already; nobody was told anything.
    Unchanged,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Created => Self::Created,
            Reply::Changed => Self::Changed,
            Reply::Unchanged => Self::Unchanged,
        }
    }
}

/// The answer to a call about one workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// What it came to.
    pub(super) outcome: Outcome,
}

/// The answer to a call that published an event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Published {
    /// What it came to.
    pub(super) outcome: Outcome,
    /// The place of the event in the order of the workspace, counted while the process runs.
    pub(super) offset: u64,
    /// How many connections of this server it goes to, as policies have it.
    pub(super) connections: usize,
}

/// What publishing came to in one workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedThere {
    /// The workspace.
    pub(super) workspace_id: String,
    /// What it came to there.
    #[serde(flatten)]
    pub(super) published: Published,
}

/// What an attempt to publish came to in one workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PublishedOrFailed {
    /// The event is on its way there.
    Published(PublishedThere),
    /// Nobody there gets it.
    Failed(FailedThere),
}

/// The answer to a call that published an event to a user, wherever they are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublishedEverywhere {
    /// The workspaces to which the user is connected, ordered by id.
    pub(super) workspaces: Vec<PublishedOrFailed>,
}

/// The answer to a command that a backend relayed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Relayed {
    /// What it came to.
    outcome: Outcome,
    /// What policies attach to the answer, such as credentials for a media server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, required = false, nullable = false)]
    grant: Option<Box<RawValue>>,
}

impl Relayed {
    pub(super) fn new(reply: Reply, grant: Option<&Json>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            outcome: reply.into(),
            grant: grant.map(raw).transpose()?,
        })
    }
}

/// What a call came to in one workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DoneThere {
    /// The workspace.
    pub(super) workspace_id: String,
    /// What it came to there.
    pub(super) outcome: Outcome,
}

impl DoneThere {
    pub(super) fn new(workspace: &WorkspaceId, reply: Reply) -> Self {
        Self {
            workspace_id: workspace.to_string(),
            outcome: reply.into(),
        }
    }
}

/// What a call about a user came to in one workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum DoneOrFailed {
    /// It was done there.
    Done(DoneThere),
    /// It failed there. Of a call that consists of several steps there, some may have been done.
    Failed(FailedThere),
}

/// The answer to a call about a user in every workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoneEverywhere {
    /// The workspaces that it is about, ordered by id.
    pub(super) workspaces: Vec<DoneOrFailed>,
}

/// The outcome of what failed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FailedOutcome {
    /// It came to nothing.
    Failed,
}

/// That a call failed in one of several workspaces.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedThere {
    /// The workspace.
    workspace_id: String,
    /// `failed`.
    outcome: FailedOutcome,
    /// The code of the problem, as a problem document has it.
    #[schema(example = "overloaded")]
    code: &'static str,
}

/// What a call comes to that goes through several workspaces and stops in none: ordered by their
/// ids, and a problem only if it failed in each of them.
pub(super) struct Gathered<T> {
    there: BTreeMap<WorkspaceId, T>,
    failure: Option<Problem>,
    done: bool,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self {
            there: BTreeMap::new(),
            failure: None,
            done: false,
        }
    }
}

impl Gathered<DoneOrFailed> {
    /// It came to this in this workspace.
    pub(super) fn replied(&mut self, workspace: WorkspaceId, reply: Reply) {
        let there = DoneThere::new(&workspace, reply);
        self.done(workspace, DoneOrFailed::Done(there));
    }
}

impl<T> Gathered<T> {
    /// It was done in this workspace.
    pub(super) fn done(&mut self, workspace: WorkspaceId, there: T) {
        self.done = true;
        self.there.insert(workspace, there);
    }

    /// It failed in this workspace.
    pub(super) fn failed(
        &mut self,
        workspace: WorkspaceId,
        problem: Problem,
        form: impl FnOnce(FailedThere) -> T,
    ) {
        let failed = FailedThere {
            workspace_id: workspace.to_string(),
            outcome: FailedOutcome::Failed,
            code: problem.code().as_str(),
        };
        self.there.insert(workspace, form(failed));
        self.failure.get_or_insert(problem);
    }

    /// What is to be answered.
    ///
    /// # Errors
    /// The first failure, if there is nothing but failures.
    pub(super) fn everywhere(self) -> Result<Vec<T>, Problem> {
        match self.failure {
            Some(problem) if !self.done => Err(problem),
            _ => Ok(self.there.into_values().collect()),
        }
    }
}

/// Reads a field that is there, so that `null` is a value and not an absence.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// What a backend says of a member. What is absent stays as it is; in a whole workspace `role`
/// and `attributes` fall back to none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MemberBody {
    /// `UserSchema`: any object; its `id`, if there is one, is the user's. At most 16 KiB.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false, example = json!({"id": "u1", "name": "Ann"}))]
    pub(super) user: Option<Box<RawValue>>,
    /// The role, a string of 1 to 128 characters; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, required = false, example = "moderator")]
    pub(super) role: Option<Option<String>>,
    /// Facts for policies: any object. At most 16 KiB.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false, example = json!({"region": "eu"}))]
    pub(super) attributes: Option<Box<RawValue>>,
}

impl MemberBody {
    /// In the domain's terms.
    pub(super) fn spec(self, user: &UserId) -> Result<MemberSpec, Malformed> {
        let profile = self.user.map(|text| profile(JsonText::from(&*text), user));
        let profile = profile.transpose();
        let role = self
            .role
            .map(|role| role.map(|r| Role::new(&r)).transpose());
        Ok(MemberSpec {
            profile: profile.map_err(|malformed| malformed.under("user"))?,
            role: role
                .transpose()
                .map_err(|error| invalid_id(error, "role"))?,
            attributes: self.attributes.as_deref().map(attributes).transpose()?,
        })
    }

    /// The same as the whole truth: what is absent is none.
    pub(super) fn whole(self, user: &UserId) -> Result<MemberSpec, Malformed> {
        let spec = self.spec(user)?;
        Ok(MemberSpec {
            role: Some(spec.role.flatten()),
            attributes: Some(spec.attributes.unwrap_or_default()),
            ..spec
        })
    }
}

/// What a backend says of a channel. What is absent stays as it is; in a whole workspace it falls
/// back to a public channel without members and attributes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChannelBody {
    /// Whether only its members see it, as long as no policy says otherwise.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    private: Option<bool>,
    /// The ids of its members.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["u1", "u2"]))]
    members: Option<Vec<String>>,
    /// Facts for policies: any object. At most 16 KiB.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false, example = json!({"topic": "support"}))]
    attributes: Option<Box<RawValue>>,
}

impl ChannelBody {
    /// In the domain's terms.
    pub(super) fn spec(self) -> Result<ChannelSpec, Malformed> {
        Ok(ChannelSpec {
            private: self.private,
            members: self.members.map(members).transpose()?,
            attributes: self.attributes.as_deref().map(attributes).transpose()?,
        })
    }

    /// The same as the whole truth: what is absent is the default.
    pub(super) fn whole(self) -> Result<ChannelSpec, Malformed> {
        let spec = self.spec()?;
        Ok(ChannelSpec {
            private: Some(spec.private.unwrap_or_default()),
            members: Some(spec.members.unwrap_or_default()),
            attributes: Some(spec.attributes.unwrap_or_default()),
        })
    }
}

fn members(ids: Vec<String>) -> Result<OrdSet<UserId>, Malformed> {
    let ids = ids.iter().enumerate().map(|(index, id)| {
        UserId::new(id).map_err(|error| invalid_id(error, &index.to_string()).under("members"))
    });
    ids.collect()
}

fn attributes(text: &RawValue) -> Result<Attributes, Malformed> {
    let members = JsonText::from(text).members();
    let members = members.map_err(|unfit| Malformed::from(unfit).under("attributes"))?;
    let attributes = attributes_of(&members);
    if attributes.text.as_str().len() > MAX_ATTRIBUTES_BYTES {
        let detail = format!("must not be larger than {MAX_ATTRIBUTES_BYTES} bytes");
        return Err(Malformed::here(detail).under("attributes"));
    }
    Ok(attributes)
}

/// A string that is no id, under a key.
pub(super) fn invalid_id(error: InvalidId, key: &str) -> Malformed {
    Malformed::here(error.to_string()).under(key)
}

/// The whole directory of a workspace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WorkspaceBody {
    /// All members, by user id. Who is not listed is removed.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = BTreeMap<String, MemberBody>, required = true)]
    pub(super) members: Option<BTreeMap<String, Object<MemberBody>>>,
    /// All channels, by id. What is not listed is deleted.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = BTreeMap<String, ChannelBody>, required = true)]
    pub(super) channels: Option<BTreeMap<String, Object<ChannelBody>>>,
}

/// A workspace as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkspaceView {
    /// The workspace.
    pub(super) workspace_id: String,
    /// How many sockets are connected to it.
    pub(super) connections: usize,
    /// The members, by user id.
    pub(super) members: BTreeMap<String, MemberView>,
    /// Users who are connected by what their token says and are no members, by user id.
    pub(super) guests: BTreeMap<String, MemberView>,
    /// The channels, by id.
    pub(super) channels: BTreeMap<String, ChannelView>,
}

/// A user of a workspace as they are now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberView {
    /// `UserSchema`.
    #[schema(value_type = Object, example = json!({"id": "u1", "name": "Ann"}))]
    pub(super) user: Box<RawValue>,
    /// The role: the directory's, otherwise the one that the latest token gave.
    pub(super) role: Option<String>,
    /// Facts for policies.
    #[schema(value_type = Object)]
    pub(super) attributes: Box<RawValue>,
    /// The combined status of the user's connections.
    #[schema(value_type = OnlineStatusSchema)]
    pub(super) online_status: &'static str,
    /// The channel that the user is in.
    pub(super) selected_channel_id: Option<String>,
    /// The state of the user's media devices there; the default outside a channel.
    #[schema(value_type = UserMediaStateSchema)]
    pub(super) user_media_state: Box<RawValue>,
}

/// A channel as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelView {
    /// Whether it is private.
    pub(super) private: bool,
    /// The ids of its members.
    pub(super) members: Vec<String>,
    /// Facts for policies.
    #[schema(value_type = Object)]
    pub(super) attributes: Box<RawValue>,
}
