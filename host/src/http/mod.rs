//! The HTTP API for backends: the calls of `docs/http-api.md` on the internal listener. It turns
//! requests into commands and answers; it knows neither the rules, nor sockets, nor policies.

mod audit;
mod auth;
mod connections;
mod directory;
mod event_form;
mod events;
mod explain;
mod idempotency;
mod input;
mod listener;
mod lists;
mod openapi;
mod ops;
mod overview;
mod page;
mod policies;
mod problem;
mod public;
mod serving;
mod users;
mod watched;
mod wire;
mod workspace;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::sync::Semaphore;
use wardroom_domain::{Command, Reply, WorkspaceId};

pub use self::audit::{AuditFile, Audited, audit_file};
pub use self::auth::{Authenticate, Caller, Scope};
pub use self::explain::{Denied, Judged, Judges, Opinion, Viewer, Visibility};
pub use self::ops::{Ops, Readiness};
pub use self::policies::{
    Candidate, DifferenceCount, DryRun, InShadow, IsolatedCount, LoadingPolicy, LoadingState,
    Policies, PolicyState, PolicyStatus, PrivateChannels, Refusal, RefusedConfiguration, Reload,
    Sample, ShadowReport, StuckFile, ViewChange, Workspaces,
};
use self::problem::Problem;
pub use self::public::public_router;
use self::serving::Work;
pub use self::serving::serve;
use crate::commit::{Committer, Failure};
use crate::limits::{EXPLANATIONS_AT_ONCE, HTTP_BODY_BYTES, HTTP_SYNC_BODY_BYTES};
use crate::metrics::Metrics;
use crate::store::Entry;

/// The largest bodies that are read, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Of any call but the next.
    pub call: usize,
    /// Of the call that tells a whole workspace.
    pub sync: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            call: HTTP_BODY_BYTES,
            sync: HTTP_SYNC_BODY_BYTES,
        }
    }
}

/// What the API works with.
pub struct Api {
    committer: Arc<Committer>,
    keys: Arc<dyn Authenticate>,
    ops: Arc<dyn Ops>,
    metrics: Arc<Metrics>,
    limits: BodyLimits,
    answers: idempotency::Answers,
    audit: Option<Arc<AuditFile>>,
    work: Work,
    /// One candidate is tried at a time: it takes a processor for as long as it takes.
    dry_runs: Arc<Semaphore>,
    /// One permit for each explanation that policies may be asked for at once.
    explanations: Semaphore,
}

impl Api {
    /// An API that remembers no answer yet.
    #[must_use]
    pub fn new(
        committer: Arc<Committer>,
        keys: Arc<dyn Authenticate>,
        ops: Arc<dyn Ops>,
        metrics: Arc<Metrics>,
        limits: BodyLimits,
    ) -> Self {
        Self {
            committer,
            keys,
            ops,
            metrics,
            limits,
            answers: idempotency::Answers::default(),
            audit: None,
            work: Work::default(),
            dry_runs: Arc::new(Semaphore::new(1)),
            explanations: Semaphore::new(EXPLANATIONS_AT_ONCE),
        }
    }

    /// The same, with a file in which calls that may change something are recorded.
    #[must_use]
    pub fn with_audit(self, audit: Option<Arc<AuditFile>>) -> Self {
        Self { audit, ..self }
    }

    /// Runs a command to its end and says what it came to.
    async fn run(&self, workspace: &WorkspaceId, command: Command) -> Result<Reply, Problem> {
        Ok(self.commit(workspace, command).await?.reply)
    }

    /// Runs a command to its end, even if the caller hangs up: a call that is dropped between the
    /// write of the directory and the commit would leave the two apart.
    async fn commit(
        &self,
        workspace: &WorkspaceId,
        command: Command,
    ) -> Result<Arc<Entry>, Problem> {
        let (committer, workspace) = (Arc::clone(&self.committer), workspace.clone());
        let at_work = self.work.begin();
        let running = tokio::spawn(async move {
            let _at_work = at_work;
            committer.run(&workspace, command, None).await
        });
        Ok(running.await.unwrap_or(Err(Failure::Internal))?)
    }
}

/// Every route of the internal listener.
pub fn router(api: Arc<Api>) -> Router {
    let once = from_fn_with_state(api.clone(), idempotency::once);
    let started = from_fn_with_state(api.clone(), ops::once_started);
    let recorded = from_fn_with_state(api.clone(), audit::record);
    let posts = events::routes()
        .merge(connections::posts())
        .merge(users::posts())
        .merge(policies::posts())
        .route_layer(once);
    let calls = workspace::routes()
        .merge(directory::routes())
        .merge(users::routes())
        .merge(connections::routes())
        .merge(lists::routes())
        .merge(overview::routes())
        .merge(policies::routes())
        .merge(explain::routes())
        .merge(posts)
        .route_layer(started);
    let routes = openapi::description()
        .merge(ops::routes())
        .merge(policies::lists())
        .merge(openapi::routes())
        .merge(calls);
    let (router, document) = routes.split_for_parts();
    router
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(openapi::Document::new(&document))
        .layer(from_fn(problem::catch_panics))
        .layer(from_fn(input::well_encoded))
        .layer(from_fn(problem::log_refusals))
        .layer(recorded)
        .with_state(api)
}
