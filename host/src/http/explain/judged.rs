//! Why a user may enter, why a command is carried out, how an event looks to somebody: asked of the
//! policies in force, which decide nothing by it. It must not know what a policy is made of.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{
    CommandFacts, Event, EventFacts, Generation, Rendered, Rendition, RequestFacts, StandIn,
    SubjectFacts, Workspace, WorkspaceId,
};

use super::super::Api;
use super::super::auth::{AllowedWithin, OpsRead};
use super::super::input::{Accepted, Body};
use super::super::problem::{Document as ProblemDocument, Problem};
use super::place::Place;
use super::stand_in::ExplainedStandIn;
use super::{ExplainedUser, words};
use crate::commit::Failure;
use crate::wire::raw;

/// What a policy says of a person who enters, of a command or of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The digest of the version in force.
    pub digest: String,
    /// `allowed` or `denied`, of an event `unchanged`, `replaced`, `suppressed` or `split`.
    pub verdict: &'static str,
    /// The code and the message of the denial.
    pub refused: Option<(Arc<str>, Arc<str>)>,
    /// The keys of what goes along with an allowance.
    pub grants: Vec<Arc<str>>,
    /// What answered in its stead, if it failed.
    pub stand_in: Option<StandIn>,
}

/// The policies in force, all of one generation, asked for the sake of an explanation alone: nothing is
/// counted or logged.
pub trait Judges: Send + Sync {
    /// The generation; nothing if no policy decides anything.
    fn generation(&self) -> Option<Generation>;
    /// What each policy that decides who enters says of somebody, in order.
    fn admit(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        request: &RequestFacts,
    ) -> Vec<Judged>;
    /// What each policy that decides about commands says of one, in order.
    fn authorize(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        command: &CommandFacts,
    ) -> Vec<Judged>;
    /// What each policy that decides how events look makes of one, in order, and what becomes of it; it
    /// goes on as it is without renditions.
    fn render(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        event: &EventFacts,
    ) -> (Vec<Judged>, Option<Vec<Rendition>>);
}

/// Who would enter?
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AdmissionBody {
    /// The workspace.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) workspace_id: String,
    /// The user.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) user_id: String,
    /// The claims of the token. Without them, those of the user's latest connection, with its address
    /// and the role that its token gave; where there is no connection either, none.
    #[serde(default)]
    #[schema(value_type = Object, required = false, example = json!({"email_verified": true}))]
    pub(super) claims: Option<Box<RawValue>>,
    /// The address that the connection comes from, where `claims` are given.
    #[schema(required = false)]
    pub(super) remote_address: Option<String>,
    /// The role that the token gives, where `claims` are given. The directory's goes before it.
    #[schema(required = false)]
    pub(super) role: Option<String>,
}

impl Accepted for AdmissionBody {}

/// What may be sent?
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CommandBody {
    /// The workspace.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) workspace_id: String,
    /// The user, a member or connected.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) user_id: String,
    /// The name of the command.
    #[schema(example = "select-channel")]
    pub(super) command: String,
    /// What the client sends with it.
    #[serde(default)]
    #[schema(value_type = Object, required = false, example = json!({"channelId": "board"}))]
    pub(super) arguments: Option<Box<RawValue>>,
}

impl Accepted for CommandBody {}

/// How does an event look?
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventBody {
    /// The workspace.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) workspace_id: String,
    /// The user who is to get it, a member or connected.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) user_id: String,
    /// The name of the event, a documented one or the application's own.
    #[schema(min_length = 1, max_length = 128, example = "user-updated")]
    pub(super) event: String,
    /// What it carries. At most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object, required = false, example = json!({"user": {"id": "u1"}}))]
    pub(super) data: Option<Box<RawValue>>,
    /// The person it is about, if it is about one.
    #[schema(required = false)]
    pub(super) about_user_id: Option<String>,
    /// The channel it is about, if it is about one.
    #[schema(required = false)]
    pub(super) channel_id: Option<String>,
}

impl Accepted for EventBody {}

