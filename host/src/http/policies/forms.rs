//! What is told of policies, and why a call about one may be refused. It must not know how any of
//! it comes about.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem::Problem;
use crate::codes::Code;

/// All policies as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// Which set of policies is in force. Each change makes a new, higher one.
    pub generation: u64,
    /// Who has the last word on private channels now.
    pub private_channels: PrivateChannels,
    /// In the order of the configuration, which is the order in which they are asked.
    pub policies: Vec<PolicyStatus>,
    /// Components that are being brought to life just now: all of them while the server starts, and
    /// later what is to replace or to join those in force.
    pub loading: Vec<LoadingPolicy>,
    /// The configuration that was read last, if it was refused. What was in force stays in force.
    pub refused_configuration: Option<RefusedConfiguration>,
    /// Paths on which a call to the file system does not return: they are not followed until it does.
    pub stuck_files: Vec<StuckFile>,
}

/// A path on which a call to the file system does not return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StuckFile {
    /// The path.
    #[schema(example = "/mnt/policies/house-rules.wasm")]
    pub path: String,
    /// Since when it is known not to return (RFC 3339).
    pub since: String,
}

/// Who has the last word on private channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrivateChannels {
    /// The built-in rule is in force, beside whatever policies say: a private channel is for its
    /// listed members.
    Members,
    /// The built-in rule is not in force: the policies alone say who sees a private channel.
    Policies,
}

/// A component on its way into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LoadingPolicy {
    /// The policy's name in the configuration.
    #[schema(example = "house-rules")]
    pub name: String,
    /// The file of the policy.
    #[schema(example = "policies/house-rules.wasm")]
    pub file: String,
    /// The digest of the component.
    pub digest: String,
    /// The size of the component, in bytes.
    pub bytes: usize,
    /// How far it has come.
    pub state: LoadingState,
    /// Since when it has been on its way (RFC 3339).
    pub since: String,
}

/// How far a component has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoadingState {
    /// It waits for its turn.
    Waiting,
    /// It is turned into native code. One that was compiled before skips this.
    Compiling,
    /// It is linked, started with its settings, and asked something harmless.
    Loading,
    /// It can be asked, and waits for the others that come into force with it.
    Loaded,
}

/// A configuration that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedConfiguration {
    /// Since when (RFC 3339).
    pub at: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// A policy as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The name in the configuration.
    #[schema(example = "private-channels")]
    pub name: String,
    /// The file of its component.
    #[schema(example = "policies/private-channels.wasm")]
    pub file: String,
    /// Whether it decides, and is not as a whole in shadow.
    pub in_force: bool,
    /// The digest of the version in force, or in shadow if the whole policy is.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
    /// The digest of the version before, to which a rollback leads.
    pub former_digest: Option<String>,
    /// Which set of policies brought this version.
    pub generation: u64,
    /// The hooks that it answers.
    #[schema(example = json!(["lifecycle", "channel-visibility"]))]
    pub hooks: Vec<String>,
    /// What it imports beyond what every policy may.
    #[schema(example = json!(["wardroom:policy/directory"]))]
    pub capabilities: Vec<String>,
    /// How it fares.
    pub state: PolicyState,
    /// Calls that failed since this version came into force.
    pub failures: u64,
    /// The hooks that are not asked for a while, because the version in force fails for many.
    pub quarantined: Vec<String>,
    /// The hooks that are not asked about some askers or inputs for a while, because the version in
    /// force keeps failing for those alone. Everybody else is answered.
    pub isolated: Vec<IsolatedCount>,
    /// Instances, idle and busy.
    pub instances: usize,
    /// Linear memory of all instances together, in bytes.
    pub memory_bytes: u64,
    /// Why the file's present content was refused, or how the last failing call failed.
    pub last_error: Option<String>,
    /// Content of the file that a rollback or a promotion keeps from coming into force by itself.
    pub held_digest: Option<String>,
    /// What is in shadow, if anything is configured to be.
    pub shadow: Option<InShadow>,
    /// How a version was last brought into force, or was not.
    pub last_reload: Reload,
}

/// How many askers and inputs one hook is not asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsolatedCount {
    /// The hook.
    #[schema(example = "commands")]
    pub hook: String,
    /// How many.
    pub count: usize,
}

