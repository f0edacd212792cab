//! Tests of [`super`]: every kind of token that must pass, and every one that must not. They must not read a configuration.

#![allow(clippy::unwrap_used)]

mod claims;
mod screening;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm as Alg, EncodingKey, Header, encode};
use serde_json::json;

use super::super::keys::Secret;
use super::super::{IssueError, TokenIssuer};
use super::*;

const SECRET: &[u8] = b"a secret of sixty-four bytes, which is long enough for all hashes";
const RSA_PUBLIC: &[u8] = include_bytes!("../testdata/rsa-2048.public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../testdata/rsa-2048.private.pem");
const P256_PUBLIC: &[u8] = include_bytes!("../testdata/ec-p256.public.pem");
const P256_PRIVATE: &[u8] = include_bytes!("../testdata/ec-p256.private.pem");
const P384_PUBLIC: &[u8] = include_bytes!("../testdata/ec-p384.public.pem");
const P384_PRIVATE: &[u8] = include_bytes!("../testdata/ec-p384.private.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../testdata/ed25519.public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../testdata/ed25519.private.pem");

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn shared(id: Option<&str>, alg: &str, secret: &[u8]) -> TokenKey {
    TokenKey::from_secret(
        id.map(str::to_owned),
        alg.parse().unwrap(),
        Secret::new(secret),
    )
    .unwrap()
}

fn public(id: Option<&str>, alg: &str, pem: &[u8]) -> TokenKey {
    TokenKey::from_pem(id.map(str::to_owned), alg.parse().unwrap(), pem).unwrap()
}

fn rules(keys: Vec<TokenKey>) -> TokenRules {
    TokenRules {
        keys,
        issuer: None,
        audience: Vec::new(),
        leeway: Duration::from_secs(30),
        user_claim: "sub".into(),
    }
}

fn hs256() -> TokenVerifier {
    TokenVerifier::new(rules(vec![shared(None, "HS256", SECRET)]))
}

fn claims(extra: Value) -> Value {
    let mut claims = json!({"sub": "ann", "exp": now() + 600});
    claims
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    claims
}

fn sign_as(alg: Alg, kid: Option<&str>, key: &EncodingKey, claims: &Value) -> String {
    let mut header = Header::new(alg);
    header.kid = kid.map(str::to_owned);
    encode(&header, claims, key).unwrap()
}

fn sign(claims: &Value) -> String {
    sign_as(Alg::HS256, None, &EncodingKey::from_secret(SECRET), claims)
}

#[track_caller]
fn check(verifier: &TokenVerifier, token: &str, expected: Result<&str, &str>) {
    let outcome = match verifier.verify(token) {
        Ok(claims) => Ok(claims.user.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let expected = match expected {
        Ok(user) => Ok(user.to_owned()),
        Err("expired") => Err("the token has expired".to_owned()),
        Err(reason) => Err(format!("the token is invalid: {reason}")),
    };
    assert_eq!(outcome, expected);
}

#[test]
fn every_algorithm_verifies_what_it_signed() {
    let secret = EncodingKey::from_secret(SECRET);
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap();
    let shared_key = |alg| shared(None, alg, SECRET);
    let cases = [
        (shared_key("HS256"), Alg::HS256, &secret),
        (shared_key("HS384"), Alg::HS384, &secret),
        (shared_key("HS512"), Alg::HS512, &secret),
        (public(None, "RS256", RSA_PUBLIC), Alg::RS256, &rsa),
        (public(None, "RS384", RSA_PUBLIC), Alg::RS384, &rsa),
        (public(None, "RS512", RSA_PUBLIC), Alg::RS512, &rsa),
        (public(None, "PS256", RSA_PUBLIC), Alg::PS256, &rsa),
        (public(None, "PS384", RSA_PUBLIC), Alg::PS384, &rsa),
        (public(None, "PS512", RSA_PUBLIC), Alg::PS512, &rsa),
        (
            public(None, "ES256", P256_PUBLIC),
            Alg::ES256,
            &EncodingKey::from_ec_pem(P256_PRIVATE).unwrap(),
        ),
        (
            public(None, "ES384", P384_PUBLIC),
            Alg::ES384,
            &EncodingKey::from_ec_pem(P384_PRIVATE).unwrap(),
        ),
        (
            public(None, "EdDSA", ED_PUBLIC),
            Alg::EdDSA,
            &EncodingKey::from_ed_pem(ED_PRIVATE).unwrap(),
        ),
    ];
    let tokens: Vec<_> = cases
        .iter()
        .map(|(_, alg, key)| sign_as(*alg, None, key, &claims(json!({}))))
        .collect();
    for (index, (key, _, _)) in cases.iter().enumerate() {
        let verifier = TokenVerifier::new(rules(vec![key.clone()]));
        for (other, token) in tokens.iter().enumerate() {
            let expected = if index == other {
                Ok("ann")
            } else {
                Err("no key has its kid and alg")
            };
            check(&verifier, token, expected);
        }
    }
}

#[test]
fn forged_tokens_are_refused() {
    let token = sign(&claims(json!({})));
    let wrong = Err("its signature is wrong");
    let other = EncodingKey::from_secret(b"another secret of more than thirty-two bytes");
    check(
        &hs256(),
        &sign_as(Alg::HS256, None, &other, &claims(json!({}))),
        wrong,
    );

    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        unreachable!()
    };
    let payload = URL_SAFE_NO_PAD.encode(claims(json!({"sub": "root"})).to_string());
    check(&hs256(), &format!("{header}.{payload}.{signature}"), wrong);
    check(&hs256(), &format!("{header}.{payload}."), wrong);
}

#[test]
fn alg_none_is_refused_in_every_spelling() {
    let payload = URL_SAFE_NO_PAD.encode(claims(json!({})).to_string());
    for alg in ["none", "None", "NONE", "", "HS255"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        let reason = Err("its header is malformed or names no usable alg");
        check(&hs256(), &format!("{header}.{payload}."), reason);
        check(&hs256(), &format!("{header}.{payload}.AAAA"), reason);
    }
}

#[test]
fn a_public_key_is_not_taken_for_a_secret() {
    // The classic confusion: sign with HS256, using the text or the DER of the public key.
    let verifier = TokenVerifier::new(rules(vec![public(Some("k"), "RS256", RSA_PUBLIC)]));
    let der = public(None, "RS256", RSA_PUBLIC)
        .decoding()
        .try_get_as_bytes()
        .unwrap()
        .to_vec();
    for secret in [RSA_PUBLIC, &der] {
        for kid in [Some("k"), None] {
            let key = EncodingKey::from_secret(secret);
            let token = sign_as(Alg::HS256, kid, &key, &claims(json!({})));
            check(&verifier, &token, Err("no key has its kid and alg"));
        }
    }
}

#[test]
fn texts_that_are_no_tokens_are_refused() {
    let header = Err("its header is malformed or names no usable alg");
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "привет",
        "\0",
        "e30.e30.e30",
        "eyJhbGciOiJIUzI1NiJ9",
    ] {
        check(&hs256(), text, header);
    }
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    check(&hs256(), &long, Err("it is too long"));
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(10_000));
    check(&hs256(), &format!("{deep}.e30.e30"), header);
}

