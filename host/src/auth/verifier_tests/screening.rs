//! What shows of a token without a look at its signature. It must not read a configuration.

use super::*;

fn es384() -> TokenVerifier {
    TokenVerifier::new(TokenRules {
        issuer: Some("idp".into()),
        audience: vec!["wardroom".into()],
        ..rules(vec![public(Some("k"), "ES384", P384_PUBLIC)])
    })
}

/// Signed by somebody else, if by anybody.
fn forged(kid: &str, alg: &str, claims: &Value) -> String {
    let encode = |part: String| URL_SAFE_NO_PAD.encode(part);
    let header = encode(json!({"alg": alg, "kid": kid}).to_string());
    format!(
        "{header}.{}.{}",
        encode(claims.to_string()),
        encode("s".repeat(96))
    )
}

fn good() -> Value {
    claims(json!({"iss": "idp", "aud": ["x", "wardroom"]}))
}

fn with(change: Value) -> Value {
    let mut claims = good();
    let change = change.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(change);
    claims
}

#[test]
fn cheap_reasons_are_found_without_the_signature() {
    let verifier = es384();
    let reason = |token: &str| verifier.screen(token).err().map(|it| it.to_string());
    let refused = |claims: Value| reason(&forged("k", "ES384", &claims)).unwrap_or_default();
    assert_eq!(reason(&forged("k", "ES384", &good())), None);
    for (claims, expected) in [
        (with(json!({"exp": now() - 600})), "the token has expired"),
        (with(json!({"exp": null})), "no usable exp"),
        (with(json!({"nbf": now() + 600})), "nbf lies in the future"),
        (with(json!({"iss": "other"})), "its issuer is wrong"),
        (with(json!({"iss": null})), "no usable iss"),
        (with(json!({"aud": "other"})), "its audience is wrong"),
        (with(json!({"aud": null})), "no usable aud"),
        (with(json!({"sub": 5})), "user claim is not a valid id"),
        (
            with(json!({"workspaces": 5})),
            "workspaces claim is neither",
        ),
        (json!([]), "malformed"),
    ] {
        let found = refused(claims.clone());
        assert!(found.contains(expected), "{claims}: {found}");
    }
    for (kid, alg) in [("other", "ES384"), ("k", "ES256"), ("k", "HS256")] {
        let found = reason(&forged(kid, alg, &good())).unwrap_or_default();
        assert!(found.contains("no key has its kid and alg"), "{found}");
    }
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert!(reason(&long).unwrap_or_default().contains("too long"));
}

#[test]
fn what_passes_the_screen_is_verified_all_the_same() {
    let verifier = es384();
    let key = EncodingKey::from_ec_pem(P384_PRIVATE).unwrap();
    for claims in [
        good(),
        with(json!({"exp": now() - 29, "nbf": now() + 29, "iss": ["idp", "x"]})),
    ] {
        let token = sign_as(Alg::ES384, Some("k"), &key, &claims);
        assert_eq!(verifier.screen(&token), Ok(()));
        check(&verifier, &token, Ok("ann"));
    }
    let token = forged("k", "ES384", &good());
    check(&verifier, &token, Err("its signature is wrong"));
    let expired = sign_as(
        Alg::ES384,
        Some("k"),
        &key,
        &with(json!({"exp": now() - 600})),
    );
    check(&verifier, &expired, Err("expired"));
}
