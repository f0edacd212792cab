//! The keys that tokens are verified with, and what makes one too weak. It must not know where a key was configured.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::limits::MIN_RSA_MODULUS_BITS;

/// Bytes that must not be shown: `Debug` says only how many there are. They are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Keeps `bytes` out of logs and errors from here on.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves, for the one place that uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} bytes)", self.0.len())
    }
}

/// A signature algorithm that tokens may use. `none` is not one, and cannot be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm(jsonwebtoken::Algorithm);

impl Algorithm {
    /// Every name that a configuration may use.
    pub const NAMES: [&str; 12] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "EdDSA",
    ];

    /// Whether the same secret both signs and verifies.
    pub fn is_symmetric(self) -> bool {
        self.0.family() == AlgorithmFamily::Hmac
    }

    /// Shortest secret in bytes: the length of the hash (RFC 7518 §3.2).
    fn secret_bytes_min(self) -> usize {
        match self.0 {
            jsonwebtoken::Algorithm::HS384 => 48,
            jsonwebtoken::Algorithm::HS512 => 64,
            _ => 32,
        }
    }

    pub(super) fn inner(self) -> jsonwebtoken::Algorithm {
        self.0
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        name.parse()
            .map(Self)
            .map_err(|_| KeyError::UnknownAlgorithm)
    }
}

/// Why a key cannot be used. None of the texts shows the key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The algorithm's name is not in the list.
    #[error("unknown algorithm; one of {}", Algorithm::NAMES.join(", "))]
    UnknownAlgorithm,
    /// A secret was given for a public-key algorithm.
    #[error("{0} verifies with a public key; set public_key or public_key_file instead")]
    NeedsPublicKey(Algorithm),
    /// A public key was given for a shared-secret algorithm.
    #[error("{0} verifies with a shared secret; set secret or secret_file instead")]
    NeedsSecret(Algorithm),
    /// The secret is short enough to be guessed.
    #[error("the secret has {bytes} bytes; {algorithm} needs at least {minimum}")]
    WeakSecret {
        /// The algorithm that the key is for.
        algorithm: Algorithm,
        /// Length of the secret, in bytes.
        bytes: usize,
        /// Least length for this algorithm, in bytes.
        minimum: usize,
    },
    /// The RSA modulus is short enough to be factored.
    #[error("the RSA key has {bits} bits; at least {MIN_RSA_MODULUS_BITS} are needed")]
    WeakRsa {
        /// Length of the modulus, in bits.
        bits: usize,
    },
    /// Not PEM, or not a public key of the algorithm's kind.
    #[error("not a PEM public key that {0} can verify with")]
    NotAPublicKey(Algorithm),
}

impl KeyError {
    /// Whether the key would work and is refused only because it is weak.
    pub fn is_weakness(&self) -> bool {
        matches!(self, Self::WeakSecret { .. } | Self::WeakRsa { .. })
    }
}

/// One key with the only algorithm it may be used for. Parsed once; cheap to verify with.
#[derive(Clone)]
pub struct TokenKey {
    id: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
    /// Kept for symmetric keys only, so that development mode and the command line can sign.
    secret: Option<Secret>,
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        let public = |key: &Self| key.decoding.try_get_as_bytes().map(<[u8]>::to_vec).ok();
        let same_material = match (&self.secret, &other.secret) {
            (Some(own), Some(others)) => own == others,
            (None, None) => public(self) == public(other),
            _ => false,
        };
        self.id == other.id && self.algorithm == other.algorithm && same_material
    }
}

impl Eq for TokenKey {}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    /// A shared secret for one of the HS algorithms, whatever its strength; see [`Self::weakness`].
    ///
    /// # Errors
    /// [`KeyError::NeedsPublicKey`] if `algorithm` is not symmetric.
    pub fn from_secret(
        id: Option<String>,
        algorithm: Algorithm,
        secret: Secret,
    ) -> Result<Self, KeyError> {
        if !algorithm.is_symmetric() {
            return Err(KeyError::NeedsPublicKey(algorithm));
        }
        Ok(Self {
            id,
            algorithm,
            decoding: DecodingKey::from_secret(secret.expose()),
            secret: Some(secret),
        })
    }

    /// A public key in PEM for one of the RS, PS, ES or EdDSA algorithms.
    ///
    /// # Errors
    /// [`KeyError::NeedsSecret`] for an HS algorithm, [`KeyError::NotAPublicKey`] if the text is
    /// not a public key of the kind and curve that `algorithm` verifies with.
    pub fn from_pem(
        id: Option<String>,
        algorithm: Algorithm,
        pem: &[u8],
    ) -> Result<Self, KeyError> {
        let parsed = match algorithm.0.family() {
            AlgorithmFamily::Hmac => return Err(KeyError::NeedsSecret(algorithm)),
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        };
        let decoding = parsed.map_err(|_| KeyError::NotAPublicKey(algorithm))?;
        let key = Self {
            id,
            algorithm,
            decoding,
            secret: None,
        };
        // The PEM reader accepts private keys and other curves, which would refuse every token
        // later. Building the verifier, and for RSA reading the modulus, tells now.
        let usable = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.0, &key.decoding).is_ok();
        let is_rsa = algorithm.0.family() == AlgorithmFamily::Rsa;
        if !usable || (is_rsa && key.rsa_modulus_bits().is_none()) {
            return Err(KeyError::NotAPublicKey(algorithm));
        }
        Ok(key)
    }

    /// What makes this key too weak to run with outside of development, if anything.
    pub fn weakness(&self) -> Option<KeyError> {
        if let Some(secret) = &self.secret {
            let bytes = secret.expose().len();
            let minimum = self.algorithm.secret_bytes_min();
            return (bytes < minimum).then_some(KeyError::WeakSecret {
                algorithm: self.algorithm,
                bytes,
                minimum,
            });
        }
        let bits = self.rsa_modulus_bits()?;
        (bits < MIN_RSA_MODULUS_BITS).then_some(KeyError::WeakRsa { bits })
    }

    /// The `kid` that tokens name this key by; `None` if it serves whatever `kid` they name.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The only algorithm that this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// Length of the RSA modulus, in bits; `None` for a key that is not RSA's.
    fn rsa_modulus_bits(&self) -> Option<usize> {
        if self.algorithm.0.family() != AlgorithmFamily::Rsa {
            return None;
        }
        let der = self.decoding.try_get_as_bytes().ok()?;
        let components = DEFAULT_PROVIDER
            .key_utils
            .rsa_pub_components_from_public_key;
        let (modulus, _) = components(der).ok()?;
        let zeros = modulus.first()?.leading_zeros() as usize;
        Some(modulus.len() * 8 - zeros)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
