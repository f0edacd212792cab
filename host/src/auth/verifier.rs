//! Verifies JSON Web Tokens and reads the claims that count. It must not know sockets, or who may enter a workspace without a claim.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;
use wardroom_domain::{Json, Role, UserId, WorkspaceId};

use super::keys::TokenKey;
use super::screen::Screen;
use crate::json::{JsonText, Why};
use crate::limits::{MAX_TOKEN_BYTES, MAX_TOKEN_WORKSPACES};

/// The claim that names workspaces: a list of ids, or a map from id to role.
pub(super) const WORKSPACES_CLAIM: &str = "workspaces";

/// The last second of the year 9999, so that a later expiry overflows nothing that counts on.
const END_OF_TIME: u64 = 253_402_300_799;

/// Which tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// The keys, in the order in which they are tried.
    pub keys: Vec<TokenKey>,
    /// What `iss` must be; `None` accepts any and none.
    pub issuer: Option<String>,
    /// What `aud` must name at least one of; empty accepts any and none.
    pub audience: Vec<String>,
    /// How far clocks may differ, for `exp` and `nbf`.
    pub leeway: Duration,
    /// The claim that holds the user's id.
    pub user_claim: String,
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who the user is.
    pub user: UserId,
    /// When the token stops being accepted: its expiry and the leeway, in seconds since 1970 UTC,
    /// and at most the end of the year 9999.
    pub expires_at: u64,
    /// The workspaces that the token admits to, with the role it gives there, if any.
    pub workspaces: BTreeMap<WorkspaceId, Option<Role>>,
    /// The `name` claim, if it is a string.
    pub name: Option<String>,
    /// All that it claims, a JSON object: what admission policies may look at.
    pub all: Json,
}

/// Why a token is refused. A client may see which variant; the texts are for the log.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// Everything about the token is right, but its time is over.
    #[error("the token has expired")]
    Expired,
    /// Anything else. The text never shows the token or a key.
    #[error("the token is invalid: {0}")]
    Invalid(&'static str),
}

/// Verifies tokens against rules that do not change.
///
/// A token that names a `kid` is checked with the key of that id, or else with a key that has no
/// id. A token without `kid` is checked with each key of its algorithm, in order. A key verifies
/// its own algorithm only, whatever the token's header asks for.
pub struct TokenVerifier {
    keys: Vec<(TokenKey, Validation)>,
    by_id: HashMap<String, usize>,
    screen: Screen,
    /// In seconds.
    leeway: u64,
    user_claim: String,
}

impl TokenVerifier {
    /// Prepares the rules.
    pub fn new(rules: TokenRules) -> Self {
        let keys: Vec<_> = rules
            .keys
            .iter()
            .map(|key| (key.clone(), validation(&rules, key)))
            .collect();
        let by_id = keys
            .iter()
            .enumerate()
            .filter_map(|(index, (key, _))| Some((key.id()?.to_owned(), index)))
            .collect();
        let leeway = rules.leeway.as_secs();
        Self {
            keys,
            by_id,
            screen: Screen::new(rules.issuer, rules.audience, leeway),
            leeway,
            user_claim: rules.user_claim,
        }
    }

    /// Checks all that can be checked without a signature: length, header, whether there is a key
    /// for it, and, where a signature is verified with a public key, which takes up to milliseconds,
    /// what the claims say of times, issuer, audience, user and workspaces. A shared secret verifies
    /// in less time than the claims take to read. A token that passes proves nothing.
    ///
    /// # Errors
    /// As [`Self::verify`], but that [`TokenError::Expired`] says nothing of the signature.
    pub fn screen(&self, token: &str) -> Result<(), TokenError> {
        let header = read_header(token)?;
        let mut keys = self.candidates(&header);
        let (key, _) = keys.next().ok_or(NO_KEY)?;
        if key.algorithm().is_symmetric() {
            return Ok(());
        }
        let unproved = insecure_decode::<Box<RawValue>>(token);
        let text = unproved.map_err(|error| refusal(error.kind()))?.claims;
        let (claims, all) = read_claims(&text)?;
        self.screen.check(&claims)?;
        self.claims(&claims, all).map(drop)
    }

