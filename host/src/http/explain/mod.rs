//! Why a user sees a channel, or does not: which rule of which version of which policy decides; and,
//! beside it, why somebody enters, a command is carried out and an event looks as it does. It must not
//! know what a policy is made of.

mod denied;
mod judged;
mod place;
mod stand_in;
mod turn;
mod words;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_domain::{
    Channel, ChannelFacts, ChannelId, Command, Generation, Rejection, Reply, Rule, StandIn,
    SubjectFacts, UserId, Workspace, WorkspaceId,
};

pub use self::denied::Denied;
pub use self::judged::{Judged, Judges};

use self::stand_in::ExplainedStandIn;
use super::Api;
use super::auth::{AllowedWithin, OpsRead};
use super::input::InQuery;
use super::problem::{Document as ProblemDocument, Problem, no_such_user};
use crate::commit::Failure;
use crate::limits::MAX_EXPLAIN_ROUNDS;

/// A policy that answers who sees a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Its name.
    pub name: String,
    /// The digest of the version in force.
    pub digest: String,
    /// How that version last failed to answer who sees a channel, if it ever did.
    pub last_failure: Option<String>,
}

/// What a policy says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whether it lets the person see the channel.
    pub allows: bool,
    /// What answered in its stead, if it failed.
    pub stand_in: Option<StandIn>,
}

/// The policies that decide who sees a channel, all of one generation.
pub trait Visibility: Send + Sync {
    /// The generation; nothing if no policy decides it, so that the built-in rule holds.
    fn generation(&self) -> Option<Generation>;
    /// The policies, in the order of the rules of each channel.
    fn policies(&self) -> Vec<Viewer>;
    /// Whether a subject sees a channel, says the policy at a place that is to be asked about each.
    /// It is asked for the sake of the explanation alone: nothing is counted or logged.
    fn decide(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        place: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> Opinion;
}

/// Who sees which channel?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    workspace: String,
    user: String,
    channel: String,
}

/// Why a user sees a channel, or does not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    /// Whether the user sees the channel.
    visible: bool,
    /// The whole reason in a sentence or two.
    because: String,
    /// The generation of policies that decided; nothing where the built-in rule holds.
    generation: Option<u64>,
    /// The channel, as far as rules look at it.
    channel: ExplainedChannel,
    /// The user, as far as rules look at them.
    user: ExplainedUser,
    /// What the built-in rule says, that a private channel is for its listed members. It comes first,
    /// and must allow as well; nothing where the configuration gives private channels to the policies.
    built_in_rule: Option<BuiltInRule>,
    /// What each policy that decides who sees channels says, in order. All must allow.
    policies: Vec<Ruling>,
}

/// What the built-in rule says.
#[derive(Debug, Serialize, ToSchema)]
struct BuiltInRule {
    /// Whether it lets the user see the channel.
    allows: bool,
    /// The reason in a sentence.
    because: &'static str,
}

/// A channel, as far as rules look at it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExplainedChannel {
    id: String,
    /// Whether it is private.
    private: bool,
    /// Whether it lists the user as a member.
    lists_user: bool,
}

/// A user, as far as rules look at them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExplainedUser {
    id: String,
    /// The role: the directory's, otherwise the one that the latest token gave.
    role: Option<String>,
    /// Whether the user is a member of the workspace, and not only connected by a token.
    member: bool,
}

/// What one policy says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ruling {
    /// The policy.
    #[schema(example = "private-channels")]
    name: String,
    /// Its version.
    digest: String,
    /// The kind of its rule for the channel: `everyone`, `nobody`, `only`, `except` or `each`.
    #[schema(example = "only")]
    rule: &'static str,
    /// Whether it lets the user see the channel.
    allows: bool,
    /// The clause of the rule that matches the user, if one does.
    clause: Option<MatchedClause>,
    /// What stands in for the version in force, if that failed to answer.
    stand_in: Option<ExplainedStandIn>,
    /// The reason in a sentence.
    because: String,
    /// How the version last failed, for what is said of all policies together.
    #[serde(skip)]
    last_failure: Option<String>,
}

/// A clause of a rule.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct MatchedClause {
    /// Its number in the rule, from 1.
    number: usize,
    /// What it asks for, all of which holds.
    conditions: Vec<String>,
}

/// The call.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .merge(judged::routes())
        .merge(denied::routes())
}

