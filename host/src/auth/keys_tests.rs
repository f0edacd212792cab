//! Tests of [`super`]: which keys are accepted, and which are too weak. They must not verify tokens.

#![allow(clippy::unwrap_used)]

use super::*;

const RSA_2048: &[u8] = include_bytes!("testdata/rsa-2048.public.pem");
const RSA_1024: &[u8] = include_bytes!("testdata/rsa-1024.public.pem");
const EC_P256: &[u8] = include_bytes!("testdata/ec-p256.public.pem");
const EC_P384: &[u8] = include_bytes!("testdata/ec-p384.public.pem");
const ED25519: &[u8] = include_bytes!("testdata/ed25519.public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("testdata/rsa-2048.private.pem");
const EC_PRIVATE: &[u8] = include_bytes!("testdata/ec-p256.private.pem");

fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap()
}

fn secret(name: &str, bytes: usize) -> TokenKey {
    TokenKey::from_secret(None, algorithm(name), Secret::new(vec![7; bytes])).unwrap()
}

#[test]
fn the_list_of_algorithms_is_closed() {
    for name in Algorithm::NAMES {
        assert_eq!(algorithm(name).to_string(), name);
    }
    for name in ["none", "None", "hs256", "ES512", "RS1", ""] {
        assert_eq!(
            name.parse::<Algorithm>(),
            Err(KeyError::UnknownAlgorithm),
            "{name}"
        );
    }
}

#[test]
fn secrets_shorter_than_the_hash_are_weak() {
    for (name, minimum) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        assert_eq!(secret(name, minimum).weakness(), None);
        let weakness = secret(name, minimum - 1).weakness().unwrap();
        assert!(weakness.is_weakness());
        assert_eq!(
            weakness.to_string(),
            format!(
                "the secret has {} bytes; {name} needs at least {minimum}",
                minimum - 1
            )
        );
    }
}

#[test]
fn each_public_key_serves_its_own_algorithms_only() {
    let pems = [
        ("RSA", RSA_2048),
        ("P-256", EC_P256),
        ("P-384", EC_P384),
        ("Ed25519", ED25519),
    ];
    let fits = |name: &str, kind: &str| match name {
        "ES256" => kind == "P-256",
        "ES384" => kind == "P-384",
        "EdDSA" => kind == "Ed25519",
        _ => kind == "RSA",
    };
    let public = Algorithm::NAMES
        .into_iter()
        .filter(|name| !name.starts_with("HS"));
    for name in public {
        for (kind, pem) in pems {
            let key = TokenKey::from_pem(None, algorithm(name), pem);
            assert_eq!(key.is_ok(), fits(name, kind), "{name} with {kind}");
            assert!(key.is_err() || key.unwrap().weakness().is_none());
        }
    }
}

#[test]
fn a_short_rsa_key_is_weak() {
    let key = TokenKey::from_pem(None, algorithm("RS256"), RSA_1024).unwrap();
    assert_eq!(key.weakness(), Some(KeyError::WeakRsa { bits: 1024 }));
}

#[test]
fn private_keys_and_other_texts_are_no_public_keys() {
    let cases: [(&str, &[u8]); 5] = [
        ("RS256", RSA_PRIVATE),
        ("ES256", EC_PRIVATE),
        ("EdDSA", b""),
        ("PS512", b"not pem"),
        (
            "ES384",
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ),
    ];
    for (name, pem) in cases {
        let error = TokenKey::from_pem(None, algorithm(name), pem).unwrap_err();
        assert_eq!(error, KeyError::NotAPublicKey(algorithm(name)));
    }
}

#[test]
fn secrets_and_public_keys_are_not_interchangeable() {
    let hs256 = algorithm("HS256");
    assert_eq!(
        TokenKey::from_pem(None, hs256, RSA_2048).unwrap_err(),
        KeyError::NeedsSecret(hs256)
    );
    let rs256 = algorithm("RS256");
    assert_eq!(
        TokenKey::from_secret(None, rs256, Secret::new(RSA_2048)).unwrap_err(),
        KeyError::NeedsPublicKey(rs256)
    );
}

#[test]
fn debug_shows_no_secret() {
    let key =
        TokenKey::from_secret(None, algorithm("HS256"), Secret::new("visible-nowhere")).unwrap();
    let shown = format!("{key:?} {:?}", Secret::new("visible-nowhere"));
    assert!(!shown.contains("visible"), "{shown}");
    assert!(!shown.contains("118"), "{shown}");
}
