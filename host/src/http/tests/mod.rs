//! The API as a whole, called in process on a store in memory. Nothing here opens a socket.
#![allow(clippy::unwrap_used)]

mod access;
mod audit;
mod bad_input;
mod bound;
mod connections;
mod described;
mod directory;
mod events;
mod explain;
mod explained_at_once;
mod judged;
mod once;
mod ops;
mod overview;
mod partly;
mod policies;
mod scale;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;
use wardroom_domain::{Command, Event, Leave, OnlineStatus, Output, SocketId, UserId, WorkspaceId};

use super::{
    Api, AuditFile, Authenticate, BodyLimits, Caller, Candidate, Denied, DryRun, Judges, Ops,
    Policies, PolicyStatus, Work,
};
use super::{
    PrivateChannels, Readiness, Refusal, Scope, ShadowReport, Visibility, Workspaces, audit_file,
    router,
};
use crate::binding::Binding;
use crate::commit::{self, Committer, NoPolicies};
use crate::line_file;
use crate::metrics::Metrics;
use crate::store::embedded::Embedded;
use crate::store::{Store, Tail};

/// The key that may do everything. Any other known key is named by the scopes that it has.
const KEY: &str = "every-scope";

/// A key that may do everything, in the workspace `w` and those that begin with `w-`.
const BOUND_KEY: &str = "bound";

struct Keys;

impl Authenticate for Keys {
    fn verify(&self, presented: &str) -> Option<Caller> {
        let workspaces = match presented {
            BOUND_KEY => {
                let own = ["w", "w-*"].map(|text| text.parse().unwrap());
                Binding::Only(own.into())
            }
            _ => Binding::Everywhere,
        };
        let scopes: BTreeSet<Scope> = match presented {
            KEY | "another-key" | BOUND_KEY => Scope::ALL.into(),
            "no-scope" => BTreeSet::new(),
            scope => [Scope::named(scope)?].into(),
        };
        Some(Caller {
            name: Arc::from(presented),
            scopes,
            workspaces,
        })
    }
}

struct Drained(bool);

impl Ops for Drained {
    fn ready(&self) -> Readiness {
        let reasons = if self.0 {
            vec!["draining".into()]
        } else {
            vec![]
        };
        Readiness {
            ready: !self.0,
            reasons,
        }
    }

    fn starting(&self) -> Vec<String> {
        Vec::new()
    }

    fn policies(&self) -> Policies {
        assert!(!self.0, "the policies are gone");
        Policies {
            generation: 1,
            private_channels: PrivateChannels::Members,
            policies: vec![policies::status()],
            loading: Vec::new(),
            refused_configuration: None,
            stuck_files: Vec::new(),
        }
    }

    fn visibility(&self) -> Box<dyn Visibility> {
        Box::new(explain::BuiltIn)
    }

    fn judges(&self) -> Box<dyn Judges> {
        Box::new(judged::Nobody)
    }

    fn denied(&self, decision: &str) -> Option<Denied> {
        judged::denied(decision)
    }

    fn shadow(&self, policy: &str) -> Result<ShadowReport, Refusal> {
        policies::shadow(policy)
    }

    fn rollback(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        policies::rollback(policy)
    }

    fn promote(&self, policy: &str) -> Result<PolicyStatus, Refusal> {
        policies::promote(policy)
    }

    fn dry_run(
        &self,
        policy: &str,
        candidate: Candidate,
        workspaces: Workspaces,
    ) -> Result<DryRun, Refusal> {
        policies::dry_run(policy, &candidate, workspaces)
    }
}

