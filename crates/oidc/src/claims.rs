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
    /// What the installation defined and lets this client see by the scopes it has.
    pub custom: Vec<(String, Value)>,
}

/// Claims that standards give a meaning (OpenID Connect Core and its logout and assurance companions, RFC 7519, 7800,
/// 8055, 8225, 8417, 8693, 8747, 9068, 9396, 9449), or that this provider uses: none of them can carry anything else.
const REGISTERED: &[&str] = &[
    "acr",
    "act",
    "address",
    "amr",
    "at_hash",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "birthdate",
    "birth_family_name",
    "birth_given_name",
    "birth_middle_name",
    "c_hash",
    "cdniv",
    "client_id",
    "cnf",
    "crit",
    "cty",
    "dest",
    "email",
    "email_verified",
    "entitlements",
    "events",
    "exp",
    "family_name",
    "gender",
    "given_name",
    "grant",
    "groups",
    "htm",
    "htu",
    "iat",
    "iss",
    "jcard",
    "jti",
    "jwks",
    "locale",
    "may_act",
    "middle_name",
    "mky",
    "msisdn",
    "name",
    "nationalities",
    "nbf",
    "nickname",
    "nonce",
    "opt",
    "orig",
    "origid",
    "phone_number",
    "phone_number_verified",
    "picture",
    "place_of_birth",
    "preferred_username",
    "profile",
    "roles",
    "rph",
    "s_hash",
    "salutation",
    "scope",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub",
    "sub_id",
    "sub_jwk",
    "title",
    "toe",
    "txn",
    "typ",
    "updated_at",
    "uuid",
    "vc",
    "verified_claims",
    "vot",
    "vp",
    "vtm",
    "website",
    "zoneinfo",
    "_claim_names",
    "_claim_sources",
];

/// Why a claim of this name cannot carry an attribute of the installation; nothing if it can.
#[must_use]
pub fn claim_fault(name: &str) -> Option<&'static str> {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '/');
    if name.is_empty() || name.len() > 128 || !name.chars().all(letters) {
        return Some("use 1 to 128 letters, digits and _ - : . /, such as cost_centre");
    }
    if REGISTERED.contains(&name.to_ascii_lowercase().as_str()) {
        return Some("a standard gives this claim a meaning of its own: choose another name, such as cost_centre");
    }
    None
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
    for (name, value) in &person.custom {
        // What was defined before a standard took the name does not stand in for the standard's claim.
        if claim_fault(name).is_none() {
            claims.entry(name.clone()).or_insert_with(|| value.clone());
        }
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
    fn an_installations_claim_never_stands_in_for_a_registered_one() {
        for name in ["sub", "SUB", "email_verified", "groups", "roles", "scope", "amr", "birthdate", "", "a b", "é"] {
            assert!(claim_fault(name).is_some(), "{name}");
        }
        for name in ["cost_centre", "https://example.org/claims/badge", "urn:example:badge"] {
            assert_eq!(claim_fault(name), None, "{name}");
        }
        let custom = [("email_verified", json!(true)), ("sub", json!("me")), ("cost_centre", json!(7))];
        let person = PersonClaims {
            custom: custom.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            ..PersonClaims { subject: "s".into(), ..PersonClaims::default() }
        };
        let told = user_info(&person, &Scopes::parse("openid profile email"));
        assert_eq!(Value::Object(told), json!({ "sub": "s", "cost_centre": 7 }));
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
