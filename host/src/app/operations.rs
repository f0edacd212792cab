//! Hands what operators ask and call for to the policies and to the shutdown, and tells the HTTP API
//! in its own words what came of it. Decides nothing itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use wardroom_domain::{
    ChannelFacts, CommandFacts, EventFacts, Generation, PrivateChannels, Rendition, RequestFacts,
    SubjectFacts, Workspace, WorkspaceId,
};

use super::policies::{asking, command, event};
use crate::builtin;
use crate::commit;
use crate::files;
use crate::http::{self, Ops, Readiness, Refusal};
use crate::policy::{
    self, Digest, DryRunError, LoadingState, Policies, PolicySet, PolicyState, PromoteError,
    RollbackError, ShadowError,
};
use crate::shutdown::Shutdown;
use crate::store::Store;

/// What operators may ask about the server as a whole.
pub(super) struct Operations {
    policies: Policies,
    store: Arc<dyn Store>,
    shutdown: Shutdown,
    started: AtomicBool,
}

impl Operations {
    pub(super) fn new(policies: Policies, store: Arc<dyn Store>, shutdown: Shutdown) -> Self {
        Self {
            policies,
            store,
            shutdown,
            started: AtomicBool::new(false),
        }
    }

    /// Says that the server takes calls and clients from now on.
    pub(super) fn start(&self) {
        self.started.store(true, Ordering::Release);
    }
}

impl Ops for Operations {
    fn ready(&self) -> Readiness {
        let mut reasons = self.starting();
        if self.shutdown.has_begun() {
            reasons.push("the server is shutting down".to_owned());
        }
        if let Some(fault) = self.store.fault() {
            reasons.push(format!("the directory cannot be written: {fault}"));
        }
        Readiness {
            ready: reasons.is_empty(),
            reasons,
        }
    }

    fn starting(&self) -> Vec<String> {
        if self.started.load(Ordering::Acquire) {
            return Vec::new();
        }
        let loading = self.policies.loading().into_iter();
        let open = loading.filter(|policy| policy.state != LoadingState::Loaded);
        let mut reasons: Vec<String> = open
            .map(|policy| format!("policy {:?} is {}", policy.name, policy.state.name()))
            .collect();
        if reasons.is_empty() {
            reasons.push("the directory is being brought back".to_owned());
        }
        reasons
    }

    fn policies(&self) -> http::Policies {
        let refused = self.policies.refused_configuration();
        http::Policies {
            generation: self.policies.generation().0,
            private_channels: match self.policies.current().private_channels() {
                PrivateChannels::Members => http::PrivateChannels::Members,
                PrivateChannels::Policies => http::PrivateChannels::Policies,
            },
            policies: self.policies.status().into_iter().map(status).collect(),
            loading: self.policies.loading().into_iter().map(loading).collect(),
            refused_configuration: refused.map(|refused| http::RefusedConfiguration {
                at: time(refused.at),
                reason: refused.reason,
            }),
            stuck_files: files::stuck().into_iter().map(stuck).collect(),
        }
    }

    fn visibility(&self) -> Box<dyn http::Visibility> {
        Box::new(Viewers(self.policies.current()))
    }

    fn judges(&self) -> Box<dyn http::Judges> {
        Box::new(Judges(self.policies.current()))
    }

    fn denied(&self, decision: &str) -> Option<http::Denied> {
        self.policies.denied(decision).map(|it| denied(&it))
    }

    fn shadow(&self, policy: &str) -> Result<http::ShadowReport, Refusal> {
        let report = self.policies.shadow(policy).map_err(|error| match error {
            ShadowError::UnknownPolicy => Refusal::UnknownPolicy,
            ShadowError::NoShadow => Refusal::NoVersion(error.to_string()),
        })?;
        let samples = report.samples.iter().map(sample).collect();
        Ok(http::ShadowReport {
            shadow: in_shadow(report),
            samples,
        })
    }

    fn rollback(&self, policy: &str) -> Result<http::PolicyStatus, Refusal> {
        let done = self.policies.rollback(policy);
        done.map(status).map_err(|error| match error {
            RollbackError::UnknownPolicy => Refusal::UnknownPolicy,
            RollbackError::NotInForce | RollbackError::NoFormer => {
                Refusal::NoVersion(error.to_string())
            }
        })
    }

