//! Keys of tokens and of backends: read, told apart, and refused when weak. It must not show any of them.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::super::raw;
use super::super::source::read_bounded;
use super::checker::Checker;
use super::exposure;
use crate::auth::{Algorithm, ApiKey, KeyError, KeyHash, Scope, Secret, TokenKey};
use crate::binding::{Binding, Pattern};

/// How a secret is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Text,
    Base64,
}

/// The standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn token_keys(check: &mut Checker<'_>, raw: Vec<raw::TokenKey>) -> Vec<TokenKey> {
    if raw.is_empty() && !check.is_development() {
        check.problem(
            "auth.keys",
            "none configured, so no client could authenticate; add an [[auth.keys]] section, or \
             start with --dev to try things out",
        );
    }
    let several = raw.len() > 1;
    let mut ids = BTreeSet::new();
    let mut keys = Vec::with_capacity(raw.len());
    for (index, key) in raw.into_iter().enumerate() {
        let at = format!("auth.keys[{index}]");
        match &key.id {
            None if several => check.problem(
                format!("{at}.id"),
                "required when there are several keys; tokens choose by their kid",
            ),
            Some(id) if id.is_empty() => check.problem(format!("{at}.id"), "must not be empty"),
            Some(id) if !ids.insert(id.clone()) => {
                check.problem(format!("{at}.id"), "is used by an earlier key as well");
            }
            _ => {}
        }
        keys.extend(token_key(check, &at, key));
    }
    keys
}

fn token_key(check: &mut Checker<'_>, at: &str, raw: raw::TokenKey) -> Option<TokenKey> {
    let algorithm = match raw.alg.as_deref().map(str::parse::<Algorithm>) {
        None => {
            let names = Algorithm::NAMES.join(", ");
            check.problem(format!("{at}.alg"), format!("required; one of {names}"));
            return None;
        }
        Some(Err(error)) => {
            check.problem(format!("{at}.alg"), error);
            return None;
        }
        Some(Ok(algorithm)) => algorithm,
    };
    let encodings = [("text", Encoding::Text), ("base64", Encoding::Base64)];
    let encoding = check.one_of(
        format!("{at}.secret_encoding"),
        raw.secret_encoding.as_deref(),
        "text",
        &encodings,
    );
    let sources = [
        ("secret", raw.secret.is_some()),
        ("secret_file", raw.secret_file.is_some()),
        ("public_key", raw.public_key.is_some()),
        ("public_key_file", raw.public_key_file.is_some()),
    ];
    let given: Vec<_> = sources.iter().filter(|source| source.1).collect();
    let [(name, _)] = given.as_slice() else {
        let wanted = if algorithm.is_symmetric() {
            "secret or secret_file"
        } else {
            "public_key or public_key_file"
        };
        check.problem(at, format!("needs exactly one of {wanted}"));
        return None;
    };
    let at = format!("{at}.{name}");
    let is_secret = name.starts_with("secret");
    let text = raw.secret.or(raw.public_key);
    let text = text.map(|text| Zeroizing::new(text.0.as_bytes().to_vec()));
    let file = raw.secret_file.or(raw.public_key_file);
    let bytes = material(check, &at, text, file.as_deref(), is_secret)?;
    let key = if is_secret {
        let bytes = without_line_break(&bytes);
        if raw.secret_encoding.is_none() && exposure::looks_like_base64(bytes) {
            check.warning(
                &at,
                "looks like base64 and is taken as text; say secret_encoding = \"base64\" if the \
                 issuer of tokens decodes it, and \"text\" if not",
            );
        }
        let secret = secret(check, &at, bytes, encoding)?;
        TokenKey::from_secret(raw.id, algorithm, secret)
    } else {
        TokenKey::from_pem(raw.id, algorithm, &bytes)
    };
    let key = key.map_err(|error| check.problem(&at, error)).ok()?;
    if let Some(weakness) = key.weakness() {
        weak(check, &at, &key, &weakness);
    }
    Some(key)
}

fn weak(check: &mut Checker<'_>, at: &str, key: &TokenKey, weakness: &KeyError) {
    if matches!(weakness, KeyError::WeakSecret { bytes: 0, .. }) {
        check.problem(at, "is empty");
    } else if key.algorithm().is_symmetric() {
        let hint = "`openssl rand -base64 64 | tr -d '\\n'` makes a good one, with secret_encoding = \"base64\"";
        check.unsafe_to_run(at, format!("{weakness}; {hint}"));
    } else {
        check.unsafe_to_run(at, weakness);
    }
}