#[test]
fn an_expired_forgery_is_invalid_not_expired() {
    let other = EncodingKey::from_secret(b"another secret of more than thirty-two bytes");
    let token = sign_as(Alg::HS256, None, &other, &claims(json!({"exp": 1})));
    check(&hs256(), &token, Err("its signature is wrong"));
}

#[test]
fn kid_chooses_the_key() {
    let (old, new) = (
        SECRET,
        b"the secret of the newer key, as long as it must be".as_slice(),
    );
    let verifier = TokenVerifier::new(rules(vec![
        shared(Some("old"), "HS256", old),
        shared(Some("new"), "HS256", new),
        public(Some("idp"), "RS256", RSA_PUBLIC),
    ]));
    let token = |kid, secret| {
        sign_as(
            Alg::HS256,
            kid,
            &EncodingKey::from_secret(secret),
            &claims(json!({})),
        )
    };
    check(&verifier, &token(Some("old"), old), Ok("ann"));
    check(&verifier, &token(Some("new"), new), Ok("ann"));
    check(
        &verifier,
        &token(Some("old"), new),
        Err("its signature is wrong"),
    );
    check(
        &verifier,
        &token(Some("idp"), old),
        Err("no key has its kid and alg"),
    );
    check(
        &verifier,
        &token(Some("gone"), old),
        Err("no key has its kid and alg"),
    );
    check(&verifier, &token(None, old), Ok("ann"));
    check(&verifier, &token(None, new), Ok("ann"));
    check(
        &verifier,
        &token(None, b"neither"),
        Err("its signature is wrong"),
    );
    // A single key without an id takes whatever kid the issuer writes.
    check(&hs256(), &token(Some("2026-11"), old), Ok("ann"));
}

#[test]
fn a_crit_header_is_refused() {
    let mut header = Header::new(Alg::HS256);
    header.crit = Some(vec!["b64".into()]);
    let token = encode(
        &header,
        &claims(json!({})),
        &EncodingKey::from_secret(SECRET),
    )
    .unwrap();
    check(&hs256(), &token, Err("its crit header is not understood"));
}

#[test]
fn issued_tokens_are_accepted_by_the_same_rules() {
    let rules = TokenRules {
        issuer: Some("wardroom".into()),
        audience: vec!["clients".into()],
        user_claim: "uid".into(),
        ..rules(vec![
            public(Some("idp"), "EdDSA", ED_PUBLIC),
            shared(Some("own"), "HS512", SECRET),
        ])
    };
    let workspaces = BTreeMap::from([
        (WorkspaceId::new("demo").unwrap(), None),
        (
            WorkspaceId::new("shop").unwrap(),
            Some(Role::new("guest").unwrap()),
        ),
    ]);
    let user = UserId::new("ann").unwrap();
    let issuer = TokenIssuer::new(&rules).unwrap();
    let token = issuer
        .issue(&user, &workspaces, Duration::from_secs(60))
        .unwrap();
    let read = TokenVerifier::new(rules.clone()).verify(&token).unwrap();
    assert_eq!(
        (read.user, read.workspaces),
        (user.clone(), workspaces.clone())
    );

    let endless = issuer.issue(&user, &workspaces, Duration::from_secs(u64::MAX));
    assert_eq!(endless, Err(IssueError::Lifetime));
    let none = issuer.issue(&user, &workspaces, Duration::from_millis(999));
    assert_eq!(none, Err(IssueError::Lifetime));
    let only_public = TokenRules {
        keys: rules.keys[..1].to_vec(),
        ..rules
    };
    let refused = TokenIssuer::new(&only_public).err();
    assert_eq!(refused, Some(IssueError::NothingToSignWith));
}