/// How a policy fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyState {
    /// The version in force is the one in the file, and it answers.
    Active,
    /// The version in force failed to answer at least once.
    Failing,
    /// The file or the configuration holds something that was refused, or the file is gone; the
    /// last good version is in force.
    Stale,
}

/// The last time that something tried to bring a version into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reload {
    /// When it ended (RFC 3339).
    pub at: String,
    /// What had it begin: `start`, `file`, `configuration`, `rollback` or `promotion`.
    #[schema(example = "file")]
    pub cause: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it was refused; nothing if the version came into force.
    pub refused: Option<String>,
}

/// What is in shadow beside, or in the place of, a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InShadow {
    /// Whether the whole policy is in shadow, and not a candidate beside the version in force.
    pub whole: bool,
    /// The shadow's file.
    pub file: String,
    /// The version that is asked; nothing if the file holds none that can be.
    pub digest: Option<String>,
    /// Why the file's present content is not asked.
    pub last_error: Option<String>,
    /// Since when this version has been asked (RFC 3339).
    pub since: Option<String>,
    /// Questions that were put to it.
    pub asked: u64,
    /// Questions that were dropped because it does not keep up.
    pub dropped: u64,
    /// Answers that differ from those that hold.
    pub differences: Vec<DifferenceCount>,
}

/// How many answers of one hook differ in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DifferenceCount {
    /// The hook.
    #[schema(example = "commands")]
    pub hook: String,
    /// `now_allowed`, `now_denied`, `payload_differs` or `failed`.
    #[schema(example = "now_denied")]
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// What a shadow came to so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShadowReport {
    /// The shadow and what was counted.
    #[serde(flatten)]
    pub shadow: InShadow,
    /// The latest answers that differ. No payload is kept.
    pub samples: Vec<Sample>,
}

/// One answer of a shadow that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When the question was put (RFC 3339).
    pub at: String,
    /// Where.
    pub workspace_id: String,
    /// The hook.
    pub hook: String,
    /// How it differs, as in the counts.
    pub kind: String,
    /// The person it is about.
    pub user_id: Option<String>,
    /// The channel it is about.
    pub channel_id: Option<String>,
    /// The name of the command or event.
    pub name: Option<String>,
    /// What holds, in a few words.
    #[schema(example = "allowed")]
    pub live: String,
    /// What the shadow says, in a few words.
    #[schema(example = "denied: closed")]
    pub shadow: String,
    /// The keys of what goes with it whose values differ.
    pub keys: Vec<String>,
}

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// What is in shadow.
    Shadow,
    /// A file in the folder of the policy's own.
    FileBeside(String),
    /// A component.
    Component(Vec<u8>),
}

/// What a candidate would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// The candidate.
    pub digest: String,
    /// Workspaces that were looked at.
    pub workspaces: usize,
    /// Channels that were looked at.
    pub channels: usize,
    /// Channels for which the candidate failed to answer, so that the configured end would hold.
    pub failed: usize,
    /// How the last of those failed.
    pub last_failure: Option<String>,
    /// How many times somebody would gain a channel.
    pub gains: usize,
    /// How many times somebody would lose a channel.
    pub losses: usize,
    /// The changes, as many as are listed.
    pub changes: Vec<ViewChange>,
    /// Whether there are more changes than are listed, or not everything was looked at.
    pub truncated: bool,
}

/// Somebody would see a channel that they do not see, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ViewChange {
    /// The workspace.
    pub workspace_id: String,
    /// The channel.
    pub channel_id: String,
    /// Who.
    pub user_id: String,
    /// Whether they would gain it; else they would lose it.
    pub gains: bool,
}

/// Why a call about a policy came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No policy of this name is configured.
    UnknownPolicy,
    /// The policy has no version of the kind; the sentence says which, and what to do.
    NoVersion(String),
    /// A component cannot come into force; the sentence says why.
    Refused(String),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownPolicy => {
                Self::new(Code::PolicyNotFound, "there is no policy of this name")
            }
            Refusal::NoVersion(detail) => Self::new(Code::NoSuchVersion, detail),
            Refusal::Refused(detail) => Self::new(Code::PolicyRefused, detail),
        }
    }
}
