//! Signing keys: made and used by AWS-LC, published as JSON Web Keys (RFC 7517).

use std::sync::Arc;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{AccessTokenClaims, IdTokenClaims};

/// Difference of clocks that is forgiven when a token of ours comes back.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// What a key signs with. RS256 is what every client must understand (Core 15.1); ES256 is short and fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    Rs256,
    Es256,
}

impl SigningAlgorithm {
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    const fn jwa(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

/// A key could not be made or used, or a token is not ours. For the log; clients read "invalid token".
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a signing key could not be made")]
    Generate,
    #[error("a signing key cannot be used: {0}")]
    Unusable(jsonwebtoken::errors::Error),
    #[error("the token is not one of ours: {0}")]
    NotOurs(&'static str),
    #[error("the token is not valid: {0}")]
    Token(jsonwebtoken::errors::Error),
    #[error("the token has expired")]
    Expired,
}

/// Makes a key pair: the private half as PKCS #8 in PEM. Takes up to a second for RSA: not on a request's path.
pub fn generate_key(algorithm: SigningAlgorithm) -> Result<SecretString, KeyError> {
    let der = match algorithm {
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
            pair.as_der().map_err(|_| KeyError::Generate)?.as_ref().to_vec()
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| KeyError::Generate)?;
            pair.as_ref().to_vec()
        }
    };
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).map_err(|_| KeyError::Generate)?);
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem.into())
}

/// One key that signs, will sign, or did.
pub struct SigningKey {
    pub algorithm: SigningAlgorithm,
    /// The thumbprint of the public key (RFC 7638): it names exactly this key, on every server.
    pub kid: String,
    /// Empty once it no longer signs.
    private: Option<EncodingKey>,
    public: Jwk,
    verifying: DecodingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads what [`generate_key`] made.
    pub fn from_pem(algorithm: SigningAlgorithm, pem: &SecretString) -> Result<Self, KeyError> {
        let pem = pem.expose_secret().as_bytes();
        let private = match algorithm {
            SigningAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
            SigningAlgorithm::Es256 => EncodingKey::from_ec_pem(pem),
        }
        .map_err(KeyError::Unusable)?;
        let mut public = Jwk::from_encoding_key(&private, algorithm.jwa()).map_err(KeyError::Unusable)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(KeyError::Unusable)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&public).map_err(KeyError::Unusable)?;
        Ok(Self { algorithm, kid, private: Some(private), public, verifying })
    }

    /// The public half alone, of a key whose private half is gone: it verifies and never signs.
    pub fn from_public_jwk(algorithm: SigningAlgorithm, public: Value) -> Result<Self, KeyError> {
        let public: Jwk = serde_json::from_value(public).map_err(|error| KeyError::Unusable(error.into()))?;
        let kid = public.common.key_id.clone().ok_or(KeyError::NotOurs("a key without an id"))?;
        let verifying = DecodingKey::from_jwk(&public).map_err(KeyError::Unusable)?;
        Ok(Self { algorithm, kid, private: None, public, verifying })
    }

    /// The public half, as published.
    pub fn public_jwk(&self) -> Result<Value, KeyError> {
        serde_json::to_value(&self.public).map_err(|error| KeyError::Unusable(error.into()))
    }

    fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut header = Header::new(self.algorithm.jwa());
        header.kid = Some(self.kid.clone());
        header.typ = Some(kind.to_owned());
        let private = self.private.as_ref().ok_or(KeyError::Generate)?;
        jsonwebtoken::encode(&header, claims, private).map_err(KeyError::Unusable)
    }
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyStage {
    /// Signs. One per algorithm.
    Current,
    /// Published ahead of its use, so that nobody meets a token of a key they have not seen.
    Next,
    /// No longer signs; published until the last token it signed has expired.
    Previous,
    /// No longer published. An ID token that it signed is still known when it comes back as a hint.
    Gone,
}

impl KeyStage {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Gone => "gone",
        }
    }
}

