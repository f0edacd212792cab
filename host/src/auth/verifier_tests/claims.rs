//! Tests of the claims: what is read, what must be there, and when it counts. They must not vary keys.

use super::*;

#[test]
fn the_claims_are_read() {
    let token = sign(&claims(
        json!({"workspaces": {"w1": "guest", "w2": null}, "name": "Ann"}),
    ));
    let read = hs256().verify(&token).unwrap();
    assert_eq!(read.user.as_str(), "ann");
    assert!((now() + 600..=now() + 630).contains(&read.expires_at));
    assert_eq!(read.name.as_deref(), Some("Ann"));
    let role = |id: &str| {
        read.workspaces
            .get(id)
            .map(|role| role.as_ref().map(Role::as_str))
    };
    assert_eq!(role("w1"), Some(Some("guest")));
    assert_eq!(role("w2"), Some(None));
    assert_eq!(role("w3"), None);

    let token = sign(&claims(
        json!({"workspaces": ["w1"], "name": 5, "exp": now() as f64 + 9.5}),
    ));
    let read = hs256().verify(&token).unwrap();
    assert_eq!(read.workspaces.len(), 1);
    assert_eq!(read.name, None);
}

/// A token with claims in a text of one's own.
fn signed_text(claims: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Alg::HS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn claims_are_shown_to_policies_as_they_were_signed() {
    let exp = now() + 600;
    let text = format!(
        r#"{{"at":[117.63333139400017,-0,1e2],"exp":{exp},"id":12345678901234567890123,"sub":"ann"}}"#
    );
    let read = hs256().verify(&signed_text(&text)).unwrap();
    assert_eq!(read.all.as_str(), text);
    for (claim, reason) in [
        (r#"{"a":1,"a":2}"#, "its claims hold a key more than once"),
        (
            r#""\ud800""#,
            "its claims hold a lone surrogate, which is half a character",
        ),
        ("1e400", "its claims hold a number that is out of range"),
    ] {
        let text = format!(r#"{{"exp":{exp},"sub":"ann","x":{claim}}}"#);
        check(&hs256(), &signed_text(&text), Err(reason));
    }
}

#[test]
fn claims_of_the_wrong_shape_are_refused() {
    let user = Err("its user claim is not a valid id");
    for sub in [json!(5), json!(""), json!(null), json!("x".repeat(129))] {
        check(&hs256(), &sign(&claims(json!({ "sub": sub }))), user);
    }
    let shape = Err("its workspaces claim is neither a list of ids nor a map from id to role");
    let many: Vec<_> = (0..=MAX_TOKEN_WORKSPACES).map(|n| n.to_string()).collect();
    let many = many.iter().map(String::as_str).collect::<Vec<_>>();
    for wrong in [
        json!("w1"),
        json!([1]),
        json!({"w": 1}),
        json!([""]),
        json!({"w": ""}),
        json!(many),
    ] {
        check(
            &hs256(),
            &sign(&claims(json!({ "workspaces": wrong }))),
            shape,
        );
    }
    for exp in [
        json!("soon"),
        json!(null),
        json!(-5),
        json!([]),
        json!(true),
    ] {
        check(
            &hs256(),
            &sign(&claims(json!({ "exp": exp }))),
            Err("it has no usable exp"),
        );
    }
    // The library gives up at nested values where it wants plain ones.
    for name in ["sub", "exp", "nbf"] {
        let token = sign(&claims(json!({ name: {"a": [1]} })));
        assert!(
            matches!(hs256().verify(&token), Err(TokenError::Invalid(_))),
            "{name}"
        );
    }
    let list = sign_as(
        Alg::HS256,
        None,
        &EncodingKey::from_secret(SECRET),
        &json!(["ann"]),
    );
    check(&hs256(), &list, Err("it is malformed"));
}

#[test]
fn the_user_claim_can_be_chosen() {
    let verifier = TokenVerifier::new(TokenRules {
        user_claim: "uid".into(),
        ..rules(vec![shared(None, "HS256", SECRET)])
    });
    check(&verifier, &sign(&claims(json!({"uid": "bob"}))), Ok("bob"));
    check(
        &verifier,
        &sign(&claims(json!({}))),
        Err("its user claim is not a valid id"),
    );
}

#[test]
fn times_are_kept_with_leeway() {
    let at = |claims_: Value| sign(&claims(claims_));
    check(&hs256(), &at(json!({"exp": now() - 10})), Ok("ann"));
    check(&hs256(), &at(json!({"exp": now() - 60})), Err("expired"));
    check(&hs256(), &at(json!({"exp": 0})), Err("expired"));
    check(&hs256(), &at(json!({"exp": u64::MAX})), Ok("ann"));
    let endless = hs256().verify(&at(json!({"exp": u64::MAX}))).unwrap();
    assert_eq!(endless.expires_at, END_OF_TIME);
    check(&hs256(), &at(json!({"nbf": now() + 10})), Ok("ann"));
    check(
        &hs256(),
        &at(json!({"nbf": now() + 60})),
        Err("its nbf lies in the future"),
    );
    check(
        &hs256(),
        &at(json!({"nbf": "soon"})),
        Err("its exp or nbf is not a number"),
    );
    check(
        &hs256(),
        &sign(&json!({"sub": "ann"})),
        Err("it has no usable exp"),
    );
}

#[test]
fn issuer_and_audience_are_required_once_configured() {
    let verifier = TokenVerifier::new(TokenRules {
        issuer: Some("https://id.example".into()),
        audience: vec!["wardroom".into(), "voice".into()],
        ..rules(vec![shared(None, "HS256", SECRET)])
    });
    let with = |extra: Value| {
        let mut all = json!({"iss": "https://id.example", "aud": "wardroom"});
        all.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        sign(&claims(all))
    };
    check(&verifier, &with(json!({})), Ok("ann"));
    check(
        &verifier,
        &with(json!({"aud": ["shop", "voice"]})),
        Ok("ann"),
    );
    check(
        &verifier,
        &with(json!({"iss": "https://evil.example"})),
        Err("its issuer is wrong"),
    );
    check(
        &verifier,
        &with(json!({"iss": null})),
        Err("it has no usable iss"),
    );
    check(
        &verifier,
        &with(json!({"aud": "shop"})),
        Err("its audience is wrong"),
    );
    check(
        &verifier,
        &with(json!({"aud": []})),
        Err("its audience is wrong"),
    );
    check(
        &verifier,
        &with(json!({"aud": null})),
        Err("it has no usable aud"),
    );
    // What is not configured is not looked at.
    check(&hs256(), &with(json!({})), Ok("ann"));
}