struct Server {
    router: Router,
    committer: Arc<Committer>,
    audit: Option<Arc<AuditFile>>,
    work: Work,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Server {
    fn new() -> Self {
        Self::with(Drained(false), BodyLimits::default())
    }

    fn with(ops: Drained, limits: BodyLimits) -> Self {
        Self::of(ops, Arc::new(NoPolicies), limits)
    }

    fn of(
        ops: impl Ops + 'static,
        policies: Arc<dyn commit::Policies>,
        limits: BodyLimits,
    ) -> Self {
        Self::over(Arc::new(Embedded::in_memory()), ops, policies, limits)
    }

    fn over(
        store: Arc<dyn Store>,
        ops: impl Ops + 'static,
        policies: Arc<dyn commit::Policies>,
        limits: BodyLimits,
    ) -> Self {
        Self::audited(store, ops, policies, limits, None)
    }

    fn audited(
        store: Arc<dyn Store>,
        ops: impl Ops + 'static,
        policies: Arc<dyn commit::Policies>,
        limits: BodyLimits,
        file: Option<line_file::Settings>,
    ) -> Self {
        let metrics = Arc::new(Metrics::default());
        let committer = Arc::new(Committer::new(store, policies, metrics.clone()));
        let audit = file.map(|file| Arc::new(audit_file(file, metrics.clone()).unwrap()));
        let api = Api::new(
            committer.clone(),
            Arc::new(Keys),
            Arc::new(ops),
            metrics,
            limits,
        );
        let work = api.work.clone();
        let router = router(Arc::new(api.with_audit(audit.clone())));
        Self {
            router,
            committer,
            audit,
            work,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answered {
        self.send(request(method, path, body.to_string())).await
    }

    async fn put(&self, path: &str, body: Value) -> Answered {
        self.call("PUT", path, body).await
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        self.call("POST", path, body).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(request("GET", path, "")).await
    }

    async fn delete(&self, path: &str) -> Answered {
        self.send(request("DELETE", path, "")).await
    }

    /// Connects a socket of a user whose token names the workspace.
    async fn connect(&self, id: &str, user: &str, socket: &str) {
        let command = Command::Connect {
            socket: SocketId::new(socket).unwrap(),
            user: UserId::new(user).unwrap(),
            status: Some(OnlineStatus::Online),
            role: None,
            named_by_token: true,
            replaces: None,
            claims: wardroom_domain::Json::from_canonical("{}"),
            remote_address: None,
        };
        self.committer
            .run(&workspace(id), command, None)
            .await
            .unwrap();
    }

    async fn disconnect(&self, id: &str, socket: &str) {
        let command = Command::Disconnect {
            socket: SocketId::new(socket).unwrap(),
            leave: Leave::OnPurpose,
        };
        self.committer
            .run(&workspace(id), command, None)
            .await
            .unwrap();
    }

    /// What is committed in a workspace from here on.
    fn follow(&self, id: &str) -> Log {
        Log(self.committer.store().follow(&workspace(id)))
    }
}

struct Log(Box<dyn Tail>);

impl Log {
    /// What the next entries tell the world, in short; nothing if they tell nothing.
    async fn next(&mut self) -> Vec<String> {
        let entries = self.0.next().await;
        let outputs = entries.iter().flat_map(|entry| &entry.outputs);
        outputs.map(in_short).collect()
    }
}

fn in_short(output: &Output) -> String {
    match output {
        Output::Opened { socket, .. } => format!("opened {socket}"),
        Output::Closed { socket, reason } => format!("closed {socket} {reason:?}"),
        Output::Event {
            event, audience, ..
        } => match event {
            Event::UserJoined { profile, .. } => format!("joined {}", profile.as_str()),
            Event::UserUpdated { profile, .. } => format!("updated {}", profile.as_str()),
            Event::UserLeavedWorkspace { user } => format!("left {user}"),
            Event::ChannelCreated { channel } => format!("created {channel} {audience:?}"),
            Event::ChannelDeleted { channel } => format!("deleted {channel} {audience:?}"),
            Event::UserSelectedChannel { user, channel, .. } => format!("{user} in {channel}"),
            Event::UserUnselectedChannel { user, channel } => format!("{user} out of {channel}"),
            Event::OnlineStatusUpdated { user, status } => format!("{user} {status:?}"),
            Event::Application { name, data } => {
                format!("{name} {} {audience:?}", data.as_str())
            }
            other => format!("{other:?}"),
        },
    }
}

impl Answered {
    /// Asserts that the call succeeded with this status, and gives the body.
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Asserts that the call came to a problem, in full form, and gives it.
    #[track_caller]
    fn problem(self, code: &str) -> Value {
        let problem = self.body;
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["type"], format!("urn:wardroom:problem:{code}"));
        for text in ["title", "detail"] {
            assert!(!problem[text].as_str().unwrap().is_empty(), "{problem}");
        }
        problem
    }

    /// Asserts that the input was refused at this place.
    #[track_caller]
    fn wrong_at(self, pointer: &str) -> Value {
        let problem = self.problem("invalid-data");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        problem
    }
}

fn workspace(id: &str) -> WorkspaceId {
    WorkspaceId::new(id).unwrap()
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    request_with(method, path, &[], body)
}

fn request_with(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", format!("Bearer {KEY}"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

/// A workspace `w` with the members `u1` and `u2` and the channels `c` and, private, `p`.
async fn furnished() -> Server {
    let server = Server::new();
    let body = json!({
        "members": {"u1": {"user": {"name": "Ann"}}, "u2": {}},
        "channels": {"c": {}, "p": {"private": true, "members": ["u1"]}},
    });
    server.put("/v1/workspaces/w", body).await.is(201);
    server
}
