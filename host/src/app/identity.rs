//! Hands tokens of users to the gateway and keys of backends to the HTTP API, as each needs them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;

use crate::auth::{ApiKey, ApiKeys, TokenError, TokenRules, TokenVerifier};
use crate::config::Config;
use crate::gateway::{Authenticator, Identity, TokenRefusal};
use crate::http::{Authenticate, Caller, Scope};

/// The keys of users and of backends that are in force, and what they were made of.
pub(super) struct Identities {
    pub(super) tokens: Arc<Tokens>,
    pub(super) backends: Arc<Keys>,
    rules: TokenRules,
    api_keys: Vec<ApiKey>,
}

impl Identities {
    pub(super) fn new(config: &Config) -> Self {
        let (rules, api_keys) = (config.auth.tokens.clone(), config.api_keys.clone());
        Self {
            tokens: Arc::new(Tokens::new(rules.clone())),
            backends: Arc::new(Keys::new(ApiKeys::new(api_keys.clone()))),
            rules,
            api_keys,
        }
    }

    /// Has keys in force as they are configured now. Nobody who is connected is asked for another
    /// token. True if they were others.
    pub(super) fn replace(&mut self, config: &Config) -> bool {
        let mut changed = false;
        if self.rules != config.auth.tokens {
            self.rules = config.auth.tokens.clone();
            self.tokens.replace(self.rules.clone());
            let keys = self.rules.keys.iter();
            let ids: Vec<_> = keys.map(|key| key.id().unwrap_or("any kid")).collect();
            let keys = ids.join(", ");
            tracing::info!(keys, "tokens are verified by other keys or rules now");
            changed = true;
        }
        if self.api_keys != config.api_keys {
            self.api_keys.clone_from(&config.api_keys);
            self.backends.replace(ApiKeys::new(self.api_keys.clone()));
            let names: Vec<_> = self.api_keys.iter().map(|key| key.name.as_str()).collect();
            tracing::info!(keys = names.join(", "), "the API keys are others now");
            changed = true;
        }
        changed
    }
}

/// Tokens, as the gateway sees them. Their rules may be replaced; who was let in by others stays.
pub(super) struct Tokens(ArcSwap<TokenVerifier>);

impl Tokens {
    pub(super) fn new(rules: TokenRules) -> Self {
        Self(ArcSwap::from_pointee(TokenVerifier::new(rules)))
    }

    pub(super) fn replace(&self, rules: TokenRules) {
        self.0.store(TokenVerifier::new(rules).into());
    }
}

impl Authenticator for Tokens {
    fn screen(&self, token: &str) -> Result<(), TokenRefusal> {
        self.0.load().screen(token).map_err(refusal)
    }

    fn verify(&self, token: &str) -> Result<Identity, TokenRefusal> {
        // What is verified meanwhile is not held up by a replacement, nor holds it up.
        let claims = self.0.load_full().verify(token).map_err(refusal)?;
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

/// Keys, as the HTTP API sees them. They may be replaced.
pub(super) struct Keys(ArcSwap<ApiKeys>);

impl Keys {
    pub(super) fn new(keys: ApiKeys) -> Self {
        Self(ArcSwap::from_pointee(keys))
    }

    pub(super) fn replace(&self, keys: ApiKeys) {
        self.0.store(keys.into());
    }
}

impl Authenticate for Keys {
    fn verify(&self, presented: &str) -> Option<Caller> {
        let keys = self.0.load();
        let key = keys.verify(presented)?;
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
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::fs;

    use tempfile::TempDir;
    use wardroom_domain::UserId;

    use super::*;
    use crate::auth::{KeyHash, TokenIssuer};
    use crate::config::Mode;
    use crate::{auth, http};

    fn load(folder: &TempDir, secret: &str, api_key: &str) -> Config {
        let hash = KeyHash::of(api_key);
        let text = format!(
            "[[auth.keys]]\nalg = \"HS256\"\nsecret_file = \"secret\"\n\
             [[api_keys]]\nname = \"k\"\nhash = \"{hash}\"\nscopes = [\"ops:read\"]\n"
        );
        fs::write(folder.path().join("w.toml"), text).unwrap();
        fs::write(folder.path().join("secret"), secret).unwrap();
        let file = folder.path().join("w.toml");
        Config::load(Some(&file), [], Mode::Production).unwrap()
    }

    #[test]
    fn keys_of_users_and_backends_are_replaced_while_they_are_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let token = |config: &Config| {
            let issuer = TokenIssuer::new(&config.auth.tokens).unwrap();
            let ann = UserId::new("ann").unwrap();
            let life = Duration::from_secs(60);
            issuer.issue(&ann, &BTreeMap::new(), life).unwrap()
        };
        let (one, two) = (
            "1-0123456789abcdef0123456789abcdef",
            "2-0123456789abcdef0123456789abcdef",
        );
        let first = load(&folder, one, "wr_one");
        assert_eq!(first.key_files, [folder.path().join("secret")]);
        let old = token(&first);
        let mut identities = Identities::new(&first);
        // What others hold is what is replaced.
        let (tokens, backends) = (identities.tokens.clone(), identities.backends.clone());
        assert!(tokens.verify(&old).is_ok() && backends.verify("wr_one").is_some());
        let second = load(&folder, two, "wr_two");
        assert!(identities.replace(&second));
        assert!(tokens.verify(&old).is_err() && tokens.verify(&token(&second)).is_ok());
        assert!(backends.verify("wr_one").is_none() && backends.verify("wr_two").is_some());
        // The same again is no change: neither is made anew.
        let in_force = tokens.0.load_full();
        assert!(!identities.replace(&load(&folder, two, "wr_two")));
        assert!(Arc::ptr_eq(&in_force, &tokens.0.load_full()));
    }

    #[test]
    fn every_scope_of_a_key_is_one_of_the_api() {
        for scope in auth::Scope::ALL {
            assert!(http::Scope::named(scope.as_str()).is_some(), "{scope:?}");
        }
        assert_eq!(auth::Scope::ALL.len(), http::Scope::ALL.len());
    }
}