/// The keys of the provider.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<(KeyStage, Arc<SigningKey>)>,
}

const ID_TOKEN: &str = "JWT";
/// RFC 9068 2.1: an access token cannot pass for an ID token, nor the reverse.
const ACCESS_TOKEN: &str = "at+jwt";

impl KeySet {
    /// The keys with the stages they are in.
    #[must_use]
    pub fn new(mut keys: Vec<(KeyStage, Arc<SigningKey>)>) -> Self {
        keys.sort_by_key(|(stage, _)| *stage);
        Self { keys }
    }

    fn signing(&self, algorithm: SigningAlgorithm) -> Result<&SigningKey, KeyError> {
        let mut current = self.keys.iter().filter(|(stage, _)| *stage == KeyStage::Current);
        current.find(|(_, key)| key.algorithm == algorithm).map(|(_, key)| &**key).ok_or(KeyError::Generate)
    }

    /// Signs an ID token, with RS256: what a client gets that registered no wish (Core 3.1.3.7, rule 7).
    pub fn sign_id_token(&self, claims: &IdTokenClaims) -> Result<String, KeyError> {
        self.signing(SigningAlgorithm::Rs256)?.sign(ID_TOKEN, claims)
    }

    /// Signs an access token, with ES256: only the hub and resource servers that read our metadata verify it.
    pub fn sign_access_token(&self, claims: &AccessTokenClaims) -> Result<String, KeyError> {
        self.signing(SigningAlgorithm::Es256)?.sign(ACCESS_TOKEN, claims)
    }

    /// Verifies an access token that was issued for ourselves.
    pub fn verify_access_token(
        &self,
        token: &str,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<AccessTokenClaims, KeyError> {
        let claims: AccessTokenClaims = self.verify(token, ACCESS_TOKEN, KeyStage::Previous)?;
        if claims.iss != issuer || !claims.aud.contains(issuer) {
            return Err(KeyError::NotOurs("another issuer or audience"));
        }
        if now.timestamp() >= claims.exp + LEEWAY.num_seconds() {
            return Err(KeyError::Expired);
        }
        Ok(claims)
    }

    /// Verifies an ID token that comes back as a hint. It may have expired (RP-Initiated Logout 2).
    pub fn verify_id_token_hint(&self, token: &str, issuer: &str) -> Result<IdTokenClaims, KeyError> {
        let claims: IdTokenClaims = self.verify(token, ID_TOKEN, KeyStage::Gone)?;
        if claims.iss == issuer { Ok(claims) } else { Err(KeyError::NotOurs("another issuer")) }
    }

    /// Verifies with the keys up to this stage.
    fn verify<T: DeserializeOwned + Clone>(&self, token: &str, kind: &str, last: KeyStage) -> Result<T, KeyError> {
        let header = jsonwebtoken::decode_header(token).map_err(KeyError::Token)?;
        if header.typ.as_deref() != Some(kind) {
            return Err(KeyError::NotOurs("a token of another kind"));
        }
        let key = self
            .keys
            .iter()
            .filter(|(stage, _)| *stage <= last)
            .map(|(_, key)| key)
            .find(|key| header.kid.as_ref() == Some(&key.kid))
            .ok_or(KeyError::NotOurs("an unknown key"))?;
        // The key decides about the algorithm, never the token.
        let mut validation = Validation::new(key.algorithm.jwa());
        validation.required_spec_claims.clear();
        // Compared by the callers: time comes from the injected clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<T>(token, &key.verifying, &validation).map(|data| data.claims).map_err(KeyError::Token)
    }

    /// The JWKS document.
    pub fn public_document(&self) -> Result<Value, KeyError> {
        let published = self.keys.iter().filter(|(stage, _)| *stage < KeyStage::Gone);
        let keys: Result<Vec<Value>, KeyError> = published.map(|(_, key)| key.public_jwk()).collect();
        Ok(json!({ "keys": keys? }))
    }
}
