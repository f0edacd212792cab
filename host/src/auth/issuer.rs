//! Signs tokens for development mode and the command line. It must not be reachable from a client's request.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use thiserror::Error;
use wardroom_domain::{Role, UserId, WorkspaceId};

use super::keys::TokenKey;
use super::verifier::{TokenRules, WORKSPACES_CLAIM};
use crate::limits::MAX_ISSUED_TOKEN_SECONDS;

/// Why a token cannot be issued.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IssueError {
    /// Only public keys are configured.
    #[error(
        "auth.keys holds no shared secret (HS256, HS384, HS512); whoever holds the private key must sign"
    )]
    NothingToSignWith,
    /// The life asked for is nothing or more than the limit.
    #[error("a token must live between 1 and {MAX_ISSUED_TOKEN_SECONDS} seconds")]
    Lifetime,
    /// The signature could not be computed.
    #[error("signing failed")]
    Signing,
}

/// Issues tokens that a [`super::TokenVerifier`] of the same rules accepts.
pub struct TokenIssuer {
    key: TokenKey,
    encoding: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
    user_claim: String,
}

impl TokenIssuer {
    /// Takes the first shared secret of the rules.
    ///
    /// # Errors
    /// [`IssueError::NothingToSignWith`] if the rules hold public keys only.
    pub fn new(rules: &TokenRules) -> Result<Self, IssueError> {
        let (key, secret) = rules
            .keys
            .iter()
            .find_map(|key| Some((key.clone(), key.secret()?)))
            .ok_or(IssueError::NothingToSignWith)?;
        Ok(Self {
            encoding: EncodingKey::from_secret(secret.expose()),
            key,
            issuer: rules.issuer.clone(),
            audience: rules.audience.first().cloned(),
            user_claim: rules.user_claim.clone(),
        })
    }

    /// Signs a token that lives for `ttl` from now and admits `user` to `workspaces`.
    ///
    /// # Errors
    /// [`IssueError::Lifetime`] if `ttl` is out of bounds.
    pub fn issue(
        &self,
        user: &UserId,
        workspaces: &BTreeMap<WorkspaceId, Option<Role>>,
        ttl: Duration,
    ) -> Result<String, IssueError> {
        if !(1..=MAX_ISSUED_TOKEN_SECONDS).contains(&ttl.as_secs()) {
            return Err(IssueError::Lifetime);
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| IssueError::Signing)?
            .as_secs();
        let workspaces: Map<String, Value> = workspaces
            .iter()
            .map(|(id, role)| (id.to_string(), json!(role.as_ref().map(Role::as_str))))
            .collect();
        let mut claims = Map::new();
        claims.insert(self.user_claim.clone(), json!(user.as_str()));
        claims.insert(WORKSPACES_CLAIM.into(), Value::Object(workspaces));
        claims.insert("iat".into(), json!(now));
        claims.insert("exp".into(), json!(now + ttl.as_secs()));
        if let Some(issuer) = &self.issuer {
            claims.insert("iss".into(), json!(issuer));
        }
        if let Some(audience) = &self.audience {
            claims.insert("aud".into(), json!(audience));
        }
        let mut header = Header::new(self.key.algorithm().inner());
        header.kid = self.key.id().map(str::to_owned);
        encode(&header, &claims, &self.encoding).map_err(|_| IssueError::Signing)
    }
}
