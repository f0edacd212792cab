//! Hands tokens of users to the gateway and keys of backends to the HTTP API, as each needs them.

use std::time::{Duration, SystemTime};

use crate::auth::{ApiKeys, TokenError, TokenVerifier};
use crate::gateway::{Authenticator, Identity, TokenRefusal};
use crate::http::{Authenticate, Caller, Scope};

/// Tokens, as the gateway sees them.
pub(super) struct Tokens(pub(super) TokenVerifier);

impl Authenticator for Tokens {
    fn screen(&self, token: &str) -> Result<(), TokenRefusal> {
        self.0.screen(token).map_err(refusal)
    }

    fn verify(&self, token: &str) -> Result<Identity, TokenRefusal> {
        let claims = self.0.verify(token).map_err(refusal)?;
        Ok(Identity {
            user: claims.user,
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(claims.expires_at),
            workspaces: claims.workspaces,
            claims: claims.all,
        })
    }
}

fn refusal(error: TokenError) -> TokenRefusal {
    match error {
        TokenError::Expired => TokenRefusal::Expired,
        TokenError::Invalid(reason) => TokenRefusal::Invalid(reason),
    }
}

/// Keys, as the HTTP API sees them.
pub(super) struct Keys(pub(super) ApiKeys);

impl Authenticate for Keys {
    fn verify(&self, presented: &str) -> Option<Caller> {
        let key = self.0.verify(presented)?;
        let scopes = key.scopes.iter();
        Some(Caller {
            name: key.name.as_str().into(),
            scopes: scopes
                .filter_map(|scope| Scope::named(scope.as_str()))
                .collect(),
            workspaces: key.workspaces.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{auth, http};

    #[test]
    fn every_scope_of_a_key_is_one_of_the_api() {
        for scope in auth::Scope::ALL {
            assert!(http::Scope::named(scope.as_str()).is_some(), "{scope:?}");
        }
        assert_eq!(auth::Scope::ALL.len(), http::Scope::ALL.len());
    }
}
