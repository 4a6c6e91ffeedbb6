//! Bearer tokens of a door's partners (RFC 7519): one algorithm, one key, one issuer and one
//! audience, all of them configured; whatever a token says of itself is held against those.
//!
//! The grammar and the claims are `jsonwebtoken`'s business; the arithmetic is ring's, which is
//! in the program for TLS anyway. Times are compared here, with the `now` that is handed in.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm as JwtAlgorithm, DecodingKey, EncodingKey, Validation};
use ring::hmac;
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use signature::Verifier as VerifiesSignatures;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// The shortest secret for HS256, in bytes (RFC 7518, 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// How far an issuer's clock may be ahead of ours, in seconds: a token is used the moment that it
/// is made, and its maker sets `nbf` to that.
const NBF_LEEWAY_SECONDS: f64 = 5.0;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA256 with a shared secret.
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
}

/// Why a token or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configured key is none of the algorithm.
    #[error("expected {0}")]
    Key(&'static str),
    /// The token is longer than any honest one.
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not three parts, not signed with the key, or for somebody else; which is not told.
    #[error("the token is not valid here")]
    NotValid,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead, further than clocks differ.
    #[error("the token is not valid yet")]
    NotYet,
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claims {
    /// Which client it was made for.
    pub sub: String,
    /// Until when it holds, in Unix seconds.
    exp: f64,
    /// From when on, in Unix seconds.
    nbf: Option<f64>,
}

/// Verifies the tokens of one issuer. All clones have the same key, which may be exchanged while
/// others verify.
#[derive(Clone)]
pub struct Bearer {
    algorithm: Algorithm,
    key: Arc<RwLock<DecodingKey>>,
    validation: Validation,
}

impl Bearer {
    /// Takes the key: the bytes of the secret for HS256, else a public key in PEM.
    ///
    /// # Errors
    /// When the key is none of the algorithm.
    pub fn new(
        algorithm: Algorithm,
        key: &[u8],
        issuer: &str,
        audience: &str,
    ) -> Result<Self, Error> {
        // An embedding program may have installed its own.
        let _ = PROVIDER.install_default();
        let key = Arc::new(RwLock::new(decoding(algorithm, key)?));
        let mut validation = Validation::new(match algorithm {
            Algorithm::Hs256 => JwtAlgorithm::HS256,
            Algorithm::Rs256 => JwtAlgorithm::RS256,
            Algorithm::EdDsa => JwtAlgorithm::EdDSA,
        });
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.validate_exp = false;
        validation.leeway = 0;
        Ok(Self {
            algorithm,
            key,
            validation,
        })
    }

    /// Takes another key of the same algorithm from now on; says whether it is another one.
    ///
    /// # Errors
    /// When the key is none of the algorithm; the one before stays in use then.
    pub fn renew(&self, key: &[u8]) -> Result<bool, Error> {
        let now = decoding(self.algorithm, key)?;
        // A key is never left half written.
        let mut held = self.key.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = held.try_get_as_bytes().ok() != now.try_get_as_bytes().ok();
        *held = now;
        Ok(is_other)
    }

    /// The claims of a token that is valid at `now`.
    ///
    /// # Errors
    /// When it is not.
    pub fn claims(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Error> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::TooLong);
        }
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        drop(key);
        let claims = decoded.map_err(|_| Error::NotValid)?.claims;
        let now = now.timestamp() as f64;
        if claims.exp <= now {
            return Err(Error::Expired);
        }
        match claims.nbf.is_some_and(|nbf| nbf > now + NBF_LEEWAY_SECONDS) {
            true => Err(Error::NotYet),
            false => Ok(claims),
        }
    }
}

fn decoding(algorithm: Algorithm, key: &[u8]) -> Result<DecodingKey, Error> {
    match algorithm {
        Algorithm::Hs256 => secret(key),
        Algorithm::Rs256 => rsa(key),
        Algorithm::EdDsa => ed25519(key),
    }
}

fn secret(key: &[u8]) -> Result<DecodingKey, Error> {
    match key.len() >= MIN_SECRET_BYTES {
        true => Ok(DecodingKey::from_secret(key)),
        false => Err(Error::Key("a secret of at least 32 bytes")),
    }
}

fn rsa(key: &[u8]) -> Result<DecodingKey, Error> {
    DecodingKey::from_rsa_pem(key).map_err(|_| Error::Key("an RSA public key in PEM"))
}

fn ed25519(key: &[u8]) -> Result<DecodingKey, Error> {
    DecodingKey::from_ed_pem(key).map_err(|_| Error::Key("an Ed25519 public key in PEM"))
}

/// What `jsonwebtoken` calculates with: it verifies, by three algorithms, and signs nothing.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

fn no_signer(_: &JwtAlgorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, JwtError> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &JwtAlgorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, JwtError> {
    let key = key.try_get_as_bytes()?.to_vec();
    match algorithm {
        JwtAlgorithm::HS256 | JwtAlgorithm::RS256 | JwtAlgorithm::EdDSA => Ok(Box::new(Verifier {
            algorithm: *algorithm,
            key,
        })),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Verifier {
    algorithm: JwtAlgorithm,
    key: Vec<u8>,
}

impl VerifiesSignatures<Vec<u8>> for Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let by_public_key = |algorithm| {
            UnparsedPublicKey::new(algorithm, &self.key)
                .verify(message, signature)
                .is_ok()
        };
        let holds = match self.algorithm {
            JwtAlgorithm::HS256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
                hmac::verify(&key, message, signature).is_ok()
            }
            JwtAlgorithm::RS256 => by_public_key(&RSA_PKCS1_2048_8192_SHA256),
            _ => by_public_key(&ED25519),
        };
        match holds {
            true => Ok(()),
            false => Err(signature::Error::new()),
        }
    }
}

impl JwtVerifier for Verifier {
    fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }
}
