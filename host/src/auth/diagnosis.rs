//! Why a token is refused, in more words than a client is told: for the operator who holds it. It must not be reachable from a client's request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Header, decode_header};
use serde_json::{Map, Value};

use super::keys::{Secret, TokenKey};
use super::verifier::{Claims, TokenError, TokenRules, TokenVerifier};

/// What a token comes to.
pub struct Diagnosis {
    /// What it claims if it is accepted, otherwise why not.
    pub outcome: Result<Claims, TokenError>,
    /// What is to be known of it beyond that, line by line. It shows claims and no key.
    pub details: Vec<String>,
}

/// Looks at a token as the server would, and at what it differs in from what is configured.
pub fn diagnose(rules: &TokenRules, token: &str) -> Diagnosis {
    let outcome = TokenVerifier::new(rules.clone()).verify(token);
    let mut details = Vec::new();
    if let Ok(header) = decode_header(token) {
        details.extend(of_header(rules, &header));
    }
    let claims = insecure_decode::<Map<String, Value>>(token);
    if let Ok(claims) = claims.map(|token| token.claims) {
        details.extend(of_times(rules, &claims));
        details.extend(of_parties(rules, &claims));
    }
    if outcome.is_err() {
        details.extend(of_secret(rules, token));
    }
    Diagnosis { outcome, details }
}

fn of_header(rules: &TokenRules, header: &Header) -> Vec<String> {
    let kid = match &header.kid {
        Some(kid) => format!("it names the key {kid:?}"),
        None => "it names no key (kid)".to_owned(),
    };
    let mut details = vec![format!("{kid} and is signed with {:?}", header.alg)];
    let known = rules.keys.iter().map(|key| {
        let id = key
            .id()
            .map_or("any kid".to_owned(), |id| format!("{id:?}"));
        format!("{id} ({})", key.algorithm())
    });
    let known = known.collect::<Vec<_>>().join(", ");
    let fits = |key: &TokenKey| {
        let named = header
            .kid
            .as_deref()
            .is_none_or(|kid| key.id() == Some(kid));
        (named || key.id().is_none()) && key.algorithm().inner() == header.alg
    };
    if !rules.keys.iter().any(fits) {
        details.push(format!("no key of auth.keys fits that; there are: {known}"));
    }
    details
}

fn of_times(rules: &TokenRules, claims: &Map<String, Value>) -> Vec<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let at = |claim: &str| {
        let seconds = claims.get(claim)?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    let shown = |at: Duration| {
        let time = UNIX_EPOCH.checked_add(at);
        let time = time.filter(|_| at.as_secs() < 253_402_300_800);
        time.map_or("beyond the year 9999".to_owned(), |time| {
            humantime::format_rfc3339_seconds(time).to_string()
        })
    };
    let whole = |span: Duration| humantime::format_duration(Duration::from_secs(span.as_secs()));
    let mut details = Vec::new();
    match at("exp") {
        Some(exp) if exp < now => details.push(format!(
            "it ran out at {}, {} ago (auth.leeway is {})",
            shown(exp),
            whole(now - exp),
            whole(rules.leeway)
        )),
        Some(exp) => details.push(format!("it runs out at {}", shown(exp))),
        None => details.push("it has no time of expiry (exp), or one that is no number".to_owned()),
    }
    if let Some(nbf) = at("nbf").filter(|nbf| *nbf > now) {
        details.push(format!(
            "it counts from {} on, in {} (nbf); compare the clocks",
            shown(nbf),
            whole(nbf - now)
        ));
    }
    details
}

fn of_parties(rules: &TokenRules, claims: &Map<String, Value>) -> Vec<String> {
    let shown = |claim: &str| {
        let value = claims.get(claim);
        value.map_or("nothing".to_owned(), Value::to_string)
    };
    let mut details = Vec::new();
    if let Some(issuer) = &rules.issuer {
        let said = shown("iss");
        details.push(format!("its iss is {said}; auth.issuer is {issuer:?}"));
    }
    if !rules.audience.is_empty() {
        let (said, wanted) = (shown("aud"), &rules.audience);
        details.push(format!("its aud is {said}; auth.audience is {wanted:?}"));
    }
    let claim = &rules.user_claim;
    details.push(format!("its {claim} (auth.user_claim) is {}", shown(claim)));
    details.push(format!("its workspaces are {}", shown("workspaces")));
    details
}

