//! Tokens: signed with ES256 by a key made at the start, handed only to the client that proves itself.

use anyhow::anyhow;
use aws_lc_rs::{
    constant_time, digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use axum::http::{HeaderMap, header};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::CloudClient;

const KID: &str = "demo";

pub(super) struct Signer {
    key: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn make() -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| anyhow!("the demo's cloud directory cannot make a key"))?;
        Ok(Self { key })
    }

    /// RFC 7518, 6.2.1: the point without its first byte, which says that it is not compressed.
    pub(super) fn public(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// A JSON Web Signature (RFC 7515, 7.1).
    pub(super) fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KID });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|_| anyhow!("the demo's cloud directory cannot sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

/// `client_secret_basic`. The demo's id and secret have only letters that a form leaves alone (RFC 6749, 2.3.1).
pub(super) fn is_client(headers: &HeaderMap, client: &CloudClient) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", client.id, client.secret)));
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    constant_time::verify_slices_are_equal(given, expected.as_bytes()).is_ok()
}

/// RFC 7636, 4.6.
pub(super) fn proves(challenge: &str, verifier: &str) -> bool {
    let computed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    constant_time::verify_slices_are_equal(computed.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_verifier_proves_its_own_challenge_only() {
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(proves(challenge, verifier));
        assert!(!proves(challenge, "") && !proves(challenge, challenge));
    }
}