/// Explain who sees what
///
/// Says whether a user sees a channel, and which rule of which version of which policy decides. A
/// policy that is to be asked about each person is asked about this one then and there.
#[utoipa::path(
    get,
    path = "/v1/explain",
    tag = "operations",
    operation_id = "explain",
    security(("apiKey" = ["ops:read"])),
    params(
        ("workspace" = String, Query, min_length = 1, max_length = 128),
        ("user" = String, Query, min_length = 1, max_length = 128),
        ("channel" = String, Query, min_length = 1, max_length = 128),
    ),
    responses(
        (status = 200, description = "Whether, and why", body = Explanation),
        (status = "default", description = "A problem", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
async fn explain(
    AllowedWithin { reach, .. }: AllowedWithin<OpsRead>,
    State(api): State<Arc<Api>>,
    InQuery(question): InQuery<Question>,
) -> Result<Json<Explanation>, Problem> {
    let wrong = |name: &str, error: wardroom_domain::InvalidId| {
        Problem::invalid(format!("{name} in the query {error}"))
    };
    let workspace = WorkspaceId::new(&question.workspace).map_err(|e| wrong("workspace", e))?;
    reach.must_cover(&workspace)?;
    let user = UserId::new(&question.user).map_err(|e| wrong("user", e))?;
    let channel = ChannelId::new(&question.channel).map_err(|e| wrong("channel", e))?;
    let mut rounds = 0;
    loop {
        let state = api.committer.store().snapshot(&workspace);
        let state = state.ok_or(Failure::Rejected(Rejection::WorkspaceNotFound))?;
        let visibility = api.ops.visibility();
        let channel = state.channels().get(&channel);
        let channel = channel.ok_or(Failure::Rejected(Rejection::ChannelNotFound))?;
        let subject = state.subject(&user);
        let subject = subject.ok_or_else(|| no_such_user(&workspace, &user))?;
        if channel.generation == visibility.generation() {
            let case = Case {
                workspace: &workspace,
                state: &state,
                channel,
                subject: &subject,
            };
            let explained = api.explaining(|| case.explained(&*visibility)).await?;
            return Ok(Json(explained));
        }
        // The rules of the channel are of other policies than are in force: between a swap and what
        // follows from it. What follows is brought about and looked at.
        if rounds == MAX_EXPLAIN_ROUNDS {
            return Err(Failure::Overloaded.into());
        }
        rounds += 1;
        while api.run(&workspace, Command::Settle).await? != Reply::Unchanged {
            tokio::task::yield_now().await;
        }
    }
}

/// A user and a channel, at one moment.
struct Case<'a> {
    workspace: &'a WorkspaceId,
    state: &'a Workspace,
    channel: &'a Channel,
    subject: &'a SubjectFacts,
}

impl Case<'_> {
    /// Why the user sees the channel or does not. Pure, but for the questions about `each`.
    fn explained(&self, visibility: &dyn Visibility) -> Explanation {
        let Self {
            channel, subject, ..
        } = self;
        let facts = &channel.facts;
        let viewers = visibility.policies();
        let rulings: Vec<Ruling> = if channel.generation.is_none() {
            Vec::new()
        } else {
            let rules = channel.rules.iter().zip(viewers).enumerate();
            rules
                .map(|(place, (rule, viewer))| self.ruling(visibility, place, rule, viewer))
                .collect()
        };
        // What somebody sees is decided when they come; until then it is what the rules say now.
        let visible = if self.state.sockets_of(&subject.user).is_empty() {
            let answered = channel.rules.len() == rulings.len() || channel.generation.is_none();
            let allowed = || rulings.iter().all(|ruling| ruling.allows);
            answered && channel.allows(subject).unwrap_or_else(allowed)
        } else {
            channel.view.includes(&subject.user)
        };
        let built_in_rule = self.built_in();
        Explanation {
            visible,
            because: self.because(visible, built_in_rule.as_ref(), &rulings),
            generation: channel.generation.map(|generation| generation.0),
            channel: ExplainedChannel {
                id: facts.id.to_string(),
                private: facts.private,
                lists_user: facts.members.contains(&subject.user),
            },
            user: ExplainedUser {
                id: subject.user.to_string(),
                role: subject.role.as_ref().map(ToString::to_string),
                member: self.state.members().contains_key(&subject.user),
            },
            built_in_rule,
            policies: rulings,
        }
    }

    fn built_in(&self) -> Option<BuiltInRule> {
        let (facts, rule) = (&self.channel.facts, self.channel.rules.built_in()?);
        let allows = rule.allows(facts, self.subject) == Some(true);
        let because = match (facts.private, allows) {
            (false, _) => "the channel is not private",
            (true, true) => "the channel is private and lists the user",
            (true, false) => "the channel is private and does not list the user",
        };
        Some(BuiltInRule { allows, because })
    }

    fn ruling(
        &self,
        visibility: &dyn Visibility,
        place: usize,
        rule: &Rule,
        viewer: Viewer,
    ) -> Ruling {
        let (facts, subject) = (&self.channel.facts, self.subject);
        let (allows, missed) = match rule.allows(facts, subject) {
            Some(allows) => (allows, None),
            None => {
                let asked = visibility.decide(self.workspace, self.state, place, facts, subject);
                (asked.allows, asked.stand_in)
            }
        };
        let stand_in = missed.as_ref().or(self.channel.rules.stand_in(place));
        let (clause, mut because) = words::rule(rule, facts, subject, allows);
        if let Some(stand_in) = stand_in {
            because = words::stand_in(stand_in, "nobody sees the channel", &because);
        }
        Ruling {
            name: viewer.name,
            digest: viewer.digest,
            rule: words::kind(rule),
            allows,
            clause,
            stand_in: stand_in.map(ExplainedStandIn::of),
            because,
            last_failure: viewer.last_failure,
        }
    }

    fn because(&self, visible: bool, built_in: Option<&BuiltInRule>, rulings: &[Ruling]) -> String {
        let (user, channel) = (&self.subject.user, &self.channel.facts);
        let sees = if visible { "sees" } else { "does not see" };
        let verdict = format!("{user} {sees} {}", channel.id);
        if self.channel.generation.is_none() {
            let (_, rule) = words::rule(&Rule::built_in(channel), channel, self.subject, visible);
            return format!(
                "{verdict}: no policy decides who sees channels, and the built-in rule holds, that \
                 a private channel is for its members; {rule}"
            );
        }
        if self.channel.rules.len() != rulings.len() {
            return format!("{verdict}: the policies have not answered for this channel");
        }
        let against: Vec<&Ruling> = rulings.iter().filter(|ruling| !ruling.allows).collect();
        let hidden = built_in.filter(|rule| !rule.allows);
        if (against.is_empty() && hidden.is_none()) != visible {
            return self.otherwise(&verdict, rulings);
        }
        if let Some(rule) = hidden {
            let others = match against.len() {
                0 => String::new(),
                1 => ", and so does one policy".to_owned(),
                more => format!(", and so do {more} policies"),
            };
            return format!(
                "{verdict}: the built-in rule hides it, which is in force beside all policies \
                 (visibility.private_channels = \"members\"){others}; {}",
                rule.because
            );
        }
        against_or_for(&verdict, &against, rulings)
    }

    /// What is said if the policies now say something else than was decided.
    fn otherwise(&self, verdict: &str, rulings: &[Ruling]) -> String {
        let mut because = format!(
            "{verdict}: so it was decided, though a policy that is asked about each person says \
             something else of this one now"
        );
        let asked = self.channel.rules.iter().zip(rulings);
        for (_, ruling) in asked.filter(|(rule, _)| **rule == Rule::Each) {
            if let Some(failure) = &ruling.last_failure {
                because.push_str(&format!(
                    "; the policy {} failed to answer before (last: {failure}), and what its \
                     configuration says of that (on_failure) holds until it is asked again",
                    ruling.name
                ));
            }
        }
        because
    }
}