/// The bytes of a key, from the text or from the file, whichever is there.
fn material(
    check: &mut Checker<'_>,
    at: &str,
    text: Option<Zeroizing<Vec<u8>>>,
    file: Option<&Path>,
    is_secret: bool,
) -> Option<Zeroizing<Vec<u8>>> {
    let Some(file) = file else {
        return text;
    };
    let path = check.path(at, file);
    check.key_file(path.clone());
    if is_secret {
        exposure::check_file(check, at, &path);
    }
    read_bounded(&path)
        .map(Zeroizing::new)
        .map_err(|message| check.problem(at, message))
        .ok()
}

/// Editors and `echo` end a file with a line break that nobody means as part of the secret.
fn without_line_break(bytes: &[u8]) -> &[u8] {
    let last = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    &bytes[..last.map_or(0, |last| last + 1)]
}

fn secret(check: &mut Checker<'_>, at: &str, bytes: &[u8], encoding: Encoding) -> Option<Secret> {
    if encoding == Encoding::Text {
        return Some(Secret::new(bytes));
    }
    match BASE64.decode(bytes) {
        Ok(decoded) => Some(Secret::new(decoded)),
        Err(_) => {
            check.problem(at, "is not base64, as secret_encoding says");
            None
        }
    }
}

pub(super) fn api_keys(check: &mut Checker<'_>, raw: Vec<raw::ApiKey>) -> Vec<ApiKey> {
    if raw.is_empty() && !check.is_development() {
        check.problem(
            "api_keys",
            "none configured, so no backend could use the internal API; `wardroom api-key` makes \
             one and prints its [[api_keys]] section",
        );
    }
    let mut names = BTreeSet::new();
    let mut keys = Vec::with_capacity(raw.len());
    for (index, key) in raw.into_iter().enumerate() {
        let at = format!("api_keys[{index}]");
        let name = key.name.unwrap_or_default();
        check.not_empty(format!("{at}.name"), &name);
        if !names.insert(name.clone()) {
            check.problem(format!("{at}.name"), "is used by an earlier key as well");
        }
        let hash = key.hash.unwrap_or_default();
        let hash = hash
            .0
            .parse::<KeyHash>()
            .map_err(|error| check.problem(format!("{at}.hash"), error))
            .ok();
        if hash.is_some_and(|hash| exposure::is_placeholder(&hash)) {
            let advice = "is a placeholder, not the hash of a key; `wardroom api-key` makes a key";
            check.unsafe_to_run(format!("{at}.hash"), advice);
        }
        let scopes = scopes(check, &at, &key.scopes.unwrap_or_default());
        let workspaces = binding(check, &at, key.workspaces.as_deref());
        keys.extend(hash.map(|hash| ApiKey {
            name,
            hash,
            scopes,
            workspaces,
        }));
    }
    keys
}

fn scopes(check: &mut Checker<'_>, at: &str, names: &[String]) -> BTreeSet<Scope> {
    if names.is_empty() {
        let all = Scope::ALL.map(Scope::as_str).join(", ");
        check.problem(format!("{at}.scopes"), format!("required; some of {all}"));
    }
    let mut scopes = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        match name.parse() {
            Ok(scope) => drop(scopes.insert(scope)),
            Err(error) => check.problem(
                format!("{at}.scopes[{index}]"),
                crate::auth::UnknownScope::to_string(&error),
            ),
        }
    }
    scopes
}

/// The workspaces that a key is bound to. What cannot be read leaves a problem, and no wider binding.
fn binding(check: &mut Checker<'_>, at: &str, patterns: Option<&[String]>) -> Binding {
    let Some(patterns) = patterns else {
        return Binding::Everywhere;
    };
    if patterns.is_empty() {
        check.problem(
            format!("{at}.workspaces"),
            "is empty, so the key could do nothing; leave it out for all workspaces",
        );
    }
    let mut read = Vec::with_capacity(patterns.len());
    for (index, text) in patterns.iter().enumerate() {
        match text.parse::<Pattern>() {
            Ok(pattern) => read.push(pattern),
            Err(error) => check.problem(format!("{at}.workspaces[{index}]"), error),
        }
    }
    Binding::Only(read.into())
}