/// Whether the token is accepted with a secret that is taken in another encoding.
fn of_secret(rules: &TokenRules, token: &str) -> Option<String> {
    let accepted = |key: &TokenKey, secret: Vec<u8>| {
        let id = key.id().map(str::to_owned);
        let key = TokenKey::from_secret(id, key.algorithm(), Secret::new(secret));
        key.is_ok_and(|key| {
            let rules = TokenRules {
                keys: vec![key],
                ..rules.clone()
            };
            let outcome = TokenVerifier::new(rules).verify(token);
            // Whatever else is wrong with it, the signature is right.
            !matches!(
                outcome,
                Err(TokenError::Invalid(
                    "its signature is wrong" | "no key has its kid and alg"
                ))
            )
        })
    };
    rules.keys.iter().find_map(|key| {
        let secret = key.secret()?.expose();
        let decoded = STANDARD.decode(secret).ok();
        let hint = if accepted(key, secret.to_vec()) {
            None
        } else if decoded.is_some_and(|decoded| accepted(key, decoded)) {
            Some("its signature is right if the secret is base64: set secret_encoding = \"base64\"")
        } else if accepted(key, STANDARD.encode(secret).into_bytes()) {
            Some("its signature is right if the secret is text: set secret_encoding = \"text\"")
        } else {
            None
        };
        hint.map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use wardroom_domain::UserId;

    use super::super::TokenIssuer;
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn rules(secret: &[u8]) -> TokenRules {
        let key = TokenKey::from_secret(None, "HS256".parse().unwrap(), Secret::new(secret));
        TokenRules {
            keys: vec![key.unwrap()],
            issuer: Some("https://id.example".to_owned()),
            audience: Vec::new(),
            leeway: Duration::from_secs(30),
            user_claim: "sub".to_owned(),
        }
    }

    fn issued(rules: &TokenRules) -> String {
        let ann = UserId::new("ann").unwrap();
        let issuer = TokenIssuer::new(rules).unwrap();
        issuer
            .issue(&ann, &BTreeMap::new(), Duration::from_secs(60))
            .unwrap()
    }

    #[track_caller]
    fn check(rules: &TokenRules, token: &str, refusal: Option<&str>, detail: &str) {
        let diagnosis = diagnose(rules, token);
        let told = diagnosis.outcome.err().map(|error| error.to_string());
        assert_eq!(told.is_some(), refusal.is_some(), "{told:?}");
        assert!(
            told.unwrap_or_default()
                .contains(refusal.unwrap_or_default())
        );
        let details = diagnosis.details.join("\n");
        assert!(details.contains(detail), "{details}");
        assert!(!details.contains("0123456789abcdef"), "{details}");
    }

    #[test]
    fn it_says_in_what_a_token_differs_from_what_is_configured() {
        let own = rules(SECRET);
        let token = issued(&own);
        check(&own, &token, None, "it runs out at 20");
        let other = TokenRules {
            issuer: Some("https://other.example".to_owned()),
            ..rules(SECRET)
        };
        let iss = r#"its iss is "https://id.example"; auth.issuer is "https://other.example""#;
        check(&other, &token, Some("its issuer is wrong"), iss);
        let hs512 = TokenKey::from_secret(
            Some("k".to_owned()),
            "HS512".parse().unwrap(),
            Secret::new(SECRET),
        );
        let keyed = TokenRules {
            keys: vec![hs512.unwrap()],
            ..rules(SECRET)
        };
        let none = "no key of auth.keys fits that; there are: \"k\" (HS512)";
        check(&keyed, &token, Some("no key has its kid and alg"), none);
        check(&own, "a.b.c", Some("its header is malformed"), "");
    }

    #[test]
    fn it_notices_a_secret_in_the_other_encoding() {
        let decoded = STANDARD.encode(SECRET);
        let wrong = Some("its signature is wrong");
        let token = issued(&rules(SECRET));
        check(
            &rules(decoded.as_bytes()),
            &token,
            wrong,
            "secret_encoding = \"base64\"",
        );
        let token = issued(&rules(decoded.as_bytes()));
        check(&rules(SECRET), &token, wrong, "secret_encoding = \"text\"");
    }
}