/// What is said where the policies decide: those that hide the channel, or that allow it.
fn against_or_for(verdict: &str, against: &[&Ruling], rulings: &[Ruling]) -> String {
    let closed = |ruling: &Ruling| ruling.is_stood_in_for_by("closed");
    let open: Vec<&Ruling> = rulings
        .iter()
        .filter(|ruling| ruling.is_stood_in_for_by("open"))
        .collect();
    match (against, &*open, rulings) {
        ([], [failed, ..], [_]) => format!(
            "{verdict}: the policy {} failed and does not hide it; {}",
            failed.name, failed.because
        ),
        ([], [failed, ..], all) => format!(
            "{verdict}: none of the {} policies hides it, {} of them because it failed; of {}: {}",
            all.len(),
            open.len(),
            failed.name,
            failed.because
        ),
        ([], [], [only]) => format!(
            "{verdict}: the policy {} allows it; {}",
            only.name, only.because
        ),
        ([], [], all) => format!("{verdict}: all {} policies allow it", all.len()),
        ([first, rest @ ..], ..) => {
            let others = match rest.len() {
                0 => String::new(),
                1 => ", and so does one more".to_owned(),
                more => format!(", and so do {more} more"),
            };
            let how = if closed(first) {
                "failed, which hides"
            } else {
                "hides"
            };
            format!(
                "{verdict}: the policy {} {how} it{others}; {}",
                first.name, first.because
            )
        }
    }
}

impl Ruling {
    fn is_stood_in_for_by(&self, what: &str) -> bool {
        self.stand_in.as_ref().is_some_and(|it| it.by == what)
    }
}
