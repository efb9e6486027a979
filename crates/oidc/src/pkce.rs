//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` protects nothing once the request was seen.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::ProtocolError;

/// A `code_challenge` of method S256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// From the two parameters of the authorization request.
    pub fn from_request(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, ProtocolError> {
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ProtocolError::request("code_challenge_method is given without code_challenge")),
            (Some(challenge), Some("S256")) => {
                let decoded = URL_SAFE_NO_PAD.decode(challenge);
                if decoded.is_ok_and(|bytes| bytes.len() == digest::SHA256_OUTPUT_LEN) {
                    Ok(Some(Self(challenge.to_owned())))
                } else {
                    Err(ProtocolError::request("code_challenge is not the base64url of a SHA-256 digest"))
                }
            }
            (Some(_), _) => Err(ProtocolError::request("code_challenge_method must be S256")),
        }
    }

    /// As stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Holds the verifier of the token request against the challenge of the authorization request. A verifier without a
/// challenge is refused as well: it says that somebody took the challenge out of the request (RFC 9700 2.1.1).
pub fn verify(challenge: Option<&CodeChallenge>, verifier: Option<&str>) -> Result<(), ProtocolError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(ProtocolError::grant("code_verifier is missing")),
        (None, Some(_)) => Err(ProtocolError::grant("the authorization request had no code_challenge")),
        (Some(challenge), Some(verifier)) => {
            let computed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
            let equal = constant_time::verify_slices_are_equal(computed.as_bytes(), challenge.0.as_bytes()).is_ok();
            if is_well_formed(verifier) && equal {
                Ok(())
            } else {
                Err(ProtocolError::grant("code_verifier does not belong to the authorization request"))
            }
        }
    }
}

/// RFC 7636 4.1: 43 to 128 unreserved characters.
fn is_well_formed(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn challenge() -> CodeChallenge {
        CodeChallenge::from_request(Some(CHALLENGE), Some("S256")).unwrap().unwrap()
    }

    #[test]
    fn the_example_of_the_standard_holds() {
        assert!(verify(Some(&challenge()), Some(VERIFIER)).is_ok());
        assert!(verify(Some(&challenge()), Some(&VERIFIER.replace('d', "e"))).is_err());
        assert!(verify(Some(&challenge()), Some(CHALLENGE)).is_err());
    }

    #[test]
    fn bcp_2_1_1_downgrade_is_refused_both_ways() {
        assert!(verify(Some(&challenge()), None).is_err());
        assert!(verify(None, Some(VERIFIER)).is_err());
    }

    #[test]
    fn only_s256_is_known() {
        for method in [None, Some("plain"), Some("s256"), Some("S512")] {
            assert!(CodeChallenge::from_request(Some(CHALLENGE), method).is_err(), "{method:?}");
        }
        for challenge in [VERIFIER.repeat(2).as_str(), "short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
            assert!(CodeChallenge::from_request(Some(challenge), Some("S256")).is_err(), "{challenge}");
        }
    }
}
