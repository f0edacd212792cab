//! What a token's claims give away before its signature is looked at. It must not be taken for a proof.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::verifier::TokenError;

/// What claims must hold for a signature over them to be worth looking at.
pub(super) struct Screen {
    issuer: Option<String>,
    audience: Vec<String>,
    /// In seconds. One more than configured, for what is rounded: the verification itself is exact.
    leeway: f64,
}

impl Screen {
    pub(super) fn new(issuer: Option<String>, audience: Vec<String>, leeway: u64) -> Self {
        Self {
            issuer,
            audience,
            leeway: leeway as f64 + 1.0,
        }
    }

    /// Refuses claims that would be refused with a good signature, too.
    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let invalid = |reason| Err(TokenError::Invalid(reason));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0.0, |now| now.as_secs_f64());
        match claims.get("exp").and_then(Value::as_f64) {
            None => return invalid("it has no usable exp"),
            Some(exp) if exp < now - self.leeway => return Err(TokenError::Expired),
            Some(_) => {}
        }
        let nbf = claims.get("nbf").and_then(Value::as_f64);
        if nbf.is_some_and(|nbf| nbf > now + self.leeway) {
            return invalid("its nbf lies in the future");
        }
        if let Some(issuer) = &self.issuer {
            match claims.get("iss") {
                None | Some(Value::Null) => return invalid("it has no usable iss"),
                Some(named) if !names(named, issuer) => return invalid("its issuer is wrong"),
                Some(_) => {}
            }
        }
        if !self.audience.is_empty() {
            match claims.get("aud") {
                None | Some(Value::Null) => return invalid("it has no usable aud"),
                Some(named) if !self.audience.iter().any(|it| names(named, it)) => {
                    return invalid("its audience is wrong");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Whether a claim is this text, or a list with it.
fn names(claim: &Value, text: &str) -> bool {
    match claim {
        Value::Array(list) => list.iter().any(|it| it.as_str() == Some(text)),
        claim => claim.as_str() == Some(text),
    }
}