    fn promote(&self, policy: &str) -> Result<http::PolicyStatus, Refusal> {
        let done = self.policies.promote(policy);
        done.map(status).map_err(|error| match error {
            PromoteError::UnknownPolicy => Refusal::UnknownPolicy,
            PromoteError::NoShadow => Refusal::NoVersion(error.to_string()),
            PromoteError::Refused(_) => Refusal::Refused(error.to_string()),
        })
    }

    fn dry_run(
        &self,
        policy: &str,
        candidate: http::Candidate,
        workspaces: http::Workspaces,
    ) -> Result<http::DryRun, Refusal> {
        let candidate = match candidate {
            http::Candidate::Shadow => policy::Candidate::Shadow,
            http::Candidate::Component(bytes) => policy::Candidate::Bytes(bytes),
            http::Candidate::FileBeside(name) => {
                let policies = self.policies.status();
                let own = policies.iter().find(|status| &*status.name == policy);
                let own = own.ok_or(Refusal::UnknownPolicy)?;
                if builtin::is_builtin(&own.file) {
                    let reason = format!(
                        "{} is in the binary, and there is no file beside it; send the candidate \
                         itself, as application/wasm",
                        own.file.display()
                    );
                    return Err(Refusal::Refused(reason));
                }
                policy::Candidate::File(own.file.with_file_name(name))
            }
        };
        let done = self.policies.dry_run(policy, candidate, workspaces);
        done.map(dry_run).map_err(|error| match error {
            DryRunError::UnknownPolicy => Refusal::UnknownPolicy,
            DryRunError::NoShadow => Refusal::NoVersion(error.to_string()),
            DryRunError::Refused(_) => Refusal::Refused(error.to_string()),
        })
    }
}

/// The policies in force that decide who sees a channel.
struct Viewers(Arc<PolicySet>);

impl http::Visibility for Viewers {
    fn generation(&self) -> Option<Generation> {
        self.0.generation().filter(|_| self.0.hooks().visibility)
    }

    fn policies(&self) -> Vec<http::Viewer> {
        let viewers = self.0.viewers().into_iter().map(|viewer| http::Viewer {
            name: viewer.name.to_string(),
            digest: viewer.digest.to_string(),
            last_failure: viewer.last_failure.map(|it| it.to_string()),
        });
        viewers.collect()
    }

    fn decide(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        place: usize,
        channel: &ChannelFacts,
        subject: &SubjectFacts,
    ) -> http::Opinion {
        let about = asking(commit::Asking { workspace, state });
        let opinion = self.0.would_decide(about, place, channel, subject);
        http::Opinion {
            allows: opinion.allows,
            stand_in: opinion.stand_in,
        }
    }
}

/// The policies in force, for whoever only wants to know what they say.
struct Judges(Arc<PolicySet>);

impl http::Judges for Judges {
    fn generation(&self) -> Option<Generation> {
        self.0.generation()
    }

    fn admit(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        request: &RequestFacts,
    ) -> Vec<http::Judged> {
        let about = asking(commit::Asking { workspace, state });
        let said = self.0.would_admit(about, request).into_iter();
        said.map(judged).collect()
    }

    fn authorize(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        facts: &CommandFacts,
    ) -> Vec<http::Judged> {
        let about = asking(commit::Asking { workspace, state });
        let said = self.0.would_authorize(about, &command(facts)).into_iter();
        said.map(judged).collect()
    }

    fn render(
        &self,
        workspace: &WorkspaceId,
        state: &Workspace,
        facts: &EventFacts,
    ) -> (Vec<http::Judged>, Option<Vec<Rendition>>) {
        let about = asking(commit::Asking { workspace, state });
        let (said, renditions) = self.0.would_render(about, &event(facts));
        (said.into_iter().map(judged).collect(), renditions)
    }
}

fn judged(judged: policy::Judged) -> http::Judged {
    http::Judged {
        name: judged.policy.to_string(),
        digest: digest(judged.digest),
        verdict: judged.verdict,
        refused: judged.refused,
        grants: judged.grants,
        stand_in: judged.stand_in,
    }
}

