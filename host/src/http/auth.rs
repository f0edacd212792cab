//! Who calls, and whether they may: bearer API keys, scopes, and the workspaces that a key is bound
//! to. It must not know how keys are kept, and never repeats one.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use wardroom_domain::WorkspaceId;

use super::Api;
use super::audit::Trail;
use super::input::PathId;
use super::problem::Problem;
use crate::binding::Binding;
use crate::codes::Code;

/// What a key may be used for. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read workspaces, their members, channels and presence.
    DirectoryRead,
    /// Change members, profiles, channels and whole workspaces.
    DirectoryWrite,
    /// Publish the application's own events.
    EventsPublish,
    /// Act for connections, and disconnect users.
    ConnectionsControl,
    /// Read what operators watch: policies, metrics.
    OpsRead,
    /// Change which version of a policy is in force, and try candidates.
    OpsWrite,
}

impl Scope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::DirectoryRead,
        Self::DirectoryWrite,
        Self::EventsPublish,
        Self::ConnectionsControl,
        Self::OpsRead,
        Self::OpsWrite,
    ];

    /// The name in the configuration and in the OpenAPI document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirectoryRead => "directory:read",
            Self::DirectoryWrite => "directory:write",
            Self::EventsPublish => "events:publish",
            Self::ConnectionsControl => "connections:control",
            Self::OpsRead => "ops:read",
            Self::OpsWrite => "ops:write",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose key was presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key, which logs may show.
    pub name: Arc<str>,
    /// What the key may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Where it may be used for that.
    pub workspaces: Binding,
}

/// Tells whose key was presented.
pub trait Authenticate: Send + Sync {
    /// The caller with this key, if there is one. Takes the same time whichever key it is.
    fn verify(&self, presented: &str) -> Option<Caller>;
}

/// The caller of a request.
pub(super) fn caller(
    api: &Api,
    headers: &HeaderMap,
    about: &Extensions,
) -> Result<Caller, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let detail = "an API key is required, once: Authorization: Bearer <key>";
        return Err(Problem::new(Code::Unauthenticated, detail));
    };
    let caller = value
        .to_str()
        .ok()
        .and_then(bearer)
        .and_then(|key| api.keys.verify(key))
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "the API key is not known"))?;
    if let Some(trail) = about.get::<Arc<Trail>>() {
        trail.made_by(&caller.name);
    }
    Ok(caller)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(key.trim_start())
}

/// A scope as a type, so that a handler's signature says what it needs.
pub(super) trait Needs: Send {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("[`Scope::", stringify!($name), "`].")]
            pub(super) struct $name;

            impl Needs for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )*
    };
}

needs! { DirectoryRead DirectoryWrite EventsPublish ConnectionsControl OpsRead OpsWrite }

/// The workspaces that a call may touch.
pub(super) struct Reach {
    binding: Binding,
    trail: Option<Arc<Trail>>,
}

impl Reach {
    /// Whether the call may touch, and learn of, this workspace.
    pub(super) fn covers(&self, workspace: &WorkspaceId) -> bool {
        self.binding.covers(workspace.as_str())
    }

    /// The same, for a workspace that the call names.
    ///
    /// # Errors
    /// The key is for other workspaces.
    pub(super) fn must_cover(&self, workspace: &WorkspaceId) -> Result<(), Problem> {
        covered(&self.binding, workspace.as_str())
    }

    /// Those of these workspaces that the call may touch, and learn of.
    pub(super) fn within(
        &self,
        workspaces: Vec<WorkspaceId>,
    ) -> impl Iterator<Item = WorkspaceId> + Send + '_ {
        workspaces.into_iter().filter(|own| self.covers(own))
    }

    /// Notes that the call touched this workspace, for its audit.
    pub(super) fn touched(&self, workspace: &WorkspaceId) {
        if let Some(trail) = &self.trail {
            trail.touched(workspace.as_str());
        }
    }
}

fn covered(binding: &Binding, workspace: &str) -> Result<(), Problem> {
    if binding.covers(workspace) {
        return Ok(());
    }
    let detail = "the API key is not for this workspace";
    Err(Problem::new(Code::WorkspaceForbidden, detail))
}

/// Proof that the caller presented a key with this scope, and for the workspace in the path. A key
/// that is bound to workspaces is refused where the path names none: such a call is about the server
/// as a whole. A handler that asks for it first looks at nothing else of a request that may not be
/// made.
pub(super) struct Allowed<N> {
    /// The workspaces that the call may touch: the one in the path, and others by what follows.
    pub(super) reach: Reach,
    needs: PhantomData<N>,
}

/// Proof that the caller presented a key with this scope, for a call whose path names no workspace.
/// The handler itself must keep to what the key reaches.
pub(super) struct AllowedWithin<N> {
    /// The workspaces that the call may touch.
    pub(super) reach: Reach,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<Arc<Api>> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let reach = allowed::<N>(parts, api)?;
        let path = RawPathParams::from_request_parts(parts, api).await;
        let named = path.as_ref().ok().and_then(|path| {
            let mut named = path.iter().filter(|(name, _)| *name == WorkspaceId::NAME);
            named.next().map(|(_, workspace)| workspace)
        });
        match named {
            Some(workspace) => covered(&reach.binding, workspace)?,
            None if reach.binding.is_everywhere() => {}
            None => {
                let detail = "the API key is bound to workspaces, and this call is not about one";
                return Err(Problem::new(Code::WorkspaceForbidden, detail));
            }
        }
        let needs = PhantomData;
        Ok(Self { reach, needs })
    }
}

impl<N: Needs> FromRequestParts<Arc<Api>> for AllowedWithin<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let (reach, needs) = (allowed::<N>(parts, api)?, PhantomData);
        Ok(Self { reach, needs })
    }
}

fn allowed<N: Needs>(parts: &Parts, api: &Api) -> Result<Reach, Problem> {
    let caller = caller(api, &parts.headers, &parts.extensions)?;
    if !caller.scopes.contains(&N::SCOPE) {
        tracing::debug!(key = %caller.name, scope = %N::SCOPE, "an API key lacks a scope");
        return Err(Problem::scope_missing(N::SCOPE));
    }
    tracing::debug!(key = %caller.name, method = %parts.method, path = parts.uri.path(), "call");
    Ok(Reach {
        binding: caller.workspaces,
        trail: parts.extensions.get::<Arc<Trail>>().cloned(),
    })
}