    /// Checks signature, algorithm, times, issuer and audience, and reads the claims.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if only the expiry is wrong, [`TokenError::Invalid`] otherwise.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = read_header(token)?;
        let mut failure = NO_KEY;
        for (key, validation) in self.candidates(&header) {
            match decode::<Box<RawValue>>(token, key.decoding(), validation) {
                Ok(data) => {
                    let (claims, all) = read_claims(&data.claims)?;
                    return self.claims(&claims, all);
                }
                Err(error) => {
                    let wrong_key = matches!(error.kind(), ErrorKind::InvalidSignature);
                    failure = refusal(error.kind());
                    if !wrong_key {
                        break;
                    }
                }
            }
        }
        Err(failure)
    }

    /// The keys that a token with this header may be verified with.
    fn candidates(&self, header: &Header) -> impl Iterator<Item = &(TokenKey, Validation)> {
        let (kid, alg) = (header.kid.as_deref(), header.alg);
        let named = kid.and_then(|kid| self.by_id.get(kid).copied());
        self.keys
            .iter()
            .enumerate()
            .filter_map(move |(index, key)| {
                let may = match (kid, named) {
                    (None, _) => true,
                    (Some(_), Some(named)) => index == named,
                    (Some(_), None) => key.0.id().is_none(),
                };
                (may && key.0.algorithm().inner() == alg).then_some(key)
            })
    }

    fn claims(&self, claims: &Map<String, Value>, all: Json) -> Result<Claims, TokenError> {
        let user = claims
            .get(&self.user_claim)
            .and_then(Value::as_str)
            .and_then(|user| UserId::new(user).ok())
            .ok_or(TokenError::Invalid("its user claim is not a valid id"))?;
        let expires_at = claims
            .get("exp")
            .and_then(|exp| exp.as_u64().or_else(|| whole_seconds(exp.as_f64()?)))
            .ok_or(TokenError::Invalid("its exp is not a number"))?;
        let workspaces = match claims.get(WORKSPACES_CLAIM) {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(value) => workspaces(value).ok_or(TokenError::Invalid(
                "its workspaces claim is neither a list of ids nor a map from id to role",
            ))?,
        };
        let name = claims.get("name").and_then(Value::as_str);
        Ok(Claims {
            user,
            expires_at: expires_at.saturating_add(self.leeway).min(END_OF_TIME),
            workspaces,
            name: name.map(str::to_owned),
            all,
        })
    }
}

const NO_KEY: TokenError = TokenError::Invalid("no key has its kid and alg");

/// Reads the header of a token that is not too long to be looked at.
fn read_header(token: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::Invalid("it is too long"));
    }
    let header = decode_header(token)
        .map_err(|_| TokenError::Invalid("its header is malformed or names no usable alg"))?;
    if header.crit.is_some() {
        return Err(TokenError::Invalid("its crit header is not understood"));
    }
    Ok(header)
}

/// The claims as values to look at, and as the text that is kept.
fn read_claims(text: &RawValue) -> Result<(Map<String, Value>, Json), TokenError> {
    let all = JsonText::from(text).keep();
    let all = all.map_err(|unfit| TokenError::Invalid(unfit_claims(&unfit.why)))?;
    let claims = serde_json::from_str(all.as_str());
    let claims = claims.map_err(|_| TokenError::Invalid("it is malformed"))?;
    Ok((claims, all))
}

fn validation(rules: &TokenRules, key: &TokenKey) -> Validation {
    let mut validation = Validation::new(key.algorithm().inner());
    validation.leeway = rules.leeway.as_secs();
    validation.validate_nbf = true;
    // The library checks `iss` and `aud` only where the token has them, so what is configured is
    // required as well.
    let mut required = vec!["exp"];
    if let Some(issuer) = &rules.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.validate_aud = !rules.audience.is_empty();
    if validation.validate_aud {
        validation.set_audience(&rules.audience);
        required.push("aud");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// Claims that cannot be shown to policies as they are.
fn unfit_claims(why: &Why) -> &'static str {
    match why {
        Why::RepeatedKey(_) => "its claims hold a key more than once",
        Why::LoneSurrogate => "its claims hold a lone surrogate, which is half a character",
        Why::TooDeep => "its claims are nested too deeply",
        Why::OutOfRange => "its claims hold a number that is out of range",
        Why::Syntax(_) | Why::NoObject | Why::NoString => "it is malformed",
    }
}

fn refusal(kind: &ErrorKind) -> TokenError {
    TokenError::Invalid(match kind {
        ErrorKind::ExpiredSignature => return TokenError::Expired,
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::ImmatureSignature => "its nbf lies in the future",
        ErrorKind::InvalidIssuer => "its issuer is wrong",
        ErrorKind::InvalidAudience => "its audience is wrong",
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "exp" => "it has no usable exp",
            "iss" => "it has no usable iss",
            "aud" => "it has no usable aud",
            _ => "it lacks a claim",
        },
        ErrorKind::InvalidClaimFormat(_) => "its exp or nbf is not a number",
        _ => "it is malformed",
    })
}

fn workspaces(value: &Value) -> Option<BTreeMap<WorkspaceId, Option<Role>>> {
    let id = |text: &str| WorkspaceId::new(text).ok();
    match value {
        Value::Array(ids) if ids.len() <= MAX_TOKEN_WORKSPACES => ids
            .iter()
            .map(|entry| Some((id(entry.as_str()?)?, None)))
            .collect(),
        Value::Object(roles) if roles.len() <= MAX_TOKEN_WORKSPACES => roles
            .iter()
            .map(|(workspace, role)| {
                let role = match role {
                    Value::Null => None,
                    role => Some(Role::new(role.as_str()?).ok()?),
                };
                Some((id(workspace)?, role))
            })
            .collect(),
        _ => None,
    }
}

/// A fractional time, rounded down, if it is one.
fn whole_seconds(seconds: f64) -> Option<u64> {
    let is_time = seconds.is_finite() && (0.0..9e15).contains(&seconds);
    // In this range every whole number has an exact u64.
    is_time.then_some(seconds as u64)
}

#[cfg(test)]
#[path = "verifier_tests/mod.rs"]
mod tests;