/// What the policies say of one question.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judgement {
    /// Whether the user would enter, or the command be carried out; of an event, whether the user would
    /// get it.
    allowed: bool,
    /// The whole reason in a sentence or two.
    because: String,
    /// The generation of policies that was asked; nothing where no policy is.
    generation: Option<u64>,
    /// The user, as far as policies were told.
    user: ExplainedUser,
    /// Where what policies were told of the token comes from: `connection`, `call` or `nothing`. Only of
    /// admission.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    claims_from: Option<&'static str>,
    /// What the user would get. Only of events, and only where something is got.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    data: Option<Box<RawValue>>,
    /// What each policy that decides this says, in order.
    policies: Vec<Opinion>,
}

/// What one policy says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Opinion {
    /// The policy.
    name: String,
    /// Its version.
    digest: String,
    /// `allowed` or `denied`, of an event `unchanged`, `replaced`, `suppressed` or `split`.
    #[schema(example = "denied")]
    verdict: &'static str,
    /// The code of the denial.
    #[schema(value_type = Option<String>)]
    code: Option<Arc<str>>,
    /// The message of the denial.
    #[schema(value_type = Option<String>)]
    message: Option<Arc<str>>,
    /// The keys of the object that goes along with an allowance; the values, which may be secrets, are
    /// not shown.
    #[schema(value_type = Vec<String>)]
    grants: Vec<Arc<str>>,
    /// What stands in for the version in force, if that failed to answer.
    stand_in: Option<ExplainedStandIn>,
    /// The reason in a sentence.
    because: String,
}

/// The calls.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(admission))
        .routes(routes!(command))
        .routes(routes!(event))
}

