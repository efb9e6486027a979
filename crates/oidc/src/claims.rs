//! What tokens and the user-info answer say.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Scope, Scopes};

/// One audience or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

/// The ID token (Core 2). Claims about the person are at the user-info endpoint (Core 5.4), so that they are not
/// copied into browser histories and logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_hash: Option<String>,
    #[serde(default)]
    pub amr: Vec<String>,
    /// The session, for logout.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sid: Option<String>,
}

/// The access token (RFC 9068).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub client_id: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: String,
    pub scope: String,
    pub auth_time: i64,
    #[serde(default)]
    pub amr: Vec<String>,
    /// The grant of the token, which may be revoked.
    pub grant: String,
}

/// The left half of the digest of the access token, as in an ID token signed with SHA-256 (Core 3.1.3.6).
#[must_use]
pub fn at_hash(access_token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..digest::SHA256_OUTPUT_LEN / 2])
}

/// What the hub knows of the person, before the scopes narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonClaims {
    pub subject: String,
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub preferred_username: Option<String>,
    pub locale: Option<String>,
    /// Seconds since 1970.
    pub updated_at: Option<i64>,
    pub email: Option<String>,
    pub email_verified: bool,
    pub phone_number: Option<String>,
    /// Only groups published to this client.
    pub groups: Vec<String>,
}

/// The user-info answer: `sub`, and the claims of the granted scopes (Core 5.4) that have a value.
#[must_use]
pub fn user_info(person: &PersonClaims, scopes: &Scopes) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut text = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), json!(value));
        }
    };
    text("sub", &Some(person.subject.clone()));
    if scopes.contains(Scope::Profile) {
        text("name", &person.name);
        text("given_name", &person.given_name);
        text("family_name", &person.family_name);
        text("preferred_username", &person.preferred_username);
        text("locale", &person.locale.clone().filter(|tag| is_language_tag(tag)));
    }
    if scopes.contains(Scope::Email) {
        text("email", &person.email);
    }
    if scopes.contains(Scope::Phone) {
        text("phone_number", &person.phone_number);
    }
    if scopes.contains(Scope::Profile)
        && let Some(at) = person.updated_at
    {
        claims.insert("updated_at".to_owned(), json!(at));
    }
    if scopes.contains(Scope::Email) && person.email.is_some() {
        claims.insert("email_verified".to_owned(), json!(person.email_verified));
    }
    if scopes.contains(Scope::Groups) {
        claims.insert("groups".to_owned(), json!(person.groups));
    }
    claims
}

/// The shape of a BCP 47 tag. Directories hold Accept-Language lists in the same attribute.
fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    parts.next().is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()))
        && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> PersonClaims {
        PersonClaims {
            subject: "s".into(),
            name: Some("Alice Liddell".into()),
            email: Some("alice@example.test".into()),
            email_verified: true,
            phone_number: Some("+44 1865 000000".into()),
            locale: Some("en-GB, en;q=0.7".into()),
            groups: vec!["rowing".into()],
            ..PersonClaims::default()
        }
    }

    fn names(scope: &str) -> Vec<String> {
        user_info(&alice(), &Scopes::parse(scope)).keys().cloned().collect()
    }

    #[test]
    fn each_scope_opens_its_claims_and_no_other() {
        assert_eq!(names("openid"), ["sub"]);
        assert_eq!(names("openid profile"), ["name", "sub"]);
        assert_eq!(names("openid email"), ["email", "email_verified", "sub"]);
        assert_eq!(names("openid phone"), ["phone_number", "sub"]);
        assert_eq!(names("openid groups"), ["groups", "sub"]);
    }

    #[test]
    fn at_hash_is_the_example_of_the_standard() {
        // OpenID Connect Core, appendix A.3.
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn only_language_tags_are_locales() {
        for tag in ["en", "de-CH", "zh-Hant-TW", "es-419"] {
            assert!(is_language_tag(tag), "{tag}");
        }
        for junk in ["", "e", "en_GB", "en-GB, en", "en-", "1n"] {
            assert!(!is_language_tag(junk), "{junk}");
        }
    }
}
