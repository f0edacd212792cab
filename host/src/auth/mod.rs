//! Who is calling: JSON Web Tokens of users and API keys of backends. It must not know sockets, HTTP or the configuration file.

mod api_keys;
mod diagnosis;
mod issuer;
mod keys;
mod screen;
mod verifier;

pub use api_keys::{
    API_KEY_PREFIX, ApiKey, ApiKeys, InvalidHash, KeyHash, Scope, UnknownScope, new_api_key,
};
pub use diagnosis::{Diagnosis, diagnose};
pub use issuer::{IssueError, TokenIssuer};
pub use keys::{Algorithm, KeyError, Secret, TokenKey};
pub use verifier::{Claims, TokenError, TokenRules, TokenVerifier};