fn denied(denied: &policy::Denied) -> http::Denied {
    http::Denied {
        id: denied.id.to_string(),
        at: time(denied.at),
        workspace: denied.workspace.clone(),
        generation: denied.generation.0,
        hook: denied.hook.name(),
        policy: denied.policy.to_string(),
        digest: digest(denied.digest),
        code: denied.code.to_string(),
        message: denied.message.to_string(),
        failure: denied.failure.as_deref().map(str::to_owned),
        user: denied.user.as_ref().map(ToString::to_string),
        channel: denied.channel.as_ref().map(ToString::to_string),
        name: denied.name.as_deref().map(str::to_owned),
    }
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

fn digest(digest: Digest) -> String {
    digest.to_string()
}

fn isolated((hook, count): (&'static str, usize)) -> http::IsolatedCount {
    http::IsolatedCount {
        hook: hook.to_owned(),
        count,
    }
}

fn stuck((path, since): (PathBuf, SystemTime)) -> http::StuckFile {
    http::StuckFile {
        path: path.display().to_string(),
        since: time(since),
    }
}

fn names(names: Vec<&'static str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn loading(policy: policy::LoadingPolicy) -> http::LoadingPolicy {
    http::LoadingPolicy {
        name: policy.name.to_string(),
        file: policy.file.display().to_string(),
        digest: digest(policy.digest),
        bytes: policy.bytes,
        state: match policy.state {
            LoadingState::Waiting => http::LoadingState::Waiting,
            LoadingState::Compiling => http::LoadingState::Compiling,
            LoadingState::Loading => http::LoadingState::Loading,
            LoadingState::Loaded => http::LoadingState::Loaded,
        },
        since: time(policy.since),
    }
}

fn status(policy: policy::PolicyStatus) -> http::PolicyStatus {
    let reload = policy.last_reload;
    http::PolicyStatus {
        name: policy.name.to_string(),
        file: policy.file.display().to_string(),
        in_force: policy.in_force,
        digest: digest(policy.digest),
        former_digest: policy.former.map(digest),
        generation: policy.generation.0,
        hooks: names(policy.hooks),
        capabilities: policy.capabilities,
        state: match policy.state {
            PolicyState::Active => http::PolicyState::Active,
            PolicyState::Failing => http::PolicyState::Failing,
            PolicyState::Stale => http::PolicyState::Stale,
        },
        failures: policy.failures,
        quarantined: names(policy.quarantined),
        isolated: policy.isolated.into_iter().map(isolated).collect(),
        instances: policy.instances,
        memory_bytes: policy.memory_bytes,
        last_error: policy.last_error,
        held_digest: policy.held.map(digest),
        shadow: policy.shadow.map(in_shadow),
        last_reload: http::Reload {
            at: time(reload.at),
            cause: reload.cause.name().to_owned(),
            took_ms: u64::try_from(reload.took.as_millis()).unwrap_or(u64::MAX),
            refused: reload.refused,
        },
    }
}

fn in_shadow(report: policy::ShadowReport) -> http::InShadow {
    let differences = report.differences.iter();
    http::InShadow {
        whole: report.whole,
        file: report.file.display().to_string(),
        digest: report.digest.map(digest),
        last_error: report.last_error,
        // Nothing has been asked yet of a file that holds nothing to ask.
        since: (report.since != UNIX_EPOCH).then(|| time(report.since)),
        asked: report.asked,
        dropped: report.dropped,
        differences: differences
            .map(|difference| http::DifferenceCount {
                hook: difference.hook.name().to_owned(),
                kind: difference.kind.name().to_owned(),
                count: difference.count,
            })
            .collect(),
    }
}

fn sample(sample: &policy::Sample) -> http::Sample {
    http::Sample {
        at: time(sample.at),
        workspace_id: sample.workspace.to_string(),
        hook: sample.hook.name().to_owned(),
        kind: sample.kind.name().to_owned(),
        user_id: sample.subject.as_ref().map(ToString::to_string),
        channel_id: sample.channel.as_ref().map(ToString::to_string),
        name: sample.name.as_ref().map(ToString::to_string),
        live: sample.live.clone(),
        shadow: sample.shadow.clone(),
        keys: sample.keys.clone(),
    }
}

fn dry_run(run: policy::DryRun) -> http::DryRun {
    let changes = run.changes.iter().map(|change| http::ViewChange {
        workspace_id: change.workspace.to_string(),
        channel_id: change.channel.to_string(),
        user_id: change.user.to_string(),
        gains: change.gains,
    });
    http::DryRun {
        digest: digest(run.digest),
        workspaces: run.workspaces,
        channels: run.channels,
        failed: run.failed,
        last_failure: run.last_failure,
        gains: run.gains,
        losses: run.losses,
        changes: changes.collect(),
        truncated: run.truncated,
    }
}
