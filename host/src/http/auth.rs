//! Who calls, and whether they may: bearer API keys and scopes. It must not know how keys are
//! kept, and never repeats one.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::Api;
use super::problem::Problem;
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
}

/// Tells whose key was presented.
pub trait Authenticate: Send + Sync {
    /// The caller with this key, if there is one. Takes the same time whichever key it is.
    fn verify(&self, presented: &str) -> Option<Caller>;
}

/// The caller of a request.
pub(super) fn caller(api: &Api, headers: &HeaderMap) -> Result<Caller, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let detail = "an API key is required, once: Authorization: Bearer <key>";
        return Err(Problem::new(Code::Unauthenticated, detail));
    };
    value
        .to_str()
        .ok()
        .and_then(bearer)
        .and_then(|key| api.keys.verify(key))
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "the API key is not known"))
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

/// Proof that the caller presented a key with this scope. A handler that asks for it first
/// looks at nothing else of a request that may not be made.
pub(super) struct Allowed<N>(PhantomData<N>);

impl<N: Needs> FromRequestParts<Arc<Api>> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let caller = caller(api, &parts.headers)?;
        if !caller.scopes.contains(&N::SCOPE) {
            tracing::debug!(key = %caller.name, scope = %N::SCOPE, "an API key lacks a scope");
            return Err(Problem::scope_missing(N::SCOPE));
        }
        tracing::debug!(key = %caller.name, method = %parts.method, path = parts.uri.path(), "call");
        Ok(Self(PhantomData))
    }
}