/// Explain who enters
///
/// Asks each policy that decides who enters about a user, then and there. Nobody is let in or put out
/// by it, and it is held against no policy.
#[utoipa::path(
    post,
    path = "/v1/explain/admission",
    tag = "operations",
    operation_id = "explainAdmission",
    security(("apiKey" = ["ops:read"])),
    request_body = AdmissionBody,
    responses(
        (status = 200, description = "Whether, and why", body = Judgement),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn admission(
    AllowedWithin { reach, .. }: AllowedWithin<OpsRead>,
    State(api): State<Arc<Api>>,
    Body(body): Body<AdmissionBody>,
) -> Result<Json<Judgement>, Problem> {
    let place = Place::of(&api, &reach, &body.workspace_id, &body.user_id)?;
    let (request, claims_from) = place.request(&body)?;
    let judges = api.ops.judges();
    let ask = || judges.admit(&place.workspace, &place.state, &request);
    let said = api.explaining(ask).await?;
    let user = &place.user;
    let allowed = said.iter().all(|it| it.verdict == "allowed");
    let verdict = format!("{user} {} {}", would(allowed, "enter"), place.workspace);
    let because = words::judged(&verdict, "who enters", "nobody enters", &said);
    Ok(Json(Judgement {
        claims_from: Some(claims_from),
        ..place.judgement(
            &*judges,
            &request.subject,
            (allowed, because),
            said,
            "nobody enters",
        )
    }))
}

/// Explain what a command may do
///
/// Asks each policy that decides about commands about one of a user, then and there. Nothing is carried
/// out. Of the server's own checks, it is said whether the user sees the channel; `allowed` is what the
/// policies say.
#[utoipa::path(
    post,
    path = "/v1/explain/command",
    tag = "operations",
    operation_id = "explainCommand",
    security(("apiKey" = ["ops:read"])),
    request_body = CommandBody,
    responses(
        (status = 200, description = "Whether, and why", body = Judgement),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn command(
    AllowedWithin { reach, .. }: AllowedWithin<OpsRead>,
    State(api): State<Arc<Api>>,
    Body(body): Body<CommandBody>,
) -> Result<Json<Judgement>, Problem> {
    let place = Place::of(&api, &reach, &body.workspace_id, &body.user_id)?;
    let (command, channel) = place.command(&body)?;
    let facts = CommandFacts {
        command,
        subject: place.subject()?,
        channel,
    };
    let judges = api.ops.judges();
    let ask = || judges.authorize(&place.workspace, &place.state, &facts);
    let said = api.explaining(ask).await?;
    let allowed = said.iter().all(|it| it.verdict == "allowed");
    let (user, command) = (&place.user, &body.command);
    let hidden = facts.channel.as_ref();
    let hidden = hidden.filter(|channel| place.hides(&channel.id, &facts.subject));
    let verdict = match (allowed, hidden) {
        (false, _) => format!("{user} may not {command}"),
        (true, None) => format!("{user} may {command}"),
        (true, Some(channel)) => format!(
            "no policy forbids {user} to {command}, but {user} does not see {}, so that the server \
             refuses it as if there were no such channel",
            channel.id
        ),
    };
    let end = "nothing is carried out";
    let because = words::judged(&verdict, "about commands", end, &said);
    Ok(Json(place.judgement(
        &*judges,
        &facts.subject,
        (allowed, because),
        said,
        end,
    )))
}

/// Explain how an event looks
///
/// Asks each policy that decides how events look about one, then and there, and says what a user would
/// get of it. Nothing is sent. Whether the user is among those whom the event is for is not asked.
#[utoipa::path(
    post,
    path = "/v1/explain/event",
    tag = "operations",
    operation_id = "explainEvent",
    security(("apiKey" = ["ops:read"])),
    request_body = EventBody,
    responses(
        (status = 200, description = "What is got, and why", body = Judgement),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn event(
    AllowedWithin { reach, .. }: AllowedWithin<OpsRead>,
    State(api): State<Arc<Api>>,
    Body(body): Body<EventBody>,
) -> Result<Json<Judgement>, Problem> {
    let place = Place::of(&api, &reach, &body.workspace_id, &body.user_id)?;
    let receiver = place.subject()?;
    let facts = place.event(&body)?;
    let judges = api.ops.judges();
    let ask = || judges.render(&place.workspace, &place.state, &facts);
    let (said, renditions) = api.explaining(ask).await?;
    let Event::Application { data, .. } = &facts.event else {
        return Err(Failure::Internal.into());
    };
    let got = match renditions {
        None => Some(data.clone()),
        Some(renditions) => {
            let rendered = Rendered {
                renditions,
                channel: facts.channel.clone(),
                departed: Vec::new(),
            };
            let own = rendered.place_for(&receiver);
            own.and_then(|own| rendered.renditions[own].payload.clone())
        }
    };
    let gets = match &got {
        None => "does not get",
        Some(got) if got == data => "gets",
        Some(_) => "gets a changed",
    };
    let verdict = format!("{} {gets} {}", place.user, body.event);
    let end = "nobody gets it";
    let because = words::judged(&verdict, "how events look", end, &said);
    let data = got.as_ref().map(raw).transpose();
    Ok(Json(Judgement {
        data: data.map_err(|_| Failure::Internal)?,
        ..place.judgement(&*judges, &receiver, (got.is_some(), because), said, end)
    }))
}

fn would(so: bool, what: &str) -> String {
    if so {
        format!("would {what}")
    } else {
        format!("would not {what}")
    }
}

impl Place {
    fn judgement(
        &self,
        judges: &dyn Judges,
        subject: &SubjectFacts,
        (allowed, because): (bool, String),
        said: Vec<Judged>,
        end: &str,
    ) -> Judgement {
        Judgement {
            allowed,
            because,
            generation: judges.generation().map(|generation| generation.0),
            user: ExplainedUser {
                id: subject.user.to_string(),
                role: subject.role.as_ref().map(ToString::to_string),
                member: self.state.members().contains_key(&subject.user),
            },
            claims_from: None,
            data: None,
            policies: said.into_iter().map(|it| Opinion::of(it, end)).collect(),
        }
    }
}

impl Opinion {
    fn of(judged: Judged, end: &str) -> Self {
        let because = words::judgement(&judged, end);
        let (code, message) = judged.refused.unzip();
        Self {
            name: judged.name,
            digest: judged.digest,
            verdict: judged.verdict,
            code,
            message,
            grants: judged.grants,
            stand_in: judged.stand_in.as_ref().map(ExplainedStandIn::of),
            because,
        }
    }
}
